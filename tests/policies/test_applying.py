"""Poses to reach, as policies that were trained on exports give them, against the environment's own conversion."""

from __future__ import annotations

import json
from pathlib import Path

from tests.generation.running import python

CODE = """
import asyncio, json
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.isaaclab.upstream import importing
with importing.uncollected():
    import torch
    kitless.teach_isaaclab()
    from mimicgen.datagen.isaaclab import configuration, environment
    from mimicgen.datagen.embedded import physics
import h5py
import isaaclab.utils.math as pose_math
from mimicgen.datagen.dataset.formats.representations import Representations
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.isaaclab.runtime import Runtime
from mimicgen.datagen.policies.applying import Applying
from mimicgen.datagen.tasks import catalogue, motion
from mimicgen.datagen.tasks.defaults import build

told = {}
for task in ("stack_ur10", "two_arm_lift"):
    config = build({"task": task, "output_dataset": sys.argv[1] + "/g.hdf5", "output_dir": sys.argv[1], "num_envs": 3})
    cfg, success = configuration.task_config(config, Outputs(config), Runtime.EMBEDDED)
    opened = environment.Environment(cfg, success, Runtime.EMBEDDED)
    env, found = opened.env, catalogue.description_of(cfg)
    body = motion.body_of(found, motion.commands_of(cfg.env_name, cfg.described))
    applying = Applying(env, body)
    with torch.inference_mode():
        torch.manual_seed(1)
        wanted = 0.3 * torch.randn(3, env.action_manager.total_action_dim)
        if any(not hand.command.relative for hand in body.hands):
            for hand in body.hands:
                at = hand.command.begin + 3
                wanted[:, at:at + 4] /= wanted[:, at:at + 4].norm(dim=1, keepdim=True)
        # The demonstration as it is recorded: a row for each of the three environments.
        poses = {eef: env.get_robot_eef_pose(eef) for eef in env.cfg.subtask_configs}
        with h5py.File("memory", "w", driver="core", backing_store=False) as file:
            demo = file.create_group("demo_0")
            demo["actions"] = wanted.numpy()
            for eef, target in env.action_to_target_eef_pose(wanted).items():
                demo[f"obs/datagen_info/eef_pose/{eef}"] = poses[eef].numpy()
                demo[f"obs/datagen_info/target_eef_pose/{eef}"] = target.numpy()
            made = Representations(body, {}, "xyzw")
            for kind in applying.dims:
                rows = torch.from_numpy(made.action(demo, kind).rows)
                found = applying.of(kind)(rows)
                for hand in body.hands:  # a quaternion and its opposite are one turn
                    if not hand.command.relative:
                        at = hand.command.begin + 3
                        sign = torch.sign((found[:, at:at + 4] * wanted[:, at:at + 4]).sum(1, keepdim=True))
                        found = found.clone()
                        found[:, at:at + 4] *= sign
                told[f"{task} {kind}"] = [float((found - wanted).abs().max()), list(rows.shape), applying.dims[kind]]
    opened.close()
print("RESULT", json.dumps(told))
"""


def test_exported_actions_are_the_recorded_ones_again(tmp_path: Path) -> None:
    (line,) = (line for line in python(CODE, tmp_path).splitlines() if line.startswith("RESULT"))
    told = json.loads(line.removeprefix("RESULT"))
    kinds = ("recorded", "eef_absolute", "eef_relative")
    assert set(told) == {f"{task} {kind}" for task in ("stack_ur10", "two_arm_lift") for kind in kinds}
    for name, (difference, shape, width) in told.items():
        assert shape == [3, width], name
        assert difference < 1e-4, name
