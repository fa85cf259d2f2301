"""Stand-ins for environments of Isaac Lab's registered tasks, whose scenes only Isaac Sim can load.

Class and configuration are Isaac Lab's own. In the place of the simulation there are hands that are at once where
actions lead them, by the class's own `action_to_target_eef_pose`, and objects that stay where a reset has put them. How
well an arm follows, what is grasped and what succeeds is not known of them.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
from types import SimpleNamespace
from typing import Any

import gymnasium
import isaaclab.utils.math as pose_math
import torch
from isaaclab_mimic.datagen.data_generator import DataGenerator
from isaaclab_mimic.datagen.datagen_info_pool import DataGenInfoPool
from isaaclab_tasks.utils.parse_cfg import parse_env_cfg

from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.generation.mimic import MimicPolicy
from mimicgen.datagen.isaaclab.managers.poses import asked
from mimicgen.datagen.reference.streams import run_with

STEPS = 40
"""Of a subtask in the demonstrations; Isaac Lab's offsets of its end are at most 30."""

JOINTS = 18
"""Of both hands together, and whatever a task's actions have after them."""


def double_of(task: str, count: int) -> Any:
    """Return a stand-in for a task's environment, with that many of them."""
    module, name = gymnasium.spec(task).entry_point.split(":")
    kind: Any = getattr(importlib.import_module(module), name)
    cfg = parse_env_cfg(task)
    cfg.env_name = task

    class Double(kind):  # type: ignore[misc]
        """The class, without a simulation."""

        device = "cpu"
        num_envs = count

        def __init__(self) -> None:
            self.cfg = cfg
            self.eefs = list(cfg.subtask_configs)
            self.objects = sorted({one.object_ref for own in cfg.subtask_configs.values() for one in own})
            self._at = {name: torch.zeros(count, 7) for name in ("robot", *self.objects)}
            self.obs_buf: dict[str, dict[str, torch.Tensor]] = {"policy": {}}
            self.scene = SimpleNamespace(get_state=self._state)
            self.recorder_manager = SimpleNamespace(
                reset=lambda env_ids: None, set_success_to_episodes=lambda env_ids, success: None
            )
            unknown = SimpleNamespace(func=object())  # its numbers are the attempt's
            self.event_manager = SimpleNamespace(active_terms={"reset": ["all"]}, get_term_cfg=lambda name: unknown)
            self._put({eef: poses(count) for eef in self.eefs}, slice(None))

        def close(self) -> None:
            """There is nothing to close."""

        def reset(self, env_ids: torch.Tensor) -> None:
            """Put hands, robot and objects somewhere."""
            for own in self._at.values():
                pose = poses(len(env_ids))
                own[env_ids] = torch.cat([pose[:, :3, 3], pose_math.quat_from_matrix(pose[:, :3, :3])], dim=-1)
            self._put({eef: poses(len(env_ids)) for eef in self.eefs}, env_ids)

        def follow(self, actions: torch.Tensor) -> None:
            """Put the hands where actions lead them."""
            self._put(self.action_to_target_eef_pose(actions), slice(None))

        def _put(self, found: dict[str, torch.Tensor], env_ids: Any) -> None:
            policy = self.obs_buf["policy"]
            for eef, pose in found.items():
                prefix = f"{eef}_" if len(self.eefs) > 1 else ""
                for key, own in (
                    ("eef_pos", pose[:, :3, 3]),
                    ("eef_quat", pose_math.quat_from_matrix(pose[:, :3, :3])),
                ):
                    policy.setdefault(prefix + key, torch.zeros(count, own.shape[-1]))[env_ids] = own

        def _state(self, is_relative: bool) -> dict[str, dict[str, dict[str, torch.Tensor]]]:
            states = {name: {"root_pose": own.clone()} for name, own in self._at.items()}
            return {"articulation": {"robot": states.pop("robot")}, "rigid_object": states}

    return Double()


def poses(count: int) -> torch.Tensor:
    """Draw poses within a metre, shape (count, 4, 4)."""
    turns = torch.nn.functional.normalize(torch.randn(count, 4), dim=-1)
    return pose_math.make_pose(torch.rand(count, 3), pose_math.matrix_from_quat(turns))


