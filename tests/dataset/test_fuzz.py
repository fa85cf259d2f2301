"""Broken and malicious files: whatever is in a file, every reader ends soon, says what is wrong, and stays in it."""

from __future__ import annotations

import gc
import itertools
import json
import os
import re
import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset import files
from mimicgen.datagen.dataset.sources import raw, sources
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.dataset.tools import convert, info, merge, validate
from mimicgen.datagen.dataset.tools import filter as filtering
from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.tasks.motion import motion_of
from mimicgen.datagen.tasks.predicates.reasons import success_rule
from tests.conftest import PROJECT
from tests.dataset.sources.test_sources import STACK

FLIPPED, CUT, SHUFFLED = 240, 90, 112
"""Mutants with flipped bits, with their end cut off, and with a block of bytes from elsewhere in the file."""

SECRET = "NOT TO BE READ"


def read(path: Path, turn: int | None) -> list[str]:
    """Run all that reads files over one, or with a turn every other reader, and return what each said."""
    scratch = path.with_suffix(".out")
    readers: dict[str, Callable[[], object]] = {
        "check_sources": lambda: sources.check_sources(path, STACK),
        "replay": lambda: _replayed(path),
        "info": lambda: info.info(path).rows(),
        "validate": lambda: str(validate.joined(path, [validate.validate(path, motion_of, success_rule)])),
        "filter": lambda: filtering.choose(
            path, [filtering.parse("signals.max > 1"), filtering.parse("num_samples < 99")]
        ),
        "merge": lambda: merge.merge([path], scratch),
        "convert": lambda: convert.convert_legacy(path, scratch, motion_of),
    }
    said = []
    for number, (name, reader) in enumerate(readers.items()):
        if turn is not None and number % 2 != turn:
            continue
        try:
            said.append(f"{name}: read {SECRET if SECRET in str(reader()) else ''}")
        except BadInputError as error:
            said.append(f"{name}: {error}")
        finally:
            scratch.unlink(missing_ok=True)
    return said


def _replayed(path: Path) -> None:
    demos = raw.check_demos(path, STACK.task)
    demos.actions(demos.names[0])
    demos.initial_state(demos.names[0])


KEPT = r"actions|obs/(eef_pos|eef_quat|object|datagen_info/.*)|(initial_)?states?/.*/(joint_position|root_pose|cube.*)"


ONLY = ("actions", "obs/eef_pos", "obs/eef_quat", "obs/object", "initial_state/rigid_object/cube_1/root_pose")


def small_file(path: Path) -> None:
    """Write two demonstrations, one with most arrays and compressed, one with few and not compressed."""
    with h5py.File(PROJECT / "tests" / "data" / "source_demos.hdf5") as whole, h5py.File(path, "w") as file:
        file.attrs.update(whole.attrs)
        file.create_group("data").attrs.update(whole["data"].attrs)
        for name in ("demo_0", "demo_1"):
            demo = file["data"].create_group(name)
            demo.attrs.update(whole["data"][name].attrs)
            for key, dataset in files.datasets_in(whole["data"][name]):
                if name == "demo_0" and re.fullmatch(KEPT, key):
                    demo.create_dataset(key, data=dataset[:], compression="gzip")
                elif name == "demo_1" and key in ONLY:
                    demo[key] = dataset[:]
        file["data"].attrs["total"] = 405
        file["mask/train"] = np.array(["demo_0", "demo_1"], dtype="S")


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
    "odd segments": _attribute("data/demo_0", "segments", '[1, {"demo": []}]'),
    "odd version": _attribute("/", "format_version", "new"),
    "attribute without a value": _attribute("data/demo_0", "success", h5py.Empty("i1")),
}


def mutants(folder: Path, base: bytes) -> Iterator[Path]:
    """Write every mutant, one after the other."""
    random = np.random.default_rng(20)
    for name, change in CRAFTED.items():
        path = folder / f"{name}.hdf5"
        path.write_bytes(base)
        with h5py.File(path, "r+") as file:
            change(file)
        yield path
    # Most bytes are compressed numbers; two in three mutations go for what describes them.
    with h5py.File(folder / "base.hdf5") as file:
        stored = np.zeros(len(base), dtype=bool)
        for _, dataset in files.datasets_in(file):
            if dataset.chunks and dataset.id.get_num_chunks():
                chunk = dataset.id.get_chunk_info(0)
                stored[chunk.byte_offset : chunk.byte_offset + chunk.size] = True
    structure = np.flatnonzero(~stored)
    for index in range(FLIPPED + CUT + SHUFFLED):
        content = bytearray(base)
        at = int(random.choice(structure) if index % 3 else random.integers(len(base)))
        if index < FLIPPED:
            for offset in random.integers(0, 64, size=int(random.integers(1, 6))):
                content[min(at + int(offset), len(content) - 1)] ^= 1 << int(random.integers(8))
        elif index < FLIPPED + CUT:
            del content[at:]
        else:
            source, length = int(random.choice(structure)), int(random.integers(4, 200))
            content[at : at + length] = content[source : source + length]
        path = folder / f"mutant_{index}.hdf5"
        path.write_bytes(content)
        yield path


