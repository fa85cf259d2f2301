"""Joining files of demonstrations into one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py

from mimicgen.datagen.dataset.families import task_family
from mimicgen.datagen.dataset.files import (
    attribute,
    attributes,
    demo_names,
    env_args,
    main_arrays,
    open_source,
    parents,
)
from mimicgen.datagen.dataset.names import PARENT
from mimicgen.datagen.dataset.sources.conventions import format_version, spelled
from mimicgen.datagen.dataset.sources.structure import is_images
from mimicgen.datagen.dataset.tools.copying import copy_attributes, copy_demos, read_masks, write_masks, written
from mimicgen.datagen.errors import SourceError

MERGED = "merged_from"
"""Attribute of a demonstration: file and name that it had before, JSON."""


def merge(sources: Sequence[Path], target: Path) -> int:
    """Write a file with the demonstrations of several, in their order, numbered anew.

    Everything a demonstration has is copied as it is stored. Of the files' own attributes, those that all have alike
    are kept; the attribute `provenance` has, for each file, its name, its demonstrations' new names and all of its
    attributes, its own `provenance` included. `mask` lists of the same name are joined.

    Args:
        sources: Files to merge.
        target: File to write; see `mimicgen.datagen.dataset.replacing.new_file`.

    Returns:
        The number of demonstrations.

    Raises:
        SourceError: A file cannot be read, or does not fit the first one.
        OutputError: The target cannot be written.
    """
    kinds = [_kind(path) for path in sources]
    for path, kind in zip(sources[1:], kinds[1:], strict=True):
        _refuse_difference(sources[0], kinds[0], path, kind)
    parts: list[dict[str, Any]] = []
    masks: dict[str, list[str]] = {}
    count = total = 0
    with written(target, *sources) as merged:
        data = merged.create_group("data", track_order=True)
        for path in sources:
            with open_source(path) as file:
                if path == sources[0]:
                    copy_attributes(file, merged)
                    copy_attributes(file["data"], data)
                _keep_equal(merged, file)
                _keep_equal(data, file["data"], but=("env_args", "total"))
                names = {name: f"demo_{count + index}" for index, name in enumerate(demo_names(file))}
                total += copy_demos(file, data, names)
                parent = parents(file)
                for old, new in names.items():
                    if parent[old] != old:
                        data[new].attrs[PARENT] = names[parent[old]]
                    before = attribute(data[new], MERGED)
                    data[new].attrs[MERGED] = json.dumps({"file": path.name, "demo": old, "before": before})
                for mask, listed in read_masks(file).items():
                    masks.setdefault(mask, []).extend(names[name] for name in listed if name in names)
                parts.append(_part(path, file, names))
            count += len(names)
        data.attrs["total"] = total
        write_masks(merged, masks)
        merged.attrs["provenance"] = json.dumps({"merged": parts})
    return count


def _kind(path: Path) -> dict[str, str]:
    """Return what files have to have in common to be merged, in words."""
    with open_source(path) as file:
        others = [f"/{name}" for name in file if name not in ("data", "mask")]
        others += [f"/data/{name}" for name, member in file["data"].items() if not isinstance(member, h5py.Group)]
        if others:
            raise SourceError(
                f"source '{path}': '{others[0]}' is no demonstration, and nobody knows how to merge it; remove it first"
            )
        version, settings = format_version(file), env_args(file)
        simulation = settings.get("sim_args")
        times = simulation if isinstance(simulation, dict) else {}
        kinds: dict[str, str] = {}
        for name in demo_names(file):
            kinds.setdefault(_arrays(file["data"][name]), name)
        if len(kinds) > 1:
            (first, one), (second, other), *_ = kinds.items()
            raise SourceError(
                f"source '{path}': {one} and {other} differ: {_difference(first, second)}; filter it first"
            )
        (arrays,) = kinds
        return {
            "task": task_family(str(settings.get("env_name", ""))),
            "format_version": str(version),
            "quaternion order": spelled("xyzw" if version else "wxyz"),
            "time step and decimation": f"{times.get('dt')} and {times.get('decimation')}",
            "arrays of a step": arrays,
        }


def _arrays(demo: h5py.Group) -> str:
    """Return actions and observations of a demonstration with the shape of a step, in words."""
    shapes = {name: array.shape for name, array in main_arrays(demo).items()}
    return ", ".join(
        f"{name} {' x '.join(map(str, shape[1:]))}{' images' if is_images(name, shape) else ''}"
        for name, shape in sorted(shapes.items())
    )


def _refuse_difference(first: Path, kind: dict[str, str], second: Path, other: dict[str, str]) -> None:
    for name, value in kind.items():
        if other[name] != value:
            said = _difference(value, other[name]) if name.startswith("arrays") else f"{value} and {other[name]}"
            raise SourceError(f"'{first}' and '{second}' cannot be merged: their {name} differ: {said}")


def _difference(one: str, other: str) -> str:
    ones, others = set(one.split(", ")), set(other.split(", "))
    return f"{', '.join(sorted(ones - others)) or 'nothing'} against {', '.join(sorted(others - ones)) or 'nothing'}"


def _keep_equal(target: h5py.Group, source: h5py.Group, but: Sequence[str] = ()) -> None:
    """Remove from a merged file the attributes that are not alike in all files."""
    for name in list(target.attrs):
        if name not in but and attribute(target, name) != attribute(source, name):
            del target.attrs[name]


def _part(path: Path, file: h5py.File, names: dict[str, str]) -> dict[str, Any]:
    return {
        "file": path.name,
        "demos": list(names.values()),
        "attributes": attributes(file),
        "data_attributes": attributes(file["data"]),
    }
