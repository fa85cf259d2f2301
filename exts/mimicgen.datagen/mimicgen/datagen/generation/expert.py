"""A scripted expert for the stack task: what a careful person does, as a list of movements.

Written against the Mimic environment's own `target_eef_pose_to_action`. Like a person at a keyboard or a space mouse,
the expert leads the hand: the commanded pose is ahead of it, by more the farther the goal is, up to a limit. Style
(speed, pauses, clearances, where exactly a cube is grasped) varies a little from attempt to attempt, with the
attempt's own random numbers.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass

import isaaclab.utils.math as math_utils
import torch

from mimicgen.datagen.generation.flight import Flight
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.reference.rendezvous import Rendezvous

CUBE_EDGE = 0.0467
"""Edge of a cube [m]."""

OPEN, CLOSED = 1.0, -1.0
"""Gripper actions."""

GAIN = 1.7
"""Commanded over remaining distance. The arm covers about a ninth of what is commanded in a step."""

LIFT = torch.tensor([0.0, 0.0, 0.18])
"""How far a grasped cube is lifted, over a stack of two [m]."""

HAND_REACH = 0.14
"""Half the width of the hand along the line of the fingers, and a margin [m]."""

LONGEST_MOVE = 90
"""Steps after which a movement is taken as it is."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How one attempt is done.

    Attributes:
        lead: Largest commanded distance from the hand [m].
        turn: Largest commanded rotation from the hand [rad].
        pause: Steps of rest between movements.
        clearance: Height over a cube's centre at which the hand travels [m].
        lift: Largest commanded distance from the hand while it lifts a cube [m].
        grasp: Where the hand grasps, relative to the cube's centre [m].
        yaw: How far the grasp is turned from square to the cube [rad].
    """

    lead: float
    turn: float
    pause: int
    clearance: float
    lift: float
    grasp: tuple[float, float, float]
    yaw: float

    @classmethod
    def draw(cls) -> Style:
        """Draw a style from the process's random numbers."""
        return cls(
            lead=random.uniform(0.075, 0.11),
            turn=random.uniform(0.35, 0.55),
            pause=random.randint(0, 2),
            clearance=random.uniform(0.10, 0.13),
            lift=random.uniform(0.17, 0.21),
            grasp=(random.gauss(0, 0.002), random.gauss(0, 0.002), random.uniform(-0.003, 0.005)),
            yaw=random.gauss(0, 0.03),
        )


class ExpertPolicy:
    """Stacks cube_2 on cube_1, and cube_3 on cube_2.

    Args:
        environment: The environment, open.
    """

    def __init__(self, environment: Environment):
        self._environment = environment
        environment.facts["source"] = {"expert": "scripted"}

    async def act(self, flight: Flight, rendezvous: Rendezvous) -> None:
        """See `Policy.act`."""
        await rendezvous.resets.put(flight.env)
        await rendezvous.resets.join()
        hand = _Hand(self._environment, flight.env, rendezvous)
        for upper, lower in (("cube_2", "cube_1"), ("cube_3", "cube_2")):
            style = Style.draw()
            await self._stack(hand, style, upper, lower)

    def reset(self, flight: Flight) -> None:
        """Reset the environment with its own randomisation."""
        env = self._environment.env
        env.reset(env_ids=torch.tensor([flight.env], dtype=torch.int64, device=env.device))

    def judge(self, flight: Flight, *, success: bool) -> str | None:
        """A demonstration is a source only if all its subtasks are told apart."""
        missing = [signal for signal, step in flight.signals.items() if step is None]
        return f"signal '{missing[0]}' never came" if success and missing else None

    async def _stack(self, hand: _Hand, style: Style, upper: str, lower: str) -> None:
        over = torch.tensor([0.0, 0.0, style.clearance])
        # Approach and descend.
        grasp = _grasp_pose(hand, style, upper)
        await hand.move(_moved(grasp, over), OPEN, style, near=0.012)
        await hand.move(grasp, OPEN, style, near=0.004)
        # Close and lift, at once and briskly: Mimic ends the segment ten to twenty steps after the grasp, and what
        # follows moves the cube sideways from there, past everything that stands on the table.
        await hand.rest(CLOSED, 5)
        hand_from_cube = torch.linalg.inv(hand.pose) @ hand.cube(upper)
        await hand.move(_moved(hand.pose, LIFT), CLOSED, dataclasses.replace(style, lead=style.lift), near=0.04)
        # Move, lower, let go.
        place = hand.cube(upper)
        place[:3, 3] = hand.cube(lower)[:3, 3] + torch.tensor([0.0, 0.0, CUBE_EDGE + 0.002])
        goal = place @ torch.linalg.inv(hand_from_cube)
        goal[:3, :3] = hand.pose[:3, :3]
        await hand.move(_moved(goal, over * 0.6), CLOSED, style, near=0.006)
        await hand.move(goal, CLOSED, style, near=0.004)
        await hand.rest(CLOSED, style.pause)
        await hand.rest(OPEN, 6 + style.pause)
        # Retreat.
        await hand.move(_moved(hand.pose, over), OPEN, style, near=0.03)


