"""Measure what images cost: rendered after the fact, against images taken and saved in the observation function.

./scripts/python.sh scripts/measure_rendering.py datasets/generated_dataset.hdf5 --demos 3 --width 640 --height 352

Both see the same attempts with the same cameras and modalities, in one process, in turns. The observation function does
what the blueprint's does: it reads Isaac Lab's cameras and saves every image with torchvision's `save_image` (its
operations are written out here, since torchvision is not installed). Its cost is the time of an environment's steps
with images, less that of the same steps without. Failed attempts, which it renders too, are not counted against it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.tasks.colours import class_colours
from mimicgen.datagen.tasks.defaults import build

ISAAC_NAMES = {"normals": "normals", "segmentation": "semantic_segmentation"}
STEPS = 30
"""Steps of each turn with images in the observation function."""


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--demos", type=int, default=3, help="demonstrations to render")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=352)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--no-stock", action="store_true", help="measure only ours")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        render = {"render.width": options.width, "render.height": options.height, "render.videos": ()}
        config = build(
            {"output_dataset": folder / "none.hdf5", "output_dir": folder, "device": options.device, **render}
        )
        print(json.dumps(measure(config, options.dataset, options.demos, folder, stock=not options.no_stock), indent=2))


def measure(config: Generate, dataset: Path, demos: int, folder: Path, *, stock: bool) -> dict[str, Any]:
    """Return the figures: seconds and milliseconds."""
    kitless.teach_isaaclab()
    from mimicgen.datagen.dataset.images.views import views_of
    from mimicgen.datagen.embedded.images.rasteriser import Rasteriser
    from mimicgen.datagen.isaaclab.configuration import task_config
    from mimicgen.datagen.isaaclab.environment import Environment
    from mimicgen.datagen.isaaclab.runtime import Runtime
    from mimicgen.datagen.rendering.rendering import Rendering

    recorded = check_recorded(dataset.absolute(), config.task, (f"0-{demos - 1}",))
    cfg, success = task_config(config, Outputs(config), Runtime.EMBEDDED)
    saver = Saver(folder / "stock", config.render)
    if stock:
        add_cameras(cfg, config.task, config.render, saver)
    environment = Environment(cfg, success, Runtime.EMBEDDED)
    env = environment.env
    colours = class_colours(config.task)
    views, modalities = views_of(config.render), config.render.drawn()
    renderer = Rasteriser(env.sim.stage, views, modalities, device=str(env.device), colours=colours)
    rendering = Rendering(config.render, folder, renderer, {"dataset": dataset.name}, {})

    async def rendered() -> None:
        while rendering.waiting or not rendering.written:
            await rendering.advance()
            rendering.collect()
            await asyncio.sleep(0.0005)  # an update of an application that has nothing else to do

    ours, theirs = [], []
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with torch.inference_mode():
        for name in recorded.names:
            states = StateSequence.of(recorded.initial_state(name), recorded.states(name))
            begin = time.perf_counter()
            rendering.add(name, lambda states=states: states)  # type: ignore[misc]
            asyncio.run(rendered())
            ours.append((time.perf_counter() - begin) / len(states))
            if not stock:
                continue
            actions = torch.zeros(env.action_space.shape, device=env.device)
            seconds = {}
            for saver.active in (False, True, False, True):
                env.reset_to(states_on(states.at(len(states) // 2), env.device), torch.tensor([0]), is_relative=True)
                begin = time.perf_counter()
                for _ in range(STEPS):
                    env.step(actions)
                seconds[saver.active] = (time.perf_counter() - begin) / STEPS
            theirs.append(seconds[True] - seconds[False])
            saver.active = False
    rendering.close()
    environment.close()
    found = {
        "images": f"{config.render.width}x{config.render.height}, {len(config.render.used())} cameras, "
        f"{len(config.render.drawn())} modalities, {config.device}",
        "ours_ms_a_step": round(statistics.median(ours) * 1e3, 1),
        "peak_rss_mb_more": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident) // 1024,
    }
    if stock:
        found["stock_ms_a_step"] = round(statistics.median(theirs) * 1e3, 1)
        found["ratio_median"] = round(statistics.median(t / o for t, o in zip(theirs, ours, strict=True)), 2)
        found["ratios"] = [round(t / o, 2) for t, o in zip(theirs, ours, strict=True)]
        found["stock_saves_a_step"] = saver.saved / (STEPS * 2 * len(theirs))
    return found


class Saver:
    """The observation function: reads the cameras and saves their images, when it is active."""

    def __init__(self, folder: Path, render: RenderConfig):
        self.active = False
        self.saved = 0
        self._folder = folder
        self._render = render
        folder.mkdir()

    def __call__(self, env: Any) -> torch.Tensor:
        """Return nothing worth observing."""
        if self.active:
            for view in self._render.used():
                output = env.scene.sensors[view].data.output
                for name in self._render.drawn():
                    image = output[ISAAC_NAMES[name]].torch.float()
                    image = (image + 1.0) / 2.0 if name == "normals" else image[..., :3] / 255.0
                    save_image(image[0].permute(2, 0, 1), self._folder / f"{view}_{name}_{self.saved:06d}.png")
            self.saved += 1
        return torch.zeros((env.num_envs, 1), device=env.device)


def save_image(tensor: torch.Tensor, path: Path) -> None:
    """Do what torchvision's `save_image` does with one image."""
    pixels = tensor.mul(255).add_(0.5).clamp_(0, 255).permute(1, 2, 0).to("cpu", torch.uint8).numpy()
    Image.fromarray(pixels).save(path)


def add_cameras(cfg: Any, task: str, render: RenderConfig, saver: Saver) -> None:
    """Put Isaac Lab's cameras, and the observation that saves their images, into a configuration."""
    import isaaclab.sim as sim_utils
    from isaaclab.managers import ObservationTermCfg
    from isaaclab.sensors import CameraCfg
    from isaaclab_newton.renderers import NewtonWarpRendererCfg

    mapping = {f"class:{label}": (*colour, 255) for label, colour in class_colours(task).items()}
    for name, camera in render.used().items():
        sensor = CameraCfg(
            prim_path=f"{{ENV_REGEX_NS}}/{name}",
            width=camera.width,
            height=camera.height,
            data_types=[ISAAC_NAMES[modality] for modality in render.drawn()],
            spawn=sim_utils.PinholeCameraCfg(
                focal_length=camera.focal_length,
                horizontal_aperture=camera.aperture,
                clipping_range=(camera.near, camera.far),
            ),
            offset=CameraCfg.OffsetCfg(pos=camera.position, rot=camera.orientation, convention="ros"),
            renderer_cfg=NewtonWarpRendererCfg(semantic_segmentation_mapping=mapping),
        )
        setattr(cfg.scene, name, sensor)
    # A plain function: a configuration copies objects.
    cfg.observations.policy.images = ObservationTermCfg(func=lambda env: saver(env))


def states_on(state: dict[str, Any], device: str) -> dict[str, Any]:
    """Return a recorded state as tensors."""
    return {
        kind: {
            asset: {key: torch.as_tensor(value, device=device) for key, value in own.items()}
            for asset, own in assets.items()
        }
        for kind, assets in state.items()
    }


if __name__ == "__main__":
    main()
