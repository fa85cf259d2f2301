"""A name that a run writes to is nobody else's, and a name that a tool writes to is no run's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.dataset.locks import Lock, reserved
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.parts import Parts
from mimicgen.datagen.errors import OutputError
from tests.dataset.writing import SHIPPED, attempt_of, config_in, keep, recorded_episodes
from tests.hostile import snapshot


def test_a_tool_and_a_run_keep_each_other_out(tmp_path: Path) -> None:
    output = tmp_path / "d.hdf5"
    with reserved(output):
        with pytest.raises(OutputError, match=rf"being written by process {os.getpid()}"):
            Outputs(config_in(tmp_path)).check()
        with pytest.raises(OutputError, match=r"being written by process"), reserved(output):
            pass
    Outputs(config_in(tmp_path)).check()
    outputs = Outputs(config_in(tmp_path))
    outputs.open()
    with pytest.raises(OutputError, match=r"wait in '.*d\.hdf5\.parts'.*run its command again"), reserved(output):
        pass
    outputs.close()
    with reserved(output):
        pass
    assert not output.exists()


def test_a_filter_cannot_take_the_name_of_a_run_that_was_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = Parts(tmp_path / "d.hdf5")
    parts.prepare()
    parts.write("demo_0", recorded_episodes()[0], {"attempt": 1})
    before = snapshot(tmp_path)
    arguments = ["dataset", "filter", str(SHIPPED), "--where", "seed>1", "--output", str(tmp_path / "d.hdf5")]
    assert cli.main(arguments) == 2
    assert "run its command again, which finishes it" in capsys.readouterr().err
    assert snapshot(tmp_path) == before


def test_what_was_kept_is_never_taken_for_another_demonstration_of_its_name(tmp_path: Path) -> None:
    """Somebody puts a file where a run is about to write its own."""
    outputs = Outputs(config_in(tmp_path))
    outputs.open()
    keep(outputs, attempt_of(1), recorded_episodes()[0])
    while outputs.writing:
        outputs.settled()
    (tmp_path / "d.hdf5").write_bytes(SHIPPED.read_bytes())
    parts = Parts(tmp_path / "d.hdf5")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=r"d\.hdf5' has another demo_0 than.*move the dataset away"):
        parts.fold({}, {})
    assert snapshot(tmp_path) == before
    (tmp_path / "d.hdf5").rename(tmp_path / "elsewhere.hdf5")
    parts.fold({}, {})
    with h5py.File(tmp_path / "d.hdf5") as file:
        assert file["data/demo_0"].attrs["attempt"] == 1
    outputs.close()


def test_what_was_folded_before_a_kill_is_folded_once(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "d.hdf5")
    parts.prepare()
    for number in (1, 2):
        parts.write(
            f"demo_{number - 1}", recorded_episodes()[0], {"attempt": number, "record": attempt_of(number).to_json()}
        )
    left = {path: path.read_bytes() for path in parts.folder.iterdir()}
    parts.fold({}, {})
    for path, content in left.items():  # killed before they went
        path.write_bytes(content)
    parts.fold({}, {})
    assert parts.written() == []
    with h5py.File(tmp_path / "d.hdf5") as file:
        assert sorted(file["data"]) == ["demo_0", "demo_1"]
        assert file["data"].attrs["total"] == sum(len(demo["actions"]) for demo in file["data"].values())


@pytest.mark.parametrize(
    "make",
    [lambda path: path.write_text("my notes"), Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")],
)
def test_what_is_no_lock_is_not_taken_for_one(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "d.hdf5.lock")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match="is no lock of this project"):
        Outputs(config_in(tmp_path / "o", output_dataset=tmp_path / "d.hdf5")).check()
    with pytest.raises(OutputError, match="is no lock of this project"), reserved(tmp_path / "d.hdf5"):
        pass
    after = snapshot(tmp_path)
    assert before.items() <= after.items()


def test_a_lock_that_a_killed_process_left_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "d.hdf5.lock"
    for left in ("", '{"pid": 1, "started": "2026-01-01"}'):
        path.write_text(left)
        Lock(path, tmp_path).close()
        assert not path.exists()


def test_images_are_not_put_into_a_dataset_that_a_run_writes(tmp_path: Path) -> None:
    dataset = tmp_path / "d.hdf5"
    dataset.write_bytes(SHIPPED.read_bytes())
    values = {"mode": "render", "source": dataset, "render.when": "at_end", "output_dir": tmp_path / "other"}
    config = config_in(tmp_path, **values, **{"render.in_dataset": True})
    lock = Lock(tmp_path / "d.hdf5.lock", dataset)
    with pytest.raises(OutputError, match="being written by process"):
        Outputs(config).check()
    lock.close()
    Parts(dataset).prepare()
    with pytest.raises(OutputError, match="demonstrations wait"):
        Outputs(config).check()
    Outputs(config_in(tmp_path, **values)).check()
