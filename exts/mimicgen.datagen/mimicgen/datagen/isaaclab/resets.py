"""Resets of many environments in one call, with every attempt's own random numbers.

The stack tasks' reset events write to the simulation once for every environment and object. Here the same numbers are
drawn, from the streams of the attempts that begin, and written once for all of them. Events that are not known here
have to be applied environment by environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab_tasks.contrib.stack.mdp import stack_events

from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.tasks.environment import events


class Resets:
    """Resets environments, together where every reset event of the task is known.

    Args:
        env: Isaac Lab's environment; its reset events are replaced, those of an earlier run's `Resets`, too.

    Attributes:
        draws_on: Device whose random generator the reset events draw from: the host's, unless an event is not known.
    """

    def __init__(self, env: Any):
        self._env = env
        self._streams: Mapping[int, Streams] = {}
        known = {
            stack_events.randomize_joint_by_gaussian_offset: self._joints,
            stack_events.randomize_object_pose: self._objects,
            events.reset_joints: self._near_home,
            events.reset_poses: self._placed,
            events.reset_parts: self._parts,
        }
        again = {_function(method): method for method in known.values()}
        manager = env.event_manager
        terms = {name: manager.get_term_cfg(name) for name in manager.active_terms.get("reset", ())}
        ours = {name: known.get(term.func) or again.get(_function(term.func)) for name, term in terms.items()}
        self._unknown = [name for name, own in ours.items() if own is None]
        self.draws_on = str(env.device) if self._unknown else "cpu"
        if not self._unknown:
            for name, term in terms.items():
                term.func = ours[name]
                manager.set_term_cfg(name, term)

    def __call__(self, streams: Mapping[int, Streams]) -> None:
        """Reset environments.

        Args:
            streams: The random numbers of the attempt that begins, by environment.
        """
        together = [sorted(streams)] if not self._unknown else [[env_id] for env_id in sorted(streams)]
        self._streams = streams
        for env_ids in together:
            chosen = torch.tensor(env_ids, dtype=torch.int64, device=self._env.device)
            if self._unknown:
                with streams[env_ids[0]].active():
                    self._env.reset(env_ids=chosen)
            else:
                self._env.reset(env_ids=chosen)

    def _drawn[T](self, env_ids: torch.Tensor, draw: Callable[[], T]) -> list[T]:
        drawn = []
        for env_id in env_ids.tolist():
            with self._streams[env_id].active():
                drawn.append(draw())
        return drawn

    def _joints(
        self,
        env: Any,
        env_ids: torch.Tensor,
        mean: float,
        std: float,
        asset_cfg: SceneEntityCfg = SceneEntityCfg("robot"),  # noqa: B008 -- as upstream's
    ) -> None:
        """Do what `randomize_joint_by_gaussian_offset` does."""
        robot = env.scene[asset_cfg.name]
        default = robot.data.default_joint_pos.torch[env_ids]
        drawn = self._drawn(env_ids, lambda: pose_math.sample_gaussian(mean, std, (1, default.shape[1]), "cpu"))
        limits = robot.data.soft_joint_pos_limits.torch[env_ids]
        positions = (default + torch.cat(drawn).to(env.device)).clamp_(limits[..., 0], limits[..., 1])
        fingers = getattr(env.cfg, "gripper_joint_names", None)
        if fingers != []:  # without names, the last two joints
            ids = robot.find_joints(fingers)[0] if fingers is not None else [-2, -1]
            positions[:, ids] = default[:, ids]
        velocities = robot.data.default_joint_vel.torch[env_ids]
        robot.set_joint_position_target_index(target=positions, env_ids=env_ids)
        robot.set_joint_velocity_target_index(target=velocities, env_ids=env_ids)
        robot.write_joint_position_to_sim_index(position=positions, env_ids=env_ids)
        robot.write_joint_velocity_to_sim_index(velocity=velocities, env_ids=env_ids)

    def _objects(
        self,
        env: Any,
        env_ids: torch.Tensor,
        asset_cfgs: list[SceneEntityCfg],
        min_separation: float = 0.0,
        pose_range: Mapping[str, tuple[float, float]] | None = None,
        max_sample_tries: int = 5000,
    ) -> None:
        """Do what `randomize_object_pose` does, with one write an object."""
        drawn = self._drawn(
            env_ids,
            lambda: stack_events.sample_object_poses(
                len(asset_cfgs), min_separation, dict(pose_range or {}), max_sample_tries
            ),
        )
        events.write_poses(env, env_ids, drawn, [cfg.name for cfg in asset_cfgs])

    def _near_home(self, env: Any, env_ids: torch.Tensor, robot: str, std: float, arms: list[str]) -> None:
        """Do what `reset_joints` does."""
        count = env.scene[robot].num_joints
        rows = self._drawn(env_ids, lambda: events.draw_joints(count, std))
        events.write_joints(env, env_ids, rows, robot, arms)

    def _placed(
        self, env: Any, env_ids: torch.Tensor, placements: Sequence[events.Placement], separation: float
    ) -> None:
        """Do what `reset_poses` does."""
        rows = self._drawn(env_ids, lambda: events.draw_poses(placements, separation))
        events.write_poses(env, env_ids, rows, [one.name for one in placements])

    def _parts(self, env: Any, env_ids: torch.Tensor, name: str, ranges: Mapping[str, tuple[float, float]]) -> None:
        """Do what `reset_parts` does."""
        rows = self._drawn(env_ids, lambda: events.draw_parts(ranges))
        events.write_parts(env, env_ids, rows, name, [f"{part}_joint" for part in ranges])


def _function(method: Any) -> Any:
    """Return the function of a bound method, None of anything else."""
    return getattr(method, "__func__", None)
