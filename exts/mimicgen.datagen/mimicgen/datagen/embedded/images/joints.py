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
    """

    def __init__(self, model: newton.Model, root: str):
        self._first = model.joint_q.numpy().copy()
        self._starts = model.joint_q_start.numpy()
        children = [model.body_label[body] for body in model.joint_child.numpy()]
        free = model.joint_type.numpy() == int(newton.JointType.FREE)
        self._body = {child.rpartition("/")[2].lower(): index for index, child in enumerate(children) if free[index]}
        # Of what has joints: a robot, or an object with parts. By the prim that is its own in the environment.
        self._scalar: dict[str, list[int]] = {}
        for index, (begin, end) in enumerate(itertools.pairwise(self._starts)):
            if not free[index] and end - begin == 1:
                own = children[index].removeprefix(f"{root}/").partition("/")[0].lower()
                self._scalar.setdefault(own, []).append(int(begin))

    def coordinates(self, states: States) -> NDArray[np.float32]:
        """Return the coordinates of states, shape (states, coordinates).

        Raises:
            SetupError: The recorded scene is another one.
        """
        count = next(len(rows) for assets in states.values() for own in assets.values() for rows in own.values())
        found = np.repeat(self._first[None], count, axis=0)
        for asset, values in states.get("rigid_object", {}).items():
            if asset not in self._body:
                raise SetupError(f"the recorded object '{asset}' is not in this scene; pass the task of the recording")
            start = self._starts[self._body[asset]]
            found[:, start : start + 7] = values["root_pose"]
        for asset, values in states.get("articulation", {}).items():
            positions = values["joint_position"]
            own = self._scalar.get(asset.lower(), [])
            if positions.shape[1] != len(own):
                raise SetupError(
                    f"the recorded '{asset}' has {positions.shape[1]} joints, this scene's {len(own)}; "
                    "pass the task of the recording"
                )
            found[:, own] = positions
        return found
