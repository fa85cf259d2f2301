"""Quaternion order and format versions of demonstration files.

Isaac Lab 2.x wrote quaternions as w, x, y, z and no version. Isaac Lab 3.0 writes x, y, z, w and the file attribute
`format_version` = 1. Poses in `obs/datagen_info` are 4x4 matrices in both. Where they are there they tell in which
order the quaternions beside them really are, whatever the file says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import datasets_in, demo_names
from mimicgen.datagen.dataset.sources.layouts import EEF, ROOT_POSE, observations
from mimicgen.datagen.errors import SourceError

type QuaternionOrder = Literal["wxyz", "xyzw"]

FORMAT_VERSION = 1
"""Isaac Lab 3.0's version of a demonstration file."""

_POSES = "obs/datagen_info"

_SAMPLE = 64
"""Rows of an array, evenly spaced, that are looked at: more do not tell more."""

_SAME = 0.05
"""Entries of two rotation matrices may differ by this much, in the median over the steps, for quaternions to be in
the assumed order. In the wrong order they differ by about one."""


def format_version(file: h5py.File) -> int | None:
    """Return the version that a file states, None if it states none.

    Raises:
        SourceError: The version is not one that this project knows.
    """
    version = file.attrs.get("format_version")
    if version is None:
        return None
    number = np.asarray(version)
    whole = number.ndim == 0 and number.dtype.kind in "iuf" and float(number).is_integer()
    if not whole or not 0 <= version <= FORMAT_VERSION:
        raise SourceError(
            f"source '{file.filename}': format_version = {version} is not known, only none, 0 and {FORMAT_VERSION} "
            "are; pass a file that Isaac Lab 2.x or 3.0 recorded"
        )
    return int(version)


def quaternion_order(file: h5py.File) -> QuaternionOrder:
    """Return the order of a file's quaternions.

    Raises:
        SourceError: The version is unknown, or what the file says and what it holds disagree.
    """
    return told_order(file, ((name, telling(file["data"][name])) for name in demo_names(file)))


def told_order(file: h5py.File, demos: Iterable[tuple[str, Mapping[str, NDArray[Any]]]]) -> QuaternionOrder:
    """Return the order of a file's quaternions, from arrays that were read already.

    Args:
        file: The file.
        demos: Demonstrations by name, with their arrays by path.

    Raises:
        SourceError: As `quaternion_order`.
    """
    version = format_version(file)
    stated: QuaternionOrder = "xyzw" if version else "wxyz"
    held: dict[QuaternionOrder, dict[str, str]] = defaultdict(dict)
    for name, arrays in demos:
        for array, quaternions, rotations in _evidence(arrays):
            order = _order_of(quaternions, rotations)
            if order is not None:
                held[order].setdefault(array, name)
    other: QuaternionOrder = "wxyz" if stated == "xyzw" else "xyzw"
    if not held[other]:
        return stated
    says = f"format_version = {version}" if version is not None else "no format_version"
    reason = f"{says} means {spelled(stated)}, but {_listed(held[other])} in {spelled(other)}"
    if held[stated]:
        reason += f" (while {_listed(held[stated])} in {spelled(stated)})"
    raise SourceError(
        f"source '{file.filename}' is ambiguous: {reason}, as the 4x4 poses in 'obs/datagen_info' show; "
        + _remedy(stated, mixed=bool(held[stated]))
    )


def spelled(order: QuaternionOrder) -> str:
    """Return an order for people: 'w, x, y, z'."""
    return ", ".join(order)


def _listed(arrays: dict[str, str]) -> str:
    names = ", ".join(f"'{array}'" for array in sorted(arrays))
    return f"{names} (first in {next(iter(arrays.values()))}) {'are' if len(arrays) > 1 else 'is'}"


def _remedy(stated: QuaternionOrder, *, mixed: bool) -> str:
    if mixed and stated == "xyzw":
        return (
            "a converter that reorders 'root_pose' only, like Isaac Lab's own, leaves such files: take the original "
            "file, which has no format_version, as it is or converted by this project's convert_legacy"
        )
    if mixed:
        return "take the original file, or record the demonstrations again"
    if stated == "xyzw":
        return "take the original file, or remove the file's attribute 'format_version'"
    return f"set the file's attribute 'format_version' to {FORMAT_VERSION}"