class _Hand:
    """The robot's hand in one environment; positions in its frame [m], poses 4x4."""

    def __init__(self, environment: Environment, env_id: int, rendezvous: Rendezvous):
        self._env = environment.env
        self._env_id = env_id
        self._rendezvous = rendezvous
        (self._eef,) = self._env.cfg.subtask_configs

    @property
    def pose(self) -> torch.Tensor:
        return self._env.get_robot_eef_pose(self._eef, env_ids=[self._env_id])[0].clone()

    def cube(self, name: str) -> torch.Tensor:
        return self._env.get_object_poses(env_ids=[self._env_id])[name][0].clone()

    async def move(self, goal: torch.Tensor, gripper: float, style: Style, *, near: float) -> None:
        """Go to a pose, until the hand is within `near` [m] and 2 degrees of it."""
        for _ in range(LONGEST_MOVE):
            pose = self.pose
            gap = goal[:3, 3] - pose[:3, 3]
            turn = math_utils.axis_angle_from_quat(math_utils.quat_from_matrix(goal[:3, :3] @ pose[:3, :3].T))
            if gap.norm() < near and turn.norm() < 0.035:
                return
            target = pose.clone()
            target[:3, 3] += _shortened(GAIN * gap, style.lead)
            turn = _shortened(GAIN * turn, style.turn)
            angle = turn.norm()
            rotation = math_utils.quat_from_angle_axis(angle[None], (turn / angle.clamp(min=1e-9))[None])
            target[:3, :3] = math_utils.matrix_from_quat(rotation)[0] @ pose[:3, :3]
            await self._command(target, gripper)
        # A movement that does not arrive is not an error: the attempt goes on, and the success term judges it.

    async def rest(self, gripper: float, steps: int) -> None:
        """Stay for some steps."""
        pose = self.pose
        for _ in range(steps):
            await self._command(pose, gripper)

    async def _command(self, target: torch.Tensor, gripper: float) -> None:
        action = self._env.target_eef_pose_to_action(
            target_eef_pose_dict={self._eef: target},
            gripper_action_dict={self._eef: torch.tensor([gripper], device=target.device)},
            env_id=self._env_id,
        )
        await self._rendezvous.actions.put((self._env_id, action.reshape(-1)))
        await self._rendezvous.actions.join()


def _shortened(vector: torch.Tensor, longest: float) -> torch.Tensor:
    """The vector, shortened to a length if it is longer."""
    return vector * min(1.0, longest / max(float(vector.norm()), 1e-9))


def _moved(pose: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    moved = pose.clone()
    moved[:3, 3] += by
    return moved


def _grasp_pose(hand: _Hand, style: Style, name: str) -> torch.Tensor:
    """The hand's pose to grasp a cube: pointing down, square to the cube, the fingers clear of the other cubes.

    Of the four ways to be square, the one with the least turn from now is taken, unless the hand would reach over
    another cube.
    """
    cube, pose = hand.cube(name), hand.pose
    others = [hand.cube(other)[:2, 3] for other in ("cube_1", "cube_2", "cube_3") if other != name]
    yaw = float(torch.atan2(cube[1, 0], cube[0, 0]))
    now = float(torch.atan2(pose[1, 0], pose[0, 0]))

    def cost(candidate: float) -> float:
        turn = abs((candidate - now + torch.pi) % (2 * torch.pi) - torch.pi)
        fingers = torch.tensor([-torch.sin(torch.tensor(candidate)), torch.cos(torch.tensor(candidate))])
        blocked = 0
        for other in others:
            away = other - cube[:2, 3]
            along = float((away @ fingers).abs())
            across = float((away - (away @ fingers) * fingers).norm())
            blocked += along < HAND_REACH and across < 0.06
        return turn + 2.0 * blocked + (10.0 if turn > 2.2 else 0.0)

    best = min((yaw + quarter * torch.pi / 2 for quarter in range(4)), key=cost) + style.yaw
    heading = torch.tensor(best)
    grasp = torch.eye(4)
    # Down: the tool's z against the world's, its x along the heading.
    grasp[:3, 0] = torch.stack([torch.cos(heading), torch.sin(heading), torch.tensor(0.0)])
    grasp[:3, 1] = torch.stack([torch.sin(heading), -torch.cos(heading), torch.tensor(0.0)])
    grasp[:3, 2] = torch.tensor([0.0, 0.0, -1.0])
    grasp[:3, 3] = cube[:3, 3] + torch.tensor(style.grasp)
    return grasp
