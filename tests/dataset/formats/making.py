"""Small datasets with images, made in a moment: demonstrations that the project ships, and pictures of nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.replacing import begin_frames, finish_frames
from mimicgen.datagen.dataset.sources.raw import read_states
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.dataset.tools.filter import filter_demos
from mimicgen.datagen.rendering.video import Video
from tests.conftest import SHIPPED_DEMOS

HEIGHT, WIDTH = 64, 96

CAMERAS = ("front", "side")


def export(*arguments: object, kind: str = "lerobot", code: int = 0) -> str:
    """Run `export` in a process of its own, and return what it said."""
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "export", kind, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def some_demos(path: Path, count: int = 3) -> Path:
    """Write a dataset of the first demonstrations that the project ships: of 209, 196 steps and so on."""
    filter_demos(SHIPPED_DEMOS, path, [f"demo_{number}" for number in range(count)])
    return path


def picture(camera: str, demo: str, step: int) -> NDArray[np.uint8]:
    """Return a picture of nothing that tells camera, demonstration and step apart, shape (HEIGHT, WIDTH, 3)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    phase = sum(map(ord, camera + demo)) + step
    waves = [np.sin((rows + phase) / 9), np.cos((columns - 2 * phase) / 13), np.sin((rows + columns + phase) / 21)]
    return (np.stack(waves, axis=-1) * 110 + 128).astype(np.uint8)


def depths(step: int) -> NDArray[np.uint16]:
    """Return a slope of 0.4 to 3 m, [mm], shape (HEIGHT, WIDTH)."""
    return (np.linspace(400, 3000, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) + step).astype(np.uint16)


def rendered(
    root: Path,
    dataset: Path,
    demos: Sequence[str] = (),
    cameras: Sequence[str] = CAMERAS,
    modality: str = "rgb",
    kind: str = "png",
    look: int | None = None,
) -> Path:
    """Write images of demonstrations as a rendering does; of all of them where none is named."""
    with h5py.File(dataset) as file:
        for demo in demos or sorted(file["data"]):
            group = file["data"][demo]
            states = StateSequence.of(read_states(group["initial_state"]), read_states(group["states"]))
            name = demo if look is None else f"{demo}_look_{look}"
            for camera in cameras:
                _write(root / f"{camera}_{modality}" / demo_folder(name), name, camera, modality, kind, states)
    return root


def _write(folder: Path, demo: str, camera: str, modality: str, kind: str, states: StateSequence) -> None:
    begin_frames(folder)
    steps = range(len(states))
    images = [depths(step) if modality == "depth" else picture(camera, demo, step) for step in steps]
    files = ["frames.mkv"] * len(images) if kind == "video" else [f"{step:04d}.png" for step in steps]
    if kind == "video":
        video = Video(folder / "frames.mkv", modality)
        video.add({modality: np.stack(images)})
        video.end()
    else:
        for file, image in zip(files, images, strict=True):
            Image.fromarray(image).save(folder / file, compress_level=1)
    about = {"demo": demo, "view": camera, "modality": modality, "width": WIDTH, "height": HEIGHT}
    frames = [{"step": step, "file": file} for step, file in zip(steps, files, strict=True)]
    finish_frames(folder, json.dumps(about | {"states": states.digest(), "format": kind, "frames": frames}))
