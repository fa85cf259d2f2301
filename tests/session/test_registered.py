"""What is recorded of the tasks is what Isaac Lab says, and the check with it finds what an environment finds."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scripts.record_tasks import ask

from mimicgen.datagen.cli import check
from mimicgen.datagen.dataset.sources.sources import check_sources
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.session import registered
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import PROJECT

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
REL, ABS = (f"Isaac-Stack-Cube-Franka-IK-{kind}-Mimic-v0" for kind in ("Rel", "Abs"))
SEEING = {
    f"Isaac-Stack-Cube-Franka-IK-Rel-{kind}-Mimic-v0" for kind in ("Blueprint", "Visuomotor", "Visuomotor-Cosmos")
}


def test_it_is_what_isaac_lab_says() -> None:
    asked, found = ask(), registered.recorded()
    assert found is not None, "requirements.lock has other versions: run scripts/record_tasks.py"
    assert found.tasks == asked.tasks
    assert found.needs == asked.needs
    assert found.subtasks == asked.subtasks
    assert found.ways == asked.ways
    assert found.known.keys() == asked.known.keys() == {REL, ABS} | SEEING
    assert found.observed == asked.observed
    assert found.observed.keys() == SEEING
    for task, known in found.known.items():
        assert known.needs == asked.known[task].needs
        assert known.randomization == asked.known[task].randomization
        assert known.arm.length == pytest.approx(asked.known[task].arm.length, abs=1e-5)
        assert known.arm.shoulder == pytest.approx(asked.known[task].arm.shoulder, abs=1e-5)
        assert known.arm.base == pytest.approx(asked.known[task].arm.base, abs=1e-5)


def broken(folder: Path, task: str) -> Path:
    """Return a source file with something wrong in most of its demonstrations."""
    path = folder / "source.hdf5"
    path.write_bytes(SHIPPED.read_bytes())
    with h5py.File(path, "r+") as file:
        data = file["data"]
        data.attrs["env_args"] = json.dumps({"env_name": task})
        if task == ABS:
            for name, demo in data.items():
                actions = demo["actions"][:]
                turn = np.broadcast_to([0.0, 0.6, 0.0, -0.8 if name == "demo_6" else 0.8], (len(actions), 4))
                poses = demo["obs/datagen_info/target_eef_pose/franka"][:, :3, 3]
                del demo["actions"]
                demo["actions"] = np.concatenate([poses, turn, actions[:, -1:]], axis=1).astype(np.float32)
            data["demo_7/actions"][:, 3:7] *= 1.01
            data["demo_8/actions"][0, 3:7] = 0
        data["demo_0/obs/datagen_info/eef_pose/franka"][:, 0, 3] += 2.0
        data["demo_1/obs/datagen_info/eef_pose/franka"][:, 2, 3] -= 1.0
        data["demo_2/obs/datagen_info/subtask_term_signals/stack_1"][:] = False
        data["demo_3/actions"][5, 0] = 3.0
        data["demo_4/actions"][6, 1] = np.nan
        actions = data["demo_5/actions"][:, :-1]
        del data["demo_5/actions"]
        data["demo_5/actions"] = actions
    return path


@pytest.mark.parametrize("task", [REL, ABS])
def test_the_check_finds_what_an_environment_finds(task: str, tmp_path: Path) -> None:
    config = build({"task": task, "source": broken(tmp_path, task)})
    known = check.known_task(config)
    assert known is not None
    found = check.check_known(config, known)
    kitless.teach_isaaclab()
    from mimicgen.datagen.isaaclab.live_check import check_in_simulation

    assert found == check_in_simulation(config)
    wrong = {finding.demo for finding in found.findings}
    expected = (0, 1, 2, 4, 5, 7, 8) if task == ABS else range(6)  # only relative actions have a limit
    assert wrong == {f"demo_{number}" for number in expected}


@pytest.mark.parametrize(
    "values",
    [{"device": "cuda"}, {"task": "Another-Mimic-v0"}],
)
def test_what_is_not_recorded_is_asked(values: dict[str, Any]) -> None:
    assert check.known_task(build(values)) is None


def test_with_other_versions_isaac_lab_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registered.recorded() is not None
    installed = registered.versions()
    for package, version in (("isaaclab", "3.1.0"), ("pin", "4.0")):
        monkeypatch.setattr(registered, "versions", lambda other=installed | {package: version}: other)
        assert registered.recorded() is None


def test_settings_of_subtasks_hold_in_the_check_too() -> None:
    config = build({"source": SHIPPED, "mimic.subtasks.grasp_2.nn_k": 1, "mimic.subtasks.other.nn_k": 1})
    known = check.known_task(config)
    assert known is not None
    with pytest.raises(TaskError, match=r"mimic\.subtasks\.other: .* has the subtasks grasp_1, stack_1, grasp_2"):
        check.check_known(config, known)
    late = {"term_offset_low": 0, "term_offset_high": 1000}
    config = build({"source": SHIPPED} | {f"mimic.subtasks.grasp_1.{key}": value for key, value in late.items()})
    needs = registered.with_offsets(known.needs, config.mimic)
    assert [need.offsets for need in needs.subtasks["franka"]] == [(0, 1000), (2, 7), (10, 20), (0, 0)]
    assert check_sources(SHIPPED, dataclasses.replace(known.needs, objects=None)).usable
