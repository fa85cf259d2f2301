"""Images that workers have drawn of their shards, as those of the whole: each demonstration's under its new name.

They are linked to, not copied, where the shards are on the same disk. What workers have not drawn, or not to its end,
is left to the run itself, which draws what is missing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mimicgen.datagen.cluster.encoding import ENCODED
from mimicgen.datagen.cluster.results import Made
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.folders import explained, writable_folder
from mimicgen.datagen.dataset.images.pixels import Colour
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import MANIFEST, is_frames, read_json
from mimicgen.datagen.dataset.replacing import begin_frames, finish_frames, new_file
from mimicgen.datagen.rendering.frames import all_there
from mimicgen.datagen.rendering.rendering import Rendered
from mimicgen.datagen.rendering.sheet import Sample, evenly, samples_of, write_sheet

LABELS = "labels.json"
"""Beside segmentation: the colour of every class."""

BESIDE = {LABELS, *(f"{encoding}.{ending}" for encoding in ENCODED.values() for ending in ("mp4", "json"))}
"""What may be beside the images, and is taken along."""


@dataclass(frozen=True)
class Taken:
    """Demonstrations of a shard that are in the merged dataset.

    Attributes:
        made: The shard.
        names: What they are called there.
        first: The number of the first in the merged dataset; the others follow.
    """

    made: Made
    names: tuple[str, ...]
    first: int

    def renamed(self) -> Iterator[tuple[str, str]]:
        """Yield what each is called in the shard, and what it is called now."""
        for number, name in enumerate(self.names, self.first):
            yield name, f"demo_{number}"


def place_pictures(config: Generate, root: Path, taken: Sequence[Taken]) -> Rendered | None:
    """Put the images of shards into a run's output folder, and write its contact sheet.

    Args:
        config: The run.
        root: Its output folder.
        taken: The demonstrations.

    Returns:
        What is there then, None where the images of a demonstration are missing.

    Raises:
        OutputError: Images of something else are there, or nothing can be written.
    """
    rendered = Rendered()
    missing = False
    for one in taken:
        for old, new in one.renamed():
            if _place(config, root, one.made.folder, old, new):
                rendered.complete.append(new)
            else:
                missing = True
        told = one.made.record.get("rendering", {})
        rendered.frames += told.get("frames", 0)
        rendered.seconds += told.get("seconds", 0.0)
    if missing or not rendered.complete:
        return None
    _write_sheet(config.render, root, rendered.complete)
    return rendered


def _place(config: Generate, root: Path, shard: Path, old: str, new: str) -> bool:
    """Put the images and videos of a demonstration where they belong. Returns whether all of them are there."""
    render = config.render
    about = {"demo": new, "dataset": config.output_dataset.name, "task": config.task}
    whole = True
    for view in render.used():
        for modality in render.drawn():
            name = f"{view}_{modality}"
            whole &= _place_frames(shard / name / demo_folder(old), root / name / demo_folder(new), about)
        for kind in render.videos:
            name = f"{view}_{kind}"
            video = root / name / f"{demo_folder(new)}.mp4"
            whole &= _link(shard / name / f"{demo_folder(old)}.mp4", video)
    return whole


def _place_frames(source: Path, target: Path, about: Mapping[str, str]) -> bool:
    """Put the images of a folder into another one, and its manifest last."""
    told = read_json(source / MANIFEST) if is_frames(source) else {}
    if not told:
        return False
    manifest = {**told, **about}
    if read_json(target / MANIFEST) == manifest and all_there(target, manifest):
        return True
    begin_frames(target)
    files = {Path(str(frame["file"])).name for frame in told["frames"]}
    beside = {name for name in BESIDE if (source / name).is_file()}
    if not all(_link(source / name, target / name) for name in sorted(files | beside)):
        return False
    finish_frames(target, json.dumps(manifest, indent=1) + "\n")
    return True


def _link(source: Path, target: Path) -> bool:
    """Have a file under another name, too, or a copy of it. Returns whether it is there."""
    if source.is_symlink() or not source.is_file():
        return target.is_file()
    writable = target.parent if target.parent.is_dir() else writable_folder(target.parent)
    with explained(writable):
        if os.path.lexists(target):
            return target.is_file()
        try:
            os.link(source, target)
        except OSError:  # another disk, or a file system without hard links
            with new_file(target) as scratch:
                shutil.copyfile(source, scratch)
    return True


def _write_sheet(render: RenderConfig, root: Path, demos: Sequence[str]) -> None:
    rows: list[list[Sample]] = []
    colours: dict[str, Colour] = {}
    for demo in evenly(demos):
        folders = {
            view: {modality: root / f"{view}_{modality}" / demo_folder(demo) for modality in render.drawn()}
            for view in render.used()
        }
        first = next(iter(folders.values()))
        rows.append(samples_of(demo, folders, WrittenImages(next(iter(first.values()))).steps))
        if not colours and "segmentation" in first:
            labels = read_json(first["segmentation"] / LABELS)
            colours = {str(label): (int(r), int(g), int(b)) for label, (r, g, b) in labels.items()}
    write_sheet(root / "contact_sheet.png", rows, colours)
