"""Writes demonstrations of a dataset as a file for rerun's viewer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.sections import CameraConfig
from mimicgen.datagen.dataset.files import demo_names, open_source, recorded_task
from mimicgen.datagen.dataset.folders import cache_folder
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.dataset.states import chosen
from mimicgen.datagen.dataset.tools.validate import step_seconds
from mimicgen.datagen.report.records import of_run, read_run
from mimicgen.datagen.report.scene import EMPTY, scene, task_of
from mimicgen.datagen.tasks.defaults import cameras_of
from mimicgen.datagen.viewing.package import program

MEMORY = 4 * 2**30
"""Bytes that writing may allocate: the library asks for a gigabyte when it is imported, and uses a tenth of it."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is shown.

    Attributes:
        dataset: The file of the demonstrations.
        names: The demonstrations, in the file's order.
        task: The task that the file names, '' for none.
        step_seconds: Length of a step [s].
        places: Folders in which there may be what was rendered of them.
        scene: See `mimicgen.datagen.report.scene.scene`.
        cameras: The task's cameras.
    """

    dataset: Path
    names: tuple[str, ...]
    task: str
    step_seconds: float
    places: tuple[Path, ...]
    scene: dict[str, Any] = dataclasses.field(default_factory=lambda: EMPTY)
    cameras: dict[str, CameraConfig] = dataclasses.field(default_factory=dict)


def shown_of(dataset: Path, places: Sequence[Path], wanted: Sequence[str]) -> Shown:
    """Return what is shown of a dataset.

    Args:
        dataset: HDF5 file of demonstrations in Isaac Lab's layout.
        places: Folders in which there may be a run's records, and what was rendered.
        wanted: Demonstrations, as names, numbers or ranges; none means all.

    Raises:
        SourceError: A file is missing or damaged, or lacks a wanted demonstration.
        SetupError: The package of a robot's model, or rerun, is not installed.
    """
    program()
    (found,) = guarded(_read, (dataset, tuple(places), wanted))
    records = [of_run(dataset, place, wanted=False)[0] for place in places]
    task = task_of(found.task, next(filter(None, map(read_run, records)), None))
    if task is None:
        return found
    return dataclasses.replace(found, scene=scene(task, cache_folder()), cameras=cameras_of(task))


def write(what: Shown, path: Path) -> None:
    """Write demonstrations to a new file, one recording each.

    Args:
        what: The demonstrations.
        path: The file; `.rrd`.

    Raises:
        SourceError: A demonstration cannot be read, or says nowhere where anything was.
        OutputError: The file cannot be written.
    """
    guarded(_write, (what.dataset, what, path), memory=MEMORY)


def _read(dataset: Path, places: tuple[Path, ...], wanted: Sequence[str]) -> Shown:
    with open_source(dataset, demos=()) as file:
        return Shown(
            dataset=dataset,
            names=tuple(chosen(dataset, demo_names(file), wanted)),
            task=recorded_task(file),
            step_seconds=step_seconds(file),
            places=places,
        )


def _write(dataset: Path, what: Shown, path: Path) -> None:
    from mimicgen.datagen.viewing.recordings import write_recordings  # in its process alone: rerun starts threads

    write_recordings(what, path)
