"""The plans of one hand in many environments, made together: what `planning.py` makes one by one.

With thousands of environments dozens of plans begin in every step, and a device waits for them. Here a plan is made of
a few operations over all of them, and what is done for each by itself is to draw its random numbers. A matrix that is
multiplied among others may be rounded otherwise than alone, so this is for CUDA devices, on which an attempt is not the
same to the last bit beside others anyway.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import isaaclab.utils.math as pose_math
import numpy as np
import torch
from numpy.typing import NDArray

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.generation.interpolation import interpolated, normals
from mimicgen.datagen.generation.planning import Planner
from mimicgen.datagen.generation.plans.plan import Choices
from mimicgen.datagen.generation.timing import rules_of

THREADS = 8
"""Cores that PyTorch uses at most: to wake the 64 of a GPU's host took 2 ms for what 8 do in a fifth of one."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A plan that is wanted.

    Attributes:
        env: Environment index.
        attempt: The attempt there.
        choices: What it has drawn.
        begun: Its steps so far.
    """

    env: int
    attempt: UnderWay
    choices: Choices
    begun: int


@dataclass(frozen=True, kw_only=True)
class Plans:
    """Plans of some environments, each as long as the longest; its last pose is repeated.

    Attributes:
        poses: `world_from_eef` to reach step by step, shape (plans, steps, 4, 4).
        grippers: Gripper actions, shape (plans, steps, gripper_dim).
        noise: What is added to the poses' actions, shape (plans, steps, numbers).
        lengths: Steps of each, shape (plans,).
    """

    poses: torch.Tensor
    grippers: torch.Tensor
    noise: NDArray[np.float32]
    lengths: NDArray[np.int64]


class Together:
    """Makes plans of a hand that nothing binds and nobody disturbs.

    Args:
        planner: Whose plans they are, of its only end effector.
        numbers: Of noise in a step.
        count: Environments.
    """

    def __init__(self, planner: Planner, numbers: int, count: int):
        self._planner, self._numbers = planner, numbers
        (eef,), infos = planner.subtasks, planner.infos
        self._eef = eef
        self._eef_poses = _padded([info.eef_pose[eef] for info in infos])
        self._targets = _padded([info.target_eef_pose[eef] for info in infos])
        self._grippers = _padded([info.gripper_action[eef] for info in infos])
        self._objects = {name: _padded([info.object_poses[name] for info in infos]) for name in infos[0].object_poses}
        self._last = torch.zeros(count, 4, 4)
        """The last pose of the plan before, by environment."""

    @staticmethod
    def fits(planner: Planner, env: Any) -> bool:
        """Return whether the plans in an environment can be made together."""
        return str(env.device) != "cpu" and len(planner.subtasks) == 1 and not rules_of(planner.cfg)

    def plan(
        self, subtask: int, asked: Sequence[Asked], eef_poses: torch.Tensor, object_poses: Mapping[str, torch.Tensor]
    ) -> Plans:
        """Return the plans of a subtask, and note their segments with the attempts.

        Args:
            subtask: Its index.
            asked: Whose plans.
            eef_poses: `world_from_eef` now, shape (plans, 4, 4).
            object_poses: `world_from_object` now, by object, likewise.
        """
        with _threads(THREADS):
            return self._planned(subtask, asked, eef_poses, object_poses)

    def _planned(
        self, subtask: int, asked: Sequence[Asked], eef_poses: torch.Tensor, object_poses: Mapping[str, torch.Tensor]
    ) -> Plans:
        cfg = self._planner.subtasks[self._eef][subtask]
        boundaries = torch.from_numpy(np.stack([one.choices.boundaries[self._eef][:, subtask] for one in asked]))
        demos = self._chosen(subtask, asked, boundaries, eef_poses, object_poses)
        starts, ends = boundaries[torch.arange(len(asked)), demos].unbind(-1)
        poses, grippers = self._segments(subtask, demos, starts, ends)
        if cfg.object_ref is not None:
            delta = object_poses[cfg.object_ref] @ pose_math.pose_inv(self._objects[cfg.object_ref][demos, starts])
            poses = delta[:, None] @ poses
        lengths = ends - starts + (poses.shape[1] - int((ends - starts).max()))
        moving = cfg.num_interpolation_steps
        waiting = self._planner.waiting(cfg)
        if moving > 0 or waiting:
            envs = [one.env for one in asked]
            begins = eef_poses if subtask == 0 or not self._planner.goes_on else self._last[envs]
            ways = [interpolated(begins, poses[:, 0], moving)] if moving > 0 else []
            way = (moving + 1 if moving > 0 else 0) + waiting
            poses = torch.cat([*ways, poses[:, :1].expand(-1, waiting, 4, 4), poses[:, 1:]], dim=1)
            grippers = torch.cat([grippers[:, :1].expand(-1, way, -1), grippers[:, 1:]], dim=1)
            lengths += way - 1
        self._last[[one.env for one in asked]] = poses[:, -1]
        steps = lengths.numpy()
        noise = np.zeros((*poses.shape[:2], self._numbers), dtype=np.float32)
        for own, one, count in zip(noise, asked, steps.tolist(), strict=True):
            own[:count] = normals(count, self._numbers, one.attempt.streams.generator).numpy()
        noise *= self._planner.amplitudes(cfg, poses.shape[1]).numpy()[:, None]
        names = self._planner.names
        for one, demo, start, end in zip(asked, demos.tolist(), starts.tolist(), ends.tolist(), strict=True):
            one.attempt.segments.append(
                Segment(eef=self._eef, subtask=subtask, demo=names[demo], start=start, end=end, begun=one.begun)
            )
        return Plans(poses=poses, grippers=grippers, noise=noise, lengths=steps)

    def _chosen(
        self,
        subtask: int,
        asked: Sequence[Asked],
        boundaries: torch.Tensor,
        eef_poses: torch.Tensor,
        object_poses: Mapping[str, torch.Tensor],
    ) -> torch.Tensor:
        """Return the demonstration that each follows, drawn where a new one is, shape (plans,)."""
        eef = self._eef
        if self._planner.chooses(subtask):
            used = [self._planner.indices(one.attempt.used(eef, subtask)) for one in asked]
            eligible = self._planner.selections[eef].eligible(
                subtask, boundaries, eef_poses, object_poses, used if any(used) else ()
            )
            for one, demos in zip(asked, eligible, strict=True):
                place = torch.randint(0, len(demos), (1,), generator=one.attempt.streams.generator)
                one.choices.demos[eef] = demos[int(place)]
        return torch.tensor([one.choices.demos[eef] for one in asked])

    def _segments(
        self, subtask: int, demos: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return poses and grippers of segments as they are in their demonstrations, the last step repeated."""
        steps = torch.minimum(starts[:, None] + torch.arange(int((ends - starts).max())), ends[:, None] - 1)
        poses, grippers = self._targets[demos[:, None], steps], self._grippers[demos[:, None], steps]
        if self._planner.begins_at_the_hand(subtask):
            poses = torch.cat([self._eef_poses[demos, starts][:, None], poses], dim=1)
            grippers = torch.cat([grippers[:, :1], grippers], dim=1)
        return poses, grippers


def _padded(values: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return what several demonstrations say of their steps in one tensor, shape (demonstrations, steps, ...)."""
    return torch.nn.utils.rnn.pad_sequence([own.cpu() for own in values], batch_first=True)


@contextlib.contextmanager
def _threads(most: int) -> Iterator[None]:
    """Let PyTorch use so many cores at most meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, most))
    try:
        yield
    finally:
        torch.set_num_threads(before)
