"""The job that Kit is handed is the one that the command line has made."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimicgen.datagen.cli.runs import JOB_FILE, write_job
from mimicgen.datagen.config.jobs import JOBS, Job
from mimicgen.datagen.config.layers import read_toml
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.tasks.catalogue import TASKS
from mimicgen.datagen.tasks.defaults import build

SAID = {
    "source": "a b.hdf5",
    "output_dataset": "~/g.hdf5",
    "num_trials": 3,
    "policy": "zeros",
    "max_failures": 7,
    "mimic.subtasks.grasp_1.nn_k": 9,
    "randomization.x": "0.4, 0.5",
    "render.views": "table_cam",
    "render.cameras.table_cam.width": 64,
}


def read(path: Path) -> Job:
    """Read a job as the extension does."""
    values = read_toml(path)
    return build(values, kind=JOBS[values["mode"]])


@pytest.mark.parametrize("mode", JOBS)
def test_it_reads_back_the_same_with_paths_made_absolute(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = build(SAID, kind=JOBS[mode])
    write_job(job, tmp_path / JOB_FILE)
    monkeypatch.setenv("NUM_TRIALS", "5")
    monkeypatch.chdir("/")
    handed = read(tmp_path / JOB_FILE)
    assert type(handed) is JOBS[mode]
    expected = {
        key: (tmp_path / value).absolute() if key in ("source", "output_dir") and value else value
        for key, value in job.flat().items()
    }
    if "output_dataset" in expected:
        expected["output_dataset"] = Path.home() / "g.hdf5"
    assert handed.flat() == expected
    assert handed.render == job.render


def test_a_task_file_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text((TASKS / "stack_three.toml").read_text())
    write_job(build({"task": "mine.toml", "variant": "d1"}), tmp_path / JOB_FILE)
    monkeypatch.chdir("/")
    handed = read(tmp_path / JOB_FILE)
    assert (handed.task, handed.variant) == (str(tmp_path / "mine.toml"), "d1")


def test_only_a_job_of_before_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / JOB_FILE
    for number in (1, 2):
        write_job(build({"seed": number}), path)
    assert read(path).seed == 2
    path.write_text("seed = 3\n")
    with pytest.raises(OutputError, match=r"job\.toml' exists, and this project did not write it"):
        write_job(build(), path)
    assert path.read_text() == "seed = 3\n"
