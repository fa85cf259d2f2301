"""A scripted expert: what a careful person does, as the key poses of a task's file say it.

Like a person at a keyboard or a space mouse, the expert leads the hand: the commanded pose is ahead of it, by more the
farther the goal is, up to a limit. Style (speed, rests, heights, where exactly something is grasped) varies a little
from attempt to attempt, with the attempt's own random numbers. All hands move at once, in all environments; where they
go to is found when they set out (`keyposes.py`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import isaaclab.utils.math as pose_math
import torch

from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.generation.clearance import Clearance
from mimicgen.datagen.generation.converting import Converter
from mimicgen.datagen.generation.keyposes import Drawn, KeyPoses
from mimicgen.datagen.generation.policy import Over
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.resets import Resets
from mimicgen.datagen.robots.actions import products
from mimicgen.datagen.tasks.catalogue import Described, EndEffector, described
from mimicgen.datagen.tasks.schema import KeyPose

OPEN, CLOSED = 1.0, -1.0
"""Gripper actions."""

GAIN = 1.7
"""Commanded over remaining distance. The arm covers about a ninth of what is commanded in a step."""

LONGEST_MOVE = 90
"""Steps after which a movement is taken as it is."""

LONGEST_WAIT = 400
"""Steps after which a signal is not waited for any more."""


def task_with_expert(task: str) -> Described:
    """Return what a file says of a task with a scripted expert.

    Raises:
        TaskError: There is no such file, or it says nothing of an expert.
    """
    found = described(task)
    if found is None or found.task.expert is None:
        raise TaskError(
            f"task {quoted(task)} has no scripted expert: no task file gives its key poses under [expert]; "
            "record people with Isaac Lab's record_demos.py and use annotate"
        )
    return found


class ExpertPolicy:
    """Implements `mimicgen.datagen.generation.policy.Policy`.

    Args:
        environment: The environment, open.
        described: What a file says of its task, an expert included.
    """

    longest: int | None = None

    def __init__(self, environment: Environment, described: Described):
        env = self._env = environment.env
        self._reset = Resets(env)
        self.draws_on = self._reset.draws_on
        assert described.task.expert is not None
        self._expert = described.task.expert
        alone = len(described.eefs) == 1  # which Isaac Lab's registered task may call otherwise
        names = {name: next(iter(env.cfg.subtask_configs)) if alone else name for name in described.eefs}
        self._hands = {
            names[name]: _Hand(described, eef, self._expert.poses.get(name, ()), env.num_envs)
            for name, eef in described.eefs.items()
        }
        self._convert = Converter(env)
        self._waits = any(pose.wait_for for poses in self._expert.poses.values() for pose in poses)
        self._came: dict[int, set[str]] = {}
        self._new: list[int] = []
        environment.facts["source"] = {"expert": "scripted"}

    def begin(self, attempts: Sequence[UnderWay]) -> None:
        """See `Policy.begin`."""
        self._reset({attempt.env: attempt.streams for attempt in attempts})
        style = self._expert.style
        for attempt in attempts:
            with attempt.streams.active():
                own = _Style(
                    lead=random.uniform(*style.lead),
                    turn=random.uniform(*style.turn),
                    pause=random.randint(*style.pause),
                )
                for hand in self._hands.values():
                    hand.begin(attempt.env, own)
            self._came[attempt.env] = set()
            self._new.append(attempt.env)

    def hold(self, env_ids: Sequence[int]) -> None:
        """See `Policy.hold`."""
        for eef, hand in self._hands.items():
            poses = self._env.get_robot_eef_pose(eef).cpu()
            for env_id in env_ids:
                hand.stay(env_id, poses[env_id])
        for env_id in env_ids:
            self._came.pop(env_id, None)

    async def actions(self) -> torch.Tensor:
        """See `Policy.actions`."""
        with torch.inference_mode():
            self._go_on(self._new)
            self._new = []
            device, targets, grippers = self._env.device, {}, {}
            for eef, hand in self._hands.items():
                targets[eef] = hand.targets(self._env.get_robot_eef_pose(eef).cpu()).to(device)
                grippers[eef] = hand.grippers.to(device)
            return self._convert(targets, grippers)

    def over(self) -> list[Over]:
        """See `Policy.over`."""
        if self._waits:
            for name, came in self._env.get_subtask_term_signals().items():
                for env_id, signals in self._came.items():
                    if came[env_id]:
                        signals.add(name)
        acting = [*self._came]
        self._go_on(acting)
        return [
            Over(env=env_id, last=True)
            for env_id in acting
            if all(hand.state[env_id] is _State.DONE for hand in self._hands.values())
        ]

    def verdict(self, attempt: UnderWay, *, success: bool) -> str | None:
        """A demonstration is a source only if all its subtasks are told apart."""
        missing = [signal for signal, step in attempt.signals.items() if step is None]
        return f"signal '{missing[0]}' never came" if success and missing else None

    def _go_on(self, env_ids: Sequence[int]) -> None:
        """Let hands that are done with a key pose set out for the next one."""
        if not env_ids:
            return
        object_poses: dict[str, torch.Tensor] = {}
        for eef, hand in self._hands.items():
            eef_poses = self._env.get_robot_eef_pose(eef).cpu()
            for env_id in hand.arrived(env_ids, eef_poses):
                object_poses = object_poses or {name: own.cpu() for name, own in self._env.get_object_poses().items()}
                own = {name: poses[env_id] for name, poses in object_poses.items()}
                hand.go_on(env_id, eef_poses[env_id], own, self._came[env_id])


class _State(Enum):
    """What a hand does in an environment."""

    MOVING = 1
    RESTING = 2
    WAITING = 3
    DONE = 4


@dataclass(frozen=True, kw_only=True)
class _Style:
    """How one attempt is done; see `Style` in `tasks/schema.py`."""

    lead: float
    turn: float
    pause: int


class _Hand:
    """One end effector in all environments, on the host.

    Args:
        described: What a file says of the task.
        eef: The end effector.
        poses: Its key poses.
        num_envs: How many environments there are.

    Attributes:
        grippers: Gripper actions, shape (num_envs, gripper_dim).
        state: What the hand does, by environment.
    """

    def __init__(self, described: Described, eef: EndEffector, poses: Sequence[KeyPose], num_envs: int):
        self._poses = poses
        self._goals = KeyPoses(poses, Clearance(described, eef))
        self.grippers = torch.full((num_envs, eef.gripper_dim), OPEN)
        self.state = [_State.DONE] * num_envs
        self._styles: dict[int, _Style] = {}
        self._drawn: dict[int, list[Drawn]] = {}
        self._index = [0] * num_envs
        self._left = [0] * num_envs
        """Steps for which the present state may last at most."""
        self._goal = torch.eye(4).repeat(num_envs, 1, 1)
        self._lead, self._turn, self._within, self._turned = torch.ones(4, num_envs)

    def begin(self, env_id: int, style: _Style) -> None:
        """Begin an attempt; draws from the process's random numbers."""
        self._styles[env_id] = style
        self._drawn[env_id] = [Drawn.of(pose) for pose in self._poses]
        self._index[env_id] = -1
        self.state[env_id], self._left[env_id] = _State.RESTING, 0

    def stay(self, env_id: int, eef_pose: torch.Tensor) -> None:
        """Stay at a pose, with the gripper as it is."""
        self.state[env_id] = _State.DONE
        self._goal[env_id] = eef_pose

    def arrived(self, env_ids: Sequence[int], eef_poses: torch.Tensor) -> list[int]:
        """Return the environments in which there is nothing left to do for the present key pose."""
        near = self._near(eef_poses).tolist()
        found = []
        for env_id in env_ids:
            state = self.state[env_id]
            at_goal = state is _State.MOVING and near[env_id]
            over = state is not _State.DONE and self._left[env_id] == 0
            if at_goal or over or state is _State.WAITING:
                found.append(env_id)
        return found

    def go_on(
        self, env_id: int, eef_pose: torch.Tensor, object_poses: Mapping[str, torch.Tensor], came: set[str]
    ) -> None:
        """Rest, wait or set out, until there is a step to take or nothing to do.

        Args:
            env_id: The environment.
            eef_pose: `world_from_eef` now, shape (4, 4).
            object_poses: `world_from_object` now, by object.
            came: The signals that have come.
        """
        while True:
            if self.state[env_id] is _State.MOVING:  # it has arrived, or is taken as it is
                drawn, index = self._drawn[env_id], self._index[env_id]
                pause = self._styles[env_id].pause if self._moves(index) else 0
                self.state[env_id], self._left[env_id] = _State.RESTING, drawn[index].rest + pause
                self._goal[env_id] = eef_pose
            if self.state[env_id] is _State.RESTING:
                if self._left[env_id] > 0:
                    return
                self._index[env_id] += 1
                if self._index[env_id] == len(self._poses):
                    self.stay(env_id, eef_pose)
                    return
                self.state[env_id], self._left[env_id] = _State.WAITING, LONGEST_WAIT
                self._goal[env_id] = eef_pose
            signal = self._poses[self._index[env_id]].wait_for
            if signal is not None and signal not in came and self._left[env_id] > 0:
                return
            self._set_out(env_id, eef_pose, object_poses)
            if not self._near(eef_pose[None], slice(env_id, env_id + 1)):
                return

    def targets(self, eef_poses: torch.Tensor) -> torch.Tensor:
        """Return `world_from_eef` to command in this step, shape (num_envs, 4, 4), given the present ones."""
        gaps, turns = self._remaining(eef_poses)
        positions, rotations = pose_math.unmake_pose(eef_poses)
        steps = _shortened(GAIN * turns, self._turn)
        angles = _length(steps)
        turned = pose_math.quat_from_angle_axis(angles, steps / angles.clamp(min=1e-9)[:, None])
        ahead = pose_math.make_pose(
            positions + _shortened(GAIN * gaps, self._lead),
            products(pose_math.matrix_from_quat(turned), rotations),
        )
        moving = torch.tensor([state is _State.MOVING for state in self.state])
        self._left = [left - 1 for left in self._left]
        return torch.where(moving[:, None, None], ahead, self._goal)

    def _set_out(self, env_id: int, eef_pose: torch.Tensor, object_poses: Mapping[str, torch.Tensor]) -> None:
        index, style = self._index[env_id], self._styles[env_id]
        pose = self._poses[index]
        self._goal[env_id] = self._goals.goal(index, self._drawn[env_id][index], eef_pose, object_poses)
        self.grippers[env_id] = OPEN if pose.gripper == "open" else CLOSED
        self._lead[env_id], self._turn[env_id] = pose.speed * style.lead, pose.speed * style.turn
        self._within[env_id], self._turned[env_id] = pose.within, pose.turned
        self.state[env_id], self._left[env_id] = _State.MOVING, LONGEST_MOVE

    def _moves(self, index: int) -> bool:
        """Return whether a key pose is anywhere else than where the hand is."""
        pose = self._poses[index]
        own = (pose.to, pose.position, pose.rise, pose.orientation)
        return own != (None, (0.0, 0.0, 0.0), (0.0, 0.0), "keep")

    def _near(self, eef_poses: torch.Tensor, which: slice = slice(None)) -> torch.Tensor:
        """Return where hands are as near to their goals as they have to be, given the poses of these environments."""
        gaps, turns = self._remaining(eef_poses, which)
        return (_length(gaps) < self._within[which]) & (_length(turns) < self._turned[which])

    def _remaining(self, eef_poses: torch.Tensor, which: slice = slice(None)) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what is left of the ways to the goals: moves [m] and turns as axis-angles [rad], shape (n, 3)."""
        goals = self._goal[which]
        turns = products(goals[:, :3, :3], eef_poses[:, :3, :3].transpose(-1, -2))
        return (
            goals[:, :3, 3] - eef_poses[:, :3, 3],
            pose_math.axis_angle_from_quat(pose_math.quat_from_matrix(turns)),
        )


def _length(vectors: torch.Tensor) -> torch.Tensor:
    """Return the lengths of vectors, shape (n, 3)."""
    x, y, z = vectors.unbind(-1)
    return torch.sqrt(x * x + y * y + z * z)


def _shortened(vectors: torch.Tensor, longest: torch.Tensor) -> torch.Tensor:
    """Return vectors, shape (n, 3), shortened to a length, shape (n,), where they are longer."""
    return vectors * (longest / _length(vectors).clamp(min=1e-9)).clamp(max=1.0)[:, None]
