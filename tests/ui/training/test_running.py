"""Trainings of robomimic's network, the shortest to import, on two demonstrations that the project ships."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mimicgen.datagen.cli.policies.training import PYTHON
from mimicgen.datagen.ui.training.running import Training, TrainingState
from tests.conftest import PROJECT
from tests.dataset.formats.making import some_demos

TINY = ["--preset", "bc_rnn_gmm", "--set", "network.algo.rnn.hidden_dim=8", "--set", "training.batch_size=8"]

pytestmark = pytest.mark.skipif(not PYTHON.is_file(), reason="not installed; ./scripts/setup.sh --with train")


@pytest.fixture
def training() -> Iterator[Training]:
    made = Training()
    yield made
    made.close()
    wait(made, lambda: not made.active)


def wait(training: Training, what: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, training.told
        training.poll()
        time.sleep(0.02)


def test_a_training_is_stopped_goes_on_and_ends(training: Training, tmp_path: Path) -> None:
    dataset = some_demos(tmp_path / "d.hdf5", 2)
    places = ["--dataset", str(dataset), "--output", str(tmp_path / "policy"), "--evaluate-every", "0"]
    assert (training.state, training.active, training.poll()) == (TrainingState.IDLE, False, False)
    training.start([*TINY, *places, "--steps", "30000"])
    assert str(training.state) == "starting"
    wait(training, lambda: training.told.losses)
    assert (str(training.state), training.told.steps) == ("running", 30000)
    assert training.told.speed > 0
    assert training.told.to_go > 0
    training.stop()
    assert str(training.state) == "stopping"
    wait(training, lambda: not training.active)
    assert str(training.state) == "done"
    assert training.told.end == "stopped by the user; the same settings go on"
    (taken,) = {int(path.stem.split("_")[1]) for path in (tmp_path / "policy").glob("state_*.pt")}
    assert 0 < taken < 30000

    version = training.version
    training.start([*TINY, *places, "--steps", "30000"])
    wait(training, lambda: training.told.step > taken)
    assert training.told.losses[0][0] > taken, "it goes on where it was"
    assert training.version > version
    training.stop()
    wait(training, lambda: not training.active)

    training.start([*TINY, *places[:3], str(tmp_path / "short"), *places[4:], "--steps", "4"])
    wait(training, lambda: not training.active)
    assert (training.told.end, training.told.step) == ("all steps were taken", 4)
    assert training.told.policy == tmp_path / "short" / "policy.pth"
    assert training.told.task.endswith("Mimic-v0")


def test_what_is_refused_is_told_as_it_is_said(training: Training, tmp_path: Path) -> None:
    shipped = PROJECT / "datasets" / "stack_three_demos.hdf5"
    training.start([*TINY, "--dataset", str(shipped), "--output", str(tmp_path / "policy")])
    wait(training, lambda: not training.active)
    assert training.state is TrainingState.FAILED
    assert "lacks eef_pos, eef_quat, gripper_pos, object, which the preset wants" in training.told.end
    assert training.told.policy is None


def test_a_process_that_is_killed_is_told(training: Training, tmp_path: Path) -> None:
    dataset = some_demos(tmp_path / "d.hdf5", 2)
    training.start([*TINY, "--dataset", str(dataset), "--output", str(tmp_path / "policy"), "--evaluate-every", "0"])
    assert training._process is not None
    training._process.kill()
    training._lines.put(("event", '{"event": "step", "st'))  # what it was writing
    wait(training, lambda: not training.active)
    assert (training.state, training.told.end) == (
        TrainingState.FAILED,
        "the process that trains ended with signal 9",
    )


def test_an_application_that_is_python_itself_says_what_to_do(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/isaac-sim/kit/kit")
    training.start(["--preset", "diffusion", "--set", "network.down_dims=[8, 16]"])
    assert (training.state, training.active) == (TrainingState.FAILED, False)
    command = "./scripts/datagen.sh train --preset diffusion --set 'network.down_dims=[8, 16]'"
    assert training.told.end == f"this application has no Python that could be started; in a terminal: {command}"
