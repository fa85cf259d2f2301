"""What conditions look at: an open environment, or the recorded arrays of a demonstration.

A row is an environment, or a recorded step. Positions are in the environment's frame [m], quaternions x, y, z, w.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.robots.schema import Vector
from mimicgen.datagen.tasks.catalogue import Described, EndEffector
from mimicgen.datagen.tasks.geometry import bounds, quaternion

Array = Any
"""A tensor, or a NumPy array; `Scene.xp` is the library that it is of. Only what both know is used."""


def _rotation_table() -> NDArray[np.float64]:
    """Return what turns the products q_i q_j of a unit quaternion (x, y, z, w) into a rotation, shape (16, 9)."""
    table = np.zeros((4, 4, 3, 3))
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        table[3, 3, i, i] = table[i, i, i, i] = 1
        table[j, j, i, i] = table[k, k, i, i] = -1
        table[i, j, i, j] = table[i, j, j, i] = 2
        table[k, 3, i, j], table[k, 3, j, i] = -2, 2
    return table.reshape(16, 9)


def box_around(described: Described, name: str) -> tuple[Vector, Vector]:
    """Return centre and half of the edges of the box around an object without its parts, in its own frame [m]."""
    low, high = bounds(described.task.objects[name], described.path.parent)
    return cast(Vector, tuple(((low + high) / 2).tolist())), cast(Vector, tuple(((high - low) / 2).tolist()))


class Scene(ABC):
    """What conditions look at. Everything is read once, until `forget` is called.

    Args:
        described: The task; None for one that no file describes, of which only poses are known.

    Attributes:
        xp: `numpy` or `torch`.
    """

    xp: Any

    def __init__(self, described: Described | None):
        self.described = described
        self._kept: dict[Any, Array] = {}
        self._constants: dict[Any, Array] = {}

    def forget(self) -> None:
        """Read everything anew from now on: a step or a reset has changed it."""
        self._kept.clear()

    def once(self, quantity: Callable[..., Array], *args: Any) -> Array:
        """Return a quantity of the scene, `quantity(self, *args)`, computed once a step."""
        key = (quantity, args)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = quantity(self, *args)
        return found

    def constant(self, values: Any) -> Array:
        """Return numbers that do not change, as an array of the scene's kind; they are converted once."""
        if values not in self._constants:
            self._constants[values] = self.array(np.array(values))
        return self._constants[values]

    def position(self, name: str) -> Array:
        """Return where an object is, shape (rows, 3)."""
        return self.once(type(self)._position, name)

    def rotation(self, name: str) -> Array:
        """Return how an object is turned, as matrices, shape (rows, 3, 3)."""
        return self.once(Scene._rotation, name)

    def velocity(self, name: str) -> Array:
        """Return how fast an object moves [m/s], shape (rows, 3)."""
        return self.once(type(self)._velocity, name)

    def joint(self, name: str, part: str) -> Array:
        """Return where the joint of an object's part is [m or rad], shape (rows,)."""
        return self.once(type(self)._joint, name, part)

    def tool(self, arm: str | None) -> Array:
        """Return where the tool of an end effector is, shape (rows, 3)."""
        return self.once(type(self)._tool, arm)

    def fingers(self, arm: str | None) -> Array:
        """Return where the joints of a gripper are [m or rad], shape (rows, joints)."""
        return self.once(type(self)._fingers, arm)

    def point(self, name: str, point: Vector) -> Array:
        """Return where a point of an object's frame is, shape (rows, 3)."""
        return self.once(Scene._point, name, point)

    @abstractmethod
    def start_height(self, name: str) -> Array:
        """Return how high an object was when the attempt began [m], shape (rows,)."""

    @abstractmethod
    def array(self, values: NDArray[Any]) -> Array:
        """Return numbers as an array of the scene's kind."""

    @abstractmethod
    def rows(self) -> int:
        """Return how many rows there are."""

    @abstractmethod
    def _position(self, name: str) -> Array: ...

    @abstractmethod
    def _quaternion(self, name: str) -> Array: ...

    @abstractmethod
    def _velocity(self, name: str) -> Array: ...

    @abstractmethod
    def _joint(self, name: str, part: str) -> Array: ...

    @abstractmethod
    def _tool(self, arm: str | None) -> Array: ...

    @abstractmethod
    def _fingers(self, arm: str | None) -> Array: ...

    def _rotation(self, name: str) -> Array:
        quaternions = self._quaternion(name)
        products = (quaternions[:, :, None] * quaternions[:, None, :]).reshape(-1, 16)
        if _TABLE not in self._constants:
            self._constants[_TABLE] = self.array(_rotation_table())
        return (products @ self._constants[_TABLE]).reshape(-1, 3, 3)

    def _point(self, name: str, point: Vector) -> Array:
        if not any(point):
            return self.position(name)
        return self.position(name) + self.rotation(name) @ self.constant(point)

    def _eef(self, arm: str | None) -> EndEffector:
        assert self.described is not None
        return self.described.eef(arm)

    def _drawn(self, name: str) -> tuple[Vector, tuple[float, float, float, float]]:
        """Return where the file draws an object that is a part of the world."""
        if self.described is None or name not in self.described.task.objects:
            raise KeyError(f"object '{name}'")
        content = self.described.task.objects[name]
        return content.position, quaternion(content.rotation)


