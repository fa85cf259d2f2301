"""A task with one of everything that conditions look at, in an environment's tensors and in recorded arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import torch

from mimicgen.datagen.tasks.catalogue import Described, load_task
from mimicgen.datagen.tasks.conditions import AnyCondition
from mimicgen.datagen.tasks.predicates.evaluation import Evaluated, Trees
from mimicgen.datagen.tasks.predicates.scenes import LiveScene, RecordedScene, Scene

TASK = """
instruction = "Put things somewhere."
[robots.robot]
robot = "franka_panda"
[objects.box]
shapes = [{ shape = "box", size = [0.04, 0.04, 0.1] }]
[objects.plate]
shapes = [{ shape = "cylinder", radius = 0.1, height = 0.02 }]
[objects.bin]
shapes = [{ shape = "box", size = [0.2, 0.3, 0.1], position = [0.0, 0.0, 0.05] }]
movable = false
position = [1.0, 0.0, 0.0]
rotation = [0.0, 0.0, 1.5707963]
[objects.cabinet]
shapes = [{ shape = "box", size = [0.3, 0.3, 0.3] }]
[objects.cabinet.parts.drawer]
shapes = [{ shape = "box", size = [0.2, 0.2, 0.1] }]
joint = { kind = "slide", axis = "x", low = 0.0, high = 0.3 }
[objects.cabinet.parts.lid]
shapes = [{ shape = "box", size = [0.2, 0.2, 0.01] }]
joint = { kind = "hinge", axis = "y", low = 0.0, high = 1.6 }
[variants.d0]
[[subtasks.robot]]
object_ref = "box"
[success]
is = "upright"
object = "box"
[cameras.table_cam]
position = [1.0, 0.0, 1.0]
look_at = [0.0, 0.0, 0.0]
"""


def described_in(folder: Path) -> Described:
    """Write the task's file, and read it."""
    path = folder / "things.toml"
    path.write_text(TASK)
    return load_task(path)


def turned(axis: str, angle: float) -> list[float]:
    """A quaternion x, y, z, w."""
    return [*(math.sin(angle / 2) * (name == axis) for name in "xyz"), math.cos(angle / 2)]


LEVEL = turned("z", 0.0)


@dataclass
class Row:
    """What one environment, or one step, is like."""

    box: list[float] = field(default_factory=lambda: [0.5, 0.0, 0.05])
    box_turn: list[float] = field(default_factory=lambda: LEVEL)
    box_velocity: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    plate: list[float] = field(default_factory=lambda: [0.5, 0.0, 0.01])
    plate_turn: list[float] = field(default_factory=lambda: LEVEL)
    cabinet: list[float] = field(default_factory=lambda: [0.0, 1.0, 0.15])
    drawer: float = 0.0
    lid: float = 0.0
    tool: list[float] = field(default_factory=lambda: [0.5, 0.0, 0.3])
    fingers: list[float] = field(default_factory=lambda: [0.04, 0.04])


def live(rows: list[Row], task: Described) -> LiveScene:
    """An environment a row, somewhere else in the world each."""
    return LiveScene(environment(rows), task)


def environment(rows: list[Row]) -> Any:
    """What Isaac Lab's environment says of these rows."""
    origins = torch.arange(3.0 * len(rows)).reshape(-1, 3)

    def of(name: str) -> torch.Tensor:
        return torch.tensor([getattr(row, name) for row in rows], dtype=torch.float32)

    def told(**values: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(**{name: SimpleNamespace(torch=value) for name, value in values.items()})

    def body(name: str, turn: torch.Tensor, velocity: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(
            data=told(root_pos_w=of(name) + origins, root_quat_w=turn, root_lin_vel_w=velocity, joint_pos=joints[name])
        )

    joints = {name: torch.zeros(len(rows), 0) for name in ("box", "plate")}
    joints["cabinet"] = torch.stack([of("lid"), of("drawer")], dim=1)
    still, level = torch.zeros(len(rows), 3), torch.tensor(LEVEL).repeat(len(rows), 1)
    cabinet = body("cabinet", level, still)
    cabinet.find_joints = lambda names: ([["lid_joint", "drawer_joint"].index(name) for name in names], names)
    arm = torch.cat([torch.zeros(len(rows), 7), of("fingers")], dim=1)
    robot = SimpleNamespace(data=told(joint_pos=arm), find_joints=lambda names: ([7, 8], names))
    poses = torch.eye(4).repeat(len(rows), 1, 1)
    poses[:, :3, 3] = of("tool")
    return SimpleNamespace(
        num_envs=len(rows),
        device="cpu",
        cfg=SimpleNamespace(subtask_configs={"anything": []}),
        get_robot_eef_pose=lambda eef: poses,
        scene=SimpleNamespace(
            env_origins=origins,
            rigid_objects={
                "box": body("box", of("box_turn"), of("box_velocity")),
                "plate": body("plate", of("plate_turn"), still),
            },
            articulations={"cabinet": cabinet, "robot": robot},
        ),
    )


def recorded(rows: list[Row], task: Described) -> RecordedScene:
    """A recording with a row a step; observations are of before the step."""

    def of(name: str, among: list[Row] = rows) -> np.ndarray[Any, Any]:
        return np.array([getattr(row, name) for row in among], dtype=np.float32)

    tools = np.tile(np.eye(4, dtype=np.float32), (len(rows) + 1, 1, 1))
    tools[1:, :3, 3] = of("tool")
    again = [*rows, rows[-1]]
    level = np.tile(np.array(LEVEL, dtype=np.float32), (len(again), 1))
    arrays = {
        "states/rigid_object/box/root_pose": np.hstack([of("box", again), of("box_turn", again)]),
        "states/rigid_object/box/root_velocity": np.hstack([of("box_velocity", again), 9 * of("box_velocity", again)]),
        "states/rigid_object/plate/root_pose": np.hstack([of("plate", again), of("plate_turn", again)]),
        "states/articulation/cabinet/root_pose": np.hstack([of("cabinet", again), level]),
        "states/articulation/cabinet/joint_position": np.stack([of("lid", again), of("drawer", again)], axis=1),
        "states/articulation/robot/joint_position": np.hstack([np.zeros((len(again), 7)), of("fingers", again)]),
        "obs/datagen_info/eef_pose/anything": tools,
    }
    return RecordedScene(arrays, task, {"cabinet": ("lid_joint", "drawer_joint")})


SCENES: list[Callable[[list[Row], Described], Scene]] = [live, recorded]


def evaluated(scene: Scene, task: Described, condition: dict[str, Any]) -> Evaluated:
    return Evaluated(scene, Trees({"it": msgspec.convert(condition, AnyCondition)}, task))


ON_PLATE = [0.5, 0.0, 0.07]
