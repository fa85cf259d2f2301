"""Render a generated demonstration at four moments into one picture, and the extension's preview and icon.

./scripts/python.sh scripts/picture.py datasets/generated_dataset.hdf5 docs/images/stack.png
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.sources import demo_names, open_source
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.tasks.defaults import build

SIZE = (640, 400)
MOMENTS = (0.12, 0.36, 0.74, 1.0)
"""Shares of the demonstration."""


def main() -> None:
    """Render, and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--extension-data", type=Path, help="also write preview.png and icon.png into this folder")
    options = parser.parse_args()
    frames = render(options.dataset)
    sheet = Image.new("RGB", (2 * SIZE[0] + 8, 2 * SIZE[1] + 8), "white")
    for index, frame in enumerate(frames):
        sheet.paste(frame, ((index % 2) * (SIZE[0] + 8), (index // 2) * (SIZE[1] + 8)))
    sheet.save(options.picture, optimize=True)
    if options.extension_data:
        frames[2].resize((512, 320)).save(options.extension_data / "preview.png", optimize=True)
        side = SIZE[1]
        left = (SIZE[0] - side) // 2
        icon = frames[3].crop((left, 0, left + side, side)).resize((256, 256))
        icon.save(options.extension_data / "icon.png", optimize=True)


def render(dataset: Path) -> list[Image.Image]:
    """Return the first demonstration of a dataset at `MOMENTS`, seen from the front of the table."""
    kitless.teach_isaaclab()
    import gymnasium as gym
    import isaaclab.sim as sim_utils
    from isaaclab.sensors import CameraCfg
    from isaaclab.utils.datasets import HDF5DatasetFileHandler
    from isaaclab_newton.renderers import NewtonWarpRendererCfg

    from mimicgen.datagen.isaaclab.configuration import task_config
    from mimicgen.datagen.isaaclab.runtime import Runtime

    with open_source(dataset) as file:
        name = demo_names(file)[0]
    handler = HDF5DatasetFileHandler()
    handler.open(str(dataset))
    states = handler.load_episode(name, "cpu").data["states"]
    handler.close()
    steps = len(states["articulation"]["robot"]["joint_position"])
    with tempfile.TemporaryDirectory() as scratch:
        config = build({"output_dataset": Path(scratch, "picture.hdf5"), "output_dir": scratch})
        cfg, _ = task_config(config, Outputs(config), Runtime.EMBEDDED)
        cfg.scene.camera = CameraCfg(
            prim_path="{ENV_REGEX_NS}/camera",
            width=2 * SIZE[0],
            height=2 * SIZE[1],
            data_types=["rgb"],
            spawn=sim_utils.PinholeCameraCfg(focal_length=24.0, horizontal_aperture=20.955, clipping_range=(0.1, 20.0)),
            offset=CameraCfg.OffsetCfg(convention="world"),
            renderer_cfg=NewtonWarpRendererCfg(enable_shadows=True),
        )
        env = gym.make(config.task, cfg=cfg).unwrapped
        frames = []
        with torch.inference_mode():
            env.reset()
            camera = env.scene.sensors["camera"]
            camera.set_world_poses_from_view(torch.tensor([[1.35, -0.55, 0.75]]), torch.tensor([[0.38, 0.02, 0.17]]))
            for moment in MOMENTS:
                step = min(int(moment * steps), steps - 1)
                state = {
                    kind: {
                        asset: {key: value[step : step + 1] for key, value in values.items()}
                        for asset, values in assets.items()
                    }
                    for kind, assets in states.items()
                }
                env.reset_to(state, torch.tensor([0]), is_relative=True)
                camera.update(0.0, force_recompute=True)
                pixels = np.asarray(camera.data.output["rgb"].torch[0].cpu())
                frames.append(Image.fromarray(pixels[..., :3]).resize(SIZE, Image.Resampling.LANCZOS))
        env.close()
    return frames


if __name__ == "__main__":
    main()
