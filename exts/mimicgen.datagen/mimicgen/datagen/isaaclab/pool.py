"""Source demonstrations in the form that `isaaclab_mimic` takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from isaaclab_mimic.datagen.datagen_info_pool import DataGenInfoPool

from mimicgen.datagen.config.sections import MimicConfig, subtask_names
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.dataset.sources.raw import file_hash
from mimicgen.datagen.dataset.sources.sources import Sources, natural_order
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.isaaclab import poses

EXACT = 1e-6
"""How far a product of a rotation with its own transpose is off from the identity where it was computed in float32."""


class SourcePool:
    """The usable source demonstrations, loaded.

    Args:
        env: Isaac Lab's environment.
        sources: Checked source demonstrations.
        device: Where the tensors are to be.

    Attributes:
        names: The demonstrations in natural order, which is the pool's.
        pool: Upstream's pool.
        facts: What the run record says about them.
    """

    def __init__(self, env: Any, sources: Sources, device: str):
        poses.complete()
        self.names = sorted(sources.usable, key=natural_order)
        self.pool = DataGenInfoPool(env, env.cfg, device)
        for name in self.names:  # upstream's own order is alphabetical
            self.pool.load_from_dataset_file(str(sources.path), select_demo_keys=[name])
        for info in self.pool.datagen_infos:
            for poses_of in (info.eef_pose, info.object_poses, info.target_eef_pose):
                _straighten(poses_of)
        self.facts = {
            "file": sources.path.name,
            "sha256": file_hash(sources.path),
            "demos": self.names,
            "quaternion_order": sources.quaternion_order,
            "findings": [str(finding) for finding in sources.findings],
        }

    def left_out(self, mimic: MimicConfig, cfg: Any) -> dict[str, list[frozenset[int]]]:
        """Return which demonstrations no segment is taken from, by their place in `names`, end effector and subtask.

        Where one demonstration is followed for several subtasks, or by several hands, it is what is left out of any of
        them. A hand that is bound to another's choice by a constraint follows it here, too.

        Args:
            mimic: Says which.
            cfg: Isaac Lab's configuration of the environment.

        Raises:
            ConfigError: There is no such demonstration, or none is left.
        """
        signals = {eef: [one.subtask_term_signal for one in own] for eef, own in cfg.subtask_configs.items()}
        found = {
            eef: [frozenset(self._left_out_of(mimic, name)) for name in own]
            for eef, own in subtask_names(signals).items()
        }
        options = cfg.datagen_config
        if not options.generation_select_src_per_arm:  # the first hand chooses, once, for all hands
            everything = frozenset().union(*(one for own in found.values() for one in own))
            found = {eef: [everything] * len(own) for eef, own in found.items()}
        elif not options.generation_select_src_per_subtask:
            found = {eef: [frozenset().union(*own)] * len(own) for eef, own in found.items()}
        if any(len(one) == len(self.names) for own in found.values() for one in own):
            raise ConfigError(
                f"mimic.leave_out leaves none of the source demonstrations {', '.join(self.names)} in a subtask; name "
                "fewer"
            )
        return found

    def _left_out_of(self, mimic: MimicConfig, subtask: str) -> Iterator[int]:
        for name in mimic.of(subtask, "leave_out") or ():
            if name not in self.names:
                raise ConfigError(
                    f"mimic.leave_out for '{subtask}': there is no usable source demonstration {quoted(name)}; there "
                    f"are {', '.join(self.names)}"
                )
            yield self.names.index(name)


def rigid(given: torch.Tensor) -> torch.Tensor:
    """Return poses whose rotations are ones, to the last bits.

    A recording may have been rounded. Of a matrix that is off by 1e-4 `isaaclab.utils.math.quat_from_matrix` makes a
    quaternion now and then, and of another one nothing but NaN: it wants its length to be right to 2e-5.

    Args:
        given: Shape (..., 4, 4).

    Returns:
        The same tensor where they are; else with the nearest rotations (Schönemann, "A generalized solution of the
        orthogonal Procrustes problem", 1966).
    """
    rotations = given[..., :3, :3].double()
    off = rotations @ rotations.mT - torch.eye(3, dtype=torch.float64, device=given.device)
    if off.abs().max() <= EXACT:
        return given
    left, _, right = torch.linalg.svd(rotations)
    straight = given.clone()
    straight[..., :3, :3] = (left @ right).to(given.dtype)
    return straight


def _straighten(poses_of: dict[str, torch.Tensor] | None) -> None:
    if poses_of is not None:
        poses_of.update({name: rigid(own) for name, own in poses_of.items()})
