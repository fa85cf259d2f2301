"""Converting files of Isaac Lab 2.x, quaternions w, x, y, z, to the format of Isaac Lab 3.0: all of them, or none.

Nothing is guessed. Every array that could hold a quaternion (floating point, rows of four or more) is either known to
hold some, and where, or known to hold none; otherwise the file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import h5py

from mimicgen.datagen.dataset.families import task_family
from mimicgen.datagen.dataset.files import datasets_in, demo_names, natural_order, open_source, recorded_task
from mimicgen.datagen.dataset.sources.commands import Command, quaternions
from mimicgen.datagen.dataset.sources.conventions import FORMAT_VERSION, quaternion_order, to_xyzw
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.sources.layouts import ROOT_POSE, Layout, observations
from mimicgen.datagen.dataset.sources.plausible import MotionOf
from mimicgen.datagen.dataset.tools.copying import written
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.version import __version__

CONVERTED = "converted"
"""File attribute that says who reordered the quaternions of a file."""

_WITHOUT = frozenset(
    {"joint_position", "joint_velocity", "root_velocity", "nodal_position", "nodal_velocity"}  # states
    | {"joint_pos", "joint_vel", "eef_pos", "gripper_pos"}  # observations
)
"""Arrays, by the last part of their path, that hold no quaternions in any task."""

_ACTIONS = frozenset({"actions", "obs/actions", "processed_actions"})

_GRIPPER = 2
"""Numbers that actions have for a gripper at most, after its hand's pose."""


def convert_legacy(source: Path, target: Path, motion_of: MotionOf) -> None:
    """Write a copy of an Isaac Lab 2.x file with every quaternion reordered from w, x, y, z to x, y, z, w.

    Reordered: `root_pose` in `initial_state` and `states`; the observations that `data/observations.toml` names; the
    actions of tasks with absolute poses. Everything else is copied as it is, with attributes, chunks and compression;
    demonstrations are in natural order. One array is in memory at a time.

    Args:
        source: File of Isaac Lab 2.x.
        target: File to write; see `mimicgen.datagen.dataset.replacing.new_file`.
        motion_of: Tells what is known of a task's robots, by its registered name.

    Raises:
        SourceError: The source cannot be read, is not in w, x, y, z, has links to elsewhere, or has an array of which
            nobody knows whether it holds quaternions.
        OutputError: The target cannot be written.
    """
    with open_source(source) as file:
        if quaternion_order(file) != "wxyz":
            raise SourceError(f"source '{source}' has its quaternions in x, y, z, w already; use it as it is")
        layouts = _layouts(file, motion_of(recorded_task(file)).commands)
        with written(target, source) as copy:
            _copy_group(file, copy, layouts)
            copy.attrs["format_version"] = FORMAT_VERSION
            copy.attrs[CONVERTED] = (
                f"by mimicgen.datagen {__version__}: quaternions of '{source.name}' from w, x, y, z to x, y, z, w"
            )


def _layouts(file: h5py.File, commands: Sequence[Command]) -> dict[str, Layout]:
    """Return the arrays that hold quaternions, by their path in the file, with their layout."""
    task = recorded_task(file)
    layouts: dict[str, Layout] = {}
    for demo in demo_names(file):
        for path, dataset in datasets_in(file["data"][demo]):
            try:
                layout = _layout(path, dataset, task, commands)
            except KeyError as error:
                raise SourceError(
                    f"source '{file.filename}', {demo}: nobody knows whether '{path}', shape {dataset.shape}, holds "
                    f"quaternions in task '{task or 'of no name'}'; remove the array, or record the file again"
                ) from error
            if layout is not None:
                layouts[dataset.name] = layout
    return layouts


def _layout(path: str, dataset: h5py.Dataset, task: str, commands: Sequence[Command]) -> Layout | None:
    """Return where an array of a demonstration holds quaternions, None if it holds none.

    Raises:
        KeyError: It could hold some, and it is not known where.
    """
    width = dataset.shape[-1] if dataset.ndim else 0
    kind, name = path.split("/")[0], path.split("/")[-1]
    if name == "root_pose" and kind in ("initial_state", "states") and width == ROOT_POSE.width:
        return ROOT_POSE
    named = re.search("quat|orientation|root_pose", name) is not None
    if dataset.dtype.kind != "f" or (width < 4 and not named):
        return None
    if path in _ACTIONS:
        return _layout_of_actions(path, width, task, commands)
    observed = observations(task_family(task)).get(path)
    if observed is not None and observed.width == width:
        return observed
    pose = path.startswith("obs/datagen_info/") and dataset.shape[1:] == (4, 4)
    if not named and (pose or name in _WITHOUT):
        return None
    raise KeyError(path)


def _layout_of_actions(path: str, width: int, task: str, commands: Sequence[Command]) -> Layout | None:
    absolute = quaternions(commands)
    end = max((command.end for command in commands), default=0)
    if commands and end <= width <= end + _GRIPPER:
        return Layout(width=width, quaternions=absolute) if absolute else None
    if not task or absolute or "-Abs" in task:
        raise KeyError(path)
    return None


def _copy_group(source: h5py.Group, target: h5py.Group, layouts: dict[str, Layout]) -> None:
    """Copy attributes and members, and reorder the quaternions of the copy, one array at a time."""
    for name, value in source.attrs.items():
        target.attrs[name] = value
    alive()
    for name in sorted(source, key=natural_order):
        member = source[name]
        if isinstance(member, h5py.Group):
            _copy_group(member, target.create_group(name, track_order=True), layouts)
            continue
        source.copy(member, target, name=name)
        if member.name in layouts:
            values = member[:]
            for start in layouts[member.name].starts:
                values[..., start : start + 4] = to_xyzw(values[..., start : start + 4])
            target[name][:] = values
