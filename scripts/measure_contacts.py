"""How firm contacts are, by the length of MuJoCo's steps: how a grasp holds.

    ./scripts/python.sh -m scripts.measure_contacts [--substeps 20 10 5] [--json FILE]

With and without the inertia that drives have where steps are longer than those that contacts were calibrated in.

The ten shipped demonstrations are acted open loop in ten environments on a CPU until the first cube is in the air, and
from there every hand is told to stay for ten seconds. Told are, over these: how deep fingers are in the cube, how
far it slips in the hand, and how far it drifts. Needs no Kit application.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scripts.measured import PROJECT, provenance, write

from mimicgen.datagen.config.jobs import Annotate
from mimicgen.datagen.dataset.files import demo_names, open_source
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.embedded import inertia, scene
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.tasks.defaults import build

SOURCES = PROJECT / "datasets" / "stack_three_demos.hdf5"

PHYSICS_STEP = 0.01
"""Length of a physics step [s]."""

IN_THE_AIR = 0.05
"""How far a cube is above where it began [m] when its hand is told to stay."""

SETTLE, HOLD = 10, 200
"""Steps of 50 ms before a cube's place is taken, and from then on: ten seconds."""

HELD = "cube_2"


def main() -> None:
    """Measure rows, each in a process of its own, and tell them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--substeps", type=int, nargs="+", default=[20, 10, scene.SUBSTEPS])
    parser.add_argument("--one", choices=("with", "without"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.one:
        print("ROW", json.dumps(measure(options.substeps[0], inertia_of_drives=options.one == "with")))
        return
    rows = []
    for substeps, one in itertools.product(options.substeps, ("with", "without")):
        if one == "with" and PHYSICS_STEP / substeps <= inertia.CALIBRATED:
            continue
        command = [sys.executable, "-m", "scripts.measure_contacts", "--one", one, "--substeps", str(substeps)]
        ran = subprocess.run(command, check=True, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        (line,) = (line for line in ran.stdout.splitlines() if line.startswith("ROW "))
        rows.append(json.loads(line.removeprefix("ROW ")))
        print(json.dumps(rows[-1]), file=sys.stderr)
    write(provenance("scripts.measure_contacts") | {"rows": rows}, options.json)


def measure(substeps: int, *, inertia_of_drives: bool) -> dict[str, Any]:
    """Return the row of a number of MuJoCo steps in a physics step."""
    scene.SUBSTEPS = substeps
    if not inertia_of_drives:
        inertia.LIGHT = math.inf
    kitless.teach_isaaclab()
    import gymnasium as gym

    from mimicgen.datagen.isaaclab.configuration import task_config
    from mimicgen.datagen.isaaclab.runtime import Runtime

    with tempfile.TemporaryDirectory() as out, open_source(SOURCES) as file, torch.inference_mode():
        names = demo_names(file)
        said = {"task": "stack_three", "num_envs": len(names), "output_dataset": Path(out, "d.hdf5"), "output_dir": out}
        config = build(said, kind=Annotate)
        cfg, _ = task_config(config, Outputs(config), Runtime.EMBEDDED)
        env = gym.make(cfg.env_name, cfg=cfg).unwrapped
        env.render_enabled = False
        env.reset()
        for index, name in enumerate(names):
            state = _tensors(file["data"][name]["initial_state"])
            env.reset_to(state, torch.tensor([index]), is_relative=True)
        actions = [torch.from_numpy(file["data"][name]["actions"][:]) for name in names]
        held = _Held(env, actions)
        for _ in range(max(map(len, actions))):
            held.step()
        if held.lifted < len(names):
            raise SystemExit(f"{held.lifted} of {len(names)} cubes were lifted with {substeps} substeps")
        for _ in range(SETTLE):
            held.step()
        begun = held.places()
        depths = []
        for _ in range(HOLD):
            held.step()
            depths.append(held.deepest("finger", HELD))
        ended, still = held.places(), held.in_the_air()
        env.close()
    slips, sunk = (1000 * np.linalg.norm(ended[key] - begun[key], axis=1) for key in ("in_hand", "in_world"))
    return {
        "substeps": substeps,
        "step_ms": 1000 * PHYSICS_STEP / substeps,
        "inertia_of_drives": inertia_of_drives,
        "grasps": len(names),
        "held": still,
        "fingers_in_cube_mm": round(1000 * max(depths), 3),
        "slip_mm_median": round(float(np.median(slips)), 3),
        "slip_mm_most": round(float(slips.max()), 3),
        "drift_mm_median": round(float(np.median(sunk)), 3),
        "drift_mm_most": round(float(sunk.max()), 3),
    }


class _Held:
    """Environments whose hands do what demonstrations say until the cube is in the air, and stay from then on."""

    def __init__(self, env: Any, actions: list[torch.Tensor]):
        from mimicgen.datagen.generation.converting import Holder

        self._env, self._actions = env, actions
        self._holder = Holder(env, list(env.cfg.subtask_configs))
        self._held = np.zeros(len(actions), dtype=bool)
        self._step = 0
        self._began = self._cube()[:, 2].clone()

    @property
    def lifted(self) -> int:
        """How many cubes are held in the air."""
        return int(self._held.sum())

    def step(self) -> None:
        told = torch.stack([own[min(self._step, len(own) - 1)] for own in self._actions])
        if self._held.any():
            told[self._held] = self._holder.actions()[self._held]
        self._env.step(told)
        self._step += 1
        lifted = ((self._cube()[:, 2] - self._began) > IN_THE_AIR).numpy() & ~self._held
        if lifted.any():
            self._holder.hold(np.nonzero(lifted)[0].tolist())
            self._held |= lifted

    def in_the_air(self) -> int:
        """Return how many cubes are there now."""
        return int(((self._cube()[:, 2] - self._began) > IN_THE_AIR / 2).sum())

    def places(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return where the cubes are, in the hands' axes and in the world's [m], shape (count, 3) each."""
        (eef,) = self._env.cfg.subtask_configs
        hand, cube = self._env.get_robot_eef_pose(eef), self._cube()
        away = (cube - hand[:, :3, 3])[:, None]
        return {"in_hand": (away @ hand[:, :3, :3])[:, 0].numpy().copy(), "in_world": cube.numpy().copy()}

    def deepest(self, one: str, other: str) -> float:
        """Return how deep bodies whose names have these in them are in each other at most [m]."""
        import mujoco

        from mimicgen.datagen.embedded.physics import NewtonNativeMujocoManager

        worlds = NewtonNativeMujocoManager._worlds
        assert worlds is not None
        model = worlds.model
        bodies = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_BODY, own) or "" for own in model.geom_bodyid]
        geoms = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_GEOM, own) or "" for own in range(model.ngeom)]
        named = [f"{body} {geom}".lower() for body, geom in zip(bodies, geoms, strict=True)]
        deepest = 0.0
        for data in worlds.datas:
            for contact in data.contact:
                pair = [named[own] for own in contact.geom]
                if any(one in a and other in b for a, b in (pair, reversed(pair))):
                    deepest = max(deepest, -float(contact.dist))
        return deepest

    def _cube(self) -> torch.Tensor:
        position: torch.Tensor = self._env.scene[HELD].data.root_link_pose_w.torch[:, :3]
        return position


def _tensors(group: Any) -> dict[str, Any]:
    return {name: torch.from_numpy(own[:1]) if hasattr(own, "shape") else _tensors(own) for name, own in group.items()}


if __name__ == "__main__":
    main()
