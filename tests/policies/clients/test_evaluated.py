"""What policies observe by parts, and a checkpoint of robomimic, in the environment."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.formats.representations import Representations
from mimicgen.datagen.tasks.defaults import TASK
from mimicgen.datagen.tasks.motion import embodiment_of
from tests.conftest import SHIPPED_DEMOS
from tests.policies.clients.robomimics import trained
from tests.policies.test_evaluating import alike, evaluated

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="torchvision is missing; ./scripts/setup.sh --with policies"
)


def test_policies_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEN", str(tmp_path / "{}.npz"))
    checkpoint = tmp_path / "bc.pth"
    trained(checkpoint, SHIPPED_DEMOS, rnn={"enabled": True}, gmm={"enabled": True})
    seen, own = tmp_path / "seen", {"policy": str(checkpoint), "num_trials": 2, "max_steps": 12}
    parts, alone, together = evaluated(
        seen,
        {"policy": "tests.policies.clients.seeing:act", "num_trials": 1, "max_steps": 40, "record_failures": True},
        own | {"num_envs": 1, "output_dir": str(tmp_path / "alone")},
        own | {"num_envs": 2, "output_dir": str(tmp_path / "together")},
    )
    assert parts["end"] == ["target reached", 0]

    # What was observed is what an export says of the episode that was recorded.
    with np.load(tmp_path / f"{parts['attempts'][0]['seed']}.npz") as shown:
        state, poses = shown["state"], shown["poses"]
    with h5py.File(next(seen.rglob("evaluation_failed.hdf5"))) as file:
        demo, names = file["data/demo_0"], parts["run"]["joints"]
        told = Representations(embodiment_of(TASK), {key: tuple(own) for key, own in names.items()}, "xyzw")
        np.testing.assert_allclose(state, told.state(demo, "joints_eef").rows, atol=1e-6)
        np.testing.assert_allclose(poses, told.objects(demo).rows, atol=1e-6)

    # One environment or two, the draws and the memory of an episode are its own.
    logs = [(tmp_path / name / "attempts.jsonl").read_text() for name in ("alone", "together")]
    runs = [[json.loads(line) for line in log.splitlines()] for log in logs]
    assert len(runs[0]) == 2
    assert alike(runs[0]) == alike(runs[1])
    for run in (alone, together):
        assert run["end"] == ["target reached", 0]
    told_of = json.loads((tmp_path / "alone" / "run.json").read_text())["policy"]
    assert (told_of["made_of"]["network"], told_of["observed"]) == (
        "BC_RNN_GMM",
        ["eef_pos", "eef_quat", "gripper_pos", "object"],
    )
