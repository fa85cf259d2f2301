"""Draws recorded states in Isaac Sim, with Replicator. Not run in Isaac Sim yet: see the README.

The call order is Replicator's own for one frame at a time: cameras, render products, a BasicWriter with a disk backend
for each, `orchestrator.step_async` awaited on Kit's loop, `wait_until_complete_async`, detach. The files that the
writers leave in a scratch folder are read, put into this project's colours, and removed.

A step of Replicator is several updates of Kit. In none of them the timeline may be paused, because Isaac Lab would wait
for it in the next step, nor may Kit's physics step, because it would step all environments.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import omni.replicator.core as rep
import omni.usd
from numpy.typing import NDArray
from PIL import Image as Pillow

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.images.looks import Look
from mimicgen.datagen.dataset.images.pixels import (
    DISTRACTOR,
    UNLABELLED,
    Colour,
    Frames,
    Image,
    colours_of,
    encode_depth,
)
from mimicgen.datagen.dataset.images.room import Room
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.kit import settings
from mimicgen.datagen.kit.looks.dressing import StageDressing
from mimicgen.datagen.kit.looks.room import room_of
from mimicgen.datagen.kit.views import PREFIX, FirstAlone, define_camera

WANTED = {"/omni/replicator/captureOnPlay": False, "/exts/omni.replicator.core/Orchestrator/enabled": True}
"""Settings that a frame at a time needs; Isaac Lab's applications start Replicator disabled."""

SUBFRAMES = 8
"""Subframes of a picture in colour. RTX gathers it over time, and right after a jump to another state it would show the
one before as well; NVIDIA's own captures take 4 to 32. Other modalities are of the moment."""

_WRITTEN = {
    "rgb": ("rgb", "rgb_{:04d}.png"),
    "normals": ("normals", "normals_{:04d}.png"),
    "segmentation": ("semantic_segmentation", "semantic_segmentation_{:04d}.png"),
    "depth": ("distance_to_image_plane", "distance_to_image_plane_{:04d}.npy"),
}
"""BasicWriter's name of each modality, and of its file."""


class ReplicatorRenderer:
    """Implements `mimicgen.datagen.dataset.images.renderer.Renderer` for Isaac Sim.

    States are restored in the first environment, and stay there: draw when it is between two attempts.

    Args:
        environment: The environment, open.
        render: What to draw.
        colours: Colours that the task gives classes in segmentation images.
    """

    borrows_environment = True
    batch = 1

    def __init__(self, environment: Environment, render: RenderConfig, colours: Mapping[str, Colour]):
        views = views_of(render)
        for view in views:
            if view.camera.mount is not None:
                raise SetupError(
                    f"render.cameras.{view.name}.mount = '{view.camera.mount}': Replicator's cameras stand still; "
                    "leave the camera out with render.views, and draw the dataset in the embedded runtime with 'render'"
                )
        self._env = environment.env
        self._modalities = render.drawn()
        self._subframes = SUBFRAMES if "rgb" in self._modalities else -1
        self._frames = 0
        self._settings = contextlib.ExitStack()
        self._settings.enter_context(settings.temporarily(WANTED))
        self._scratch = tempfile.TemporaryDirectory(prefix="mimicgen.datagen-")
        self._folder = Path(self._scratch.name)
        self._writers: dict[str, Any] = {}
        self._products: list[Any] = []
        stage = omni.usd.get_context().get_stage()
        cameras = {view: define_camera(stage, view) for view in views}
        self._alone = FirstAlone(stage, self._env.num_envs, [*cameras.values()])
        for view, camera in cameras.items():
            height, width = view.size
            product = rep.create.render_product(camera, (width, height), name=f"{PREFIX}{view.name}")
            backend = rep.backends.get("DiskBackend")
            backend.initialize(output_dir=str(self._folder / view.name))
            writer = rep.writers.get("BasicWriter")
            writer.initialize(backend=backend, **{_WRITTEN[name][0]: True for name in self._modalities})
            writer.attach(product)
            self._products.append(product)
            self._writers[view.name] = writer
        self.labels = ("robot", *sorted(self._env.scene.rigid_objects))
        things = (DISTRACTOR,) if render.looks.count and render.looks.distractors else ()
        self.colours = colours_of((*self.labels, *things), colours)
        self._stage = stage
        self._dressing = StageDressing(stage, views_of(render), render.looks.backgrounds)

    def lend(self, memory: NDArray[np.uint8]) -> None:
        """See `Renderer.lend`."""

    def room(self, states: States) -> Room:
        """See `Renderer.room`. The first environment stays in the last state that was looked at."""
        labels = (*self.labels, "table", "ground")
        return room_of(self._env, self._stage, labels, states, self._restore)

    def put_on(self, look: Look | None) -> None:
        """See `Renderer.put_on`."""
        self._dressing.put_on(look)

    async def draw(self, states: States, frames: Frames) -> None:
        """See `Renderer.draw`."""
        self._restore(states)
        with settings.temporarily({settings.PLAY_SIMULATIONS: False}), self._alone.shown():
            await rep.orchestrator.step_async(rt_subframes=self._subframes, delta_time=0.0, pause_timeline=False)
            await rep.orchestrator.wait_until_complete_async()
        for view in self._writers:
            for name in self._modalities:
                frames[view][name][0] = self._read(self._folder / view, name)
        self._frames += 1

    def close(self) -> None:
        """See `Renderer.close`. Replicator's settings are as they were before, and so is the stage."""
        self._dressing.take_off()
        for writer in self._writers.values():
            writer.detach()
        for product in self._products:
            product.destroy()
        self._settings.close()
        self._scratch.cleanup()

    def _restore(self, states: States) -> None:
        """Put the first environment into a state."""
        import torch

        tensors = {
            kind: {
                asset: {name: torch.as_tensor(value, device=self._env.device) for name, value in own.items()}
                for asset, own in assets.items()
            }
            for kind, assets in states.items()
        }
        first = torch.tensor([0], device=self._env.device)
        with torch.inference_mode():
            self._env.scene.reset_to(tensors, first, is_relative=True)
            self._env.sim.forward()

    def _read(self, folder: Path, modality: str) -> Image:
        """Read an image that BasicWriter has written, in this project's terms."""
        path = folder / _WRITTEN[modality][1].format(self._frames)
        if modality == "depth":
            metres = np.load(path)
            return encode_depth(np.where(np.isfinite(metres), metres, 0.0))
        with Pillow.open(path) as image:
            pixels = np.asarray(image.convert("RGBA"))
        if modality != "segmentation":
            return pixels[..., :3].copy()
        labels = json.loads((folder / f"semantic_segmentation_labels_{self._frames:04d}.json").read_text())
        return recoloured(pixels, labels, self.colours)


def recoloured(pixels: Image, labels: dict[str, Any], colours: Mapping[str, Colour]) -> Image:
    """Return segmentation in this project's colours.

    Args:
        pixels: BasicWriter's colours, (height, width, 4).
        labels: Its labels: '(r, g, b, a)' to {'class': name}.
        colours: This project's colours by class; a class without one counts as unlabelled.
    """
    found = np.empty((*pixels.shape[:2], 3), np.uint8)
    found[:] = colours[UNLABELLED]
    for colour, label in labels.items():
        told = np.array([int(part) for part in colour.strip("()").split(",")], dtype=np.uint8)
        own = colours.get(str(label.get("class", UNLABELLED)).lower(), colours[UNLABELLED])
        found[np.all(pixels == told, axis=-1)] = own
    return found
