"""What a run reads reaches a machine that has none of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mimicgen.datagen.cluster.sending import inputs as sent
from mimicgen.datagen.cluster.sending.inputs import packed_inputs, unpacked
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks.catalogue import TASKS, load_task
from tests.cluster.made import in_folder


def test_a_tasks_folder_and_the_source_are_there_again(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "meshes").mkdir(parents=True)
    shutil.copy(TASKS / "stack.toml", mine / "own.toml")
    (mine / "meshes" / "part.stl").write_bytes(b"solid")
    (mine / ".cache").mkdir()
    (mine / ".cache" / "large").touch()
    (tmp_path / "a.hdf5").write_bytes(b"demonstrations")
    config = in_folder(tmp_path / "r", task=str(mine / "own.toml"), source=tmp_path / "a.hdf5")
    inputs = packed_inputs(config)
    shutil.rmtree(mine)
    (tmp_path / "a.hdf5").unlink()
    for _ in range(2):  # the second worker of a machine finds them
        here = unpacked(config, inputs, tmp_path / "there" / "inputs")
        assert here.source is not None
        assert here.source.read_bytes() == b"demonstrations"
        assert load_task(Path(here.task)).name == "own"
    found = {path.name for path in (tmp_path / "there").rglob("*") if path.is_file()}
    assert found == {"a.hdf5", "own.toml", "part.stl"}
    assert here.output_dataset == config.output_dataset


def test_a_folder_that_is_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(TASKS / "stack.toml", tmp_path / "own.toml")
    (tmp_path / "photographs").write_bytes(bytes(50_000))
    monkeypatch.setattr(sent, "MOST", 40_000)
    config = in_folder(tmp_path / "r", task=str(tmp_path / "own.toml"))
    with pytest.raises(SourceError, match=r"put it into a folder with what it names alone"):
        packed_inputs(config)