_TABLE = "rotations from quaternions"


class LiveScene(Scene):
    """An open Isaac Lab environment; a row an environment.

    Args:
        env: The environment.
        described: The task.
    """

    def __init__(self, env: Any, described: Described | None):
        import torch

        super().__init__(described)
        self.xp = torch
        self._env = env
        self._origins = env.scene.env_origins
        self._start_heights: dict[str, Array] = {}
        self._columns: dict[tuple[str, ...], Any] = {}

    def begin(self, env_ids: Sequence[int] | Array) -> None:
        """Take note of where objects are as of the beginning of an attempt, after a reset of these environments."""
        self.forget()
        for name, heights in self._start_heights.items():
            heights[env_ids] = self.position(name)[env_ids, 2]

    def start_height(self, name: str) -> Array:
        """See `Scene`. Until the first `begin` it is where the object was when it was first asked for."""
        if name not in self._start_heights:
            self._start_heights[name] = self.position(name)[:, 2].clone()
        return self._start_heights[name]

    def array(self, values: NDArray[Any]) -> Array:
        """See `Scene`."""
        return self.xp.as_tensor(values, dtype=self.xp.float32, device=self._env.device)

    def rows(self) -> int:
        """See `Scene`."""
        return int(self._env.num_envs)

    def _position(self, name: str) -> Array:
        asset = self._asset(name)
        if asset is None:
            return self.constant(self._drawn(name)[0]).expand(self.rows(), 3)
        return asset.data.root_pos_w.torch - self._origins

    def _quaternion(self, name: str) -> Array:
        asset = self._asset(name)
        if asset is None:
            return self.constant(self._drawn(name)[1]).expand(self.rows(), 4)
        return asset.data.root_quat_w.torch

    def _velocity(self, name: str) -> Array:
        asset = self._asset(name)
        if asset is None:
            return self.xp.zeros_like(self.position(name))
        return asset.data.root_lin_vel_w.torch

    def _joint(self, name: str, part: str) -> Array:
        return self._joints(name, (f"{part}_joint",))[:, 0]

    def _tool(self, arm: str | None) -> Array:
        if hasattr(self._env, "tools"):  # of a task by file; what others observe is a step old while they observe
            return self._env.tools.position(self._eef(arm).name)
        known = list(self._env.cfg.subtask_configs)
        # A task with one end effector has that one, whatever Isaac Lab's task calls it.
        return self._env.get_robot_eef_pose(arm if arm in known else known[0])[:, :3, 3]

    def _fingers(self, arm: str | None) -> Array:
        eef = self._eef(arm)
        assert eef.arm.gripper is not None
        return self._joints(eef.robot, eef.arm.gripper.joints)

    def _joints(self, name: str, joints: tuple[str, ...]) -> Array:
        asset = self._env.scene.articulations[name]
        key = (name, *joints)
        if key not in self._columns:
            found = asset.find_joints(list(joints))[0]
            # A list would be sent to the device at every step, which waits for the solver.
            self._columns[key] = self.xp.tensor(found, dtype=self.xp.long, device=self._env.device)
        return asset.data.joint_pos.torch[:, self._columns[key]]

    def _asset(self, name: str) -> Any:
        scene = self._env.scene
        return scene.rigid_objects[name] if name in scene.rigid_objects else scene.articulations.get(name)


