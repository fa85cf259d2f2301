"""What is done to a file of demonstrations on purpose, to see what readers make of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

SECRET = "NOT TO BE READ"


def _replace(key: str, **new: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[key]
        file.create_dataset(key, **new)

    return change


def _link(key: str, link: Any) -> Callable[[h5py.File], None]:
    return lambda file: file.__setitem__(key, link)


def _replace_by_link(key: str, link: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[key]
        file[key] = link

    return change


def _hard_link(key: str, to: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__setitem__(key, file[to])


def _deep(levels: int) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        group = file["data/demo_1/obs"]
        for _ in range(levels):
            group = group.create_group("deeper")
        group["end"] = 1.0

    return change


def _thicket(file: h5py.File) -> None:
    """Twelve groups, each twice in the one above: thousands of ways to the last."""
    group = file.create_group("thicket")
    for _ in range(12):
        lower = group.create_group("left")
        group["right"] = lower
        group = lower


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(60, 7), dtype="f4")
    layout[:] = h5py.VirtualSource("secret.hdf5", "data/demo_0/actions", shape=(60, 7))
    del file["data/demo_0/actions"]
    file.create_virtual_dataset("data/demo_0/actions", layout)


def _bomb(file: h5py.File) -> None:
    """Half a gigabyte of zeros in half a megabyte, whose one compressed piece is written again and again."""
    rows, piece = 2**24, 2**17
    del file[ACTIONS]
    actions = file.create_dataset(ACTIONS, shape=(rows, 7), dtype="f4", chunks=(piece, 7), compression="gzip")
    compressed = zlib.compress(bytes(piece * 7 * 4))
    for first in range(0, rows, piece):
        actions.id.write_direct_chunk((first, 0), compressed)


def _attribute(key: str, name: str, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file[key].attrs.__setitem__(name, value)


ACTIONS, CUBE = "data/demo_0/actions", "data/demo_0/states/rigid_object/cube_1/root_pose"
SIGNAL = "data/demo_0/obs/datagen_info/subtask_term_signals/grasp_1"

CRAFTED: dict[str, Callable[[h5py.File], None]] = {
    "cycle to the root": _hard_link("data/demo_1/obs/up", "/"),
    "cycle to the parent": _hard_link("data/demo_1/obs/up", "data/demo_1"),
    "group in two places": _hard_link("data/demo_9", "data/demo_1"),
    "thicket": _thicket,
    "soft link to itself": _link("data/demo_1/loop", h5py.SoftLink("/data/demo_1/loop")),
    "soft link upwards": _link("data/demo_1/loop", h5py.SoftLink("/data")),
    "demonstration by soft link": _link("data/demo_9", h5py.SoftLink("/data/demo_1")),
    "data by soft link": lambda f: (f.move("data", "d"), _link("data", h5py.SoftLink("/d"))(f))[1],
    "external demonstration": _link("data/demo_9", h5py.ExternalLink("secret.hdf5", "/data/demo_0")),
    "external array": _replace_by_link(ACTIONS, h5py.ExternalLink("secret.hdf5", "/data/demo_0/actions")),
    "external data": _replace_by_link("data", h5py.ExternalLink("secret.hdf5", "/data")),
    "external mask": _replace_by_link("mask", h5py.ExternalLink("secret.hdf5", "/data")),
    "virtual": _virtual,
    "bytes of another file": _replace(ACTIONS, shape=(60, 7), dtype="u1", external=[("secret.txt", 0, 420)]),
    "text of another file": _replace(SIGNAL, shape=(60,), dtype="S14", external=[("secret.txt", 0, 840)]),
    "deep": _deep(3000),
    "deep enough": _deep(20),
    "huge and empty": _replace(ACTIONS, shape=(10**12, 7), dtype="f4", chunks=(1000, 7)),
    "huge and contiguous": _replace(CUBE, shape=(2**40, 7), dtype="f4"),
    "huge and square": _replace(CUBE, shape=(2**31, 2**31), dtype="f4", chunks=(10, 10)),
    "huge chunk": _replace(ACTIONS, shape=(60, 7), maxshape=(None, None), chunks=(2**14, 2**14), dtype="f4"),
    "huge images": _replace("data/demo_0/obs/eef_pos", shape=(10**9, 704, 1280, 3), dtype="u1", chunks=(1, 64, 64, 3)),
    "huge frames": _replace("data/demo_0/obs/eef_pos", shape=(60, 10**6, 10**6, 3), dtype="u1", chunks=(1, 64, 64, 3)),
    "huge frames elsewhere": _replace(CUBE, shape=(60, 99999, 999, 3), dtype="f8", chunks=(1, 64, 64, 3)),
    "bomb": _bomb,
    "values of compound type": _replace(ACTIONS, data=np.zeros(60, [("a", "f4"), ("b", "f4", 6)])),
    "values of no type": _replace(ACTIONS, data=h5py.Empty("f4")),
    "references": _replace(ACTIONS, shape=(60,), dtype=h5py.ref_dtype),
    "lists": _replace(ACTIONS, shape=(60,), dtype=h5py.vlen_dtype(np.float32)),
    "no steps": _replace(ACTIONS, shape=(0, 7), dtype="f4"),
    "no components": _replace(ACTIONS, shape=(60, 0), dtype="f4"),
    "scalar": _replace(CUBE, data=1.0),
    "flat states": _replace(CUBE, data=np.zeros(60, "f4")),
    "narrow states": _replace(CUBE, data=np.zeros((60, 1), "f4")),
    "states of texts": _replace(CUBE, data=np.full((60, 7), b"x")),
    "states of booleans": _replace(CUBE, data=np.zeros((60, 7), bool)),
    "joints of booleans": _replace(
        "data/demo_0/states/articulation/robot/joint_position", data=np.zeros((60, 9), bool)
    ),
    "few joints": _replace("data/demo_0/states/articulation/robot/joint_position", data=np.zeros((60, 2), "f4")),
    "half precision": _replace(ACTIONS, data=np.full((60, 7), 6e4, "f2")),
    "no numbers": _replace(ACTIONS, data=np.full((60, 7), np.nan, "f4")),
    "long doubles": _replace(ACTIONS, data=np.zeros((60, 7), np.longdouble)),
    "signals of texts": _replace(SIGNAL, data=np.full(60, b"x")),
    "array for a group": _replace("data/demo_0/obs", data=1.0),
    "array for the data": _replace("data", data=1.0),
    "array for a demonstration": _replace("data/demo_1", data=1.0),
    "group for an array": lambda f: (f.pop(ACTIONS), f.create_group(ACTIONS))[0],
    "mask of numbers": _replace("mask/train", data=np.arange(3)),
    "mask of nonsense": _replace("mask/train", data=np.array([b"\xff\xfe", b"demo_99"])),
    "named type": lambda f: f.__setitem__("data/demo_1/type", np.dtype("f4")),
    "names that are no text": lambda f: h5py.h5g.create(f["data"].id, b"demo_\xff\xfe"),
    "no environment": _attribute("data", "env_args", "[1, 2]"),
    "environment of numbers": _attribute("data", "env_args", np.arange(3)),
    "nested environment": _attribute("data", "env_args", "[" * 100_000),
    "nested signals": _attribute("data/demo_0", "signals", "{" * 100_000),
    "odd counts": _attribute("data/demo_0", "num_samples", "many"),
    "odd total": _attribute("data", "total", np.zeros((2, 2))),
    "odd step": _attribute("data", "env_args", '{"sim_args": {"dt": "NaN", "decimation": -1}}'),
    "odd provenance": _attribute("/", "provenance", '{"merged": [1, {"demos": 3}], "config": 7}'),
    "odd language": _attribute("data", "language", '{"instruction": "x", "paraphrases": [], "subtasks": {"": [{}]}}'),
    "odd record": _attribute("data/demo_0", "record", '{"reason": {"reason": []}}'),
    "odd steps of signals": _attribute("data/demo_0", "signals", '{"a": -1, "b": 1e99, "c": true, "d": [], "e": 10e7}'),
    "odd segments": _attribute("data/demo_0", "segments", '[1, {"demo": []}]'),
    "odd version": _attribute("/", "format_version", "new"),
    "attribute without a value": _attribute("data/demo_0", "success", h5py.Empty("i1")),
}
