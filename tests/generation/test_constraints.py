"""Two end effectors in one environment, each constraint and selection of Isaac Lab's, against its own generator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.generation.running import python

TASK = """
instruction = "Two hands move."
[robots.right]
robot = "franka_panda"
position = [0.0, -0.4, 0.0]
[robots.left]
robot = "absolute.toml"
position = [0.0, 0.4, 0.0]
yaw = -0.3
[table]
size = [1.5, 1.6, 0.04]
[objects.near]
shapes = [{ shape = "box", size = [0.05, 0.05, 0.05] }]
position = [0.75, 0.5, 0.025]
[objects.far]
shapes = [{ shape = "box", size = [0.05, 0.05, 0.05] }]
position = [0.75, -0.5, 0.025]
[variants.d0.start]
near = { x = [0.7, 0.8], y = [0.45, 0.55], yaw = [-0.4, 0.4] }
far = { x = [0.7, 0.8], y = [-0.55, -0.45], yaw = [-0.4, 0.4] }
[[subtasks.right]]
object_ref = "far"
subtask_term_signal = "right_1"
subtask_term_offset_range = [0, 3]
[[subtasks.right]]
object_ref = "near"
subtask_term_signal = "right_2"
[[subtasks.right]]
object_ref = "far"
[[subtasks.left]]
object_ref = "near"
subtask_term_signal = "left_1"
subtask_term_offset_range = [0, 3]
[[subtasks.left]]
object_ref = "near"
subtask_term_signal = "left_2"
[[subtasks.left]]
object_ref = "far"
[signals]
right_1 = { is = "lifted", object = "far" }
right_2 = { is = "lifted", object = "far" }
left_1 = { is = "lifted", object = "near" }
left_2 = { is = "lifted", object = "near" }
[success]
is = "lifted"
object = "near"
[cameras.side]
position = [1.9, 0.0, 0.8]
look_at = [0.4, 0.0, 0.3]
"""

CODE = """
import asyncio, sys
task, folder = sys.argv[1:]
import json, random, torch, h5py
import numpy as np
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
import isaaclab.utils.math as pose_math
from isaaclab.envs import SubTaskConstraintConfig, SubTaskConstraintCoordinationScheme, SubTaskConstraintType
from mimicgen.datagen.attempts.randomness import attempt_seed
from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.dataset.sources.sources import Sources
from mimicgen.datagen.generation.machine import AttemptMachine
from mimicgen.datagen.generation.mimic import MimicPolicy
from mimicgen.datagen.isaaclab.live_check import opened
from mimicgen.datagen.isaaclab.pool import SourcePool
from mimicgen.datagen.reference import mimic as reference
from mimicgen.datagen.reference.driver import Driver
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.generation import converting
from mimicgen.datagen.tasks.conversions import conversion_of
from functools import partial
from pathlib import Path

def smooth(generator, steps, scale):
    # Ways that begin and end anywhere, without jumps.
    ends = scale * generator.normal(size=(2, 3))
    ramp = (1.0 - np.cos(np.linspace(0.0, np.pi, steps)))[:, None] / 2.0
    return torch.tensor(ends[0] + ramp * (ends[1] - ends[0]), dtype=torch.float32)

def poses(generator, start, steps):
    # Of a hand that comes and goes around where it starts.
    turns = pose_math.matrix_from_quat(pose_math.quat_from_euler_xyz(*smooth(generator, steps, 0.25).unbind(-1)))
    return pose_math.make_pose(start[:3, 3] + smooth(generator, steps, 0.05), turns @ start[:3, :3])

def write_sources(env, path):
    generator = np.random.default_rng(5)
    with h5py.File(path, "w") as file:
        file.create_group("data").attrs["env_args"] = json.dumps({"env_name": task, "type": 2})
        for number in range(4):
            steps = int(generator.integers(58, 70))
            demo = file["data"].create_group(f"demo_{number}")
            demo.attrs["num_samples"] = steps
            demo["actions"] = generator.uniform(-1, 1, size=(steps, 15)).astype(np.float32)
            told = demo.create_group("obs/datagen_info")
            for eef in env.cfg.subtask_configs:
                start = env.get_robot_eef_pose(eef)[0]
                told["eef_pose/" + eef] = poses(generator, start, steps).numpy()
                told["target_eef_pose/" + eef] = poses(generator, start, steps).numpy()
            for name, pose in env.get_object_poses().items():
                own = pose[0].clone()
                own[:2, 3] += torch.tensor(generator.uniform(-0.04, 0.04, size=2), dtype=torch.float32)
                told["object_pose/" + name] = own.expand(steps, 4, 4).numpy()
            for name, least in (("right_1", 14), ("right_2", 36), ("left_1", 20), ("left_2", 41)):
                told["subtask_term_signals/" + name] = np.arange(steps) >= least + generator.integers(0, 6)

