"""Demonstrations of a dataset as recordings of rerun, all of them in one file, one in memory at a time."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import h5py
import rerun as rr
from mimicgen.datagen.report.lanes import lanes_of

from mimicgen.datagen.dataset.files import open_source
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.text import shown
from mimicgen.datagen.viewing.cameras import Cameras, Images, observed, rendered
from mimicgen.datagen.viewing.colours import PALETTE
from mimicgen.datagen.viewing.demonstrations import read
from mimicgen.datagen.viewing.exporting import Shown
from mimicgen.datagen.viewing.layout import layout
from mimicgen.datagen.viewing.moments import Moments
from mimicgen.datagen.viewing.package import environment, program
from mimicgen.datagen.viewing.scenery import Scenery, show_ways
from mimicgen.datagen.viewing.telling import tell_about, tell_numbers, tell_progress


def write_recordings(what: Shown, path: Path) -> None:
    """Write demonstrations to a file, one recording each.

    Raises:
        SourceError: A demonstration cannot be read, or says nowhere where anything was.
        OutputError: The file cannot be written.
    """
    scenery, moments = Scenery(what.scene), Moments(what.step_seconds)
    with open_source(what.dataset, demos=what.names) as file, _joined(path) as add:
        for name in what.names:
            cameras, images = _seen(what, file, name, scenery)
            if name == what.names[0]:
                add(_laid_out(what, cameras, images))
            add(_recorded(what, file, name, scenery, cameras, images, moments))


def _seen(what: Shown, file: h5py.File, name: str, scenery: Scenery) -> tuple[Cameras, list[Images]]:
    """Return the cameras of a demonstration, and what they have seen: what was rendered, else what was observed."""
    placed, images = rendered(what.records, name) if what.records is not None else ({}, [])
    return Cameras(what.cameras | placed, scenery), images or observed(file["data"][name])


def _laid_out(what: Shown, cameras: Cameras, images: Sequence[Images]) -> bytes:
    """Return the layout of all recordings, as the bytes of a file: with theirs it cannot be joined to others."""
    kinds: dict[str, list[str]] = {}
    for one in images:
        kinds.setdefault(one.camera, []).append(one.modality)
    made = layout(kinds, {name: cameras.path(name) for name in kinds}, what.step_seconds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layout.rbl"
        made.save(_application(what), path)
        return path.read_bytes()


def _recorded(
    what: Shown,
    file: h5py.File,
    name: str,
    scenery: Scenery,
    cameras: Cameras,
    images: Sequence[Images],
    moments: Moments,
) -> bytes:
    """Return a demonstration as the bytes of a file."""
    # Drops what the library has kept of the recordings before; it would keep all of them.
    rr.init("mimicgen.datagen", init_logging=False, strict=True)
    recording = rr.RecordingStream(_application(what))
    stream = recording.binary_stream()
    recording.send_recording_name(shown(name))
    demo = read(file, name)
    lanes = lanes_of(demo.steps, demo.segments, demo.signals, what.scene["subtasks"])
    parts = [part for own in lanes.values() for part in own]
    colours = {part: PALETTE[index % len(PALETTE)] for index, part in enumerate(parts)}
    scenery.show(recording, demo, moments)
    show_ways(recording, demo, lanes, colours)
    tell_numbers(recording, demo, what.scene, moments)
    tell_progress(recording, demo, lanes, colours, moments)
    tell_about(recording, demo, what.task, what.instruction)
    cameras.show(recording)
    for one in images:
        cameras.show_images(recording, one, moments)
    recording.flush()
    told = stream.read()
    recording.disconnect()
    assert told is not None
    return told


def _application(what: Shown) -> str:
    """Return what recordings that are shown together are called: the dataset, in the letters that are allowed."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", what.dataset.stem)[:60] or "demonstrations"


@contextlib.contextmanager
def _joined(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Join what is added to one file, as rerun's own program does it without looking inside.

    Raises:
        OutputError: It cannot be written.
    """
    command = [program(), "rrd", "route", "--output", path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            yield process.stdin.write
            process.stdin.close()
        except BrokenPipeError:
            pass  # why it has ended is said below
        said = process.stderr.read().decode("utf-8", "replace").strip()
    if process.returncode:
        raise OutputError(f"output '{path}': rerun could not write it: {said.rpartition(chr(10))[2]}")
