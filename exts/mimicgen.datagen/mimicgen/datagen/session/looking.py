"""What a task's scene looks like where attempts start. Needs no Kit application."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.ours import MARK, is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.defaults import build

STARTS, ACROSS = 10, 5
"""Starts that are drawn, and how many stand side by side."""

SIZE = (400, 220)
"""Of a picture of one start [pixels]."""

MARGIN = 6


def look(found: Described, folder: Path) -> list[Path]:
    """Draw a task's scene at ten starts of each variant, as every camera sees it.

    Args:
        found: The task.
        folder: Where the pictures go, one a variant and camera; made when missing.

    Returns:
        The pictures.

    Raises:
        BadInputError: The scene cannot be made, or a picture cannot be written.
    """
    folder = writable_folder(folder)
    written = []
    for variant in found.task.variants:
        for camera, images in _drawn(found, variant).items():
            path = folder / f"{found.name}_{variant}_{camera}.png"
            sheet = _sheet(images, f"{found.name}, {variant}, {camera}")
            made_by = PngInfo()
            made_by.add_text("Software", MARK)
            with new_file(path, replace=is_ours) as scratch:
                sheet.save(scratch, optimize=True, pnginfo=made_by)
            written.append(path)
    return written


def _drawn(found: Described, variant: str) -> dict[str, list[Image.Image]]:
    """Return the starts by camera, in colour."""
    from mimicgen.datagen.isaaclab import kitless
    from mimicgen.datagen.isaaclab.upstream import importing

    kitless.teach_isaaclab()
    with importing.imported():
        from mimicgen.datagen.embedded.images.rasteriser import Rasteriser
        from mimicgen.datagen.isaaclab.live_check import opened

    width, height = SIZE
    said = {"task": str(found.path), "variant": variant, "num_envs": STARTS, "render.modalities": "rgb"}
    job = build(said, {"render.videos": "", "render.width": width, "render.height": height}, kind=Record)
    with opened(job) as environment:
        env = environment.env
        state = env.scene.get_state(is_relative=True)
        renderer = Rasteriser(env.sim.stage, views_of(job.render), ("rgb",), device=str(env.device))
        images: dict[str, list[Image.Image]] = {}
        for start in range(STARTS):
            one = {
                kind: {
                    asset: {key: value[start : start + 1].cpu().numpy() for key, value in values.items()}
                    for asset, values in assets.items()
                }
                for kind, assets in state.items()
            }
            for camera, frames in renderer.drawn(one).items():
                images.setdefault(camera, []).append(Image.fromarray(frames["rgb"][0]))
        renderer.close()
    return images


def _sheet(images: list[Image.Image], title: str) -> Image.Image:
    width, height = images[0].size
    rows = -(-len(images) // ACROSS)
    top = 24
    size = (ACROSS * (width + MARGIN) + MARGIN, top + rows * (height + MARGIN))
    sheet = Image.new("RGB", size, (24, 26, 30))
    ImageDraw.Draw(sheet).text((MARGIN, 4), title, fill=(200, 204, 210), font=ImageFont.load_default(size=13))
    for index, image in enumerate(images):
        row, column = divmod(index, ACROSS)
        sheet.paste(image, (MARGIN + column * (width + MARGIN), top + row * (height + MARGIN)))
    return sheet
