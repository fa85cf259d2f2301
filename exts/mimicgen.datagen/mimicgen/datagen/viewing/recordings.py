"""Demonstrations of a dataset as recordings of rerun, all of them in one file, one in memory at a time."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import h5py
import rerun as rr

from mimicgen.datagen.dataset.files import open_source
from mimicgen.datagen.dataset.formats.images import Images, find_folder, images_in, images_of
from mimicgen.datagen.dataset.formats.language import language_of
from mimicgen.datagen.errors import OutputError, SourceError
from mimicgen.datagen.tasks.language import language_of_task
from mimicgen.datagen.text import shown
from mimicgen.datagen.viewing.cameras import Cameras, cameras_in
from mimicgen.datagen.viewing.colours import PALETTE
from mimicgen.datagen.viewing.demonstrations import Demonstration, read
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
        language = language_of(file["data"], language_of_task)
        for name in what.names:
            demo = read(file, name, language)
            images, why_none = _images(what, file["data"][name], demo)
            cameras = Cameras(what.cameras | cameras_in(images), scenery)
            about = {"instruction": language.instruction, "task": what.task, "no images": why_none}
            if name == what.names[0]:
                add(_laid_out(what, demo, cameras, images))
            add(_recorded(what, file["data"][name], demo, about, scenery, cameras, images, moments))


def _images(what: Shown, group: h5py.Group, demo: Demonstration) -> tuple[tuple[Images, ...], str]:
    """Return what cameras have seen of a demonstration: what was rendered of it, else what it has; or why nothing."""
    try:
        if all(isinstance(group.get(key), h5py.Group) for key in ("initial_state", "states")):
            folder = find_folder(what.places, demo.name, group)
            if folder is not None:
                return images_in(folder, demo.name, group, demo.steps).get(demo.name, ()), ""
        return images_of(group, demo.steps), ""
    except SourceError as error:
        return (), str(error)


def _laid_out(what: Shown, demo: Demonstration, cameras: Cameras, images: Sequence[Images]) -> bytes:
    """Return the layout of all recordings, as the bytes of a file: with theirs it cannot be joined to others."""
    kinds: dict[str, list[str]] = {}
    for one in images:
        kinds.setdefault(one.camera, []).append(one.modality)
    places = [asset["place"] for asset in what.scene["assets"].values()]
    paths = {name: cameras.path(name) for name in kinds}
    made = layout(kinds, paths, places, what.step_seconds, joints=bool(demo.joints), several=len(what.names) > 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layout.rbl"
        made.save(_application(what), path)
        return path.read_bytes()


def _recorded(
    what: Shown,
    group: h5py.Group,
    demo: Demonstration,
    about: Mapping[str, str],
    scenery: Scenery,
    cameras: Cameras,
    images: Sequence[Images],
    moments: Moments,
) -> bytes:
    """Return a demonstration as the bytes of a file."""
    # Drops what the library has kept of the recordings before; it would keep all of them.
    rr.init("mimicgen.datagen", init_logging=False, strict=True)
    recording = rr.RecordingStream(_application(what), recording_id=demo.name)
    stream = recording.binary_stream()
    recording.send_recording_name(shown(demo.name))
    parts = [part for own in demo.lanes.values() for part in own]
    colours = {part: PALETTE[index % len(PALETTE)] for index, part in enumerate(parts)}
    scenery.show(recording, demo, moments)
    show_ways(recording, demo, colours)
    tell_numbers(recording, demo, what.scene, moments)
    tell_progress(recording, demo, colours, moments)
    tell_about(recording, demo, about)
    cameras.show(recording)
    for one in images:
        cameras.show_images(recording, one, one.frames(group), moments)
    recording.flush()
    told: bytes | None = stream.read()
    recording.disconnect()
    assert told is not None
    return told


def _application(what: Shown) -> str:
    """Return what recordings that are shown together are called: the dataset, in the letters that are allowed."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", what.dataset.stem)[:60] or "demonstrations"


@contextlib.contextmanager
def _joined(path: Path) -> Iterator[Callable[[bytes], int]]:
    """Join what is added to one file, as rerun's own program does it without looking inside.

    Raises:
        OutputError: It cannot be written.
    """
    command: list[str | Path] = [program(), "rrd", "route", "--output", path]
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