def telling(demo: h5py.Group) -> dict[str, NDArray[Any]]:
    """Return the arrays of a demonstration that tell the order of quaternions, by path."""
    beginnings = (f"{_POSES}/", "initial_state/rigid_object/", "states/rigid_object/", *observations())
    return {path: dataset[()] for path, dataset in datasets_in(demo) if path.startswith(beginnings)}


def _evidence(arrays: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Yield quaternions, shape (n, 4), of which the rotations, shape (n, 3, 3), are known, with their array's name.

    `obs` and `obs/datagen_info` are recorded before a step and `states` after it, so row k of `states` belongs to
    row k + 1 of the poses.
    """
    rotations = _rotations(arrays, f"{_POSES}/object_pose/")
    for name, known in rotations.items():
        for array, first in ((f"initial_state/rigid_object/{name}", 0), (f"states/rigid_object/{name}", 1)):
            rows = _rows(arrays, f"{array}/root_pose", ROOT_POSE.width)
            count = min(len(rows), len(known) - first)
            if count > 0:
                yield f"{array}/root_pose", rows[:count, 3:7], known[first : first + count]
    hands = list(_rotations(arrays, f"{_POSES}/eef_pose/").values())
    known_here = rotations | ({EEF: hands[0]} if len(hands) == 1 else {})
    for array, layout in observations().items():
        rows = _rows(arrays, array, layout.width)
        if not layout.quaternions.keys() <= known_here.keys():  # several hands, or other objects
            continue
        for name, start in layout.quaternions.items():
            known = known_here[name]
            if len(rows) == len(known) > 0:
                yield array, rows[:, start : start + 4], known


def _rows(arrays: Mapping[str, NDArray[Any]], path: str, width: int) -> NDArray[Any]:
    """Return an array of rows of the given width, an empty one where there is no such array."""
    values = arrays.get(path)
    return values if values is not None and _fits(values, width) else np.empty((0, width))


def _rotations(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the rotations of 4x4 poses, shape (n, 3, 3), by what follows the prefix of their paths."""
    poses = {path: values for path, values in arrays.items() if path.startswith(prefix) and _fits(values, 4, 4)}
    return {path.removeprefix(prefix): values[:, :3, :3] for path, values in poses.items()}


def _fits(values: NDArray[Any], *shape: int) -> bool:
    return values.shape[1:] == shape and values.dtype.kind == "f"


def _order_of(quaternions: NDArray[Any], rotations: NDArray[Any]) -> QuaternionOrder | None:
    """Return the order in which quaternions are the rotations, None when none or both of them fit."""
    orders: tuple[QuaternionOrder, ...] = ("wxyz", "xyzw")
    sample = slice(None, None, -(-len(quaternions) // _SAMPLE))
    quaternions, rotations = quaternions[sample], rotations[sample]
    matrices = rotation_matrices(np.stack([to_xyzw(quaternions), quaternions]))
    errors = np.median(np.abs(matrices - rotations).max(axis=(2, 3)), axis=1)
    fitting = [order for order, error in zip(orders, errors, strict=True) if error < _SAME]
    return fitting[0] if len(fitting) == 1 else None


def to_xyzw(quaternions: NDArray[Any]) -> NDArray[Any]:
    """Return quaternions in w, x, y, z, shape (..., 4), as x, y, z, w, same shape."""
    return np.roll(quaternions, -1, axis=-1)


def rotation_matrices(quaternions: NDArray[Any]) -> NDArray[np.float64]:
    """Return the rotation matrices, shape (..., 3, 3), of quaternions in x, y, z, w, shape (..., 4).

    The quaternions need not have unit length; a zero quaternion gives NaN. Both signs give the same matrix.
    """
    exact = np.asarray(quaternions, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        unit = exact / np.linalg.norm(exact, axis=-1, keepdims=True)
    x, y, z, w = np.moveaxis(unit, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
