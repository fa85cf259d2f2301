"""Draws recorded states in Isaac Sim, with Replicator. Not run in Isaac Sim yet: see the README.

The call order is Replicator's own for one frame at a time: cameras, render products, a BasicWriter with a disk backend
for each, `orchestrator.step_async(delta_time=0.0)` awaited on Kit's loop, `wait_until_complete_async`, detach. The
files that the writers leave in a scratch folder are read, put into this project's colours, and removed.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import omni.replicator.core as rep
import omni.usd
from PIL import Image as Pillow
from pxr import Gf, UsdGeom

from mimicgen.datagen.kit import settings
from mimicgen.datagen.rendering.images import UNLABELLED, Frame, Image, colour_of, encode_depth
from mimicgen.datagen.rendering.renderer import State
from mimicgen.datagen.rendering.views import View, views_of
from mimicgen.datagen.sections import RenderConfig
from mimicgen.datagen.simulation.environment import Environment

WANTED = {"/omni/replicator/captureOnPlay": False, "/exts/omni.replicator.core/Orchestrator/enabled": True}
"""Settings that a frame at a time needs; Isaac Lab's applications start Replicator disabled."""

_WRITTEN = {
    "rgb": ("rgb", "rgb_{:04d}.png"),
    "normals": ("normals", "normals_{:04d}.png"),
    "segmentation": ("semantic_segmentation", "semantic_segmentation_{:04d}.png"),
    "depth": ("distance_to_image_plane", "distance_to_image_plane_{:04d}.npy"),
}
"""BasicWriter's name of each modality, and of its file."""


class ReplicatorRenderer:
    """Implements `mimicgen.datagen.rendering.renderer.Renderer` for Isaac Sim.

    States are restored in the first environment; what it was doing goes on afterwards.

    Args:
        environment: The environment, open.
        render: What to draw.
    """

    def __init__(self, environment: Environment, render: RenderConfig):
        self._env = environment.env
        self._modalities = render.drawn()
        self._frames = 0
        self._settings = contextlib.ExitStack()
        self._settings.enter_context(settings.temporarily(WANTED))
        self._scratch = tempfile.TemporaryDirectory(prefix="mimicgen.datagen-")
        self._folder = Path(self._scratch.name)
        self._writers: dict[str, Any] = {}
        self._products: list[Any] = []
        for view in views_of(render):
            height, width = view.size
            product = rep.create.render_product(_camera(view), (width, height), name=view.name)
            backend = rep.backends.get("DiskBackend")
            backend.initialize(output_dir=str(self._folder / view.name))
            writer = rep.writers.get("BasicWriter")
            writer.initialize(backend=backend, **{_WRITTEN[name][0]: True for name in self._modalities})
            writer.attach(product)
            self._products.append(product)
            self._writers[view.name] = writer
        self.labels = ("robot", *sorted(self._env.scene.rigid_objects))

    async def draw(self, state: State) -> Frame:
        """See `Renderer.draw`."""
        import torch

        tensors = {
            kind: {
                asset: {name: torch.as_tensor(value, device=self._env.device) for name, value in own.items()}
                for asset, own in assets.items()
            }
            for kind, assets in state.items()
        }
        scene, first = self._env.scene, torch.tensor([0], device=self._env.device)
        going_on = scene.get_state(is_relative=True)
        scene.reset_to(tensors, first, is_relative=True)
        self._env.sim.forward()
        try:
            await rep.orchestrator.step_async(delta_time=0.0)
            await rep.orchestrator.wait_until_complete_async()
        finally:
            scene.reset_to(_rows(going_on, 0), first, is_relative=True)
        frame = {
            view: {name: self._read(self._folder / view, name) for name in self._modalities} for view in self._writers
        }
        self._frames += 1
        return frame

    def close(self) -> None:
        """See `Renderer.close`. Replicator's settings are as they were before."""
        for writer in self._writers.values():
            writer.detach()
        for product in self._products:
            product.destroy()
        self._settings.close()
        self._scratch.cleanup()

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
        return recoloured(pixels, labels)


def _rows(state: State, row: int) -> State:
    """Return one environment's part of a state of all."""
    return {
        kind: {
            asset: {name: value[row : row + 1].clone() for name, value in own.items()} for asset, own in assets.items()
        }
        for kind, assets in state.items()
    }


def recoloured(pixels: Image, labels: dict[str, Any]) -> Image:
    """Return segmentation in this project's colours.

    Args:
        pixels: BasicWriter's colours, (height, width, 4).
        labels: Its labels: '(r, g, b, a)' to {'class': name}.
    """
    found = np.empty((*pixels.shape[:2], 3), np.uint8)
    found[:] = colour_of(UNLABELLED)
    for colour, label in labels.items():
        told = np.array([int(part) for part in colour.strip("()").split(",")], dtype=np.uint8)
        found[np.all(pixels == told, axis=-1)] = colour_of(str(label.get("class", UNLABELLED)).lower())
    return found


def _camera(view: View) -> str:
    """Make a camera of the first environment and return its path."""
    stage = omni.usd.get_context().get_stage()
    path = f"/World/envs/env_0/{view.name}"
    camera = UsdGeom.Camera.Define(stage, path)
    camera.GetFocalLengthAttr().Set(view.camera.focal_length)
    camera.GetHorizontalApertureAttr().Set(view.camera.aperture)
    camera.GetVerticalApertureAttr().Set(view.camera.aperture * view.size[0] / view.size[1])
    camera.GetClippingRangeAttr().Set(Gf.Vec2f(view.camera.near, view.camera.far))
    x, y, z, w = view.camera.orientation
    # A USD camera looks along -z with y up: half a turn about x from z forward, y down.
    turned = Gf.Quatd(w, x, y, z) * Gf.Quatd(0.0, 1.0, 0.0, 0.0)
    pose = UsdGeom.Xformable(camera)
    pose.ClearXformOpOrder()
    pose.AddTranslateOp().Set(Gf.Vec3d(*view.camera.position))
    pose.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(turned.GetNormalized())
    return path
