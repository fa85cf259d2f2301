"""How environments convert target poses of hands into actions, as far as that can be done for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import isaaclab.utils.math as pose_math
import torch
from isaaclab_mimic.envs.franka_stack_ik_abs_mimic_env import FrankaCubeStackIKAbsMimicEnv
from isaaclab_mimic.envs.franka_stack_ik_rel_mimic_env import FrankaCubeStackIKRelMimicEnv
from isaaclab_mimic.envs.locomanipulation_g1_mimic_env import LocomanipulationG1MimicEnv
from isaaclab_mimic.envs.pickplace_gr1t2_mimic_env import PickPlaceGR1T2MimicEnv

from mimicgen.datagen.robots.actions import Control
from mimicgen.datagen.robots.moves import Moves


class Conversion(Protocol):
    """Converts what the hands are to reach into actions, in all environments of an environment at once.

    Attributes:
        draws: Who noise is drawn for in an environment's step, and how many normal numbers, in the order in which
            `target_eef_pose_to_action` draws them.
    """

    draws: tuple[tuple[str, int], ...]

    def __call__(
        self, targets: Mapping[str, torch.Tensor], grippers: Mapping[str, torch.Tensor], noise: torch.Tensor
    ) -> torch.Tensor:
        """Return actions, shape (num_envs, action_dim).

        Args:
            targets: `world_from_eef` to reach by end effector, shape (num_envs, 4, 4).
            grippers: Gripper actions by end effector, shape (num_envs, gripper_dim).
            noise: What is added, shape (num_envs, numbers): the numbers of `draws`, each times its end effector's
                amplitude.
        """


class ArmByArm:
    """Implements `Conversion` for actions that are one end effector's after the other's: pose, then gripper.

    Args:
        env: Isaac Lab's environment.
        controls: How each end effector is told its pose, in the order of the actions.
    """

    def __init__(self, env: Any, controls: Mapping[str, Control]):
        self._env = env
        self._controls = dict(controls)
        self.draws = tuple((eef, control.width) for eef, control in controls.items())
        prefix = getattr(env, "prefix", lambda eef: "")
        cuda = str(env.device) != "cpu"
        self._moves = {
            eef: (Moves(control.base), prefix(eef))
            for eef, control in controls.items()
            if cuda and control.kind == "relative_ik"
        }

    def __call__(
        self, targets: Mapping[str, torch.Tensor], grippers: Mapping[str, torch.Tensor], noise: torch.Tensor
    ) -> torch.Tensor:
        """See `Conversion`."""
        parts, begin = [], 0
        for eef, control in self._controls.items():
            own = noise[:, begin : begin + control.width]
            if eef in self._moves:
                moves, prefix = self._moves[eef]
                observed = self._env.obs_buf["policy"]
                led = moves(targets[eef], observed[f"{prefix}eef_pos"], observed[f"{prefix}eef_quat"])
                parts.append(control.told(led, grippers[eef], own))
            else:
                parts.append(control.actions(targets[eef], grippers[eef], own, self._env.get_robot_eef_pose(eef)))
            begin += control.width
        return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]


class TwoHands:
    """Implements `Conversion` for humanoids, which are told where both wrists are to be, then both hands' joints.

    Actions are the left wrist's position and quaternion x, y, z, w, the right one's, the left hand's joints and the
    right one's.

    Args:
        positive: Whether the quaternions' w is made positive or zero.
    """

    draws: tuple[tuple[str, int], ...] = (("left", 3), ("right", 3), ("left", 4), ("right", 4))

    def __init__(self, *, positive: bool):
        self._positive = positive

    def __call__(
        self, targets: Mapping[str, torch.Tensor], grippers: Mapping[str, torch.Tensor], noise: torch.Tensor
    ) -> torch.Tensor:
        """See `Conversion`."""
        left_move, right_move, left_turn, right_turn = noise.split([number for _, number in self.draws], dim=-1)
        left = self._pose(targets["left"], left_move, left_turn)
        right = self._pose(targets["right"], right_move, right_turn)
        return torch.cat([left, right, grippers["left"], grippers["right"]], dim=-1)

    def _pose(self, target: torch.Tensor, move: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        positions, rotations = pose_math.unmake_pose(target)
        quaternions = pose_math.quat_from_matrix(rotations)
        if self._positive:
            quaternions = pose_math.quat_unique(quaternions)
        return torch.cat([positions + move, quaternions + turn], dim=-1)


@dataclass(frozen=True, kw_only=True)
class Registered:
    """How one of Isaac Lab's classes converts poses.

    Attributes:
        words: What its actions are.
        eefs: Its end effectors, sorted; None where any one may be it.
        make: Makes the conversion of an environment.
    """

    words: str
    eefs: tuple[str, ...] | None = None
    make: Callable[[Any], Conversion]


def _by_one_arm(words: str, control: Control) -> Registered:
    return Registered(words=words, make=lambda env: ArmByArm(env, dict.fromkeys(env.cfg.subtask_configs, control)))


def _by_two_hands(words: str, *, positive: bool) -> Registered:
    return Registered(words=words, eefs=("left", "right"), make=lambda _: TwoHands(positive=positive))


REGISTERED: dict[Any, Registered] = {
    FrankaCubeStackIKRelMimicEnv.target_eef_pose_to_action: _by_one_arm(
        "relative poses of a hand", Control(kind="relative_ik")
    ),
    FrankaCubeStackIKAbsMimicEnv.target_eef_pose_to_action: _by_one_arm(
        "absolute poses of a hand", Control(kind="absolute_ik")
    ),
    PickPlaceGR1T2MimicEnv.target_eef_pose_to_action: _by_two_hands("absolute poses of two hands", positive=True),
    LocomanipulationG1MimicEnv.target_eef_pose_to_action: _by_two_hands("absolute poses of two hands", positive=False),
}
"""What Isaac Lab's classes do; others inherit it."""


RELATIVE = FrankaCubeStackIKRelMimicEnv
"""Isaac Lab's class of one hand that is told relative poses; others inherit what it knows of the hand."""


def registered(kind: type, eefs: Collection[str]) -> Registered | None:
    """Return how one of Isaac Lab's classes converts poses, None when it does so in a way of its own.

    Args:
        kind: The environment's class.
        eefs: Its end effectors.
    """
    known = REGISTERED.get(getattr(kind, "target_eef_pose_to_action", None))
    if known is None or (len(eefs) != 1 if known.eefs is None else tuple(sorted(eefs)) != known.eefs):
        return None
    return known


def conversion_of(env: Any) -> Conversion | None:
    """Return how an environment converts the poses of its end effectors, None when it does so in a way of its own.

    Args:
        env: Isaac Lab's environment. It says how its end effectors are told their poses by `controls`, if it does.
    """
    controls = getattr(env, "controls", None)
    if controls is not None:
        return ArmByArm(env, controls)
    known = registered(type(env), env.cfg.subtask_configs)
    return None if known is None else known.make(env)
