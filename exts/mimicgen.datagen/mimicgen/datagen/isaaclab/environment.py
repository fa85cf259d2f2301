"""The Mimic environment of a run: made, checked, asked and closed in one place, alike in both runtimes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import isaaclab_mimic.envs  # noqa: F401 -- registers the Mimic tasks
import torch
from isaaclab.envs import ManagerBasedRLMimicEnv
from isaaclab.managers import ObservationManager

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.outputs.parts import Episode
from mimicgen.datagen.dataset.sources.raw import file_hash
from mimicgen.datagen.isaaclab import cameras
from mimicgen.datagen.isaaclab import runtime as runtimes
from mimicgen.datagen.isaaclab.managers import observing, recording
from mimicgen.datagen.isaaclab.managers.executing import executing
from mimicgen.datagen.isaaclab.managers.poses import asked, poses_of
from mimicgen.datagen.isaaclab.managers.terminations import NoTerminations
from mimicgen.datagen.isaaclab.runtime import Runtime
from mimicgen.datagen.isaaclab.starts import starts_of
from mimicgen.datagen.robots.catalogue import ROBOTS
from mimicgen.datagen.tasks import catalogue
from mimicgen.datagen.tasks.environment.mimic import TaskEnv
from mimicgen.datagen.tasks.predicates import stages
from mimicgen.datagen.tasks.predicates.evaluation import Predicates
from mimicgen.datagen.tasks.predicates.reasons import Reasons, Shortfall

if TYPE_CHECKING:
    from mimicgen.datagen.embedded.images.observing import ObservedCameras


class Environment:
    """An open Mimic environment.

    Args:
        cfg: Isaac Lab's configuration.
        success: The success term.
        runtime: Where the simulation comes from.
        staged: Whether the signals are the stages of a task that a file describes, and not those that end its
            subtasks; see `tasks/predicates/stages.py`.

    Attributes:
        env: Isaac Lab's environment.
        signal_names: Subtask signals that are told, in the order of the subtasks.
        signal_eefs: End effector that each of them is of, where there are several; None otherwise.
        starts: Where objects may start, by object; those of which it is known.
        succeeded: Which environments satisfied the success term after the last step, shape (num_envs,), bool.
        facts: What the run record says about it.

    Raises:
        SetupError: A camera is mounted on what the scene does not have.
    """

    _stages: Predicates | None = None

    def __init__(self, cfg: Any, success: Any, runtime: Runtime, *, staged: bool = False):
        self.env: ManagerBasedRLMimicEnv = gym.make(cfg.env_name, cfg=cfg).unwrapped
        self._cameras: ObservedCameras | None = None
        try:
            if recording.can_buffer(self.env.recorder_manager):
                self.env.recorder_manager = recording.EpisodeBuffers(cfg.recorders, self.env)
            if cfg.observed is not None:
                self._observe(cfg.observed)
            if observing.can_compute_once(self.env.observation_manager):
                self.env.observation_manager = observing.ObservationsOnceAStep(self.env.cfg.observations, self.env)
            if not self.env.termination_manager.active_terms:
                self.env.termination_manager = NoTerminations(cfg.terminations, self.env)
            # Isaac Lab's step would otherwise pump the application (and with it the event loop that we run on).
            self.env.render_enabled = False
            self._success = success
            self.succeeded = torch.zeros(self.env.num_envs, dtype=torch.bool)
            self.starts = starts_of(self.env)
            self._executed: torch.Tensor | None = None
            self._poses = None if str(self.env.device) == "cpu" else poses_of(self.env)
            with torch.inference_mode():
                self.env.reset()
            found = catalogue.description_of(cfg)
            if staged and found is not None:
                found = stages.staged(found)
                self._stages, eefs = Predicates(self.env, found), stages.in_order(found)
                self._stages.signals()  # takes note of where objects start, from now on
            else:
                told = self.env.get_subtask_term_signals()
                own = {one.subtask_term_signal: eef for eef, those in cfg.subtask_configs.items() for one in those}
                eefs = {name: eef for name, eef in own.items() if name in told}
            self.signal_names = tuple(eefs)
            self.signal_eefs = eefs if len(cfg.subtask_configs) > 1 else None
            joints = {name: tuple(asset.joint_names) for name, asset in self.env.scene.articulations.items()}
            self._reasons = Reasons(found, cfg.subtask_configs, joints)
        except BaseException:
            self.close()
            raise
        self.facts: dict[str, Any] = {
            "runtime": str(runtime),
            "physics": self.env.sim.physics_manager.__name__,
            "versions": runtimes.versions(),
            "quaternion_order": "xyzw",
            "starts": {name: start.told() for name, start in self.starts.items()},
            "joints": {name: list(own) for name, own in joints.items()},
        }
        if isinstance(self.env, TaskEnv):
            path, robots = self.env.described.path, self.env.described.robot_files.values()
            own = {robot.relative_to(path.parent, walk_up=True): robot for robot in robots if robot.parent != ROBOTS}
            hashes = {str(place): file_hash(robot) for place, robot in own.items()}
            self.facts["task_file"] = {"file": path.name, "sha256": file_hash(path), "robots": hashes}

    def _observe(self, observed: cameras.Observed) -> None:
        """Put cameras where the task's own sensors would be, and observe what they show, too."""
        from mimicgen.datagen.embedded.images.observing import ObservedCameras

        args = (observed.views, sorted(observed.modalities), observed.colours, observed.looks)
        self._cameras = ObservedCameras(self.env, *args)
        self.env.scene.sensors.update(self._cameras.cameras)
        observed.put_into(self.env.cfg.observations)
        self.env.observation_manager = ObservationManager(self.env.cfg.observations, self.env)
        self.env._configure_gym_env_spaces()

    def dress(self, render: RenderConfig, seed: int, look: int) -> None:
        """Show everything through the observed cameras in a look; see `ObservedCameras.dress`."""
        assert self._cameras is not None, "nothing is observed through cameras"
        self._cameras.dress(render, seed, look)

    def step(self, actions: torch.Tensor) -> torch.Tensor:
        """Step all environments once; where there is a window, it shows them as they are then.

        Args:
            actions: Shape (num_envs, action_dim). One that is not finite is not taken: a solver would keep it.

        Returns:
            Whose action was finite, shape (num_envs,), bool.
        """
        executed, self._executed = self._executed, None
        finite = torch.isfinite(actions).all(dim=1)
        if executed is not None:
            executed = torch.where(finite[:, None], executed, 0.0)
        with contextlib.nullcontext() if executed is None else executing(self.env.action_manager, executed):
            self.env.step(torch.where(finite[:, None], actions, 0.0))
        if self._stages is not None:
            self._stages.stepped()
        if self.env.sim.has_gui:  # no visualizer of Isaac Lab's publishes the poses to the viewport
            self.env.sim.forward()
        return finite

    def execute(self, actions: torch.Tensor) -> None:
        """Let the next step execute other actions than it is told, shape (num_envs, action_dim).

        What is recorded as `actions`, and observed as the last one, is what it is told; `processed_actions` are those
        that it executes.
        """
        self._executed = actions

    def begun(self, env_ids: Sequence[int]) -> None:
        """Take note that attempts have begun in environments, which were reset."""
        if self._stages is not None:
            self._stages.reset(list(env_ids))

    def poses(self, env_ids: Sequence[int]) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Return `world_from_eef` and `world_from_object` of environments now, by name, on the host.

        In the environments' frames, shape (len(env_ids), 4, 4) each.
        """
        return self._poses.of(env_ids) if self._poses is not None else asked(self.env, env_ids)

    def signals(self) -> dict[str, torch.Tensor]:
        """Return where each signal is true now, shape (num_envs,), bool."""
        if self._stages is not None:
            return self._stages.signals()
        found: dict[str, torch.Tensor] = self.env.get_subtask_term_signals()
        return found

    def update_success(self) -> None:
        """Evaluate the success term, once for all environments."""
        self.succeeded = self._success.func(self.env, **self._success.params)

    def lacking(self, blamed: Mapping[int, str | None]) -> dict[int, str | None]:
        """Return what attempts lacked, and by how much, in words; None where nothing tells.

        Args:
            blamed: The signal that never came, or None for success, by environment.
        """
        found = self.shortfalls(blamed)
        return {env_id: short.words if short else None for env_id, short in found.items()}

    def shortfalls(self, blamed: Mapping[int, str | None]) -> dict[int, Shortfall | None]:
        """Return what attempts lacked, over their steps; see `lacking`."""
        told = [env_id for env_id, signal in blamed.items() if self._reasons.knows(signal)]
        with torch.inference_mode():
            recorded = dict(zip(told, self.episodes(told), strict=True)) if told else {}
        return {
            env_id: self._reasons.shortfall(recorded[env_id], signal) if env_id in recorded else None
            for env_id, signal in blamed.items()
        }

    def reserve(self, steps: int) -> int | None:
        """Make room for the records of episodes of at most this many steps, in all environments.

        Returns:
            The bytes that it takes, None when the task's own recorders take what they need as they go.
        """
        manager = self.env.recorder_manager
        if not isinstance(manager, recording.EpisodeBuffers):
            return None
        with torch.inference_mode():
            return manager.reserve(steps)

    def hold(self, env_id: int) -> Callable[[], torch.Tensor]:
        """Return a function that gives, at every step, the action that keeps the hands where they are now.

        The grippers keep their last command. The action has shape (action_dim,).
        """
        env = self.env
        targets = {eef: env.get_robot_eef_pose(eef, env_ids=[env_id])[0].clone() for eef in env.cfg.subtask_configs}
        last = env.action_manager.action[env_id : env_id + 1].clone()
        grippers = {eef: actions[0] for eef, actions in env.actions_to_gripper_actions(last).items()}

        def action() -> torch.Tensor:
            held = env.target_eef_pose_to_action(
                target_eef_pose_dict=targets, gripper_action_dict=grippers, env_id=env_id
            )
            return held.reshape(-1)

        return action

    def env_args(self) -> dict[str, Any]:
        """Return what a dataset says about the environment, as Isaac Lab's file handler writes it, and robomimic's."""
        return {
            "env_name": self.env.cfg.env_name,
            "type": 2,  # robomimic: a gym environment
            "env_kwargs": {},
            **self.env.recorder_manager.get_ep_meta(),
        }

    def episodes(self, env_ids: Sequence[int]) -> Sequence[Episode]:
        """Return what environments have recorded since their last reset, as Isaac Lab exports it."""
        manager = self.env.recorder_manager
        if isinstance(manager, recording.EpisodeBuffers):
            return manager.episodes(env_ids)
        recorded = [manager.get_episode(env_id) for env_id in env_ids]
        for episode in recorded:
            episode.pre_export()
        return [_on_host(episode.data) for episode in recorded]

    def close(self) -> None:
        """Close the environment and its simulation."""
        if self._cameras is not None:
            self._cameras.close()
        self.env.close()


def _on_host(data: dict[str, Any]) -> dict[str, Any]:
    return {key: _on_host(value) if isinstance(value, dict) else value.cpu().numpy() for key, value in data.items()}
