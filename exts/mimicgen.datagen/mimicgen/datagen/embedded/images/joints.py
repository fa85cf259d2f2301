"""Recorded states as a model's joint coordinates."""

from __future__ import annotations

import itertools

import newton
import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.errors import SetupError


class Joints:
    """The joints of a model that restore recorded states.

    Args:
        model: A scene of one environment.
        root: Path of the environment's prim.

    Attributes:
        first: The coordinates of the scene as it was built, shape (coordinates,).
    """

    def __init__(self, model: newton.Model, root: str):
        self.first = model.joint_q.numpy().copy()
        starts = model.joint_q_start.numpy()
        children = [model.body_label[body] for body in model.joint_child.numpy()]
        free = model.joint_type.numpy() == int(newton.JointType.FREE)
        self._body: dict[str, list[int]] = {}
        # Of what has joints: a robot, or an object with parts. By the prim that is its own in the environment.
        self._scalar: dict[str, list[int]] = {}
        for index, (begin, end) in enumerate(itertools.pairwise(starts)):
            if free[index]:
                self._body[children[index].rpartition("/")[2].lower()] = [*range(begin, end)]
            elif end - begin == 1:
                own = children[index].removeprefix(f"{root}/").partition("/")[0].lower()
                self._scalar.setdefault(own, []).append(int(begin))

    def coordinates(self, states: States) -> NDArray[np.float32]:
        """Return the coordinates of states, shape (states, coordinates).

        Raises:
            SetupError: The recorded scene is another one.
        """
        count = next(len(rows) for assets in states.values() for own in assets.values() for rows in own.values())
        found = np.repeat(self.first[None], count, axis=0)
        for asset, values in states.get("rigid_object", {}).items():
            found[:, self.of_body(asset)] = values["root_pose"]
        for asset, values in states.get("articulation", {}).items():
            positions = values["joint_position"]
            found[:, self.of_joints(asset, positions.shape[1])] = positions
        return found

    def of_body(self, asset: str) -> list[int]:
        """Return which of the coordinates are the pose of an object, x, y, z and a quaternion (x, y, z, w).

        Raises:
            SetupError: The scene has no such object.
        """
        if asset not in self._body:
            raise SetupError(f"the recorded object '{asset}' is not in this scene; pass the task of the recording")
        return self._body[asset]

    def of_joints(self, asset: str, count: int) -> list[int]:
        """Return which of the coordinates are the joint positions of a robot, or of an object with parts.

        Raises:
            SetupError: It has another number of joints in this scene.
        """
        own = self._scalar.get(asset.lower(), [])
        if len(own) != count:
            raise SetupError(
                f"the recorded '{asset}' has {count} joints, this scene's {len(own)}; pass the task of the recording"
            )
        return own
