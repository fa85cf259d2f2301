"""What is recorded with every demonstration beyond Isaac Lab's own.

What Mimic needs to use it as a source is written as Isaac Lab's `annotate_demos.py` writes it, under
`obs/datagen_info`: before each step, the pose of every end effector and object, the pose that the action asks for, and
the subtask signals. So whatever this project writes can be a source again. Images that are observed are written where
rendered ones are, as `obs/<camera>_<modality>`.
"""

from __future__ import annotations

from typing import Any

from isaaclab.envs.mdp.recorders.recorders_cfg import ActionStateRecorderManagerCfg
from isaaclab.managers import RecorderTerm, RecorderTermCfg
from isaaclab.utils import configclass


class DatagenInfoRecorder(RecorderTerm):  # type: ignore[misc]
    """Records `obs/datagen_info`: 4x4 poses in the environment's frame, and signals, one row a step."""

    def record_pre_step(self) -> tuple[str, dict[str, Any]]:
        """See `RecorderTerm.record_pre_step`."""
        env = self._env
        return "obs/datagen_info", {
            "eef_pose": {eef: env.get_robot_eef_pose(eef) for eef in env.cfg.subtask_configs},
            "object_pose": env.get_object_poses(),
            "target_eef_pose": env.action_to_target_eef_pose(env.action_manager.action),
            "subtask_term_signals": env.get_subtask_term_signals(),
        }


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
