"""Evaluations beside each other: read from their records, on a page that runs nothing, and refused when damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.report import evaluations, run

EVIL = "<img src=x onerror=alert(1)>\x1b[31m"

Make = Callable[..., Path]


def episode(number: int, *, success: bool) -> Attempt:
    return Attempt(
        number=number,
        env=0,
        seed=2**32 + number,
        segments=(),
        signals={"grasp_lifted": 40 if success or number % 2 else None},
        outcome=Outcome.SUCCESS if success else Outcome.FAILURE,
        reason="held" if success else f"the success term was never true: the mug is {number} mm beside the shelf",
        steps=100 + number if success else 500,
        seconds=1.0,
        starts={"mug": [0.4, 0.1]},
    )


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the records of an evaluation: so many successes of so many episodes."""

    def made(name: str, successes: int, episodes: int, **said: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        config = {"mode": "evaluate", "policy": "act.pth", "task": "shelf", "variant": "d0", "seed": 1, **said}
        policy = {"made_of": {"file": "act.pth"}, "observed": ["eef_pos"], "effort": {"calls": 10, "seconds": 0.5}}
        (folder / "run.json").write_text(json.dumps({"config": config, "end": {"reason": ""}, "policy": policy}))
        told = [episode(number, success=number <= successes) for number in range(1, episodes + 1)]
        (folder / "attempts.jsonl").write_text("".join(f"{one.to_json()}\n" for one in told))
        return folder

    return made


def test_the_command_writes_a_page_of_ours_and_says_each_in_a_line(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, late = make("plain", 18, 20), make("late", 2, 20, **{"vary.action_delay": 4})
    page = tmp_path / "page.html"
    assert cli.main(["evaluations", str(plain), str(late), "--output", str(page)]) == 0
    first, second, wrote = capsys.readouterr().out.splitlines()
    assert first == ("plain: 18 of 20, 90% (70 to 97); act.pth, shelf d0; reached: grasp_lifted 19, success 18")
    assert second.startswith("late: 2 of 20, 10% (3 to 30); act.pth, shelf d0, action_delay = 4; reached: ")
    assert wrote == f"wrote {page}: 2 evaluations"
    assert is_ours(page)
    text = page.read_text()
    assert "<script" not in text
    assert "http" not in text
    assert "-80" in text, "points that the delay costs"
    assert "the intervals lie apart" in text
    assert "the mug is N mm beside the shelf" in text
    assert "50.0 ms a call, 10 calls" in text


def test_an_evaluation_by_itself_has_its_episodes_with_their_videos(make: Make, tmp_path: Path) -> None:
    folder = make("alone", 1, 3)
    lines = [json.loads(line) for line in (folder / "attempts.jsonl").read_text().splitlines()]
    lines[1]["demo"] = "demo_0"
    (folder / "attempts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "table_cam_shaded").mkdir()
    (folder / "table_cam_shaded" / "demo_000000.mp4").touch()
    run.write_report(folder / "evaluation.hdf5", folder, folder / "report.html")
    text = (folder / "report.html").read_text()
    assert str(2**32 + 3) in text
    assert 'href="table_cam_shaded/demo_000000.mp4"' in text
    assert "mug 0.400, 0.100" in text


def test_nothing_in_the_records_acts(make: Make) -> None:
    found = evaluations.read(make("evil", 1, 2, policy=EVIL, task=[EVIL], seed={}, variant=None))
    text = evaluations.compared([found])
    assert "<img" not in text
    assert "\x1b" not in text + "".join(evaluations.lines([found]))
    assert "&lt;img src=x" in text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run.json", '{"config": {"mode": "generate"}}', "is of a run of 'generate'"),
        ("run.json", "[]", "is not a run's record"),
        ("attempts.jsonl", '{"number": 1}\n', "has a line that is no attempt"),
    ],
)
def test_what_is_no_evaluation_is_refused(make: Make, name: str, content: str, words: str) -> None:
    folder = make("damaged", 1, 2)
    (folder / name).write_text(content)
    with pytest.raises(SourceError, match=words):
        evaluations.read(folder)
    with pytest.raises(SourceError, match=r"has no run\.json; pass output folders of datagen\.sh evaluate"):
        evaluations.read(folder.parent)


def test_episodes_of_different_tasks_are_not_counted_together(make: Make) -> None:
    folder = make("mixed", 1, 2)
    with (folder / "attempts.jsonl").open("a") as file:
        file.write(json.dumps(json.loads(episode(3, success=False).to_json()) | {"signals": {}}) + "\n")
    with pytest.raises(SourceError, match="different tasks"):
        evaluations.read(folder)
