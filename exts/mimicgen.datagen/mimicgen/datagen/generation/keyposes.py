"""Where a scripted expert's hand is to be, by the key poses of a task's file (`KeyPose` in `tasks/schema.py`).

All poses are 4x4 and on the host, those of one environment.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import isaaclab.utils.math as pose_math
import torch

from mimicgen.datagen.generation.clearance import Clearance
from mimicgen.datagen.tasks.geometry import rotation_matrix
from mimicgen.datagen.tasks.schema import KeyPose

ROUND = 12
"""Ways to grasp what is round that are looked at."""

FAR = 2.2
"""A hand that turns farther [rad] comes to the end of a wrist's range; only where nothing else is left."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What an attempt has drawn for a key pose.

    Attributes:
        rise: Added height [m].
        deviation: From the key pose's position [m].
        yaw: From the key pose's orientation, about the vertical [rad].
        rest: Steps to stay there.
    """

    rise: float
    deviation: tuple[float, ...]
    yaw: float
    rest: int

    @classmethod
    def of(cls, pose: KeyPose) -> Drawn:
        """Draw from the process's random numbers."""
        return cls(
            rise=random.uniform(*pose.rise),
            deviation=tuple(random.gauss(0.0, spread) for spread in pose.vary),
            yaw=random.gauss(0.0, pose.vary_yaw),
            rest=random.randint(*pose.rest),
        )


class KeyPoses:
    """The key poses of an end effector.

    Args:
        poses: What the file says, in order.
        clearance: Tells in which ways the hand lands on something else.
    """

    def __init__(self, poses: Sequence[KeyPose], clearance: Clearance):
        self._poses = poses
        self._clearance = clearance

    def goal(
        self, index: int, drawn: Drawn, eef_pose: torch.Tensor, object_poses: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Return `world_from_eef` of a key pose.

        Args:
            index: Which.
            drawn: What the attempt has drawn for it.
            eef_pose: `world_from_eef` as the hand sets out.
            object_poses: `world_from_object` then, by object.
        """
        pose = self._poses[index]
        led = object_poses[pose.carried] if pose.carried is not None else eef_pose
        reference = object_poses[pose.to] if pose.to is not None else led
        led_from_eef = pose_math.pose_inv(led) @ eef_pose
        ways = self._orientations(pose, eef_pose, led, reference)
        rotation = ways[0]
        if len(ways) > 1:
            turns = torch.tensor([_angle(way @ eef_pose[:3, :3].T) for way in ways])
            looks = torch.stack([self._looks(index, way, reference, led_from_eef) for way in ways])
            others = {name: own[None] for name, own in object_poses.items()}
            blocked = self._clearance.blocked(looks[None], others, {pose.to, pose.carried})[0]
            rotation = ways[int(torch.argmin(turns + 2.0 * blocked + 10.0 * (turns > FAR)))]
        rotation = _about_z(drawn.yaw) @ rotation
        offset = torch.tensor(pose.position) + torch.tensor(drawn.deviation)
        return _placed(pose, rotation, offset, drawn.rise, reference, led_from_eef)

    def _looks(
        self, index: int, rotation: torch.Tensor, reference: torch.Tensor, led_from_eef: torch.Tensor
    ) -> torch.Tensor:
        """Return where a hand is there, without what is drawn, and in what it does next as it is turned there."""
        pose = self._poses[index]
        found = [_placed(pose, rotation, torch.tensor(pose.position), 0.0, reference, led_from_eef)]
        for after in self._poses[index + 1 :]:
            if (after.to, after.carried, after.orientation) != (pose.to, pose.carried, "keep"):
                break
            found.append(_placed(after, rotation, torch.tensor(after.position), 0.0, reference, led_from_eef))
        return torch.stack(found)

    def _orientations(
        self, pose: KeyPose, eef_pose: torch.Tensor, led: torch.Tensor, reference: torch.Tensor
    ) -> list[torch.Tensor]:
        """Return the orientations of the hand that are as good as each other, shape (3, 3) each."""
        if pose.orientation == "keep":
            return [eef_pose[:3, :3]]
        count = pose.symmetry or ROUND
        turns = [2 * math.pi * way / count for way in range(count)]
        if pose.orientation == "object":
            own = torch.tensor(rotation_matrix(pose.rotation), dtype=torch.float32)
            eef_from_led = eef_pose[:3, :3].T @ led[:3, :3]
            return [reference[:3, :3] @ _about_z(turn) @ own @ eef_from_led.T for turn in turns]
        heading = _heading(eef_pose)
        if pose.symmetry:
            # Square to the object; what is carried is turned from what it is now, with the hand.
            from_led = heading - _heading(led) if pose.carried is not None else 0.0
            heading = _heading(reference) + pose.yaw + from_led
        return [_down(heading + turn) for turn in turns]


def _placed(
    pose: KeyPose,
    rotation: torch.Tensor,
    offset: torch.Tensor,
    rise: float,
    reference: torch.Tensor,
    led_from_eef: torch.Tensor,
) -> torch.Tensor:
    """Return the hand's pose in which what is led is at an offset from a reference, the hand turned as given."""
    if pose.axes == "object":
        offset = reference[:3, :3] @ offset
    position = reference[:3, 3] + offset + torch.tensor([0.0, 0.0, rise])
    eef_from_led = pose_math.pose_inv(led_from_eef)
    return pose_math.make_pose(position - rotation @ eef_from_led[:3, 3], rotation)


def _heading(pose: torch.Tensor) -> float:
    """Return where a pose's x axis points in the plane [rad]."""
    return math.atan2(float(pose[1, 0]), float(pose[0, 0]))


def _down(heading: float) -> torch.Tensor:
    """Return the orientation of a hand that points down: its z against the world's, its x along a heading [rad]."""
    c, s = math.cos(heading), math.sin(heading)
    return torch.tensor([[c, s, 0.0], [s, -c, 0.0], [0.0, 0.0, -1.0]])


def _about_z(angle: float) -> torch.Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _angle(rotation: torch.Tensor) -> float:
    """Return by how much a rotation turns [rad]."""
    return math.acos(min(1.0, max(-1.0, (float(rotation.trace()) - 1.0) / 2.0)))
