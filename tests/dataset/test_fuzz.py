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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset import files
from mimicgen.datagen.dataset.files import demo_names, open_source
from mimicgen.datagen.dataset.formats.language import language_of, outcome_text, subtask_texts
from mimicgen.datagen.dataset.sources import raw, sources
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.dataset.tools import convert, info, merge, validate
from mimicgen.datagen.dataset.tools import filter as filtering
from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.tasks.language import language_of_task
from mimicgen.datagen.tasks.motion import motion_of
from mimicgen.datagen.tasks.predicates.reasons import success_rule
from tests.conftest import PROJECT
from tests.dataset.crafted import CRAFTED, SECRET
from tests.dataset.sources.test_sources import STACK

FLIPPED, CUT, SHUFFLED = 240, 90, 112
"""Mutants with flipped bits, with their end cut off, and with a block of bytes from elsewhere in the file."""


def read(path: Path, turn: int | None) -> list[str]:
    """Run all that reads files over one, or with a turn every other reader, and return what each said."""
    scratch = path.with_suffix(".out")
    readers: dict[str, Callable[[], object]] = {
        "check_sources": lambda: sources.check_sources(path, STACK),
        "replay": lambda: _replayed(path),
        "info": lambda: info.info(path, language_of_task).rows(),
        "words": lambda: _words(path),
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


def _words(path: Path) -> list[str]:
    with open_source(path) as file:
        told = language_of(file["data"], language_of_task)
        demos = [file["data"][name] for name in demo_names(file)]
        return [text for demo in demos for text in (*subtask_texts(told, demo), outcome_text(demo))]


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
