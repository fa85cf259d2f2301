"""The card of an exported dataset: what it says, and that no text in it is anything but text."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt
from PIL import Image

from mimicgen.datagen.dataset.formats.card import Camera, Facts, Rate, card, plain, rate_of
from mimicgen.datagen.dataset.formats.picture import CAPTION, MARGIN, WIDTH, Row, moments, write_picture
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.tasks.language import language_of_task
from tests.hostile import NAMES, acts

STACK = "stack_three-d0-Mimic-v0"


def facts(**changes: Any) -> Facts:
    language = language_of_task("stack_three")
    assert language is not None
    told = Facts(
        title="stacks",
        format="LeRobot v3.0",
        tags=("LeRobot",),
        data_files="data/*/*.parquet",
        rows=4321,
        demonstrations=12,
        succeeded=11,
        step_seconds=0.05,
        task=STACK,
        language=language,
        rate=Rate(successes=263, attempts=300, early_abort=True),
        origin=[("made by", "generate, mimicgen.datagen 0.1.0"), ("source", "demos.hdf5, seed 1")],
        cameras=[Camera(name="table_cam", width=480, height=264, about="colour")],
        representation=[("action", "as recorded")],
        failed={"demo_3": "failure: signal 'grasp_1' never came"},
        left_out={"demo_7": "has no images"},
        notes=["segmentation has the colours of classes"],
        loading="dataset = LeRobotDataset('me/stacks')",
        pictured=True,
    )
    return dataclasses.replace(told, **changes)


def front(text: str) -> dict[str, Any]:
    """Return what the hub reads: what stands between the first line and the next of its kind."""
    before, told, _ = text.split("---\n", 2)
    assert before == ""
    read: dict[str, Any] = yaml.safe_load(told)
    return read


def test_the_hub_reads_what_it_is() -> None:
    told = front(card(facts()))
    assert told == {
        "pretty_name": "stacks",
        "task_categories": ["robotics"],
        "tags": ["LeRobot", "robotics", "imitation-learning", "simulation", "mimicgen.datagen"],
        "size_categories": ["1K<n<10K"],
        "configs": [{"config_name": "default", "data_files": "data/*/*.parquet"}],
    }
    assert "license" not in told, "which is the user's to choose"
    assert "configs" not in front(card(facts(data_files=None)))
    assert front(card(facts(rows=10**8)))["size_categories"] == ["10M<n<100M"]


def test_people_read_what_is_in_it() -> None:
    text = card(facts())
    for part in (
        "# license: yours to choose",
        "> Stack the red cube on the blue cube, and the green cube on the red one.",
        "1. Grasp the red cube\n2. Stack the red cube on the blue cube\n",
        "| demonstrations | 12, 11 of them successful |",
        "263 of 300 attempts, 87.7% (95% interval 83.5% to 90.9%); attempts may have been ended early",
        "| steps | 4321 of 0.05 s, 3.6 min |",
        r"| table\_cam | 480 x 264 | colour |",
        r"| demo\_3 | failure: signal 'grasp\_1' never came |",
        r"| demo\_7 | has no images |",
        "![First demonstrations, from their beginning to their end](contact_sheet.png)",
        "## Licence",
    ):
        assert part in text, part
    bare = card(facts(rate=None, cameras=[], failed={}, left_out={}, notes=[], pictured=False))
    assert "| success rate of the generation | not recorded |" in bare
    for heading in ("## Cameras", "## Failed", "## Not exported", "## Notes", "contact_sheet"):
        assert heading not in bare


def test_long_tables_are_cut() -> None:
    text = card(facts(left_out={f"demo_{index}": "has no images" for index in range(130)}))
    assert r"| demo\_99 |" in text
    assert r"| demo\_100 |" not in text
    assert "\n\nand 30 more\n" in text


def named(name: str) -> str:
    """Return a card in which everything that comes from files is called so."""
    language = language_of_task("stack_three")
    assert language is not None
    told = dataclasses.replace(language, instruction=name, paraphrases=(name,), subtasks={name: (name, name)})
    camera = Camera(name=name, width=1, height=1, about=name)
    pairs = [(name, name)]
    return card(
        facts(
            title=name, task=name, language=told, origin=pairs, cameras=[camera], left_out={name: name}, notes=pairs[0]
        )
    )


def structure(text: str) -> list[str]:
    """Return what a renderer makes of a card, tag by tag, without its texts."""
    _, _, body = text.split("---\n", 2)
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(body)
    return [own.type for token in tokens for own in (token, *(token.children or ())) if own.type != "text"]


PLAIN = named("x")


@pytest.mark.parametrize("name", [name.decode("utf-8", "replace") for name in NAMES])
def test_names_are_text_and_nothing_else(name: str) -> None:
    text = named(name)
    assert acts(text) == ""
    assert set(front(text)) == {"pretty_name", "task_categories", "tags", "size_categories", "configs"}
    assert structure(text) == structure(PLAIN if name.strip() else text)


def test_markup_is_shown_as_it_is() -> None:
    told = "<b>[x](y) `id` a|b *c* $1$ &lt; ~~d~~ _e_ \\f! # - + 1. 2) @me"
    (paragraph,) = [token for token in MarkdownIt("commonmark").parse(plain(told)) if token.type == "inline"]
    assert "".join(own.content for own in paragraph.children or ()) == told
    assert {own.type for own in paragraph.children or ()} <= {"text", "text_special"}
    assert plain("http://evil www.evil") == r"http:\//evil www\.evil", "hubs make links of addresses"
    assert plain("- x ") == r"\- x"
    assert plain("\x1b[2J") == r"\\x1b\[2J"
    assert len(plain("x" * 5000)) < 1010


def test_the_rate_is_what_the_run_counted() -> None:
    def run(attempts: Any, successes: Any, seed: int = 1, **config: Any) -> dict[str, Any]:
        return {"config": {"seed": seed, **config}, "counts": {"attempts": attempts, "successes": successes}}

    def merged(*parts: Any) -> dict[str, Any]:
        return {"merged": [{"attributes": {"provenance": part}} for part in parts]}

    assert rate_of(run(8, 5)) == Rate(successes=5, attempts=8, early_abort=False)
    assert rate_of(merged(run(8, 5), run(4, 4, early_abort=True))) == Rate(successes=9, attempts=12, early_abort=True)
    assert rate_of(merged(run(8, 5), run(8, 5))) == rate_of(run(8, 5)), "the same file twice"
    assert rate_of(merged(run(8, 5), merged(run(1, 0, seed=2)))) == Rate(successes=5, attempts=9, early_abort=False)
    nothing: list[Any] = [None, {}, "x", {"config": {}}, {"merged": []}, {"merged": [3]}, merged(run(8, 5), {})]
    odd = [run(3, 4), run(-1, -2), run("8", 5), run(8, True), run(8.0, 5.0), {"counts": [8, 5]}]
    assert [rate_of(told) for told in (*nothing, *odd)] == [None] * 13


def test_the_picture_has_a_row_a_camera(tmp_path: Path) -> None:
    assert moments(101) == [0, 25, 50, 75, 100]
    assert moments(2) == [0, 1]
    assert moments(1) == [0]
    path = tmp_path / "sheet.png"
    red = np.full((66, 120, 3), (255, 0, 0), np.uint8)
    far = np.full((66, 120), 900, np.uint16)
    for _ in range(2):
        write_picture(path, [Row("demo_0, front", [0, 5], [red, red]), Row("\x1b[2J" * 30, [0], [far])])
    with Image.open(path) as made:
        assert made.width == 2 * (WIDTH + MARGIN) + MARGIN
        assert made.getpixel((MARGIN + 5, MARGIN + CAPTION + 5)) == (255, 0, 0)
        assert made.getpixel((MARGIN + 5, 2 * MARGIN + 2 * CAPTION + 132 + 5)) == (255, 255, 255)
    assert is_ours(path)
    path.write_bytes(b"years of work")
    with pytest.raises(OutputError, match="did not write it"):
        write_picture(path, [Row("x", [0], [red])])
    card_path = tmp_path / "README.md"
    card_path.write_text(card(facts()))
    assert is_ours(card_path)
    card_path.write_text("# My thesis")
    assert not is_ours(card_path)