async def attempts(driver, count, actions_of):
    ended, taken = [], []
    while len(ended) < count:
        ended += await driver.ended()
        if len(ended) >= count:
            break
        actions = await driver.actions(1000)
        taken.append(actions.numpy().copy())
        driver.step(actions)
        ended += await driver.ended() if actions_of else []
    return [json.loads(one.to_json()) for one in ended[:count]], np.array(taken)

def constraint(kind, first, second, **more):
    return SubTaskConstraintConfig(eef_subtask_constraint_tuple=[first, second], constraint_type=kind, **more)

SEQUENTIAL, COORDINATION = SubTaskConstraintType.SEQUENTIAL, SubTaskConstraintType.COORDINATION
SCHEMES = SubTaskConstraintCoordinationScheme
def together(scheme, first=("right", 1), second=("left", 1), **more):
    return [constraint(COORDINATION, first, second, coordination_scheme=scheme, **more)]
NOISE = {"coordination_scheme_pos_noise_scale": 0.02, "coordination_scheme_rot_noise_scale": 0.1}
PER_ARM = {"generation_select_src_per_arm": True}
PER_SUBTASK = {"generation_select_src_per_subtask": True}
NEAR = {"nn_k": 2, "pos_weight": 2.0}
CASES = {
    # name: constraints, options, strategy and its arguments
    "free": ([], PER_ARM | PER_SUBTASK, "random", {}),
    "free, one source": ([], {}, "random", {}),
    "free, a source an arm": ([], PER_ARM, "random", {}),
    "free, a source a subtask": ([], PER_SUBTASK, "random", {}),
    "nearest object": ([], PER_ARM | PER_SUBTASK, "nearest_neighbor_object", NEAR),
    "nearest robot distance": ([], PER_ARM | PER_SUBTASK, "nearest_neighbor_robot_distance",
        NEAR | {"rot_weight": 0.3}),
    "nearest object, shared": ([], {}, "nearest_neighbor_object", {"nn_k": 3}),
    "first pose, from where it is": ([], PER_ARM | PER_SUBTASK | {"generation_transform_first_robot_pose": True,
        "generation_interpolate_from_last_target_pose": False}, "random", {}),
    "sequential": ([constraint(SEQUENTIAL, ("right", 1), ("left", 1))], PER_ARM | PER_SUBTASK, "random", {}),
    "sequential, the other way round": ([constraint(SEQUENTIAL, ("left", 2), ("right", 0))], {}, "random", {}),
    "sequential, near its end": ([constraint(SEQUENTIAL, ("left", 1), ("right", 0), sequential_min_time_diff=7)],
        PER_ARM | PER_SUBTASK, "random", {}),
    "replay": (together(SCHEMES.REPLAY), PER_ARM | PER_SUBTASK, "random", {}),
    "replay, in step": (together(SCHEMES.REPLAY, coordination_synchronize_start=True), {}, "random", {}),
    "replay, noise": (together(SCHEMES.REPLAY, ("left", 2), ("right", 1), **NOISE), PER_ARM, "random", {}),
    "transform": (together(SCHEMES.TRANSFORM), PER_ARM | PER_SUBTASK, "nearest_neighbor_object", NEAR),
    "transform, in step": (together(SCHEMES.TRANSFORM, coordination_synchronize_start=True), PER_ARM, "random", {}),
    "transform, noise, in step": (together(SCHEMES.TRANSFORM, ("left", 1), ("right", 2),
        coordination_synchronize_start=True, **NOISE), PER_ARM | PER_SUBTASK, "nearest_neighbor_object", NEAR),
    "transform, at once": (together(SCHEMES.TRANSFORM, ("left", 0), ("right", 0)), PER_ARM, "random", {}),
    "translate": (together(SCHEMES.TRANSLATE, **NOISE), {}, "random", {}),
    "sequential and transform": ([constraint(SEQUENTIAL, ("right", 0), ("left", 0)),
        *together(SCHEMES.TRANSFORM, ("left", 2), ("right", 2), coordination_synchronize_start=True)],
        PER_ARM | PER_SUBTASK, "random", {}),
    "an environment's own conversion": ([], PER_ARM, "random", {}),
    "an environment's own conversion, with one noise": ([], PER_ARM, "random", {}),
}
DEFAULTS = {"generation_select_src_per_arm": False, "generation_select_src_per_subtask": False,
            "generation_transform_first_robot_pose": False, "generation_interpolate_from_last_target_pose": True}

def restore(env, functions={}):
    # What writes at a reset is replaced once by every policy.
    for name in env.event_manager.active_terms["reset"]:
        term = env.event_manager.get_term_cfg(name)
        term.func = functions.setdefault(name, term.func)

