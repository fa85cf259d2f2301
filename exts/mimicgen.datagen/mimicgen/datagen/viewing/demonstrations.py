"""A demonstration as it is shown: where everything was at every moment, what was done, and how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import attributes
from mimicgen.datagen.dataset.formats.language import Language, first_steps, outcome_text, subtasks_at
from mimicgen.datagen.dataset.formats.rotations import quaternions_of
from mimicgen.datagen.dataset.sources.conventions import telling, to_xyzw, told_order
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.report import reading

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Where an asset was, a row a moment.

    Attributes:
        first: The step of the first row: what is recorded after a step is the moment of the next one.
        values: Poses, shape (moments, 7): position [m] and quaternion (x, y, z, w), in the environment's frame; or
            positions of joints, shape (moments, joints) [rad or m].
    """

    first: int
    values: Floats


@dataclass(frozen=True)
class Part:
    """A subtask in a demonstration: what is done, in words, its first step, and one past its last."""

    words: str
    begin: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """A demonstration; step k is the moment before the k-th action, and the last one that after all of them.

    Attributes:
        name: What it is called.
        steps: How many actions it has.
        actions: Shape (steps, numbers).
        poses: Of robots' bases and objects, by asset.
        joints: Of robots and objects with parts, by asset; empty where no states are recorded.
        hands: Place of each hand before every step, shape (steps, 3) [m]; '' is the name of the only one.
        frames: Poses of each hand, where no states of robots are recorded that would show it.
        lanes: The subtasks of each end effector; '' is the name of one that nobody names.
        signals: Step at which each signal came.
        segments: The source segments that it was made from.
        success: Whether it is a success, None where nobody says.
        outcome: How it ended, in words.
        told: Its attributes.
    """

    name: str
    steps: int
    actions: Floats
    poses: Mapping[str, Motion]
    joints: Mapping[str, Motion]
    hands: Mapping[str, Floats]
    frames: Mapping[str, Motion]
    lanes: Mapping[str, Sequence[Part]]
    signals: Mapping[str, int]
    segments: list[dict[str, Any]]
    success: bool | None
    outcome: str
    told: dict[str, Any]


def read(file: h5py.File, name: str, language: Language) -> Demonstration:
    """Read a demonstration.

    Where no states are recorded, as in compact sources, objects are where their annotations say.

    Args:
        file: The file.
        name: What it is called.
        language: The task in words.

    Raises:
        SourceError: It says nowhere where anything was, has no rows of numbers where there should be some, or its
            quaternions are in no order that is known.
    """
    alive()
    demo = file["data"][name]
    legacy = told_order(file, [(name, telling(demo))]) == "wxyz"
    actions = reading.array(demo, "actions")
    steps = len(actions)
    poses: dict[str, Motion] = {}
    joints: dict[str, Motion] = {}
    for kind in ("articulation", "rigid_object"):
        for key, recorded in reading.groups(demo.get(f"states/{kind}")).items():
            before = demo.get(f"initial_state/{kind}/{key}")
            if "root_pose" in recorded:
                poses[key] = _motion(recorded, before, "root_pose", steps, 7)
                if legacy:
                    poses[key].values[:, 3:] = to_xyzw(poses[key].values[:, 3:])
            if kind == "articulation":
                joints[key] = _motion(recorded, before, "joint_position", steps)
    frames: dict[str, Motion] = {}
    if not poses:
        poses, frames = (_annotated(demo, kind) for kind in ("object_pose", "eef_pose"))
    if not poses and not joints:
        raise SourceError(
            f"source '{file.filename}', {name}: says nowhere where anything was; record its states, or leave it out"
        )
    told = attributes(demo)
    success = told.get("success")
    return Demonstration(
        name=name,
        steps=steps,
        actions=actions,
        poses=poses,
        joints=joints,
        hands=reading.hands(demo, steps) or reading.annotated_hands(demo),
        frames=frames,
        lanes={eef: _parts(texts) for eef, texts in subtasks_at(language, demo).items()},
        signals={signal: step for signal, step in first_steps(demo).items() if step is not None},
        segments=reading.segments(told.get("segments")),
        success=success if isinstance(success, bool) else None,
        outcome=outcome_text(demo),
        told=told,
    )


def _parts(texts: Sequence[str]) -> list[Part]:
    """Return the subtasks of which there is one text a step."""
    begins = [step for step, text in enumerate(texts) if not step or text != texts[step - 1]]
    return [Part(texts[begin], begin, end) for begin, end in zip(begins, [*begins[1:], len(texts)], strict=True)]


def _motion(recorded: h5py.Group, before: Any, what: str, steps: int, width: int | None = None) -> Motion:
    """Return what is recorded after every step, and before it what the initial state has, where there is one."""
    after = reading.array(recorded, what, steps, width)
    if not isinstance(before, h5py.Group) or what not in before:
        return Motion(first=1, values=np.nan_to_num(after))
    initial = reading.array(before, what, None, after.shape[1])
    return Motion(first=0, values=np.nan_to_num(np.concatenate([initial[:1], after])))


def _annotated(demo: h5py.Group, kind: str) -> dict[str, Motion]:
    poses = reading.annotated_poses(demo, kind)
    return {key: Motion(first=0, values=_as_rows(pose)) for key, pose in poses.items()}


def _as_rows(matrices: Floats) -> Floats:
    """Return 4x4 poses as positions and quaternions (x, y, z, w), shape (n, 7)."""
    poses = np.nan_to_num(matrices)
    return np.concatenate([poses[:, :3, 3], quaternions_of(poses[:, :3, :3])], axis=1)
