"""Compare what the rasteriser draws with what Newton's own camera sees, which traces every ray. Prints JSON.

./scripts/python.sh -m scripts.compare_images datasets/generated_dataset.hdf5 --frames 1000 --device cuda
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scripts.measure_images import scene

from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.dataset.files import open_source, recorded_task
from mimicgen.datagen.dataset.images.pixels import (
    BACKGROUND,
    UNLABELLED,
    Colour,
    Frames,
    Image,
    encode_depth,
    encode_normals,
)
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.views import View, views_of
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from mimicgen.datagen.tasks.colours import class_colours
from mimicgen.datagen.tasks.defaults import build

MODALITIES = ("rgb", "normals", "segmentation", "depth")

AT_ONCE = 8
"""Frames from one demonstration that are drawn together."""


def main() -> None:
    """Compare random frames of a dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="HDF5 file with recorded states")
    parser.add_argument("--frames", type=int, default=1000, help="frames to compare, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="what is chosen")
    parser.add_argument("--task", help="task, where the file does not name it")
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--height", type=int, default=264)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--stage", type=Path, help="the scene, from a file (`measure_images.py --export`)")
    options = parser.parse_args()
    with open_source(options.dataset) as file:
        task = options.task or recorded_task(file)
    size = {"render.width": options.width, "render.height": options.height}
    values = {
        "task": task,
        "num_envs": 1,
        "device": options.device,
        "render.modalities": MODALITIES,
        "render.videos": (),
    }
    with scene(task, options.stage) as stage:
        found = compare(build(values | size, kind=Record), stage, options.dataset, options.frames, options.seed)
    print(json.dumps(found, indent=2))


def compare(job: Record, stage: Any, dataset: Path, frames: int, seed: int) -> dict[str, Any]:
    """Return how the images of random frames of a dataset differ, by modality."""
    from mimicgen.datagen.embedded.images.rasteriser import Rasteriser

    recorded = check_recorded(dataset.absolute(), job.task)
    chance = np.random.default_rng(seed)
    total: dict[str, dict[str, int]] = {}
    views, colours = views_of(job.render), class_colours(job.task)
    renderer = Rasteriser(stage, views, MODALITIES, device=job.device, colours=colours)
    camera = NewtonCamera(stage, views, MODALITIES, device=job.device, colours=renderer.colours)
    for begin in range(0, frames, AT_ONCE):
        name = chance.choice(recorded.names)
        states = StateSequence.of(recorded.initial_state(name), recorded.states(name))
        some = states.at(*chance.integers(len(states), size=min(AT_ONCE, frames - begin)))
        total = added(total, differences(drawn(renderer, some), camera.drawn(some)))
    renderer.close()
    return {
        "dataset": dataset.name,
        "task": job.task,
        "device": job.device,
        "frames": frames,
        "views": len(views),
    } | total


def drawn(renderer: Any, states: States) -> Frames:
    """Return what a rasteriser draws of states, as many at once as it takes."""
    parts = [renderer.drawn(some) for some in rows_of(states, renderer.batch)]
    return {
        view: {name: np.concatenate([part[view][name] for part in parts]) for name in images}
        for view, images in parts[0].items()
    }


def rows_of(states: States, count: int) -> list[States]:
    """Return states in parts of some rows each."""
    number = len(next(rows for assets in states.values() for own in assets.values() for rows in own.values()))
    return [
        {
            kind: {
                asset: {name: rows[begin : begin + count] for name, rows in own.items()} for asset, own in of.items()
            }
            for kind, of in states.items()
        }
        for begin in range(0, number, count)
    ]


def differences(ours: Frames, others: Frames) -> dict[str, dict[str, int]]:
    """Return by modality how many pixels there are, how they differ, and the largest difference.

    Counted are those that differ, by more than 1, and those that differ away from edges: where neither the pixel nor
    any of the eight around it shows another class, another surface, or the surface from another side.
    """
    found: dict[str, dict[str, int]] = {}
    for view, images in ours.items():
        edges = at_edges(others[view])
        for name, pixels in images.items():
            apart = np.abs(pixels.astype(np.int32) - others[view][name].astype(np.int32))
            apart = apart.max(axis=-1) if name != "depth" else apart
            counts = {
                "pixels": apart.size,
                "differ": int((apart > 0).sum()),
                "by_more_than_1": int((apart > 1).sum()),
                "by_more_than_1_away_from_edges": int(((apart > 1) & ~edges).sum()),
                "largest": int(apart.max()),
            }
            found = added(found, {name: counts})
    return found