def main(folder: Path, part: int, parts: int) -> None:
    """Run the readers over a part of the mutants, each in a guarded process; print what came of it as JSON.

    The base and the crafted files are read by every reader, the others by every other one, by turns.
    """
    small_file(folder / "base.hdf5")
    (folder / "secret.txt").write_text(100 * f"{SECRET} ")
    with h5py.File(folder / "secret.hdf5", "w") as file:
        file["data/demo_0/actions"] = np.zeros((60, 7), "f4")
        file["data/demo_0"].attrs["segments"] = file["data"].attrs["secret"] = SECRET
    results = {}
    content = (folder / "base.hdf5").read_bytes()
    # What readers import when they are asked first, and garbage, is looked for here, and not again in every child.
    read(folder / "base.hdf5", None)
    gc.freeze()
    for number, path in enumerate(itertools.chain([folder / "base.hdf5"], mutants(folder, content))):
        if number % parts != part:
            continue
        begin = time.monotonic()
        try:
            crafted = number <= len(CRAFTED)
            (said,) = guarded(read, (path, None if crafted else number // parts % 2))
        except BadInputError as error:
            said = [f"guard: {error}"]
        except Exception as error:  # noqa: BLE001 -- what the test looks for
            said = [f"BUG {type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
        results[path.stem] = {"said": said, "seconds": time.monotonic() - begin}
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"results": results, "peak_mb": peak}))


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every reader said of every mutant; from two processes of their own, since they fork."""
    code = "import sys; from pathlib import Path; from tests.dataset.test_fuzz import main; "
    code += "main(Path(sys.argv[1]), int(sys.argv[2]), 2)"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path_factory.mktemp("fuzz")), str(part)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": str(PROJECT / "exts" / "mimicgen.datagen")},
        )
        for part in range(2)
    ]
    outputs = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    halves = [json.loads(out) for out, _ in outputs]
    return {
        "results": halves[0]["results"] | halves[1]["results"],
        "peak_mb": max(half["peak_mb"] for half in halves),
    }


def test_every_mutant_is_read_or_refused_with_a_clear_error(fuzzed: dict[str, Any]) -> None:
    results = fuzzed["results"]
    assert len(results) > 500
    bugs = {name: result["said"] for name, result in results.items() if "BUG" in str(result["said"])}
    assert not bugs, json.dumps(bugs, indent=1)[:5000]
    assert not [name for name, result in results.items() if SECRET in str(result["said"])], "read another file"
    refused = [name for name, result in results.items() if any(": read" not in line for line in result["said"])]
    assert len(refused) > 250, "the mutations hit"


def test_no_mutant_takes_long_or_much_memory(fuzzed: dict[str, Any]) -> None:
    assert max(result["seconds"] for result in fuzzed["results"].values()) < 10
    assert fuzzed["peak_mb"] < 1024


def test_the_file_that_was_mutated_is_read_by_every_reader_of_its_format(fuzzed: dict[str, Any]) -> None:
    said = fuzzed["results"]["base"]["said"]
    assert [line.partition(":")[0] for line in said if ": read" not in line] == ["convert"], said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cycle to the root", "stands elsewhere in the file"),
        ("thicket", "stands elsewhere in the file"),
        ("external array", "'/data/demo_0/actions' is an external link"),
        ("soft link upwards", "'/data/demo_1/loop' is a soft link"),
        ("virtual", "'/data/demo_0/actions' has its values in other files"),
        ("text of another file", "has its values in other files"),
        ("deep", "nested deeper than 16 groups"),
        ("huge and empty", "'/data/demo_0/actions' declares shape (1000000000000, 7)"),
        ("huge chunk", "has chunks of shape"),
        ("huge frames", "declares shape (60, 1000000, 1000000, 3)"),
        ("bomb", "declares shape (16777216, 7)"),
        ("references", "neither numbers nor texts"),
    ],
)
def test_what_is_refused_is_named(fuzzed: dict[str, Any], name: str, words: str) -> None:
    said = fuzzed["results"][name]["said"]
    assert all(words in line for line in said), said
