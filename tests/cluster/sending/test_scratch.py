"""A worker's own disk: the same folder for the same run, and none of somebody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import structs

from mimicgen.datagen.cluster.sending.scratch import scratch_folder
from mimicgen.datagen.errors import OutputError
from tests.cluster.made import in_folder


def test_a_run_has_its_folder_again(tmp_path: Path, worker_disk: Path) -> None:
    config = in_folder(tmp_path / "r")
    folder = scratch_folder(config, "a")
    assert folder == scratch_folder(config, "a")
    assert folder.is_relative_to(worker_disk)
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert len({folder, scratch_folder(config, "b"), scratch_folder(structs.replace(config, seed=2), "a")}) == 3


def test_a_place_that_leads_elsewhere_is_refused(tmp_path: Path, worker_disk: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (worker_disk / f"mimicgen.datagen-{os.getuid()}").symlink_to(tmp_path / "theirs")
    with pytest.raises(OutputError, match="set TMPDIR to a folder of your own"):
        scratch_folder(in_folder(tmp_path / "r"), "a")
    assert not list((tmp_path / "theirs").iterdir())