class RecordedScene(Scene):
    """The recorded arrays of a demonstration; a row a step, as it was after it.

    Args:
        arrays: By path, `states/...` and `obs/datagen_info/...`, as Isaac Lab records them.
        described: The task.
        joint_names: Names of an articulation's joints in the order of its columns, where they are known. Where they
            are not, the parts of an object are in the order of the file, and a gripper's joints are the last ones.

    Raises (when something is looked at):
        KeyError: It was not recorded.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any]],
        described: Described | None,
        joint_names: Mapping[str, Sequence[str]] | None = None,
    ):
        super().__init__(described)
        self.xp = np
        self._arrays = arrays
        self._joint_names = joint_names or {}

    def start_height(self, name: str) -> Array:
        """See `Scene`."""
        path = f"rigid_object/{name}/root_pose"
        initial = self._arrays.get(f"initial_state/{path}")
        first = self._arrays[f"states/{path}"] if initial is None else initial
        return np.full(self.rows(), float(first[0, 2]))

    def array(self, values: NDArray[Any]) -> Array:
        """See `Scene`."""
        return values.astype(float)

    def rows(self) -> int:
        """See `Scene`."""
        return next(len(rows) for path, rows in self._arrays.items() if path.startswith(("states/", "obs/")))

    def _pose(self, name: str) -> Array:
        """Return position and quaternion, shape (rows, 7)."""
        for kind in ("rigid_object", "articulation"):
            found = self._arrays.get(f"states/{kind}/{name}/root_pose")
            if found is not None:
                return found.astype(float)
        return np.tile(np.concatenate(self._drawn(name)), (self.rows(), 1))

    def _position(self, name: str) -> Array:
        if self.described is None:
            return self._after(f"obs/datagen_info/object_pose/{name}")[:, :3, 3]
        return self.once(RecordedScene._pose, name)[:, :3]

    def _quaternion(self, name: str) -> Array:
        return self.once(RecordedScene._pose, name)[:, 3:]

    def _velocity(self, name: str) -> Array:
        for kind in ("rigid_object", "articulation"):
            found = self._arrays.get(f"states/{kind}/{name}/root_velocity")
            if found is not None:
                return found[:, :3].astype(float)
        self._drawn(name)
        return np.zeros((self.rows(), 3))

    def _joint(self, name: str, part: str) -> Array:
        assert self.described is not None
        joints = [*self._joint_names.get(name, (f"{own}_joint" for own in self.described.task.objects[name].parts))]
        rows = self._arrays[f"states/articulation/{name}/joint_position"]
        return rows[:, joints.index(f"{part}_joint")].astype(float)

    def _tool(self, arm: str | None) -> Array:
        prefix = "obs/datagen_info/eef_pose/"
        known = [path.removeprefix(prefix) for path in self._arrays if path.startswith(prefix)]
        if known:
            return self._after(prefix + (arm if arm in known else known[0]))[:, :3, 3]
        own = f"obs/{arm}_eef_pos"  # as an observation is called where there are several hands
        return self._after(own if own in self._arrays else "obs/eef_pos")

    def _after(self, path: str) -> Array:
        """Return an observation after every step: it was recorded before it. The last one is missing, and repeated."""
        rows = self._arrays[path].astype(float)
        return np.concatenate([rows[1:], rows[-1:]])

    def _fingers(self, arm: str | None) -> Array:
        eef = self._eef(arm)
        gripper = eef.arm.gripper
        assert gripper is not None
        rows = self._arrays[f"states/articulation/{eef.robot}/joint_position"].astype(float)
        names = self._joint_names.get(eef.robot)
        if names is None:
            return rows[:, -max(len(gripper.fingers), len(gripper.joints)) :]
        return rows[:, [any(re.fullmatch(joint, name) for joint in gripper.joints) for name in names]]
