"""Disturbances before contact, from which a demonstration shows how to recover.

In a share of the attempts, while a hand is on its way to an object that it is going to grasp, either the hand is pushed
off its way for some steps, or the object is put elsewhere in the range in which it may start; the rest of the subtask
is planned anew from there (`rejoining.py`). An object is moved by writing its state while nothing touches it.

Whether, when and how an attempt is disturbed is drawn from its seed, apart from its other random numbers: the others
are as they would be without.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import isaaclab.utils.math as pose_math
import numpy as np
import torch

from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.generation.planning import Planner
from mimicgen.datagen.generation.plans.plan import PlanWithoutApproach
from mimicgen.datagen.generation.rejoining import CLEAR, closes_at, free_steps
from mimicgen.datagen.isaaclab.environment import Environment

LENGTHS = (6, 12)
"""Steps for which a hand is pushed, the least and the most."""

STRENGTHS = (0.06, 0.12)
"""How far from its way a hand is led meanwhile; it gets there in part [m]."""

ASCENTS = (0.2, 1.0)
"""Angles above the horizontal in which it is pushed [rad]."""

UNTOUCHED = 0.005
"""How far an object may be from where it started and counts as untouched [m]."""

BESIDE = 0.1
"""Horizontal distance of every hand from where an object is put, at least [m]."""

AWAY = 0.02
"""How far an object is moved at least [m]."""

TRIES = 100
"""Places that are tried; where none is free the hand is pushed."""

_KEY = 0
"""Of an attempt's seed, for the numbers here; its tries have those from 1 on."""


@dataclasses.dataclass
class Disturbance:
    """What disturbs an attempt.

    Attributes:
        eef: End effector of the subtask.
        subtask: Its index.
        moves: The object is moved, if it can be; else the hand is pushed.
        when: In the subtask, as a share of the steps in which the hand is clear of the object.
        steps: For how many the hand is pushed.
        by: How far the hand is led off its way, x, y, z [m].
        chance: The random numbers of what is drawn when it comes to it.
        left: Steps until it acts, and then until it is over; None until its subtask is planned.
        acts: It acts.
    """

    eef: str
    subtask: int
    moves: bool
    when: float
    steps: int
    by: tuple[float, float, float]
    chance: np.random.Generator
    left: int | None = None
    acts: bool = False


