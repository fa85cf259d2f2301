"""Every command that writes, and everything that may be there already: refused or right, and nothing is lost."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.cli import dataset as dataset_cli
from mimicgen.datagen.cli import runs
from mimicgen.datagen.cli.formats import choosing, robomimic
from mimicgen.datagen.cli.formats import lerobot as lerobot_cli
from mimicgen.datagen.cli.policies import training as training_cli
from mimicgen.datagen.cluster.shards import shards_folder
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.locks import Lock
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.parts import Parts
from mimicgen.datagen.report import document, page
from mimicgen.datagen.report import scene as scenes
from mimicgen.datagen.report.word import WordDocument
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.viewing import exporting
from tests.cluster.made import make
from tests.dataset.formats.making import export, some_demos
from tests.dataset.writing import recorded_episodes
from tests.hostile import small_dataset, snapshot
from tests.test_hostile_names import ON_HANDS, Untrained, direct

COMMANDS: dict[str, list[str]] = {
    "generate": ["generate", "--source", "SOURCE", "--output-dataset", "OUTPUT", "--output-dir", "records"],
    "record": ["record", "--expert", "--output-dataset", "OUTPUT", "--output-dir", "records"],
    "annotate": ["annotate", "--source", "SOURCE", "--output-dataset", "OUTPUT", "--output-dir", "records"],
    "merge": ["dataset", "merge", "SOURCE", "--output", "OUTPUT"],
    "split": ["dataset", "split", "SOURCE", "--output", "OUTPUT"],
    "split into files": ["dataset", "split", "SOURCE", "--files", "--output", "new.hdf5"],
    "filter": ["dataset", "filter", "SOURCE", "--where", "steps>0", "--output", "OUTPUT"],
    "sample": ["dataset", "sample", "SOURCE", "--count", "1", "--output", "OUTPUT"],
    "convert": ["dataset", "convert", "LEGACY", "OUTPUT"],
    "report html": ["report", "SOURCE", "--output", "OUTPUT"],
    "report docx": ["report", "SOURCE", "--output", "OUTPUT"],
    "export rerun": ["export", "rerun", "SOURCE", "--demos", "0", "--output", "OUTPUT"],
    "view": ["view", "SOURCE", "--demos", "0", "--output", "OUTPUT"],
    "render": ["render", "SOURCE", "--output-dir", "records"],
    "evaluate": ["evaluate", "--policy", "zeros", "--output-dir", "records"],
    "evaluations": ["evaluations", "EVALUATED", "--output", "OUTPUT"],
    "export robomimic": ["export", "robomimic", "SOURCE", "--output", "OUTPUT"],
    "export lerobot": ["export", "lerobot", "SOURCE", "--modality", "depth", "--output", "OUTPUT"],
    "export gr00t": ["export", "gr00t", "SOURCE", "--modality", "normals", "--output", "OUTPUT"],
    "import lerobot": ["import", "lerobot", "EXPORTED", "--output", "OUTPUT"],
    "train": ["train", "--dataset", "SOURCE", *ON_HANDS, "--output", "OUTPUT"],
    "cluster merge": [
        "cluster",
        "merge",
        *("--source", "SOURCE", "--output-dataset", "OUTPUT", "--output-dir", "records"),
    ],
    "cluster emit": ["cluster", "emit", "slurm", "--source", "SOURCE", "--files", "OUTPUT"],
}
WORDS = {"SOURCE": "source.hdf5", "LEGACY": "legacy.hdf5", "EVALUATED": "evaluated"}
RUNS = ("generate", "record", "annotate", "render", "evaluate")
FRESH = {f"{name} afresh": [*COMMANDS[name], "--fresh"] for name in RUNS}
ENDINGS = {"report html": "new.html", "report docx": "new.docx", "split into files": "new_valid.hdf5"}
ENDINGS |= dict.fromkeys(("export rerun", "view"), "new.rrd") | {"evaluations": "new.html"}


def parts(path: Path) -> None:
    waiting = Parts(path)
    waiting.prepare()
    waiting.write("demo_0", recorded_episodes()[0], {"attempt": 1})


def ours(path: Path) -> None:
    if path.suffix == ".docx":
        path.write_bytes(short({}).content())
    else:
        path.write_text('<meta name="generator" content="mimicgen.datagen">')


def evaluation(folder: Path) -> None:
    folder.mkdir()
    (folder / "run.json").write_text('{"config": {"mode": "evaluate"}}')


def somebodys_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")


def short(data: dict[str, Any]) -> WordDocument:
    made = WordDocument("Short", "made for a test")
    made.heading("One")
    return made


KINDS: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda path: None,
    "a dataset": small_dataset,
    "a lock that is held": lambda path: None,
    "parts": parts,
    "a report": ours,
    "a file of somebody": lambda path: path.write_bytes(b"years of work"),
    "a folder": somebodys_folder,
    "a link": lambda path: path.symlink_to("precious.txt"),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a pipe": os.mkfifo,
    "the source": lambda path: path.hardlink_to("source.hdf5"),
}

RIGHT = {
    ("report html", "a report"),
    ("evaluations", "a report"),
    ("report docx", "a report"),
    ("record afresh", "the source"),
    ("cluster emit", "parts"),  # are beside the folder
    ("cluster emit", "a lock that is held"),
    ("cluster emit", "a folder"),  # in which none of its files is
} | {
    (f"{name} afresh", kind)  # moves aside what is in the way, and begins
    for name in ("generate", "record", "annotate")
    for kind in ("a dataset", "parts", "a report", "a file of somebody")
}
"""Where there is something, and the command does what it is told: `--fresh` moves aside whatever file is there."""


parser = functools.cache(cli._parser)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that was exported to LeRobot."""
    folder = tmp_path_factory.mktemp("exported")
    export(some_demos(folder / "demos.hdf5", 1), "--output", folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of demonstrations by name; making them takes as long as most commands here."""
    folder = tmp_path_factory.mktemp("sources")
    made = small_dataset(folder / "source.hdf5"), small_dataset(folder / "legacy.hdf5", legacy=True)
    return {path.name: path.read_bytes() for path in made}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only shard of a run that needs no more."""
    config = build({"output_dataset": tmp_path_factory.mktemp("shards") / "new.hdf5"})
    make(config, lambda number: (True, 3), 0, config.num_trials)
    return shards_folder(config.output_dataset)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: Path, sources: dict[str, bytes]) -> Path:
    """A folder with sources, in which commands begin as they do, and do not start a simulation."""
    for module in (cli, runs, dataset_cli, choosing, lerobot_cli, robomimic, exporting, training_cli):
        monkeypatch.setattr(module, "guarded", direct)
    monkeypatch.setattr(choosing, "_faults", lambda dataset: {})  # no simulation made these demonstrations
    monkeypatch.setattr(lerobot_cli, "processes", lambda: 1)
    monkeypatch.setattr(training_cli, "Follower", Untrained)
    monkeypatch.setattr(training_cli, "PYTHON", Path(sys.executable))
    monkeypatch.setitem(WORDS, "EXPORTED", str(exported))
    monkeypatch.setattr(cli, "_parser", parser)
    monkeypatch.setattr(runs, "_launch", begin)
    monkeypatch.setattr(page, "_three", dict)
    monkeypatch.setattr(scenes, "scene_of", lambda data, cache: scenes.EMPTY)
    monkeypatch.setattr(document, "compose", short)
    monkeypatch.setattr(exporting, "scene", lambda task, cache: scenes.EMPTY)
    monkeypatch.chdir(tmp_path)
    for name, content in sources.items():
        (tmp_path / name).write_bytes(content)
    evaluation(tmp_path / "evaluated")
    (tmp_path / "precious.txt").write_text("years of work")
    return tmp_path