def at_edges(images: Mapping[str, Image]) -> NDArray[np.bool_]:
    """Return where images show an edge: another class, a step of 1% in depth, or a turn of a degree around a pixel."""
    shown = images["segmentation"].astype(np.int32), images["normals"].astype(np.int32)
    depth = images["depth"].astype(np.int32)[..., None]
    found = np.zeros(depth.shape[:3], dtype=np.bool_)
    for values, allowed in ((shown[0], 0), (shown[1], 2), (depth, depth // 100)):
        for axis in (1, 2):
            least, most = values, values
            for shift in (-1, 1):
                moved = np.roll(values, shift, axis)
                least, most = np.minimum(least, moved), np.maximum(most, moved)
            found |= (most - least > allowed).any(axis=-1)
    for axis in (1, 2):
        found = found | np.roll(found, 1, axis) | np.roll(found, -1, axis)
    return found


def added(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Return the sums of two counts, and the larger of the largest differences."""
    return {
        name: {
            key: (max if key == "largest" else sum)((one.get(name, {}).get(key, 0), other.get(name, {}).get(key, 0)))
            for key in one.get(name, {}) | other.get(name, {})
        }
        for name in one | other
    }


class NewtonCamera:
    """Draws recorded states with Newton's own camera, which traces a ray through every pixel.

    Args:
        stage: The USD stage of an open environment.
        views: What to draw.
        modalities: What to draw of it.
        device: Where to trace.
        origin: Where the drawn environment stands in the stage, x, y, z [m].
        colours: Colour of every class.
    """

    def __init__(
        self,
        stage: Any,
        views: Sequence[View],
        modalities: Sequence[str],
        *,
        device: str,
        colours: Mapping[str, Colour],
        origin: Sequence[float] = (0.0, 0.0, 0.0),
    ):
        import warp as wp
        from newton.sensors import SensorTiledCamera

        from mimicgen.datagen.embedded.images.joints import Joints
        from mimicgen.datagen.embedded.images.placing import ENVIRONMENT, label_of, model_of

        self._views, self._modalities = tuple(views), tuple(modalities)
        self._model = model = model_of(stage, origin, device)
        self._state = model.state()
        self._joints = Joints(model, ENVIRONMENT)
        labels = [label_of(stage, path) for path in model.shape_label]
        self._colours = np.array([colours[label] for label in (*labels, UNLABELLED, BACKGROUND)], dtype=np.uint8)
        self._clear = SensorTiledCamera.ClearData(clear_depth=-1.0)
        config = SensorTiledCamera.RenderConfig(
            enable_textures=False,
            enable_shadows=True,
            enable_particles=False,
            max_distance=max(view.camera.far for view in views),
            render_order=SensorTiledCamera.RenderOrder.PIXEL_PRIORITY,
        )
        self._sensor = SensorTiledCamera(model, default_render_config=config, load_textures=False)
        self._sensor.utils.create_default_light(enable_shadows=True)
        self._pose = wp.array([[wp.transform_identity(wp.float32)]], dtype=wp.transformf, device=model.device)

    def drawn(self, states: States) -> Frames:
        """Return the images of states."""
        import newton
        import warp as wp

        coordinates = self._joints.coordinates(states)
        frames = frames_for(self._views, self._modalities, len(coordinates))
        for number, row in enumerate(coordinates):
            joints = wp.array(row, dtype=wp.float32, device=self._model.device)
            newton.eval_fk(self._model, joints, self._model.joint_qd, self._state)
            self._model.bvh_refit_shapes(self._state)
            for view in self._views:
                for name, image in self._seen(view).items():
                    frames[view.name][name][number] = image
        return frames

    def _seen(self, view: View) -> dict[str, Image]:
        import warp as wp

        directions = view.directions().reshape(-1, 3)
        along = directions @ view.forward
        origins = view.position + directions * (view.camera.near / along)[:, None]
        rays = np.stack([origins, directions], axis=1).astype(np.float32)[None, None]
        kinds = {"depth": wp.float32, "normal": wp.vec3f, "shape_index": wp.uint32, "color": wp.uint32}
        shape, device = (1, 1, 1, len(directions)), self._model.device
        arrays = {f"{name}_image": wp.empty(shape, dtype=kind, device=device) for name, kind in kinds.items()}
        tracing = wp.array(rays, dtype=wp.vec3f, device=device)
        self._sensor.update(self._state, self._pose, tracing, clear_data=self._clear, **arrays)
        distance, normal, index, colour = (array.numpy()[0, 0, 0] for array in arrays.values())
        depth = view.camera.near + distance * along
        hit = (distance >= 0.0) & (depth <= view.camera.far)
        last = len(self._colours) - 1
        images = {
            "normals": encode_normals(np.where(hit[:, None], normal, 0.0)),
            # Newton numbers what is not a shape of the model from the top downwards.
            "segmentation": self._colours[np.where(hit, np.minimum(index, last - 1), last)],
            "depth": encode_depth(np.where(hit, depth, 0.0)),
            "rgb": np.where(hit[:, None], colour[:, None].view(np.uint8)[:, :3], self._colours[last]),
        }
        return {name: images[name].reshape(*view.size, *images[name].shape[1:]) for name in self._modalities}


if __name__ == "__main__":
    main()
