"""What the dataset tools say: warnings, counts, what cannot be read, and a disk that is full."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from mimicgen.datagen.cli import commands as cli
from tests.conftest import PROJECT
from tests.dataset.writing import SHIPPED
from tests.hostile import acts, small_dataset, snapshot

HUMAN = PROJECT.parent / "shared" / "data" / "annotated_dataset.hdf5"


def test_merging_a_file_with_itself_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_dataset(tmp_path / "d.hdf5")
    (tmp_path / "same.hdf5").symlink_to(path)
    other = small_dataset(tmp_path / "other.hdf5")
    for again, warned in ((path, True), (tmp_path / "same.hdf5", True), (other, False)):
        new = tmp_path / "new.hdf5"
        assert cli.main(["dataset", "merge", str(path), str(again), "--output", str(new)]) == 0
        told = capsys.readouterr()
        assert told.out == f"wrote {new}: 4 demonstrations\n"
        assert (told.err == f"warning: '{again}' was given twice, and its demonstrations are there twice\n") is warned
        new.unlink()


def test_one_is_told_in_the_singular(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_dataset(tmp_path / "d.hdf5", demos=[b"demo_0"])
    for command in (["filter", path, "--where", "steps>0"], ["merge", path, "--output", tmp_path / "m.hdf5"]):
        assert cli.main(["dataset", *map(str, command)]) == 0
        assert re.search(r"\b1 demonstration\b", capsys.readouterr().out)
    with h5py.File(path, "r+") as file:
        del file["data/demo_0/states"]
        file["data"].attrs["total"] = 1
    assert cli.main(["dataset", "validate", str(path)]) == 2
    assert "d.hdf5: 1 demonstration, 72 steps, 0 end in success; 1 error, 2 warnings" in capsys.readouterr().out


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize(
    "command",
    [
        ["dataset", "info"],
        ["dataset", "validate"],
        ["dataset", "merge", "--output", "new.hdf5"],
        ["dataset", "filter", "--where", "steps>0"],
        ["dataset", "split", "--output", "new.hdf5"],
        ["report"],
        ["render"],
        ["generate", "--source"],
        ["annotate", "--source"],
        ["check", "--source"],
    ],
)
def test_what_is_no_regular_file_is_called_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    make: Callable[[Path], object],
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "d.hdf5")
    before = snapshot(tmp_path)
    assert cli.main([*command, "d.hdf5"]) == 2
    assert "d.hdf5' is no regular file; pass an HDF5 file of demonstrations" in capsys.readouterr().err
    assert snapshot(tmp_path) == before


def test_the_root_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["dataset", "info", "/"], ["report", "/"], ["generate", "--source", "/"]):
        assert cli.main(command) == 2
        assert "source '/' is no regular file" in capsys.readouterr().err
    assert cli.main(["dataset", "merge", str(SHIPPED), "--output", "/"]) == 2
    assert "output '/' exists" in capsys.readouterr().err


def test_what_a_file_says_is_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_dataset(tmp_path / "d.hdf5")
    evil = "[/bold]\x1b[2J\x9b31m\u202e\nerror: forged\x7f"
    with h5py.File(path, "r+") as file:
        file["data"].attrs["env_args"] = json.dumps({"env_name": evil})
        file.attrs["provenance"] = json.dumps({"config": {"mode": evil}, "source": {"file": evil}})
        demo = file["data/demo_0"]
        demo.attrs["segments"] = json.dumps([{"demo": evil}])
        demo.attrs[evil] = evil
        demo.attrs["merged_from"] = json.dumps({"file": evil, "demo": evil})
        file["mask/train"] = [evil]
    other = small_dataset(tmp_path / "other.hdf5")
    for command in (
        ["info", path, "--demos"],
        ["info", path, "--json"],
        ["validate", path],
        ["filter", path, "--where", "nothing>0"],
        ["merge", path, other, "--output", tmp_path / "m.hdf5"],
        ["replay", path],
    ):
        cli.main(["dataset", *map(str, command)])
        told = capsys.readouterr()
        assert told.out + told.err
        assert not acts(told.out + told.err)
        assert "\nerror: forged" not in told.out + told.err


@pytest.mark.parametrize(
    "command",
    [
        ["dataset", "merge", SHIPPED, "--output", "new.hdf5"],
        ["dataset", "convert", HUMAN, "new.hdf5"],
        ["report", SHIPPED, "--output", "new.html"],
        ["report", SHIPPED, "--output", "new.docx"],
    ],
    ids=lambda command: " ".join(map(str, command[:2])) if command[0] == "dataset" else command[3],
)
def test_a_full_disk_is_said_in_plain_words_and_leaves_nothing(
    tmp_path: Path, human_demos: Path, command: list[object]
) -> None:
    code = """
import resource, signal, sys
from mimicgen.datagen.cli import commands as cli
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(cli.main(sys.argv[1:]))
"""
    words = [sys.executable, "-c", code, *map(str, command)]
    process = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert process.returncode == 2, process.stderr
    assert re.fullmatch(r"error: [^\n]*File too large; [^\n]*\n", process.stderr)
    assert "errno" not in process.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("[" * 3000 + "]" * 3000, "signals.max>1"),
        ('{"a": ' * 900 + "1" + "}" * 900, "signals.a.a.a>1"),
        (json.dumps({"a": 10**400}), "signals.mean>1"),
        (json.dumps([-(10**400), 10**400]), "signals.max>1"),
        ('[NaN, 1e999, -1e999, {"²": 1}]', "signals.²>1"),
        ("{" + ",".join(f'"k{index}": {index}' for index in range(5000)) + "}", "signals.mean>1"),
    ],
)
def test_odd_values_are_chosen_by_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str, where: str
) -> None:
    path = small_dataset(tmp_path / "d.hdf5")
    with h5py.File(path, "r+") as file:
        file["data/demo_0"].attrs["signals"] = value
        file.attrs["provenance"] = value
    for command in (
        ["filter", path, "--where", where],
        ["info", path, "--demos"],
        ["info", path, "--json"],
        ["validate", path],
        ["merge", path, "--output", tmp_path / "m.hdf5"],
    ):
        assert cli.main(["dataset", *map(str, command)]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_the_report_takes_odd_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_dataset(tmp_path / "d.hdf5")
    with h5py.File(path, "r+") as file:
        file["data"].attrs["env_args"] = '{"sim_args": {"dt": 1e999, "decimation": 1}}'
        file["data/demo_0"].attrs["signals"] = json.dumps({"a": 10**400, "b": 3})
    assert cli.main(["report", str(path), "--output", str(tmp_path / "r.html")]) == 0, capsys.readouterr().err
    (tmp_path / "run.json").write_text('{"config": {"a": ' + "[" * 900 + "]" * 900 + "}}")
    assert cli.main(["report", str(path), "--records", str(tmp_path)]) == 2
    assert "nested too deep" in capsys.readouterr().err