def begin(run: Generate, *arguments: Any, **more: Any) -> int:
    """Open a run's outputs as the run does, and end it there."""
    outputs = Outputs(run)
    outputs.open()
    outputs.close()
    return 0


def run(command: str, output: Path) -> int:
    words = WORDS | {"OUTPUT": output.name}
    return cli.main([words.get(word, word) for word in (COMMANDS | FRESH)[command]])


def contents(folder: Path) -> list[str]:
    return list(snapshot(folder).values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "command", [name for name in (*COMMANDS, *FRESH) if name.split()[0] not in ("render", "evaluate")]
)
def test_what_is_there(command: str, kind: str, folder: Path, shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = folder / ENDINGS.get(command, "new.hdf5")
    if command == "cluster merge":
        shutil.copytree(shards, folder / shards.name)
    KINDS[kind](output)
    lock = Lock(output.with_name(f"{output.name}.lock"), output) if kind == "a lock that is held" else None
    before = snapshot(folder)
    code = run(command, output)
    said = capsys.readouterr().err
    if lock is not None:
        lock.close()
        before = {name: content for name, content in before.items() if not name.endswith(".lock")}
    after = snapshot(folder)
    assert not [name for name in after if name.endswith((".lock", ".part")) or ".part." in name], "left behind"
    if kind == "nothing" or (command, kind) in RIGHT:
        assert code == 0, said
        pages = "report" in command or command == "evaluations"
        replaced = {before[output.name]} if pages and kind == "a report" else set()
        lost = set(before.values()) - set(after.values()) - replaced
        assert not lost, "moved aside is still there"
    else:
        assert code == 2
        assert said.startswith("error: ")
        assert f"{output.name}" in said
        new = {name for name in after if name not in before}
        assert {name: after.get(name) for name in before} == before
        assert new <= {"records"}, "a refusal makes nothing but the folder that it looked into"


RECORDS = ("run.json", "attempts.jsonl", "report.html", "contact_sheet.png", "run.lock")


@pytest.mark.parametrize("kind", ["a file of somebody", "a folder", "a link", "a pipe"])
@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("command", [*RUNS, *FRESH])
def test_what_is_there_in_the_folder_of_records(
    command: str, record: str, kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "records").mkdir()
    (folder / "records" / "precious.txt").write_text("years of work")
    record = "render.json" if record == "run.json" and command.startswith("render") else record
    KINDS[kind](folder / "records" / record)
    before = snapshot(folder)
    code = run(command, folder / "new.hdf5")
    said = capsys.readouterr().err
    after = snapshot(folder)
    if code == 2:
        assert record in said
        assert after == before
        return
    assert code == 0
    missing = {name for name in before if after.get(name) != before[name]}
    assert missing <= {f"records/{record}", f"records/{record}/thesis.txt"}
    assert not missing or "afresh" in command
    for content in before.values():
        assert content in after.values(), "moved aside is still there"


@pytest.mark.parametrize("kind", ["a file of somebody", "a folder", "a link", "a pipe"])
def test_frames_of_somebody_are_no_frames_of_ours(kind: str, folder: Path) -> None:
    """What lies where a run would render to is not taken for its own."""
    (folder / "records").mkdir()
    (folder / "records" / "precious.txt").write_text("years of work")
    KINDS[kind](folder / "records" / "table_cam_normals")
    before = snapshot(folder)
    assert run("generate", folder / "new.hdf5") == 2
    assert snapshot(folder) == before


def test_another_run_in_the_folder_of_records(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (*RUNS, *FRESH):
        (folder / "records").mkdir(exist_ok=True)
        lock = Lock(folder / "records" / "run.lock", folder / "records")
        before = snapshot(folder)
        assert run(command, folder / "new.hdf5") == 2
        assert "is being written by process" in capsys.readouterr().err
        assert snapshot(folder) == before
        lock.close()


def test_a_run_that_was_begun_is_continued_and_its_records_are_replaced(folder: Path) -> None:
    for _ in range(2):
        assert run("generate", folder / "new.hdf5") == 0
    assert sorted(path.name for path in (folder / "records").iterdir()) == ["attempts.jsonl", "run.json"]
    with h5py.File(folder / "source.hdf5") as file:
        assert len(file["data"]) == 2
