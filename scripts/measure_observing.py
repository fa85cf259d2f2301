"""Measure what images in the loop cost: environment steps a second with observed cameras, and with states alone.

./scripts/python.sh scripts/measure_observing.py --num-envs 256 --device cuda --size 128

Both are measured in one environment and in turns, so that nothing but the observations differs. The hands follow random
actions, so that what moves does. Two cameras in colour: one over the table, and one that stands or, with --wrist, moves
with the hand.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import torch

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.tasks.defaults import build

WRIST = {
    "render.cameras.wrist_cam.mount": "panda_hand",
    "render.cameras.wrist_cam.position": (0.13, 0.0, -0.15),
    "render.cameras.wrist_cam.orientation": (0.03701, 0.03701, -0.70614, -0.70614),
}
"""As the Visuomotor task has it."""


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, default=256)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=128, help="width and height of the images [pixels]")
    parser.add_argument("--modalities", nargs="+", default=["rgb"])
    parser.add_argument("--wrist", action="store_true", help="let the second camera move with the hand")
    parser.add_argument("--steps", type=int, default=40, help="steps of a turn")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    cameras = ["table_cam", "wrist_cam" if options.wrist else "table_high_cam"]
    job = build(
        {"num_envs": options.num_envs, "device": options.device, **(WRIST if options.wrist else {})},
        {"observe.width": options.size, "observe.height": options.size, "observe.record": False},
        {"observe.cameras": cameras, "observe.modalities": options.modalities},
    )
    found = {
        "num_envs": options.num_envs,
        "device": options.device,
        "images": f"{', '.join(cameras)}: {options.size}x{options.size}, {', '.join(options.modalities)}",
    }
    print(json.dumps(found | measure(job, options.steps, options.turns), indent=2))


def measure(job: Generate, steps: int, turns: int) -> dict[str, Any]:
    """Return the figures: environment steps a second, and milliseconds a step of all environments."""
    kitless.teach_isaaclab()
    from mimicgen.datagen.isaaclab.live_check import opened
    from mimicgen.datagen.isaaclab.managers.observing import ObservationsOnceAStep

    with opened(job) as environment, torch.inference_mode():
        env = environment.env
        observed = env.observation_manager
        env.cfg.observations.images = None
        managers = {"observed": observed, "states_alone": ObservationsOnceAStep(env.cfg.observations, env)}
        shape = env.action_manager.action.shape
        draw = torch.Generator(device=env.device).manual_seed(1)
        rates: dict[str, list[float]] = {name: [] for name in managers}
        for turn in range(turns + 1):
            for name, manager in managers.items():
                env.observation_manager = manager
                env.reset()
                begin = now(job.device)
                for _ in range(steps if turn else 5):  # the first turn compiles kernels
                    environment.step(torch.rand(shape, generator=draw, device=env.device) * 0.6 - 0.3)
                if turn:
                    rates[name].append(steps * env.num_envs / (now(job.device) - begin))
        env.observation_manager = observed
    median = {name: statistics.median(own) for name, own in rates.items()}
    return {
        "env_steps_per_s": {name: [round(rate) for rate in own] for name, own in rates.items()},
        "ms_a_step": {name: round(1e3 * job.num_envs / rate, 2) for name, rate in median.items()},
        "ratio": round(median["observed"] / median["states_alone"], 3),
    }


def now(device: str) -> float:
    """Return the time, once the device has done everything [s]."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
