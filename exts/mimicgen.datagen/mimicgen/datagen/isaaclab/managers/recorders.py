"""What is recorded with every demonstration beyond Isaac Lab's own.

What Mimic needs to use it as a source is written as Isaac Lab's `annotate_demos.py` writes it, under
`obs/datagen_info`: before each step, the pose of every end effector and object, the pose that the action asks for, and
the subtask signals. So whatever this project writes can be a source again. Images that are observed are written where
rendered ones are, as `obs/<camera>_<modality>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from isaaclab.envs.mdp.recorders.recorders_cfg import ActionStateRecorderManagerCfg
from isaaclab.managers import RecorderTerm, RecorderTermCfg
from isaaclab.utils import configclass

from mimicgen.datagen.isaaclab.managers import poses, recording


class DatagenInfoRecorder(recording.MakesLater):
    """Records `obs/datagen_info`: 4x4 poses in the environment's frame, and signals, one row a step."""

    group = "obs/datagen_info"
    _poses: poses.Poses | None = None

    def make_later(self) -> bool:
        """See `MakesLater`."""
        self._poses = poses.poses_of(self._env)
        return self._poses is not None

    def record_pre_step(self) -> tuple[str, dict[str, Any]]:
        """See `RecorderTerm.record_pre_step`."""
        env = self._env
        signals = {"subtask_term_signals": env.get_subtask_term_signals()}
        if self._poses is not None:
            return self.group, signals | {recording.LATER: self._poses.now()}
        return self.group, signals | {
            "eef_pose": {eef: env.get_robot_eef_pose(eef) for eef in env.cfg.subtask_configs},
            "object_pose": env.get_object_poses(),
            "target_eef_pose": env.action_to_target_eef_pose(env.action_manager.action),
        }

    def made(self, recorded: Mapping[str, torch.Tensor], env_ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """See `MakesLater`."""
        assert self._poses is not None, "it was not asked to make them later"
        return self._poses.matrices(recorded, env_ids)


@configclass
class DatagenInfoRecorderCfg(RecorderTermCfg):
    """Configuration of `DatagenInfoRecorder`."""

    class_type: type[RecorderTerm] = DatagenInfoRecorder


class ImageRecorder(RecorderTerm):  # type: ignore[misc]
    """Records `obs/<camera>_<modality>`: what the cameras of an observation group showed before each step."""

    def record_pre_step(self) -> tuple[str, dict[str, Any]]:
        """See `RecorderTerm.record_pre_step`."""
        return "obs", self._env.obs_buf[self.cfg.group]


@configclass
class ImageRecorderCfg(RecorderTermCfg):
    """Configuration of `ImageRecorder`.

    Attributes:
        group: The observation group.
    """

    class_type: type[RecorderTerm] = ImageRecorder
    group: str = ""


@configclass
class SourceRecorderManagerCfg(ActionStateRecorderManagerCfg):
    """Isaac Lab's states, actions and observations, and what makes them a source."""

    record_datagen_info: DatagenInfoRecorderCfg = DatagenInfoRecorderCfg()
