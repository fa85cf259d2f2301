"""Measure drawing: how many camera images a second, over sizes and batches, and a whole dataset from states to files.

./scripts/python.sh scripts/measure_images.py datasets/generated_dataset.hdf5 --curve --device cuda
./scripts/python.sh scripts/measure_images.py datasets/generated_dataset.hdf5 --demos 1000 --format video --device cuda

The scene is the dataset's task's own, opened in Isaac Lab; `--export scene.usdc` writes it to a file and does no more,
and `--stage scene.usdc` takes it from there, for a machine that has nothing but Newton and the dataset.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import warp as wp
from pxr import Usd

from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.files import open_source, recorded_task
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.sources.raw import RawDemos, check_demos
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.embedded.images import rasteriser
from mimicgen.datagen.rendering.rendering import Rendering
from mimicgen.datagen.tasks.colours import class_colours
from mimicgen.datagen.tasks.defaults import build

SIZES = ((256, 256), (640, 352), (1280, 704))
BATCHES = (8, 32, 128)
MODALITIES = (("normals", "segmentation"), ("rgb", "depth", "normals", "segmentation"))

ROUNDS = 5
"""Batches that are timed at each point of the curve, after one that is not."""

STAGES = {
    "draw": ("place_shapes", "begin", "project_vertices", "rasterise_", "_eval_fk"),
    "shadows": ("cast_",),
    "pack": ("paint",),
    "copy": ("memcpy DtoH",),
}
"""Beginnings of the names of what the GPU does, by stage. Shading is a part of packing."""


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--curve", action="store_true", help="camera images a second, over sizes and batches")
    parser.add_argument("--demos", type=int, default=0, help="demonstrations to render to files; repeated if needed")
    parser.add_argument("--format", choices=("png", "video"), default="video")
    parser.add_argument("--modalities", default=",".join(MODALITIES[-1]))
    parser.add_argument("--size", type=int, nargs=2, default=(640, 352), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--stage", type=Path, help="the scene, from a file")
    parser.add_argument("--export", type=Path, help="write the scene into a file")
    options = parser.parse_args()
    with open_source(options.dataset.absolute()) as file:
        task = recorded_task(file)
    with scene(task, options.stage) as stage:
        if options.export is not None:
            stage.Flatten().Export(str(options.export))
            return
        begin = time.perf_counter()
        demos = Demos(check_demos(options.dataset.absolute(), task))
        checked = time.perf_counter() - begin
        found: dict[str, Any] = {"task": task, "device": device_name(options.device), "cores": os.cpu_count()}
        found["checking_the_dataset_seconds"] = round(checked, 1)
        if options.curve:
            found["curve"] = list(curve(stage, task, demos, options.device))
        if options.demos:
            render = render_config(task, options.size, options.modalities.split(","), options.format)
            found["files"] = files(stage, task, demos, options.demos, render, options.device)
    print(json.dumps(found, indent=2))


class Demos:
    """The demonstrations of a file, each read when it is wanted."""

    def __init__(self, recorded: RawDemos):
        self._recorded = recorded

    def __len__(self) -> int:
        return len(self._recorded.names)

    def __getitem__(self, index: int) -> StateSequence:
        """Return the states of a demonstration."""
        name = self._recorded.names[index]
        return StateSequence.of(self._recorded.initial_state(name), self._recorded.states(name))


@contextlib.contextmanager
def scene(task: str, path: Path | None) -> Iterator[Usd.Stage]:
    """Open the scene of a task, from Isaac Lab or from a file."""
    if path is not None:
        yield Usd.Stage.Open(str(path))
        return
    from mimicgen.datagen.isaaclab import kitless

    kitless.teach_isaaclab()
    from mimicgen.datagen.isaaclab.live_check import opened

    with opened(build({"task": task, "num_envs": 1, "render.videos": ""}, kind=Record)) as environment:
        yield environment.env.sim.stage


def curve(stage: Usd.Stage, task: str, demos: Demos, device: str) -> Iterator[dict[str, Any]]:
    """Return how long drawing takes, for all sizes and batches; stages by the GPU's own clock, summed over a batch."""
    batches = BATCHES if wp.get_device(device).is_cuda else (None,)
    for size, batch, modalities in itertools.product(SIZES, batches, MODALITIES):
        views = views_of(render_config(task, size, modalities, "png"))
        if batch is not None:
            rasteriser.BATCH = batch
        renderer = rasteriser.Rasteriser(stage, views, modalities, device=device, colours=class_colours(task))
        count = renderer.batch
        frames = frames_for(views, modalities, count)
        memory = np.empty(sum(rows.nbytes for own in frames.values() for rows in own.values()), np.uint8)
        renderer.lend(memory)
        begin = 0
        for own in frames.values():
            for name, rows in own.items():
                own[name] = memory[begin : begin + rows.nbytes].view(rows.dtype).reshape(rows.shape)
                begin += rows.nbytes
        random = np.random.default_rng(0)
        seconds, stages = [], dict.fromkeys(STAGES, 0.0)
        for number in range(ROUNDS + 1):
            demo = demos[int(random.integers(len(demos)))]
            states = demo.at(*(np.arange(count) + random.integers(len(demo))) % len(demo))
            wp.synchronize()
            if wp.get_device(device).is_cuda:
                wp.timing_begin(cuda_filter=wp.TIMING_ALL)
            since = time.perf_counter()
            asyncio.run(renderer.draw(states, frames))
            taken = time.perf_counter() - since
            timed = wp.timing_end() if wp.get_device(device).is_cuda else []
            if number:
                seconds.append(taken)
                for stage_name, names in STAGES.items():
                    own_times = (t.elapsed for t in timed if any(name in t.name for name in names))
                    stages[stage_name] += sum(own_times) / ROUNDS
        renderer.close()
        images = count * len(views)
        told = {
            "size": "{}x{}".format(*size),
            "frames": count,
            "modalities": ",".join(modalities),
            "ms": round(float(np.median(seconds)) * 1e3, 2),
            "camera_images_a_second": round(images / float(np.median(seconds))),
        }
        if stages["draw"]:
            told["stages_ms"] = {name: round(taken, 2) for name, taken in stages.items()}
            on_device = sum(taken for name, taken in stages.items() if name != "copy")
            told["camera_images_a_second_on_the_device"] = round(images / on_device * 1e3)
            told["gpu_memory_mb"] = torch.cuda.device_memory_used(device) // 2**20
        yield told


