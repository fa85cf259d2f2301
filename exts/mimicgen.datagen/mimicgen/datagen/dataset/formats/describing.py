"""The card and the picture of an export, from what was exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from mimicgen.datagen.dataset.files import attribute, open_source
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.formats.card import CARD, PICTURE, Camera, Facts, card, rate_of
from mimicgen.datagen.dataset.formats.demonstrations import Episode, Plan
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.formats.picture import DEMONSTRATIONS, Row, moments, write_picture
from mimicgen.datagen.dataset.formats.representations import Part
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.tools.info import origin_of

SHOWN = {
    "rgb": "colour",
    "segmentation": "segmentation: colours of classes, which are not the objects' own",
    "normals": "surface normals: x, y, z of the environment's frame, from [-1, 1] to [0, 255]",
    "depth": "depth along the camera's axis",
}
"""What images of a modality show; those before others are in the picture."""

CAMERAS = 2
"""Cameras in the picture, at most."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a format says of itself on the card of an export.

    Attributes:
        format: Its name, with the version.
        tags: See `card.Facts`.
        data_files: Likewise.
        contents: Likewise, `representation`.
        cameras: Likewise.
        notes: Likewise, beyond those of the plan.
        loading: Likewise.
    """

    format: str
    tags: tuple[str, ...] = ()
    data_files: str | None = None
    contents: tuple[tuple[str, str], ...]
    cameras: tuple[Camera, ...]
    notes: tuple[str, ...] = ()
    loading: str


def describe(dataset: Path, plan: Plan, about: About, output: Path) -> None:
    """Write the card of an export, and its picture where there are images; those of this project are replaced.

    Args:
        dataset: The dataset that the plan is of.
        plan: What was exported.
        about: What the format says of itself.
        output: Folder of the export.

    Raises:
        SourceError: The dataset or its images cannot be read.
        OutputError: A file cannot be written, or somebody else's has its name.
    """
    with open_source(dataset, demos={episode.demo for episode in plan.episodes}) as file:
        provenance = attribute(file, "provenance")
        rows = [row for episode in plan.episodes[:DEMONSTRATIONS] for row in _rows(episode, file["data"])]
    if rows:
        write_picture(output / PICTURE, rows)
    facts = Facts(
        title=dataset.stem,
        format=about.format,
        tags=about.tags,
        data_files=about.data_files,
        rows=sum(episode.steps for episode in plan.episodes),
        demonstrations=len(plan.episodes),
        succeeded=sum(episode.success is True for episode in plan.episodes),
        step_seconds=1 / plan.fps,
        task=plan.task,
        language=plan.language,
        rate=rate_of(provenance),
        origin=[("dataset", dataset.name), *origin_of(provenance)],
        cameras=about.cameras,
        representation=about.contents,
        failed={one.name: one.outcome for one in plan.episodes if one.success is False},
        left_out={one.demo: one.why for one in plan.rejected},
        notes=(*plan.notes, *about.notes),
        loading=about.loading,
        pictured=bool(rows),
    )
    path = output / CARD
    with explained(path), new_file(path, replace=is_ours) as scratch:
        scratch.write_text(card(facts), encoding="utf-8")


def numbers_of(name: str, parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """Yield what a card says of a vector: which of its numbers, and what they are."""
    begin = 0
    for part in parts:
        end = begin + len(part.names)
        yield f"{name}[{begin}:{end}]", f"{', '.join(part.names)}: {part.about}"
        begin = end


def _rows(episode: Episode, data: h5py.Group) -> Iterator[Row]:
    steps = moments(episode.steps)
    for image in sorted(episode.images, key=_preferred)[:CAMERAS]:
        alive()
        frames = [image.at(data[episode.demo], step) for step in steps]
        yield Row(f"{episode.name}, {image.name}", steps, frames)


def _preferred(image: Images) -> int:
    return [*SHOWN].index(image.modality)
