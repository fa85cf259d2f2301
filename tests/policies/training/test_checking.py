from __future__ import annotations

import h5py
import numpy as np
import pytest

from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.policies.training.checking import check
from mimicgen.datagen.policies.training.presets import Observed
from tests.conftest import SHIPPED_DEMOS, Edit

STATE = ("eef_pos", "eef_quat", "gripper_pos")
STATES = Observed(state=STATE, environment_state=("object",))


def test_what_is_said_of_a_dataset() -> None:
    facts = check(SHIPPED_DEMOS, STATES)
    assert facts.demonstrations == 10
    assert facts.task == "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
    assert {*STATE, "object"} <= {*facts.observations}
    assert "datagen_info" not in facts.observations, "a group is no observation"


def test_what_is_missing_is_named_with_what_there_is() -> None:
    with pytest.raises(SourceError) as caught:
        check(SHIPPED_DEMOS, Observed(state=("eef_pos", "elbow"), images=("table_cam_rgb",)))
    said = str(caught.value)
    assert "lacks elbow, table_cam_rgb, which the preset wants (observations.state, observations.images)" in said
    assert "it has cube_orientations" in said
    assert "observe.cameras" in said


@pytest.mark.parametrize("ahead", [0, 1])
def test_the_action_is_no_observation(edited_demos: Edit, ahead: int) -> None:
    def add(file: h5py.File) -> None:
        for demo in file["data"].values():
            demo["obs/told"] = np.roll(demo["actions"][:], ahead, axis=0)

    with pytest.raises(SourceError, match="'obs/told' is the action, of this step or the one before"):
        check(edited_demos(add), Observed(state=("told",)))


def test_shapes_that_do_not_serve(edited_demos: Edit) -> None:
    def add(file: h5py.File) -> None:
        for demo in file["data"].values():
            steps = len(demo["actions"])
            demo["obs/depth"] = np.zeros((steps, 4, 4), np.uint16)
            demo["obs/words"] = np.full((steps, 1), b"x")
            demo["obs/short"] = np.zeros((3, 2), np.float32)

    path = edited_demos(add)
    for observed, name in (
        (Observed(state=STATE, images=("depth",)), "depth"),
        (Observed(state=("depth",)), "depth"),
        (Observed(state=("words",)), "words"),
        (Observed(state=("short",)), "short"),
        (Observed(state=STATE, images=("eef_pos",)), "eef_pos"),
    ):
        with pytest.raises(SourceError, match=rf"'obs/{name}' has shape .* expected \(steps, "):
            check(path, observed)


def test_without_actions(edited_demos: Edit) -> None:
    def cut(file: h5py.File) -> None:
        del file["data/demo_0/actions"]

    with pytest.raises(SourceError, match="has no 'actions'"):
        check(edited_demos(cut), STATES)
