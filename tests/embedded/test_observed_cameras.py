"""Images in the loop: what cameras show of an open environment, and Isaac Lab's own tasks that observe through them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.generation.running import result

OPENED = """
import dataclasses, torch
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from mimicgen.datagen.isaaclab.live_check import opened as open_environment

def state_of(env):
    state = env.scene.get_state(is_relative=True)
    return {kind: {asset: {key: value.numpy().copy() for key, value in values.items()} for asset, values in own.items()}
            for kind, own in state.items() if kind in ("articulation", "rigid_object")}
"""

CODE = (
    OPENED
    + """
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.embedded.images.rasteriser import Rasteriser

WRIST = {"mount": "panda_hand", "position": (0.13, 0.0, -0.15), "orientation": (0.03701, 0.03701, -0.70614, -0.70614)}
MODALITIES = ("normals", "segmentation", "rgb", "depth")
config = build({"num_envs": 2, "render.width": 56, "render.height": 56, "render.videos": (),
                "render.modalities": MODALITIES, "render.views": ("table_cam", "wrist"),
                "observe.cameras": ("table_cam", "wrist"), "observe.modalities": MODALITIES}
               | {f"render.cameras.wrist.{key}": value for key, value in WRIST.items()})
told = {}
with open_environment(config) as environment, torch.inference_mode():
    env = environment.env
    renderer = Rasteriser(env.sim.stage, views_of(config.render), MODALITIES, device="cpu",
                          colours=env.cfg.observed.colours)
    drawn = []
    rasteriser = environment._cameras._rasteriser
    images_of = rasteriser.images_of
    rasteriser.images_of = lambda coordinates: drawn.append(len(coordinates)) or images_of(coordinates)

    def equal(images, frames):
        return [name for view, own in frames.items() for modality in own
                for name in [f"{view}_{modality}"] if not np.array_equal(images[name], own[modality])]

    def now(row):
        return {name: image.numpy()[row:row + 1].copy() for name, image in env.obs_buf["images"].items()}

    # What is recorded before each step is what `render` draws of the recorded states.
    torch.manual_seed(1)
    environment.step(torch.zeros(2, 7))
    env.reset()
    drawn.clear()
    actions = torch.tensor([[0.3, 0.3, 0.2, 0.0, 0.0, 0.6, 1.0], [-0.2, 0.1, -0.3, 0.2, 0.0, 0.0, 1.0]])
    for _ in range(6):
        environment.step(actions)
    told["drawn"] = drawn[:]
    told["once"] = type(env.observation_manager).__name__
    told["differ"] = []
    for episode in environment.episodes([0, 1]):
        states = StateSequence.of(episode["initial_state"], episode["states"])
        for step in range(6):
            images = {name: rows[step:step + 1] for name, rows in episode["obs"].items()
                      if name.startswith(("table_cam", "wrist"))}
            told["differ"] += equal(images, renderer.drawn(states.at(step)))
        told["kinds"] = {name: [str(rows.dtype), list(rows.shape)] for name, rows in episode["obs"].items()
                         if name.startswith(("table_cam", "wrist"))}

    # A camera on the hand sees the fingers where they were, a camera that stands sees another robot.
    robot = np.array(rasteriser.colours["robot"])
    told["robot"] = {}
    for camera in ("table_cam", "wrist"):
        first, last = ((episode["obs"][f"{camera}_segmentation"][at] == robot).all(-1) for at in (0, 5))
        told["robot"][camera] = [int(first.sum()), int((first & last).sum()), int((first | last).sum())]

    # The first observation after a reset shows the scene that it has made, and nothing before it.
    before = [now(row) for row in range(2)]
    state = state_of(env)
    env.reset(env_ids=torch.tensor([1]))
    after = state_of(env)
    one = {kind: {asset: {key: value[1:] for key, value in values.items()} for asset, values in own.items()}
           for kind, own in after.items()}
    told["after a reset"] = equal(now(1), renderer.drawn(one))
    told["changed"] = [sum(not np.array_equal(now(row)[name], before[row][name]) for name in before[row])
                       for row in range(2)]
    tensors = {kind: {asset: {key: torch.tensor(value[1:]) for key, value in values.items()}
                      for asset, values in own.items()} for kind, own in state.items()}
    env.reset_to(tensors, torch.tensor([1]), is_relative=True)
    told["put back"] = [name for name in before[1] if not np.array_equal(now(1)[name], before[1][name])]
    renderer.close()
