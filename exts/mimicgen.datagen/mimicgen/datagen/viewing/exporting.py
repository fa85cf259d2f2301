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
from mimicgen.datagen.report.records import read_run
from mimicgen.datagen.report.scene import EMPTY, scene, task_of
from mimicgen.datagen.tasks.defaults import cameras_of
from mimicgen.datagen.viewing.package import program


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is shown.

    Attributes:
        dataset: The file of the demonstrations.
        names: The demonstrations, in the file's order.
        task: The task that the file names, '' for none.
        step_seconds: Length of a step [s].
        records: Folder with what was rendered of them, if there is one.
        scene: See `mimicgen.datagen.report.scene.scene`.
        cameras: The task's cameras.
        instruction: What the robot is to do, in words.
    """

    dataset: Path
    names: tuple[str, ...]
    task: str
    step_seconds: float
    records: Path | None = None
    scene: dict[str, Any] = dataclasses.field(default_factory=lambda: EMPTY)
    cameras: dict[str, CameraConfig] = dataclasses.field(default_factory=dict)
    instruction: str = ""


def shown_of(dataset: Path, records: Path | None, wanted: Sequence[str]) -> Shown:
    """Return what is shown of a dataset.

    Args:
        dataset: HDF5 file of demonstrations in Isaac Lab's layout.
        records: Folder with the run's records and what was rendered, if there is one.
        wanted: Demonstrations, as names, numbers or ranges; none means all.

    Raises:
        SourceError: A file is missing or damaged, or lacks a wanted demonstration.
        SetupError: The package of a robot's model, or rerun, is not installed.
    """
    program()
    (found,) = guarded(_read, (dataset, wanted))
    task = task_of(found.task, read_run(records))
    if task is None:
        return dataclasses.replace(found, records=records)
    return dataclasses.replace(
        found,
        records=records,
        scene=scene(task, cache_folder()),
        cameras=cameras_of(task),
        instruction=task.task.instruction,
    )


def write(what: Shown, path: Path) -> None:
    """Write demonstrations to a new file, one recording each.

    Args:
        what: The demonstrations.
        path: The file; `.rrd`.

    Raises:
        SourceError: A demonstration cannot be read, or says nowhere where anything was.
        OutputError: The file cannot be written.
    """
    guarded(_write, (what.dataset, what, path))


def _read(dataset: Path, wanted: Sequence[str]) -> Shown:
    with open_source(dataset, demos=()) as file:
        return Shown(
            dataset=dataset,
            names=tuple(chosen(dataset, demo_names(file), wanted)),
            task=recorded_task(file),
            step_seconds=step_seconds(file),
        )


def _write(dataset: Path, what: Shown, path: Path) -> None:
    from mimicgen.datagen.viewing.recordings import write_recordings  # in its process alone: rerun starts threads

    write_recordings(what, path)