class Perturber:
    """Disturbs attempts.

    Args:
        environment: The environment, open.
        planner: What plans them.
        share: Of the attempts.

    Attributes:
        grasps: The subtasks in which attempts may be disturbed: end effector and index. In all their source segments
            an open hand closes on the subtask's object, and nothing binds them to subtasks of another hand.
    """

    def __init__(self, environment: Environment, planner: Planner, share: float):
        self._env = environment.env
        self._starts = environment.starts
        self._planner = planner
        self._share = share
        self.grasps = planner.grasps()

    @property
    def longest(self) -> int:
        """Steps that a disturbance adds to an attempt at most."""
        return LENGTHS[1] + max((self._planner.longest_plan(*grasp) for grasp in self.grasps), default=0)

    def drawn(self, attempt: UnderWay) -> Disturbance | None:
        """Return what is going to disturb an attempt, None for nothing."""
        chance = np.random.default_rng(np.random.SeedSequence(attempt.seed, spawn_key=(_KEY,)))
        if not self.grasps or chance.random() >= self._share:
            return None
        eef, subtask = self.grasps[chance.integers(len(self.grasps))]
        moves, when, steps = bool(chance.random() < 0.5), chance.uniform(0.2, 1.0), int(chance.integers(*LENGTHS) + 1)
        strength, around, up = chance.uniform(*STRENGTHS), chance.uniform(0.0, 2 * math.pi), chance.uniform(*ASCENTS)
        by = strength * math.cos(up) * np.array([math.cos(around), math.sin(around), math.tan(up)])
        x, y, z = by.round(4).tolist()
        return Disturbance(eef=eef, subtask=subtask, moves=moves, when=when, steps=steps, by=(x, y, z), chance=chance)

    def plan(self, own: Disturbance, plan: PlanWithoutApproach) -> bool:
        """Settle when a disturbance is going to act in its subtask; return whether there is time for it."""
        way = len(plan) - len(plan.poses)
        closes = closes_at(plan.grippers)
        free = free_steps(plan.poses, closes) if closes is not None else 0
        # At the end of a push the hand is still open.
        steps = min(way + free, way + (closes or 0) - own.steps - 1)
        own.left = max(1, round(own.when * steps))
        return closes is not None and steps > 1

    def act(self, own: Disturbance, attempt: UnderWay, step: int) -> bool:
        """Begin to disturb an attempt after a step; return whether it is: not where the hand is too near by then."""
        env_id, eef = attempt.env, own.eef
        object_ref = self._planner.subtasks[eef][own.subtask].object_ref
        poses = {name: pose[env_id].cpu() for name, pose in self._env.get_object_poses().items()}
        hands = {name: self._env.get_robot_eef_pose(name)[env_id].cpu() for name in self._planner.subtasks}
        if math.dist(hands[eef][:3, 3], poses[object_ref][:3, 3]) < CLEAR:
            return False
        told: dict[str, Any] = {"eef": eef, "subtask": own.subtask, "step": step}
        place = self._place(own, object_ref, attempt, poses, hands) if own.moves else None
        own.acts = True
        if place is None:
            own.moves, own.left = False, own.steps
            attempt.perturbed = {"kind": "push", **told, "steps": own.steps, "by": list(own.by)}
            return True
        own.left = 1  # until it is observed where the object is now
        x, y, yaw = place
        before = poses[object_ref]
        self._put(env_id, object_ref, before, place)
        by = [x - float(before[0, 3]), y - float(before[1, 3]), yaw - _yaw(before)]
        attempt.perturbed = {
            "kind": "move",
            **told,
            "steps": 1,
            "object": object_ref,
            "by": [round(value, 4) for value in by],
        }
        return True

    def _place(
        self,
        own: Disturbance,
        name: str,
        attempt: UnderWay,
        poses: Mapping[str, torch.Tensor],
        hands: Mapping[str, torch.Tensor],
    ) -> tuple[float, float, float] | None:
        """Return where an object is put: x, y [m] and yaw [rad]; None where it cannot be moved, or nowhere is free."""
        start, began = self._starts.get(name), (attempt.starts or {}).get(name)
        if start is None or start.carries or began is None or (start.x[0] == start.x[1] and start.y[0] == start.y[1]):
            return None
        here = poses[name][:2, 3].tolist()
        if math.dist(here, began[:2]) > UNTOUCHED:
            return None
        others = [pose[:2, 3].tolist() for other, pose in poses.items() if other != name and other in self._starts]
        tools = [pose[:2, 3].tolist() for pose in hands.values()]
        for _ in range(TRIES):
            place = [own.chance.uniform(*start.x), own.chance.uniform(*start.y)]
            free = all(math.dist(place, other) >= start.separation for other in others)
            if free and all(math.dist(place, tool) >= BESIDE for tool in tools) and math.dist(place, here) >= AWAY:
                return place[0], place[1], own.chance.uniform(*start.yaw)
        return None

    def _put(self, env_id: int, name: str, before: torch.Tensor, place: tuple[float, float, float]) -> None:
        """Write an object's state: at rest, as high and as tilted as it was."""
        env, (x, y, yaw) = self._env, place
        turn = torch.tensor([[0.0, 0.0, yaw - _yaw(before)]])
        rotation = pose_math.matrix_from_quat(pose_math.quat_from_euler_xyz(*turn.unbind(-1)))[0] @ before[:3, :3]
        position = torch.tensor([x, y, float(before[2, 3])], device=env.device) + env.scene.env_origins[env_id]
        pose = torch.cat([position, pose_math.quat_from_matrix(rotation).to(env.device)])[None]
        chosen = torch.tensor([env_id], device=env.device)
        asset = env.scene[name]
        asset.write_root_pose_to_sim_index(root_pose=pose, env_ids=chosen)
        asset.write_root_velocity_to_sim_index(root_velocity=torch.zeros(1, 6, device=env.device), env_ids=chosen)


def _yaw(pose: torch.Tensor) -> float:
    """Return how an object is turned about the vertical [rad]."""
    return math.atan2(float(pose[1, 0]), float(pose[0, 0]))