print("RESULT", json.dumps(told))
"""
)

VARIANTS = (
    OPENED
    + """
import importlib.util, sys
there = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "torchvision" else there(name, package)
found = {}
for kind in ("Visuomotor-Cosmos", "Blueprint"):
    task = f"Isaac-Stack-Cube-Franka-IK-Rel-{kind}-Mimic-v0"
    config = build({"task": task, "observe.width": 48, "observe.height": 32})
    with open_environment(config) as environment, torch.inference_mode():
        env = environment.env
        for _ in range(2):
            environment.step(torch.zeros(1, 7))
        (episode,) = environment.episodes([0])
        told = {group: {name: [str(own.dtype), list(own.shape), float(own.float().min()), float(own.float().max())]
                        for name, own in terms.items() if "cam" in name} for group, terms in env.obs_buf.items()}
        told["recorded"] = {name: list(rows.shape) for name, rows in episode["obs"].items() if "cam" in name}
        told["left out"] = env.cfg.observed.left_out
        told["once"] = type(env.observation_manager).__name__
        told["space"] = {group: [name for name in own if "cam" in name]
                         for group, own in env.single_observation_space.items()}
        found[kind] = told
found["torchvision"] = "torchvision" in sys.modules
print("RESULT", json.dumps(found))
"""
)


def test_cameras_show_the_recorded_states_once_a_step_and_never_a_scene_before(tmp_path: Path) -> None:
    told = result(CODE, tmp_path)
    assert told["once"] == "ObservationsOnceAStep"
    assert told["drawn"] == [2] * 6, "all environments in one call, once a step"
    assert told["differ"] == []
    assert told["kinds"] == {
        f"{camera}_{modality}": ["uint16", [6, 56, 56]] if modality == "depth" else ["uint8", [6, 56, 56, 3]]
        for camera in ("table_cam", "wrist")
        for modality in ("normals", "segmentation", "rgb", "depth")
    }
    still, common, either = told["robot"]["table_cam"]
    assert still > 100
    assert common < 0.9 * either, "the arm moves"
    fingers, common, either = told["robot"]["wrist"]
    assert fingers > 20
    assert common > 0.9 * either, "the camera moves with it"
    assert told["after a reset"] == []
    assert told["changed"] == [0, 8], "the other environment goes on"
    assert told["put back"] == []


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return result(VARIANTS, tmp_path_factory.mktemp("variants"))


LOOKS = ["randomize_light", "randomize_table_visual_material", "randomize_robot_arm_visual_texture"]


def test_cosmos_observes_through_its_cameras_under_its_own_names(variants: Any) -> None:
    """The Visuomotor task, of which it is a variant, has two of its terms."""
    cosmos = variants["Visuomotor-Cosmos"]
    assert cosmos["left out"] == LOOKS
    assert cosmos["once"] == "ObservationsOnceAStep"
    kinds = {name: own[:2] for name, own in cosmos["policy"].items()}
    assert kinds == {  # as upstream's observation functions return them
        "table_cam": ["torch.uint8", [1, 32, 48, 3]],
        "wrist_cam": ["torch.uint8", [1, 32, 48, 3]],
        "table_cam_segmentation": ["torch.float32", [1, 32, 48, 4]],
        "table_cam_normals": ["torch.float32", [1, 32, 48, 3]],
        "table_cam_depth": ["torch.float32", [1, 32, 48, 1]],
    }
    assert cosmos["recorded"] == {name: [2, *shape[1:]] for name, (_, shape) in kinds.items()}
    assert sorted(cosmos["space"]["policy"]) == sorted(kinds)
    _, _, least, most = cosmos["policy"]["table_cam_normals"]
    assert 0.0 <= least < most <= 1.0
    _, _, least, most = cosmos["policy"]["table_cam_depth"]
    assert least == 0.0, "nothing was hit"
    assert 0.5 < most <= 2.0, "as far as the camera sees [m]"


def test_the_blueprints_images_are_observed_and_not_saved(variants: Any) -> None:
    found = variants["Blueprint"]
    cameras = ("table_cam", "table_high_cam")
    assert {name: own[:2] for name, own in found["rgb_camera"].items()} == {
        **{f"{camera}_normals": ["torch.float32", [1, 32, 48, 3]] for camera in cameras},
        **{f"{camera}_segmentation": ["torch.uint8", [1, 32, 48, 4]] for camera in cameras},
    }
    assert not found["recorded"], "upstream records the group 'policy' alone"
    assert not variants["torchvision"], "what stood in for it is gone"