def sources(env: Any, demos: int = 3) -> Any:
    """Return demonstrations of an environment's task in which hands wander, as `SourcePool` has them."""
    pool = DataGenInfoPool(env, env.cfg, "cpu")
    steps = STEPS * max(map(len, env.cfg.subtask_configs.values()))
    for _ in range(demos):
        ways = {eef: _way(steps) for eef in env.eefs}
        signals = {
            one.subtask_term_signal: torch.arange(steps) >= STEPS * (index + 1)
            for own in env.cfg.subtask_configs.values()
            for index, one in enumerate(own)
            if one.subtask_term_signal
        }
        told = {
            "eef_pose": ways,
            "target_eef_pose": {eef: way.clone() for eef, way in ways.items()},
            "object_pose": {name: poses(1).expand(steps, 4, 4).clone() for name in env.objects},
            "subtask_term_signals": signals,
        }
        actions = torch.randn(steps, (14 if len(env.eefs) > 1 else 7) + JOINTS)
        if len(env.eefs) == 1:
            actions = actions[:, :8]  # of which the last is the gripper's
        pool._add_episode(SimpleNamespace(data={"obs": {"datagen_info": told}, "actions": actions}))
    return SimpleNamespace(pool=pool, names=[f"demo_{index}" for index in range(demos)])


def _way(steps: int) -> torch.Tensor:
    """Draw a way from one pose to another and on, shape (steps, 4, 4)."""
    turns = torch.cumsum(0.02 * torch.randn(steps, 3), dim=0)
    rotations = pose_math.matrix_from_quat(pose_math.quat_from_euler_xyz(*turns.unbind(-1)))
    first = poses(1)[0]
    return pose_math.make_pose(
        first[:3, 3] + torch.cumsum(0.01 * torch.randn(steps, 3), dim=0), first[:3, :3] @ rotations
    )


@torch.inference_mode()
def ours(env: Any, pool: Any, seeds: list[int]) -> list[torch.Tensor]:
    """Return the actions of an attempt in every environment, shape (steps, action_dim) each."""
    policy = MimicPolicy(SimpleNamespace(env=env, poses=functools.partial(asked, env)), pool)  # type: ignore[arg-type]
    policy.begin(
        [
            UnderWay(number=index + 1, env=index, seed=seed, streams=Streams(seed, "cpu"), signals={})
            for index, seed in enumerate(seeds)
        ]
    )
    taken: list[list[torch.Tensor]] = [[] for _ in seeds]
    acting = set(range(len(seeds)))
    while acting:
        actions = asyncio.run(policy.actions())
        env.follow(actions)
        for index in acting:
            taken[index].append(actions[index].clone())
        for over in policy.over():
            if over.last:
                acting.discard(over.env)
                policy.hold([over.env])
    return [torch.stack(own) for own in taken]


def upstreams(env: Any, pool: Any, seed: int) -> torch.Tensor:
    """Return the actions of an attempt of Isaac Lab's own generator, shape (steps, action_dim)."""
    convert = env.target_eef_pose_to_action

    @functools.wraps(convert)
    def careful(target_eef_pose_dict: dict[str, torch.Tensor], **rest: Any) -> torch.Tensor:
        # A class adds noise to the very poses it is given, and so to the plan, of which a waiting hand repeats one.
        given = {eef: pose.clone() for eef, pose in target_eef_pose_dict.items()}
        action: torch.Tensor = convert(target_eef_pose_dict=given, **rest)
        return action

    env.target_eef_pose_to_action = careful
    taken: list[torch.Tensor] = []
    streams = Streams(seed, "cpu")

    async def attempt() -> None:
        resets: asyncio.Queue[int] = asyncio.Queue()
        steps: asyncio.Queue[tuple[int, torch.Tensor]] = asyncio.Queue()

        async def reset() -> None:
            await resets.get()
            with torch.inference_mode(), streams.active():
                env.reset(torch.tensor([0]))
            resets.task_done()

        async def step() -> None:
            while True:
                _, action = await steps.get()
                with torch.inference_mode():
                    taken.append(action.clone())
                    env.follow(action[None])
                steps.task_done()

        serving = [asyncio.ensure_future(reset()), asyncio.ensure_future(step())]
        failed = SimpleNamespace(func=lambda _: torch.zeros(1, dtype=torch.bool), params={})
        generator = DataGenerator(env, pool.pool)
        await run_with(
            streams,
            generator.generate(
                env_id=0,
                success_term=failed,
                env_reset_queue=resets,
                env_action_queue=steps,
                export_demo=False,
            ),
        )
        for task in serving:
            task.cancel()

    asyncio.run(attempt())
    del env.target_eef_pose_to_action
    return torch.stack(taken)
