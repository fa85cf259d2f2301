"""State and action as vectors, by the name of how they are represented; every number has a name.

Of step k the state is that before the step, what its observation saw. Poses are in the environment's frame: positions
[m], quaternions x, y, z, w. Angles are in rad. A gripper's command is as it was recorded: above 0 opens, below 0
closes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import natural_order
from mimicgen.datagen.dataset.formats.embodiment import Embodiment, Hand, matching
from mimicgen.datagen.dataset.formats.rotations import axis_angles, quaternions_of
from mimicgen.datagen.dataset.sources.conventions import QuaternionOrder, spelled, to_xyzw
from mimicgen.datagen.errors import SourceError

StateKind = Literal["joints", "eef", "joints_eef"]
STATES: dict[StateKind, str] = {
    "joints": "positions of every arm's joints and of its gripper's",
    "eef": "pose of every end effector, and positions of its gripper's joints",
    "joints_eef": "both",
}
"""Representations of the state."""

ActionKind = Literal["recorded", "joints", "eef_absolute", "eef_relative"]
ACTIONS: dict[ActionKind, str] = {
    "recorded": "as it was recorded and applied; what 'import' and 'annotate' take back",
    "joints": "positions of the same joints after the step",
    "eef_absolute": "pose that every end effector was told to reach, and its gripper's command",
    "eef_relative": "the same pose relative to where the end effector is: move and turn, in the environment's axes",
}
"""Representations of the action."""

Floats = NDArray[np.float32]
Joints = dict[str, tuple[str, ...]]
"""Names of joints by robot, in the order in which they are recorded."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Numbers of a vector that belong together.

    Attributes:
        key: What they are called together, for instance 'arm', 'left_gripper', 'eef_rotation'.
        names: What each is.
        about: What they are, in words, with unit and frame.
        rotation: How they say a rotation, if they do.
        absolute: Whether they say where something is, and not how it moves.
    """

    key: str
    names: tuple[str, ...]
    about: str
    rotation: Literal["quaternion", "axis_angle"] | None = None
    absolute: bool = True


@dataclass(frozen=True)
class Vectors:
    """A vector a step.

    Attributes:
        parts: What its numbers are, in order.
        rows: Shape (steps, numbers).
    """

    parts: tuple[Part, ...]
    rows: Floats

    @property
    def names(self) -> list[str]:
        """What each number is."""
        return [name for part in self.parts for name in part.names]


_Pieces = list[tuple[Part, NDArray[Any]]]


class Representations:
    """Makes vectors of demonstrations of one file.

    Args:
        body: The robots of the task.
        joints: Names of their joints in the recorded order, as far as they are known.
        order: Of the quaternions in `states`.

    Attributes:
        joints: See above.
    """

    def __init__(self, body: Embodiment, joints: Joints, order: QuaternionOrder):
        self._body = body
        self.joints = joints
        self._order = order

    def state(self, demo: h5py.Group, kind: StateKind) -> Vectors:
        """Return the state before every step.

        Raises:
            SourceError: What it is made of was not recorded; the message is for a list of reasons.
        """
        pieces: _Pieces = []
        if kind in ("joints", "joints_eef"):
            pieces += self._positions(demo, before=True)
        if kind in ("eef", "joints_eef"):
            pieces += self._poses(demo, grippers=kind == "eef")
        return _joined(pieces)

    def action(self, demo: h5py.Group, kind: ActionKind) -> Vectors:
        """Return the action of every step.

        Raises:
            SourceError: What it is made of was not recorded; the message is for a list of reasons.
        """
        match kind:
            case "recorded":
                return _joined(self._recorded(_array(demo, "actions", 2)))
            case "joints":
                return _joined(self._positions(demo, before=False))
            case "eef_absolute" | "eef_relative":
                return _joined(self._targets(demo, relative=kind == "eef_relative"))

    def objects(self, demo: h5py.Group) -> Vectors:
        """Return the pose of every object before every step.

        Raises:
            SourceError: They were not recorded; the message is for a list of reasons.
        """
        names = sorted(_group(demo, "states/rigid_object"), key=natural_order)
        pieces: _Pieces = []
        for name in names:
            poses = _before(demo, f"rigid_object/{name}/root_pose", width=7)
            if self._order == "wxyz":
                poses = np.concatenate([poses[:, :3], to_xyzw(poses[:, 3:])], axis=1)
            pieces += _pose(f"{name}_", "the object", poses)
        return _joined(pieces)

    def _recorded(self, actions: NDArray[Any]) -> _Pieces:
        width = actions.shape[1]
        if width != self._body.width:  # of a task that is not known, or of which no hand tells all
            names = tuple(f"action_{index}" for index in range(width))
            about = "as recorded; how the task's robots take it is not known"
            return [(Part(key="action", names=names, about=about, absolute=False), actions)]
        pieces: _Pieces = []
        for hand in self._body.hands:
            prefix, command = self._body.prefix(hand), hand.command
            columns = actions[:, command.columns]
            if command.relative:
                whole = f"in units of {hand.scale:g} m" if hand.scale != 1 else "[m]"
                turn = f"in units of {hand.scale:g} rad" if hand.scale != 1 else "[rad]"
                axes = "in the axes of the robot's base"
                move, spin = f"move of the end effector {axes}, {whole}", f"its turn {axes}, axis times angle, {turn}"
                pieces += _pose_parts(prefix, move, spin, columns, relative=True)
            else:
                told = "in the frame of the robot's base"
                first, second = f"position to reach [m], {told}", f"rotation to reach, {told}"
                pieces += _pose_parts(prefix, first, second, columns, order=self._order)
            if hand.gripper_column is not None:
                pieces.append(_command(prefix, actions[:, hand.gripper_column]))
        return pieces

    def _positions(self, demo: h5py.Group, *, before: bool) -> _Pieces:
        """Return the positions of the joints of arms and grippers; of all, where they are not known by name."""
        robots = self._body.robots or tuple(sorted(_group(demo, "states/articulation"), key=natural_order))
        pieces: _Pieces = []
        for robot in robots:
            path = f"articulation/{robot}/joint_position"
            rows = _before(demo, path) if before else _array(demo, f"states/{path}", 2)
            names = self.joints.get(robot, ())
            own = f"{robot}_" if len(robots) > 1 else ""
            if len(names) != rows.shape[1]:
                plain = tuple(f"{own}joint_{index}.pos" for index in range(rows.shape[1]))
                pieces.append((Part(key=f"{own}joints", names=plain, about="joint positions [rad, m]"), rows))
                continue
            for hand in self._body.hands:
                if hand.robot == robot:
                    pieces += self._of_hand(hand, names, own, rows)
        return pieces

    def _of_hand(self, hand: Hand, names: Sequence[str], own: str, rows: NDArray[Any]) -> Iterator[Any]:
        prefix = self._body.prefix(hand)
        for key, patterns in (("arm", hand.arm), ("gripper", hand.gripper)):
            columns = matching(names, patterns)
            if columns:
                told = tuple(f"{own}{names[index]}.pos" for index in columns)
                about = f"positions of the {key}'s joints [rad, m]"
                yield Part(key=f"{prefix}{key}", names=told, about=about), rows[:, columns]

    def _poses(self, demo: h5py.Group, *, grippers: bool) -> _Pieces:
        pieces: _Pieces = []
        for name, prefix, hand in self._eefs(demo):
            matrices = _array(demo, f"obs/datagen_info/eef_pose/{name}", 3)
            pieces += _pose(f"{prefix}eef_", "the end effector", _flat(matrices))
            if grippers and hand is not None:
                joints = self._positions(demo, before=True)
                pieces += [piece for piece in joints if piece[0].key == f"{prefix}gripper"]
        return pieces

    def _targets(self, demo: h5py.Group, *, relative: bool) -> _Pieces:
        actions = _array(demo, "actions", 2)
        if not self._body.hands or actions.shape[1] != self._body.width:
            raise SourceError("which columns of its actions are the grippers' is not known; pass --action recorded")
        pieces: _Pieces = []
        for name, prefix, hand in self._eefs(demo):
            targets = _array(demo, f"obs/datagen_info/target_eef_pose/{name}", 3)
            if relative:
                poses = _array(demo, f"obs/datagen_info/eef_pose/{name}", 3)
                turns = axis_angles(targets[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1))
                rows = np.concatenate([targets[:, :3, 3] - poses[:, :3, 3], turns], axis=1)
                move, spin = "move to the pose to reach [m]", "turn to it, axis times angle [rad]"
                pieces += _pose_parts(f"{prefix}eef_", move, spin, rows, relative=True)
            else:
                pieces += _pose(f"{prefix}eef_", "the pose to reach", _flat(targets))
            if hand is not None and hand.gripper_column is not None:
                pieces.append(_command(prefix, actions[:, hand.gripper_column]))
        return pieces

    def _eefs(self, demo: h5py.Group) -> Iterator[tuple[str, str, Hand | None]]:
        """Yield what a file calls each end effector, what its numbers begin with, and the hand, where it is known."""
        recorded = sorted(_group(demo, "obs/datagen_info/eef_pose"), key=natural_order)
        hands = self._body.hands
        if len(recorded) == 1:  # whatever Isaac Lab's task calls it
            yield recorded[0], "", hands[0] if len(hands) == 1 else None
            return
        known = {hand.eef: hand for hand in hands}
        for name in [name for name in known if name in recorded] or recorded:
            yield name, f"{name}_", known.get(name)


def _pose(prefix: str, whose: str, poses: NDArray[Any]) -> _Pieces:
    where = "in the environment's frame"
    return _pose_parts(prefix, f"position of {whose} [m], {where}", f"rotation of {whose}, {where}", poses)


def _pose_parts(
    prefix: str,
    position: str,
    turn: str,
    rows: NDArray[Any],
    *,
    relative: bool = False,
    order: QuaternionOrder = "xyzw",
) -> _Pieces:
    """Return position and rotation: a move and a turn, or a place and a quaternion."""
    kind: Literal["quaternion", "axis_angle"] = "axis_angle" if relative else "quaternion"
    if not relative:
        turn = f"{turn}: quaternion {spelled(order)}"
    places = tuple(f"{prefix}{name}" for name in (("dx", "dy", "dz") if relative else "xyz"))
    turns = tuple(f"{prefix}{name}" for name in (("rx", "ry", "rz") if relative else (f"q{one}" for one in order)))
    absolute = not relative
    return [
        (Part(key=f"{prefix}position", names=places, about=position, absolute=absolute), rows[:, :3]),
        (Part(key=f"{prefix}rotation", names=turns, about=turn, rotation=kind, absolute=absolute), rows[:, 3:]),
    ]


def _command(prefix: str, column: NDArray[Any]) -> tuple[Part, NDArray[Any]]:
    about = "command of the gripper: above 0 opens, below 0 closes"
    return Part(key=f"{prefix}gripper", names=(f"{prefix}gripper",), about=about), column[:, None]


def _flat(matrices: NDArray[Any]) -> NDArray[Any]:
    """Return poses, shape (steps, 4, 4), as positions and quaternions x, y, z, w, shape (steps, 7)."""
    if matrices.shape[1:] != (4, 4):
        raise SourceError("its poses in 'obs/datagen_info' are no 4x4 matrices")
    return np.concatenate([matrices[:, :3, 3], quaternions_of(matrices[:, :3, :3])], axis=1)


def _before(demo: h5py.Group, path: str, width: int | None = None) -> NDArray[Any]:
    """Return what was recorded after every step as it was before it: from the initial state on."""
    after, initial = _array(demo, f"states/{path}", 2), _array(demo, f"initial_state/{path}", 2, steps=False)
    if initial.shape[1] != after.shape[1] or not len(initial) or (width is not None and after.shape[1] != width):
        raise SourceError(f"its 'states/{path}' and 'initial_state/{path}' do not fit together")
    return np.concatenate([initial[:1], after[:-1]])


def _array(demo: h5py.Group, path: str, dimensions: int, *, steps: bool = True) -> NDArray[Any]:
    found = demo.get(path)
    if not isinstance(found, h5py.Dataset):
        raise SourceError(f"has no '{path}'; see whether another --state or --action does without")
    if found.ndim != dimensions or found.dtype.kind not in "fiu" or (steps and len(found) != len(demo["actions"])):
        raise SourceError(f"its '{path}' has shape {found.shape} and type {found.dtype}, which does not serve")
    return np.asarray(found[()])


def _group(demo: h5py.Group, path: str) -> h5py.Group:
    found = demo.get(path)
    if not isinstance(found, h5py.Group) or not len(found):
        raise SourceError(f"has nothing in '{path}'")
    return found


def _joined(pieces: _Pieces) -> Vectors:
    if not pieces:
        raise SourceError("has nothing that it could be made of")
    rows = np.concatenate([rows for _, rows in pieces], axis=1)
    with np.errstate(over="ignore"):
        narrow = rows.astype(np.float32)
    if not np.isfinite(narrow).all():
        raise SourceError("has numbers that are not finite")
    return Vectors(tuple(part for part, _ in pieces), narrow)
