"""The state of environments, by the parts that exported datasets have of it.

What `mimicgen.datagen.dataset.formats.representations` makes of a demonstration, of every step, is made here of what
environments are in now: `state.arm` and `state.gripper` (`state.left_arm`, ... of several hands), `state.eef_position`
and `state.eef_rotation`, and of every object `state.NAME_position` and `state.NAME_rotation`. Positions [m] and
quaternions x, y, z, w are in the environment's frame, joints in rad and m.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mimicgen.datagen.dataset.formats.embodiment import Embodiment, matching
from mimicgen.datagen.dataset.formats.rotations import quaternions_of

PART = "state."
"""What their names begin with."""


class Parts:
    """The parts of the state of an open environment.

    Args:
        env: Isaac Lab's environment.
        body: The robots of its task.
    """

    def __init__(self, env: Any, body: Embodiment):
        self._env = env
        self._body = body
        self._last: dict[str, np.ndarray[Any, Any]] = {}
        self._new = np.ones(env.num_envs, dtype=bool)

    def begin(self, env_ids: Sequence[int]) -> None:
        """Forget what environments were in, in which episodes begin."""
        self._new[list(env_ids)] = True

    def now(self, state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the parts by name, shape (num_envs, numbers) each.

        Args:
            state: Of the scene, relative to the environments' origins, as Isaac Lab records it.
        """
        found: dict[str, torch.Tensor] = {}
        for hand in self._body.hands:
            rows = state["articulation"][hand.robot]["joint_position"]
            names = self._env.scene.articulations[hand.robot].joint_names
            for key, patterns in (("arm", hand.arm), ("gripper", hand.gripper)):
                columns = matching(names, patterns)
                if columns:
                    found[f"{PART}{self._body.prefix(hand)}{key}"] = rows[:, columns]
        eefs = list(self._env.cfg.subtask_configs)
        for eef in eefs:
            own = f"{eef}_eef" if len(eefs) > 1 else "eef"
            poses = self._env.get_robot_eef_pose(eef)
            found[f"{PART}{own}_position"] = poses[:, :3, 3]
            found[f"{PART}{own}_rotation"] = self._rotation(eef, poses[:, :3, :3])
        self._new[:] = False
        for name, values in state.get("rigid_object", {}).items():
            found[f"{PART}{name}_position"] = values["root_pose"][:, :3]
            found[f"{PART}{name}_rotation"] = values["root_pose"][:, 3:]
        return found

    def _rotation(self, eef: str, matrices: torch.Tensor) -> torch.Tensor:
        """Return rotations, shape (num_envs, 3, 3), as quaternions with the signs that they have in a demonstration.

        See `quaternions_of`: the farthest component of an episode's first one is positive, and none is opposite to the
        one before.
        """
        own = quaternions_of(matrices.cpu().numpy())
        first = np.take_along_axis(own, np.abs(own).argmax(axis=1)[:, None], axis=1)[:, 0]
        likeness = np.where(self._new, first, np.einsum("ni,ni->n", own, self._last.get(eef, own)))
        own[likeness < 0] *= -1
        self._last[eef] = own
        return torch.from_numpy(own).to(matrices)
