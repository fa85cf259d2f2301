from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.layers import from_assignments
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.policies.training.checking import check
from mimicgen.datagen.policies.training.presets import Observed
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import SHIPPED_DEMOS, Edit

STATE = ("eef_pos", "eef_quat", "gripper_pos")
STATES = Observed(state=STATE, environment_state=("object",))


def test_what_is_said_of_a_dataset() -> None:
    facts = check(SHIPPED_DEMOS, STATES)
    assert facts.demonstrations == 10
    assert facts.task == "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
    assert {*STATE, "object"} <= {*facts.observations}
    assert "datagen_info" not in facts.observations, "a group is no observation"


def test_what_a_run_was_told_is_told_to_evaluations(edited_demos: Edit) -> None:
    config = {
        "task": "stack",
        "variant": "d1",
        "seed": 3,
        "physics": "mujoco",
        "observe.cameras": ["table_cam", "wrist"],
    }
    config |= {"observe.width": 128, "observe.record": True, "observe.height": None, "mimic.keep_clear": True}
    config |= {"render.cameras.wrist.position": [0.1, 0, -0.15], "render.width": 480}

    def told(file: h5py.File) -> None:
        file.attrs["provenance"] = json.dumps({"config": config})

    path = edited_demos(told)
    with h5py.File(path, "r+") as file:
        for demo in file["data"].values():
            demo["obs/table_cam_rgb"] = np.zeros((len(demo["actions"]), 4, 4, 3), np.uint8)
    facts = check(path, STATES)
    assert (facts.task, facts.settings) == ("stack", ("variant=d1", "physics=mujoco"))
    seen = check(path, Observed(state=STATE, images=("table_cam_rgb",))).settings
    assert seen == (
        *(
            "variant=d1",
            "physics=mujoco",
            "observe.cameras=table_cam,wrist",
            "observe.width=128",
            "observe.record=true",
        ),
        "render.cameras.wrist.position=0.1,0,-0.15",
    )
    taken = build(from_assignments([*seen]) | {"task": "stack"}, kind=Generate)
    assert taken.observe.cameras == ("table_cam", "wrist")
    assert taken.render.cameras["wrist"].position == (0.1, 0, -0.15)


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
