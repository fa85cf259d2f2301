"""Measure what a substep of MuJoCo Warp takes: as it is, with sums over the tree, in branches, with a shorter search.

    ./scripts/python.sh -m scripts.measure_substeps --device cuda --num-envs 64 1024 4096 --line-search 50 8 --json FILE

The model is a task's, in the state after some steps of its expert, the same in all worlds. On a GPU the substeps of an
environment step are one CUDA graph. The median of five times ten launches; on a CPU, which has no graphs to launch, it
only shows that the ways agree.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from scripts.measured import provenance, write

from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.session.opening import open_simulation
from mimicgen.datagen.tasks.defaults import build

SUBSTEPS = 25
"""Of an environment step."""

CAPACITY = {"nconmax": 64, "njmax": 256}
"""Contacts and rows of constraints of a world."""


async def model_of(task: str, steps: int) -> tuple[Any, Any]:
    """Return MuJoCo's model of a task and its state after some steps of the expert, which wants the CPU's engine."""

    @contextlib.asynccontextmanager
    async def stage(_: str) -> AsyncIterator[Callable[[str], None]]:
        yield lambda note: None

    with tempfile.TemporaryDirectory() as folder:
        own = {"output_dataset": f"{folder}/g.hdf5", "output_dir": folder, "render.when": "never", "report": False}
        job = build({"task": task}, own, kind=Record)
        outputs = Outputs(job)
        async with open_simulation(job, outputs, stage) as opened:
            generator: Any = opened
            for _ in range(steps):
                await generator.ended()
                generator.step(await generator.actions(1))
            from mimicgen.datagen.embedded.physics import NewtonNativeMujocoManager

            return NewtonNativeMujocoManager.model(), NewtonNativeMujocoManager._worlds.datas[0]


def microseconds(step: Callable[[], None], device: str) -> float:
    """Return what a substep takes."""
    import warp as wp

    def plain() -> None:
        for _ in range(SUBSTEPS):
            step()

    plain()  # kernels are compiled
    launch = plain
    if device != "cpu":
        with wp.ScopedCapture() as capture:
            plain()
        launch = lambda: wp.capture_launch(capture.graph)  # noqa: E731
    times, often = [], 10 if device != "cpu" else 1
    for _ in range(5):
        wp.synchronize()
        begin = time.perf_counter()
        for _ in range(often):
            launch()
        wp.synchronize()
        times.append((time.perf_counter() - begin) / often / SUBSTEPS * 1e6)
    return statistics.median(times)


def row_of(model: Any, state: Any, options: argparse.Namespace, worlds: int, line_search: int) -> dict[str, Any]:
    """Return what a substep takes in each way, and how far apart the joints are afterwards."""
    import mujoco
    import mujoco_warp
    import numpy as np
    import warp as wp

    from mimicgen.datagen.embedded import iterating, trees
    from mimicgen.datagen.embedded.scene import CUDA_ITERATIONS
    from mimicgen.datagen.embedded.stepping import Stepping

    took, ends = {}, []
    for way in ("mujoco_warp.step", "sums over the tree", "sums and branches"):
        with wp.ScopedDevice(options.device):
            ours = mujoco_warp.put_model(model)
            data = mujoco_warp.put_data(model, state, nworld=worlds, **CAPACITY)
            ours.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_NATIVECCD
            ours.opt.iterations, ours.opt.ls_iterations, ours.opt.warn_overflow = CUDA_ITERATIONS, line_search, False
            iterating.bound(ours)
            if way != "mujoco_warp.step":
                trees.sweep(ours, data)
            branches = Stepping(ours, data)
            step = branches.step if way == "sums and branches" else lambda m=ours, d=data: mujoco_warp.step(m, d)
            took[way] = round(microseconds(step, options.device), 1)
            ends.append(data.qpos.numpy()[0])
    apart = max(float(np.abs(end - ends[0]).max()) for end in ends)
    return {"num_envs": worlds, "line_search": line_search, "microseconds": took, "apart": apart}


def main() -> None:
    """Measure, print a line a row, and write JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="stack_three")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--num-envs", type=int, nargs="+", default=[64, 1024, 4096])
    parser.add_argument("--line-search", type=int, nargs="+", default=[50], help="iterations at most (default: 50)")
    parser.add_argument("--steps", type=int, default=60, help="of the expert, before")
    parser.add_argument("--json", type=Path, help="where to write")
    parser.add_argument("--commit", default="", help="where the checkout has come without its history")
    options = parser.parse_args()
    told = provenance("scripts.measure_substeps", options.commit)
    model, state = asyncio.run(model_of(options.task, options.steps))
    # What MuJoCo's own engine is told beyond what MuJoCo Warp knows.
    model.opt.disableflags = model.opt.enableflags = 0
    from mimicgen.datagen.embedded.boxes import prefer_faces

    prefer_faces()
    told["rows"] = []
    for worlds in options.num_envs:
        for line_search in options.line_search:
            told["rows"].append(row_of(model, state, options, worlds, line_search))
            print(told["rows"][-1], flush=True)
    write(told, options.json)


if __name__ == "__main__":
    main()
