"""Files with names that nobody should give, through everything that reads them: read or refused, and nothing else."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.cli import dataset as dataset_cli
from mimicgen.datagen.cli.formats import choosing, robomimic
from mimicgen.datagen.cli.formats import lerobot as lerobot_cli
from mimicgen.datagen.cli.policies import training as training_cli
from mimicgen.datagen.dataset.sources.preflight import report
from mimicgen.datagen.dataset.sources.sources import check_sources
from mimicgen.datagen.dataset.states import check_recorded
from mimicgen.datagen.dataset.tools.copying import read_masks
from mimicgen.datagen.errors import DatagenError
from mimicgen.datagen.policies.training.following import Outcome
from mimicgen.datagen.rendering.frames import DemoFrames
from mimicgen.datagen.report import page
from mimicgen.datagen.report import scene as scenes
from mimicgen.datagen.tasks import catalogue
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.viewing import exporting
from tests.dataset.sources.test_sources import STACK
from tests.hostile import NAMES, TASK, acts, small_dataset, snapshot

RENDER = build({}).render
ON_HANDS = ("--set", 'observations.state=["eef_pos"]', "--set", "observations.environment_state=[]")


class Untrained:
    """Stands where a training would go on, which takes no names of a dataset any more."""

    def __init__(self, *arguments: Any):
        pass

    def run(self) -> Outcome:
        return Outcome(why="done", evaluated=(), best=None)


def direct(function: Callable[..., Any], *calls: Sequence[Any], **limits: int) -> list[Any]:
    """Stands in for `guarded`: that a process of its own may crash is tested elsewhere, and costs most of the time."""
    return [function(*arguments) for arguments in calls]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an output folder in it, and with what has to stay as it is."""
    for module in (cli, dataset_cli, choosing, lerobot_cli, robomimic, exporting, training_cli):
        monkeypatch.setattr(module, "guarded", direct)
    monkeypatch.setattr(choosing, "_faults", lambda dataset: {})  # what validate finds in these is not about names
    monkeypatch.setattr(lerobot_cli, "processes", lambda: 1)
    monkeypatch.setattr(training_cli, "Follower", Untrained)
    monkeypatch.setattr(training_cli, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(cli, "_parser", functools.cache(cli._parser))
    monkeypatch.setattr(catalogue, "load_task", functools.cache(catalogue.load_task))  # of files that stay as they are
    monkeypatch.setattr(page, "_three", dict)  # a megabyte that is the same in every page
    monkeypatch.setattr(scenes, "scene_of", lambda data, cache: scenes.EMPTY)
    monkeypatch.setattr(exporting, "scene", lambda task, cache: scenes.EMPTY)
    monkeypatch.setattr(dataset_cli, "PROCESSES", 1)
    (tmp_path / "sentinel").mkdir()
    (tmp_path / "sentinel" / "thesis.txt").write_text("years of work")
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(path: Path, out: Path) -> Iterator[list[object]]:
    """Everything on the command line that reads a dataset and needs no simulation."""
    yield ["dataset", "info", path, "--demos"]
    yield ["dataset", "info", path, "--json"]
    yield ["dataset", "validate", path]
    yield ["dataset", "validate", path, "--json"]
    yield ["dataset", "filter", path, "--where", "steps>0"]
    yield ["dataset", "filter", path, "--where", "steps>0", "--output", out / "f.hdf5"]
    yield ["dataset", "filter", path, "--where", "nothing>0"]
    yield ["dataset", "merge", path, "--output", out / "m.hdf5"]
    yield ["dataset", "split", path, "--output", out / "s.hdf5"]
    yield ["dataset", "sample", path, "--count", "1", "--output", out / "n.hdf5"]
    yield ["dataset", "convert", path, out / "c.hdf5"]
    yield ["report", path, "--output", out / "r.html"]
    yield ["export", "robomimic", path, "--failed", "--output", out / "robomimic"]
    yield ["export", "lerobot", path, "--output", out / "lerobot", "--objects", "--modality", "depth"]
    yield ["export", "lerobot", path, "--output", out / "with_images"]
    yield ["export", "rerun", path, "--output", out / "r.rrd"]
    yield ["train", "--dataset", path, "--output", out / "policy", *ON_HANDS]


def check(path: Path) -> None:
    """The part of `datagen.sh check` that needs no Isaac Lab."""
    try:
        print(report(check_sources(path, STACK)))
    except DatagenError as error:
        print(error)


def render(path: Path, out: Path) -> None:
    """Make the folders that frames go to, twice, as a rendering does that is called again."""
    try:
        for name in check_recorded(path, TASK).names:
            for _ in range(2):
                frames = DemoFrames(out, name, RENDER, {}, {})
                frames.begin()
                frames.finish()
            assert {folder.resolve().parent.parent for folder in frames.folders.values()} == {out}
    except DatagenError as error:
        print(error)


def put_through(
    world: Path, path: Path, capsys: pytest.CaptureFixture[str], tools: Sequence[str] = (), *, turn: int | None = None
) -> tuple[list[int], str]:
    """Run everything, or what some tools do, over a file; of a turn every tool in one of the ways in which it is
    called, which take turns, since opening the file is refused before they differ. Returns the exit codes, and all that
    was said."""
    out = world / "out"
    out.mkdir()
    before = snapshot(world)
    codes = []
    for command in commands(path, out) if turn is None else in_turn(commands(path, out), turn):
        if not tools or command[1] in tools or command[0] in tools:
            codes.append(cli.main(list(map(str, command))))
            assert codes[-1] in (0, 2), command
    check(path)
    if not tools:
        render(path, out)
    told = capsys.readouterr()
    said = told.out + told.err
    assert not acts(said), (path, acts(said))
    assert "\nerror: forged" not in said
    assert "\n  demo_0: forged" not in said
    written = snapshot(world)
    assert {name: kind for name, kind in written.items() if not name.startswith("out/")} == before, path
    if (out / "r.html").exists():
        text = (out / "r.html").read_text()
        assert not acts(text)
        (data,) = re.findall(r'<script[^>]* id="data"[^>]*>(.*?)</script>', text, re.S)
        assert not acts(json.dumps(json.loads(data), ensure_ascii=False).replace("\\n", "\n"))
        assert not re.search(r"\\u00[01]", json.dumps(json.loads(data)))
    for card in out.glob("*/README.md"):
        assert not acts(card.read_text())
    clear(out)
    return codes, said


def in_turn(everything: Iterator[list[object]], turn: int) -> list[list[object]]:
    ways: dict[object, list[list[object]]] = {}
    for command in everything:
        ways.setdefault(command[0] if command[0] in ("report", "train") else command[1], []).append(command)
    return [own[turn % len(own)] for own in ways.values()]


def clear(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def test_there_are_two_hundred() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 200


def test_usual_names_are_taken_by_every_command(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes, said = put_through(world, small_dataset(world / "in" / "d.hdf5"), capsys)
    refused = [command[:3] for command, code in zip(commands(Path("d"), Path()), codes, strict=True) if code]
    asked = [command[1] for command in refused]
    assert asked == ["validate", "validate", "filter", "convert", "lerobot"], said  # images of 3 x 2 make no video
    assert "2 of 2 demonstrations usable" in said


def test_demonstrations(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, taken = world / "in" / "d.hdf5", []
    for turn, name in enumerate(NAMES):
        small_dataset(path, demos=(name, b"demo_1"), things=(b"cube_1",))
        if cli.main(["dataset", "info", str(path)]) == 0:
            taken.append(name)
            continue
        codes, said = put_through(world, path, capsys, turn=turn)
        assert set(codes) == {2}, name
        assert "in/d.hdf5': '/data/" in said, name
        assert "give it another name" in said, name
    refused = set(NAMES) - set(taken)
    assert {b"..", b".hidden", b"x" * 201, b"demo_" + b"9" * 5000, b"\xff\xfe", b"\x1b[2J"} <= refused
    assert {b"x" * 200, "שלום".encode(), b"<script>alert(1)</script>", b"demo_01", b"[/bold]"} <= set(taken)
    codes, said = put_through(world, small_dataset(path, demos=[name for name in taken if b"/" not in name]), capsys)
    assert codes.count(0) >= 7, said
    small_dataset(path, demos=["é".encode(), "ß".encode()])
    assert cli.main(["dataset", "split", str(path), "--output", "s.hdf5"]) == 0
    with h5py.File("s.hdf5") as file:
        assert sorted(name for names in read_masks(file).values() for name in names) == ["ß", "é"]
    codes, said = put_through(world, small_dataset(path, demos=(b"demo_1", b"demo_000001")), capsys)
    assert "the frames of demo_000001 and demo_1 would lie in the same folder" in said


def test_objects_and_cameras(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, taken = world / "in" / "d.hdf5", []
    for turn, name in enumerate(NAMES):
        small_dataset(path, demos=(b"demo_0",), things=(b"cube_1", name), camera=name)
        if cli.main(["dataset", "info", str(path)]) == 0:
            taken.append(name)
        else:
            assert set(put_through(world, path, capsys, turn=turn)[0]) == {2}, name
    assert b"[/bold]" in taken
    for name in taken[:3] + taken[-3:]:
        put_through(world, small_dataset(path, camera=name), capsys)
    things = [name for name in taken if b"/" not in name]
    small_dataset(path, demos=(b"demo_0",), things=things, camera="ß".encode(), legacy=True)
    assert cli.main(["dataset", "convert", str(path), "c.hdf5"]) == 0, capsys.readouterr().err
    Path("c.hdf5").unlink()
    codes, said = put_through(world, small_dataset(path, things=things, camera=b"[/bold]"), capsys)
    assert codes.count(0) >= 7, said


def test_files(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = small_dataset(world / "d.hdf5", demos=(b"demo_0",), things=(b"cube_1",)).read_bytes()
    for name in NAMES:
        if b"/" in name or len(name) > 255 or name in (b".", b".."):
            continue
        path = world / "in" / os.fsdecode(name)
        path.write_bytes(plain)
        codes, told = put_through(world, path, capsys, ("info", "report"))
        if os.fsdecode(name).isascii() or not any("\udc80" <= one <= "\udcff" for one in os.fsdecode(name)):
            assert 0 in codes, name
        else:
            assert "expected a path in UTF-8" in told
        path.unlink()