def files(stage: Usd.Stage, task: str, demos: Demos, count: int, render: RenderConfig, device: str) -> dict[str, Any]:
    """Return how long demonstrations take from their states to their files, and how large these are."""
    renderer = rasteriser.Rasteriser(
        stage, views_of(render), render.drawn(), device=device, colours=class_colours(task)
    )
    folder = Path(tempfile.mkdtemp())
    rendering = Rendering(render, folder, renderer, {}, {})
    waited, memory = 0.0, 0

    async def rendered() -> float:
        nonlocal waited, memory
        for number in range(count):
            rendering.add(f"demo_{number}", lambda number=number: demos[number % len(demos)])  # type: ignore[misc]
        begin = time.perf_counter()
        while rendering.waiting or not rendering.written:
            drawn = rendering.rendered.frames
            await rendering.advance()
            rendering.collect()
            if drawn == rendering.rendered.frames:
                waited += 0.001
                await asyncio.sleep(0.001)
            elif device != "cpu" and drawn % 4096 == 0:
                memory = max(memory, torch.cuda.device_memory_used(device))
        return time.perf_counter() - begin

    try:
        seconds = asyncio.run(rendered())
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    finally:
        rendering.close()
        renderer.close()
        shutil.rmtree(folder)
    told = rendering.rendered
    return {
        "demonstrations": len(told.complete),
        "failed": told.failed,
        "frames": told.frames,
        "views": len(render.used()),
        "modalities": render.drawn(),
        "size": f"{render.width}x{render.height}",
        "format": render.format,
        "seconds": round(seconds, 1),
        "drawing_seconds": round(told.seconds, 1),
        "waited_for_encoders_seconds": round(waited, 1),
        "ms_a_frame": round(seconds / told.frames * 1e3, 2),
        "gigabytes": round(size / 1e9, 2),
        "gpu_memory_mb": memory // 2**20,
    }


def render_config(task: str, size: Sequence[int], modalities: Sequence[str], kind: str) -> RenderConfig:
    """Return what to render of a task's own cameras."""
    size_and_kind = {"render.width": size[0], "render.height": size[1], "render.format": kind}
    return build({"task": task, "render.modalities": list(modalities), "render.videos": [], **size_and_kind}).render


def device_name(device: str) -> str:
    """Return what a device is called."""
    return torch.cuda.get_device_name(device) if device != "cpu" else "CPU"


if __name__ == "__main__":
    main()