def with_one_noise(convert, target_eef_pose_dict, gripper_action_dict, noise=None, env_id=0):
    # As environments of before convert, which Isaac Lab still serves.
    noises = None if noise is None else dict.fromkeys(target_eef_pose_dict, noise)
    return convert(target_eef_pose_dict, gripper_action_dict, action_noise_dict=noises, env_id=env_id)

async def case(environment, sources, name):
    restore(environment.env)
    constraints, options, strategy, arguments = CASES[name]
    cfg = environment.env.cfg
    cfg.task_constraint_configs = constraints
    # Where the one that waits comes later in the configuration than by name, upstream may end with an AssertionError.
    by_name = any(one.constraint_type == COORDINATION for one in constraints) and name != "replay"
    cfg.subtask_configs = {eef: cfg.subtask_configs[eef] for eef in sorted(cfg.subtask_configs, reverse=not by_name)}
    for key, value in (DEFAULTS | options).items():
        setattr(cfg.datagen_config, key, value)
    for index, subtask in enumerate(one for own in cfg.subtask_configs.values() for one in own):
        subtask.selection_strategy, subtask.selection_strategy_kwargs = strategy, arguments
        subtask.action_noise, subtask.num_interpolation_steps = 0.01 * (1 + index % 3), (5, 0, 3)[index % 3]
        subtask.num_fixed_steps, subtask.apply_noise_during_interpolation = (0, 2, 1)[index % 3], index % 2 == 0
        subtask.first_subtask_start_offset_range = (0, 2)
    converting.conversion_of = (lambda env: None) if "own" in name else conversion_of
    if "one noise" in name:
        environment.env.target_eef_pose_to_action = partial(with_one_noise, environment.env.target_eef_pose_to_action)
    pool = SourcePool(environment.env, sources, "cpu")
    with torch.inference_mode():
        policy = MimicPolicy(environment, pool)
    machine = AttemptMachine(environment, policy, seed_of=partial(attempt_seed, 7))
    ours, taken = await attempts(machine, 1, True)
    restore(environment.env)
    driver = Driver(environment, reference.MimicPolicy(environment, pool, early_abort=False), seed=7, settle_steps=0)
    await driver.start()
    try:
        theirs, expected = await attempts(driver, 1, False)
    finally:
        await driver.close()
    steps = ours[0]["steps"]
    enough = min(len(taken), len(expected)) >= steps
    difference = float(np.abs(taken[:steps] - expected[:steps]).max()) if enough else None
    return {"ours": ours[0], "theirs": theirs[0], "difference": difference, "longest": policy.longest}

async def main():
    said = {"task": task, "num_envs": 1, "output_dataset": folder + "/g.hdf5", "output_dir": folder}
    with opened(build(said, kind=Record)) as environment:
        path = Path(folder) / "sources.hdf5"
        write_sources(environment.env, path)
        names = tuple(f"demo_{number}" for number in range(4))
        sources = Sources(path=path, usable=names, findings=(), quaternion_order="xyzw")
        for name in CASES:
            print("CASE", json.dumps([name, await case(environment, sources, name)]), flush=True)
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Both generators' attempts by case, all of one environment."""
    folder = tmp_path_factory.mktemp("constraints")
    robot = (PROJECT / "exts" / "mimicgen.datagen" / "data" / "robots" / "franka_panda.toml").read_text(
        encoding="utf-8"
    )
    (folder / "absolute.toml").write_text(robot.replace("relative_ik", "absolute_ik"), encoding="utf-8")
    task = folder / "two_hands.toml"
    task.write_text(TASK, encoding="utf-8")
    lines = python(CODE, task, folder).splitlines()
    return dict(json.loads(line.removeprefix("CASE ")) for line in lines if line.startswith("CASE "))


def test_actions_are_those_of_isaac_labs_generator(compared: dict[str, Any]) -> None:
    assert len(compared) == 22
    for name, found in compared.items():
        for attempt in (found["ours"], found["theirs"]):
            del attempt["seconds"]
        assert found["ours"] == found["theirs"], name
        assert found["difference"] is not None, name
        assert found["difference"] <= 1e-5, name
        assert found["ours"]["steps"] <= found["longest"], name


def test_who_is_bound_waits(compared: dict[str, Any]) -> None:
    def over(name: str) -> dict[tuple[str, int], int]:
        return {(one["eef"], one["subtask"]): one["over"] for one in compared[name]["ours"]["segments"]}

    sequential = over("sequential")
    assert sequential["left", 1] - sequential["right", 1] > 10, "it begins only then"
    near = over("sequential, near its end")
    assert 7 <= near["right", 0] - near["left", 1] <= 8, "it has come until seven steps before its end"
    for name in ("replay, in step", "transform, in step"):
        assert abs(over(name)["left", 1] - over(name)["right", 1]) <= 1, "they end together"
