"""Calibration: replay human demonstrations' recorded actions, open loop, in the embedded scene.

    ./scripts/python.sh scripts/replay_human_demos.py SOURCE.hdf5 [--controller current] [--physics physx] [--json FILE]

For each demonstration: how far the hand is from the recorded one until it closes for the first time, whether both
grasps held (the cube rose with the hand), and whether the stack stood after settling. Needs no Kit application.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimicgen.datagen.config.jobs import Annotate
from mimicgen.datagen.dataset.files import open_source
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.raw import RawDemos, check_demos
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.tasks.defaults import TASK, build

SETTLE = 30
"""Steps that the last action is repeated after a demonstration."""

LIFTED = 0.08
"""A grasp held if the cube's centre rose above this height [m]; on another cube it rests at 0.067 m."""


def main() -> None:
    """Replay, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--controller", choices=("recorded", "current"), default="recorded")
    parser.add_argument("--physics", choices=("mujoco", "physx"), default="mujoco")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    demos = check_demos(options.source, TASK)
    with tempfile.TemporaryDirectory() as scratch:
        legacy = demos.legacy and options.controller == "recorded"
        rows = replay(demos, legacy_controller=legacy, physics=options.physics, out=scratch)
    for row in rows:
        print(
            f"{row['demo']:>8}: {row['steps']} steps, hand off by {row['median_mm']:.1f} mm (median) and "
            f"{row['max_mm']:.1f} mm (worst) before the first grasp, grasps held: {row['grasps_held']} of 2, "
            f"{'success' if row['success'] else 'failure'}"
        )
    report = {
        "median_mm": float(np.median([row["median_mm"] for row in rows])),
        "grasps_held": sum(row["grasps_held"] for row in rows),
        "successes": sum(row["success"] for row in rows),
        "demos": rows,
    }
    print(
        f"   total: median {report['median_mm']:.1f} mm, {report['grasps_held']} of {2 * len(rows)} grasps held, "
        f"{report['successes']} of {len(rows)} stacks stood"
    )
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def replay(raw: RawDemos, *, legacy_controller: bool, physics: str, out: str) -> list[dict[str, Any]]:
    """Replay all demonstrations side by side, one an environment."""
    kitless.teach_isaaclab()
    import gymnasium as gym

    from mimicgen.datagen.isaaclab.configuration import task_config
    from mimicgen.datagen.isaaclab.runtime import Runtime
    from mimicgen.datagen.isaaclab.upstream.legacy import use_legacy_controller

    dataset = Path(out, "replay.hdf5")
    config = build(
        {"num_envs": len(raw.names), "physics": physics, "output_dataset": dataset, "output_dir": out}, kind=Annotate
    )
    cfg, success = task_config(config, Outputs(config), Runtime.EMBEDDED)
    if legacy_controller:
        use_legacy_controller(cfg)
    env = gym.make(config.task, cfg=cfg).unwrapped
    env.render_enabled = False
    with torch.inference_mode(), open_source(raw.path) as file:
        demos = [{key: file["data"][name][key][:] for key in ("actions", "obs/eef_pos")} for name in raw.names]
        env.reset()
        for index, name in enumerate(raw.names):
            state = {
                kind: {
                    asset: {key: torch.tensor(value) for key, value in values.items()}
                    for asset, values in assets.items()
                }
                for kind, assets in raw.initial_state(name).items()
            }
            env.reset_to(state, torch.tensor([index]), is_relative=True)
        length = max(len(demo["actions"]) for demo in demos)
        hands = np.zeros((length + 1, len(demos), 3))
        heights = np.zeros((length + 1, len(demos), 3))
        stood = np.zeros((length + SETTLE, len(demos)), dtype=bool)
        for step in range(length + SETTLE):
            if step <= length:
                observed = env.obs_buf["policy"]
                hands[step] = observed["eef_pos"].numpy()
                heights[step] = observed["cube_positions"].numpy()[:, 2::3]
            actions = [demo["actions"][min(step, len(demo["actions"]) - 1)] for demo in demos]
            env.step(torch.tensor(np.stack(actions)))
            stood[step] = success.func(env, **success.params).numpy()
    env.close()
    rows: list[dict[str, Any]] = []
    for index, demo in enumerate(demos):
        steps = len(demo["actions"])
        closing = int(np.argmax(demo["actions"][:, 6] < 0))
        error = 1000 * np.linalg.norm(hands[:closing, index] - demo["obs/eef_pos"][:closing], axis=1)
        rows.append(
            {
                "demo": raw.names[index],
                "steps": steps,
                "median_mm": float(np.median(error)),
                "max_mm": float(error.max()),
                "grasps_held": int((heights[:steps, index, 1:].max(axis=0) > LIFTED).sum()),
                "success": bool(stood[steps + SETTLE - 10 : steps + SETTLE, index].all()),
            }
        )
    return rows


if __name__ == "__main__":
    main()
