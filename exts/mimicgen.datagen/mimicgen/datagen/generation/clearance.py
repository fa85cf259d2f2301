"""Which ways lead the hand into something else.

The strategies choose a segment by its own object. What stands beside that object is where it is by chance, and a wide
hand lands on it: a stack of two objects, 10 cm from the third, kept 4% of the attempts from reaching the third
(`docs/physics.md`). Another demonstration grasps it across, and does not.

The hand is what the robot's file says of the link that the tool is fixed to: capsules. Objects are what their shapes
are bounded by: spheres. Both are found once; what is asked at every plan is the distance of points from lines.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import isaaclab.utils.math as pose_math
import numpy as np
import torch
from numpy.typing import NDArray

from mimicgen.datagen.robots.schema import Box, Capsule, Collider, Cylinder, Sphere
from mimicgen.datagen.tasks.catalogue import Described, EndEffector
from mimicgen.datagen.tasks.geometry import bounds, rotation_matrix
from mimicgen.datagen.tasks.objects import Object

LOOKS = 16
"""Poses of a segment at which it is looked."""

AT_ONCE = 20_000_000
"""Distances of spheres from a line that are computed together; a few numbers of each are in memory."""

FINEST = 8
"""An object's longest edge is divided into at most so many parts."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A capsule of a hand.

    Attributes:
        centre: In the end effector's frame [m], shape (3,).
        frame: `eef_from_capsule`, shape (3, 3); the capsule lies along y.
        height: Of the cylinder alone [m].
        radius: Of the cylinder and its two half spheres [m].
    """

    centre: torch.Tensor
    frame: torch.Tensor
    height: float
    radius: float

    def to(self, device: torch.device) -> Line:
        """Return it on a device."""
        return dataclasses.replace(self, centre=self.centre.to(device), frame=self.frame.to(device))


class Clearance:
    """Tells which ways of a hand lead into an object.

    Args:
        described: The task.
        eef: The end effector.
    """

    def __init__(self, described: Described, eef: EndEffector):
        colliders = eef.model.touching(eef.arm.body)
        self._lines = [line for collider in colliders for line in lines_of(collider, eef.arm.tool)]
        self._spheres = {
            name: spheres_of(content, described.path.parent) for name, content in described.task.objects.items()
        }
        self._there: dict[torch.device, _Shapes] = {}
        """On the devices where it was asked: to send them anew takes longer than what is computed of them."""

    @property
    def knows_the_hand(self) -> bool:
        """Whether the robot's file says what the hand looks like."""
        return bool(self._lines)

    def blocked(
        self, eef_poses: torch.Tensor, object_poses: Mapping[str, torch.Tensor], spared: Collection[str | None]
    ) -> torch.Tensor:
        """Return which ways lead the hand into an object.

        Args:
            eef_poses: `world_from_eef`, shape (n, ways, steps, 4, 4).
            object_poses: `world_from_object` by object, shape (n, 4, 4) each; on the same device.
            spared: Objects that do not count: the hand goes to them, or holds them.

        Returns:
            Shape (n, ways), bool.
        """
        device = eef_poses.device
        others = [name for name in object_poses if name in self._spheres and name not in spared]
        if not others or not self._lines:
            return torch.zeros(eef_poses.shape[:2], dtype=torch.bool, device=device)
        if device not in self._there:
            self._there[device] = _Shapes(self._lines, self._spheres, device)
        shapes = self._there[device]
        centres = torch.cat([_placed(shapes.centres[name], object_poses[name]) for name in others], dim=1)
        radii = torch.cat([shapes.radii[name] for name in others])
        at_once = max(1, AT_ONCE // (eef_poses[0, ..., 0, 0].numel() * len(radii)))
        parts = zip(eef_poses.split(at_once), centres.split(at_once), strict=True)
        return torch.cat([_meets(shapes.lines, ways, spheres, radii) for ways, spheres in parts])


class _Shapes:
    """A hand's lines and the objects' spheres on a device: centres, shape (spheres, 3), and radii, (spheres,) [m]."""

    def __init__(self, lines: Iterable[Line], spheres: Mapping[str, tuple[torch.Tensor, float]], device: torch.device):
        self.lines = [line.to(device) for line in lines]
        self.centres = {name: centres.to(device) for name, (centres, _) in spheres.items()}
        self.radii = {name: torch.full((len(own),), radius, device=device) for name, (own, radius) in spheres.items()}


def _meets(lines: Iterable[Line], eef_poses: torch.Tensor, centres: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:
    """Return which ways lead the hand into spheres, shape (n, ways), bool.

    Args:
        lines: Of the hand.
        eef_poses: `world_from_eef`, shape (n, ways, steps, 4, 4).
        centres: In the world [m], shape (n, spheres, 3).
        radii: Theirs [m], shape (spheres,).
    """
    found = torch.zeros(eef_poses.shape[:2], dtype=torch.bool, device=eef_poses.device)
    rotations, positions = eef_poses[..., :3, :3], eef_poses[..., :3, 3]
    between = centres[:, None, None] - positions[..., None, :]  # (n, ways, steps, spheres, 3)
    seen = between @ rotations  # in the end effector's frame
    for line in lines:
        x, y, z = ((seen - line.centre) @ line.frame).unbind(-1)
        along = (y.abs() - line.height / 2).clamp(min=0.0)
        distances = torch.sqrt(x**2 + along**2 + z**2)
        found |= (distances < line.radius + radii).flatten(-2).any(dim=-1)
    return found


def clearances_of(described: Described | None, eefs: Collection[str]) -> dict[str, Clearance]:
    """Return what tells which ways of a hand are clear, by end effector.

    Args:
        described: What a file says of the task.
        eefs: The end effectors as the environment calls them; one alone may have another name in the file.

    Returns:
        Those of the hands of which their robots' files say what they look like.
    """
    if described is None:
        return {}
    found = {eef: Clearance(described, described.eef(eef)) for eef in eefs}
    return {eef: clearance for eef, clearance in found.items() if clearance.knows_the_hand}


def lines_of(collider: Collider, tool: tuple[float, float, float]) -> Iterable[Line]:
    """Yield the capsules that a collider of a hand is contained in.

    Args:
        collider: In the frame of the link.
        tool: The end effector's frame in that of the link: position [m].
    """
    turn = rotation_matrix(collider.rotation)
    if isinstance(collider, Box):
        small, middle, long = np.argsort(collider.size, kind="stable")
        edge, wide, height = (collider.size[axis] for axis in (small, middle, long))
        count = round(wide / edge)
        for index in range(count):
            aside = np.zeros(3)
            aside[middle] = (index + 0.5) * wide / count - wide / 2
            centre = np.array(collider.position) + turn @ aside
            yield _line(centre, turn, int(long), height=height - edge, radius=edge / np.sqrt(2), tool=tool)
        return
    axis = "y" if isinstance(collider, Sphere) else collider.axis
    height = 0.0 if isinstance(collider, Sphere) else collider.height
    assert isinstance(collider, (Sphere, Cylinder, Capsule))
    yield _line(np.array(collider.position), turn, "xyz".index(axis), height=height, radius=collider.radius, tool=tool)


def spheres_of(content: Object, folder: Path) -> tuple[torch.Tensor, float]:
    """Return the centres, shape (spheres, 3), and the radius of the spheres that an object is taken for [m].

    The box around it is divided into parts with edges as long as its smallest, but not finer than `FINEST`. Each counts
    as what is nearer to its middle than half a diagonal of a face, to the millimetre.

    Args:
        content: The object.
        folder: Folder of the task file.
    """
    low, high = bounds(content, folder)
    edges = high - low
    edge = max(float(edges.min()), float(edges.max()) / FINEST)
    if edge == 0.0:
        return torch.zeros(1, 3), 0.0
    counts = [max(1, round(float(own) / edge)) for own in edges]
    grids = [
        start + own * (np.arange(count) + 0.5) / count for start, own, count in zip(low, edges, counts, strict=True)
    ]
    centres = torch.tensor(list(itertools.product(*grids)), dtype=torch.float32)
    return centres, round(edge / np.sqrt(2), 3)


def looked_at(eef_poses: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """Return some poses of a segment of every demonstration.

    Args:
        eef_poses: Of the demonstrations, shape (demonstrations, steps, 4, 4).
        starts: First steps of segments, shape (n, demonstrations).
        ends: Steps after their last, likewise.

    Returns:
        Shape (n, demonstrations, LOOKS, 4, 4).
    """
    parts = torch.linspace(0.0, 1.0, LOOKS, device=eef_poses.device)
    steps = (starts[..., None] + parts * (ends - 1 - starts)[..., None]).long()
    return eef_poses[torch.arange(len(eef_poses), device=eef_poses.device)[:, None], steps]


def moved(eef_poses: torch.Tensor, source_poses: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """Return the ways of a hand as they are when an object that they go to lies elsewhere.

    Args:
        eef_poses: `world_from_eef`, shape (..., steps, 4, 4).
        source_poses: `world_from_object` in the source, shape (..., 4, 4).
        poses: `world_from_object` now, likewise.
    """
    return (poses @ pose_math.pose_inv(source_poses))[..., None, :, :] @ eef_poses


def _placed(points: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """Return points of an object's frame, shape (points, 3), in the world: shape (n, points, 3)."""
    return (poses[:, None, :3, :3] @ points[:, :, None])[..., 0] + poses[:, None, :3, 3]


def _line(
    centre: NDArray[np.float64],
    turn: NDArray[np.float64],
    axis: int,
    *,
    height: float,
    radius: float,
    tool: tuple[float, float, float],
) -> Line:
    """Return a capsule along an axis of a collider, whose frame is turned in the link's."""
    order = [(axis - 1) % 3, axis, (axis + 1) % 3]
    seen = torch.tensor([float(own) - at for own, at in zip(centre, tool, strict=True)])
    frame = torch.tensor(turn[:, order], dtype=torch.float32)
    return Line(centre=seen, frame=frame, height=height, radius=float(radius))
