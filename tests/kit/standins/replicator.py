"""`omni.replicator.core`: follows its documentation and the uses of it in `isaacsim.replicator.examples` 6.2.

- `step_async` pauses a playing timeline first, unless it is told not to, and leaves it paused.
- It takes several updates of the application, and more with `rt_subframes`; in them Kit's physics steps as always.
- A picture shows what Fabric has in the last of them. Without subframes colour keeps half of the picture before.
- A writer's files come some updates later, or in `wait_until_complete_async`; `BasicWriter` numbers them from 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import omni.kit.app
from PIL import Image
from pxr import UsdGeom

from tests.kit.standins import BRIGHTNESS
from tests.kit.standins.timeline import Timeline
from tests.kit.standins.usd import Usd

CUBE, TABLE = (140, 25, 255, 255), (25, 255, 82, 255)
UPDATES = 2
"""Updates of a step, subframes aside."""


class Product:
    """A render product of a camera."""

    def __init__(self, camera: str, resolution: tuple[int, int], name: str) -> None:
        self.camera, self.resolution, self.name = camera, resolution, name
        self.destroyed = False

    def destroy(self) -> None:
        self.destroyed = True


class Disk:
    """A `DiskBackend`."""

    folder = Path()

    def initialize(self, *, output_dir: str) -> None:
        self.folder = Path(output_dir)
        self.folder.mkdir(parents=True, exist_ok=True)


class Writer:
    """A `BasicWriter`."""

    def __init__(self, replicator: Replicator) -> None:
        self._replicator, self._frame, self._last = replicator, 0, 0.0

    def initialize(self, *, backend: Disk, **annotators: bool) -> None:
        self._backend, self._annotators = backend, annotators

    def attach(self, product: Product) -> None:
        self._product = product
        self._replicator.attached.append(self)

    def detach(self) -> None:
        self._replicator.attached.remove(self)

    def picture(self, value: float, *, ghosts: bool) -> Any:
        """Return what writes the files of a picture."""
        shown = (value + self._last) / 2 if ghosts else value
        self._last = value
        frame, self._frame = self._frame, self._frame + 1
        return lambda: self._write(frame, shown)

    def _write(self, frame: int, value: float) -> None:
        width, height = self._product.resolution
        folder = self._backend.folder
        picture = np.empty((height, width, 4), np.uint8)
        picture[:] = TABLE
        picture[: height // 2] = CUBE
        if self._annotators.get("semantic_segmentation"):
            Image.fromarray(picture).save(folder / f"semantic_segmentation_{frame:04d}.png")
            labels = {str(CUBE): {"class": "cube_1"}, str(TABLE): {"class": "table"}}
            (folder / f"semantic_segmentation_labels_{frame:04d}.json").write_text(json.dumps(labels))
        for name in ("rgb", "normals"):
            if self._annotators.get(name):
                picture[..., :3] = np.clip(value * BRIGHTNESS, 0, 255)
                picture[0, 0, :3] = 255 - picture[0, 0, :3]  # a picture of one colour would be taken for a broken one
                Image.fromarray(picture).save(folder / f"{name}_{frame:04d}.png")
        if self._annotators.get("distance_to_image_plane"):
            metres = np.full((height, width), 1.5, np.float32)
            metres[0, 0] = np.inf
            np.save(folder / f"distance_to_image_plane_{frame:04d}.npy", metres)


class Replicator:
    """The module.

    Args:
        timeline: The timeline.
        usd: The stages.
        look: Returns the poses that a picture shows, by path.

    Attributes:
        attached: Writers that are attached.
        products: Render products that were made.
        stepped: The arguments of the steps so far.
    """

    def __init__(self, timeline: Timeline, usd: Usd, look: Callable[[], dict[str, Any]]) -> None:
        self._timeline, self._usd, self._look = timeline, usd, look
        self._late: list[Any] = []
        self.attached: list[Writer] = []
        self.products: list[Product] = []
        self.stepped: list[dict[str, Any]] = []
        self.create = self.backends = self.writers = self.orchestrator = self

    def modules(self) -> dict[str, dict[str, Any]]:
        """Return `omni.replicator.core`."""
        return {"omni.replicator.core": dict.fromkeys(("create", "backends", "writers", "orchestrator"), self)}

    def render_product(self, camera: str, resolution: tuple[int, int], name: str) -> Product:
        self.products.append(Product(camera, resolution, name))
        return self.products[-1]

    def get(self, kind: str) -> Disk | Writer:
        return Disk() if kind == "DiskBackend" else Writer(self)

    async def step_async(
        self, rt_subframes: int = -1, delta_time: float | None = None, pause_timeline: bool = True
    ) -> None:
        self.stepped.append({"rt_subframes": rt_subframes, "delta_time": delta_time, "pause_timeline": pause_timeline})
        if pause_timeline and self._timeline.is_playing():
            self._timeline.pause()
        for _ in range(UPDATES + max(rt_subframes, 0)):
            await omni.kit.app.get_app().next_update_async()
            if self._late:
                self._late.pop(0)()
        self._late += [writer.picture(self._seen(), ghosts=rt_subframes < 2) for writer in self.attached]

    async def wait_until_complete_async(self) -> None:
        while self._late:
            await omni.kit.app.get_app().next_update_async()
            self._late.pop(0)()

    def _seen(self) -> float:
        """Return the height of the highest body that is not hidden."""
        stage = self._usd.context().get_stage()

        def visible(path: str) -> bool:
            return UsdGeom.Imageable(stage.GetPrimAtPath(path)).ComputeVisibility() != UsdGeom.Tokens.invisible

        return max((float(pose[2]) for path, pose in self._look().items() if visible(path)), default=0.0)
