"""What is in a dataset, at a glance."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from mimicgen.datagen.dataset.files import attribute, datasets_in, demo_names, main_arrays, open_source, recorded_task
from mimicgen.datagen.dataset.formats.card import rate_of
from mimicgen.datagen.dataset.formats.language import Language, language_of
from mimicgen.datagen.dataset.sources.conventions import format_version, spelled
from mimicgen.datagen.dataset.sources.structure import is_images
from mimicgen.datagen.dataset.tools.copying import read_masks, steps_of
from mimicgen.datagen.dataset.tools.merge import MERGED
from mimicgen.datagen.dataset.tools.validate import step_seconds


@dataclass(frozen=True, kw_only=True)
class Demo:
    """One demonstration, as far as it says.

    Attributes:
        name: Its name.
        steps: Its length [steps].
        success: Whether it is a success.
        seed: Seed of the attempt that made it.
        attempt: Number of that attempt.
        sources: Source demonstrations of its segments, in order.
        merged_from: File and name that it had before a merge.
    """

    name: str
    steps: int
    success: bool | None
    seed: int | None
    attempt: int | None
    sources: tuple[str, ...]
    merged_from: str | None


@dataclass(frozen=True, kw_only=True)
class Info:
    """What is in a dataset.

    Attributes:
        file: The file.
        bytes: Its size.
        task: Registered name of the task, '' if it names none.
        language: The task in words.
        format_version: As it says, None if it says nothing (Isaac Lab 2.x).
        step_seconds: Duration of a step [s].
        demos: Its demonstrations, in natural order.
        cameras: Shape of a frame by the name of the images.
        arrays: Shape of a step by the path of each array of the first demonstration.
        compression: How actions and observations are compressed.
        masks: Number of demonstrations by robomimic's list.
        provenance: What the file says about its origin.
    """

    file: Path
    bytes: int
    task: str
    language: Language
    format_version: int | None
    step_seconds: float
    demos: tuple[Demo, ...]
    cameras: dict[str, tuple[int, ...]]
    arrays: dict[str, tuple[int, ...]]
    compression: tuple[str, ...]
    masks: dict[str, int]
    provenance: Any

    @property
    def lengths(self) -> list[int]:
        """Lengths of the demonstrations [steps]."""
        return [demo.steps for demo in self.demos]

    def rows(self) -> list[tuple[str, str]]:
        """Return what a person reads, as name and value."""
        lengths, said = self.lengths, [demo.success for demo in self.demos if demo.success is not None]
        seconds = sum(lengths) * self.step_seconds
        duration = f"{seconds / 60:.1f} min" if seconds > 90 else f"{seconds:.0f} s"
        version = "none (Isaac Lab 2.x)" if self.format_version is None else str(self.format_version)
        order = spelled("xyzw" if self.format_version else "wxyz")
        return [
            ("task", self.task or "not named"),
            ("instruction", self.language.instruction if self.language.subtasks else "not recorded"),
            ("demonstrations", f"{len(lengths)}, {sum(lengths)} steps, {duration} at {self.step_seconds:g} s a step"),
            ("lengths", f"{min(lengths)} to {max(lengths)} steps, median {statistics.median(lengths):g}"),
            ("success", f"{sum(said)} of {len(said)} that say it" if said else "not recorded"),
            ("generated", str(rate_of(self.provenance) or "not recorded")),
            ("size", f"{self.bytes / 1e6:.1f} MB, {self.bytes / 1e3 / len(lengths):.0f} kB a demonstration"),
            ("compression", ", ".join(self.compression)),
            ("cameras", _listed(self.cameras, "; ") or "none"),
            ("format", f"version {version}, quaternions {order}"),
            ("lists", ", ".join(f"{name} {count}" for name, count in self.masks.items()) or "none"),
            *origin_of(self.provenance),
        ]


def info(path: Path, of_task: Callable[[str], Language | None]) -> Info:
    """Return what is in a dataset.

    Args:
        path: The file.
        of_task: What is known in words of a task, by its name, for files that do not say it themselves.

    Raises:
        SourceError: The file cannot be read.
    """
    with open_source(path) as file:
        names = demo_names(file)
        kinds: set[str] = set()
        cameras: dict[str, tuple[int, ...]] = {}
        first: dict[str, tuple[int, ...]] = {}
        for key, dataset in datasets_in(file["data"][names[0]]):
            first[key] = dataset.shape[1:]
        for name in names:
            for key, dataset in main_arrays(file["data"][name]).items():
                kinds.add(dataset.compression or "none")
                if is_images(key, dataset.shape):
                    cameras[key.removeprefix("obs/")] = dataset.shape[1:]
        return Info(
            file=path,
            bytes=os.path.getsize(path),
            task=recorded_task(file),
            language=language_of(file["data"], of_task),
            format_version=format_version(file),
            step_seconds=step_seconds(file),
            demos=tuple(_demo(name, file["data"][name]) for name in names),
            cameras=cameras,
            arrays=first,
            compression=tuple(sorted(kinds)),
            masks={name: len(listed) for name, listed in read_masks(file).items()},
            provenance=attribute(file, "provenance"),
        )


def _demo(name: str, demo: h5py.Group) -> Demo:
    segments, merged = attribute(demo, "segments"), attribute(demo, MERGED)
    success = attribute(demo, "success")
    return Demo(
        name=name,
        steps=steps_of(demo),
        success=success if isinstance(success, bool) else None,
        seed=_whole(attribute(demo, "seed")),
        attempt=_whole(attribute(demo, "attempt")),
        sources=tuple(
            str(segment["demo"])
            for segment in (segments if isinstance(segments, list) else ())
            if isinstance(segment, dict) and "demo" in segment
        ),
        merged_from=f"{merged.get('file')}: {merged.get('demo')}" if isinstance(merged, dict) else None,
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _listed(shapes: dict[str, tuple[int, ...]], separator: str) -> str:
    return separator.join(f"{name} {' x '.join(map(str, shape))}" for name, shape in sorted(shapes.items()))


def origin_of(provenance: Any) -> Sequence[tuple[str, str]]:
    """Return what a file says about its origin, as name and value; see the attribute `provenance`."""
    if not isinstance(provenance, dict):
        return [("origin", "not recorded")]
    parts = provenance.get("merged")
    if isinstance(parts, list):
        files = [str(part.get("file")) for part in parts if isinstance(part, dict)]
        return [("merged from", ", ".join(files))]
    config, versions, source = (
        value if isinstance(value := provenance.get(key), dict) else {} for key in ("config", "versions", "source")
    )
    made = [f"{name} {versions[name]}" for name in ("mimicgen.datagen", "isaaclab", "mujoco") if name in versions]
    origin = source.get("file") or config.get("source") or source.get("expert")
    return [
        ("made by", ", ".join([*map(str, filter(None, [config.get("mode")])), *made]) or "not recorded"),
        ("source", f"{origin or 'not recorded'}, seed {config.get('seed', 'not recorded')}"),
    ]
