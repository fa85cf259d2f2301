"""Which source demonstrations a subtask's segment may come from, for many environments at once.

`isaaclab_mimic`'s selection strategies without their loops; a test holds them against the original
(https://github.com/isaac-sim/IsaacLab, `isaaclab_mimic/datagen/selection_strategy.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import torch

from mimicgen.datagen.generation.clearance import Clearance, looked_at, moved

FEW = 4
"""For so many environments the host chooses faster than a device, to which every operation has to be told."""


class Selection:
    """Chooses among the source demonstrations.

    To look along the ways of ten demonstrations takes a core nearly a millisecond a plan, so for more than `FEW` it is
    done where the environments are; what comes and goes is on the host.

    Args:
        subtasks: Isaac Lab's configurations of the end effector's subtasks.
        eef: The end effector.
        infos: What the demonstrations say, `DatagenInfo` each.
        clearance: Tells which segments lead the hand into nothing else, if those are preferred.
        left_out: The demonstrations that are never chosen, by subtask; others are left.
        device: Where it is done for more than `FEW` environments.

    Attributes:
        clearance: As given.
        eef_poses: `world_from_eef` of the demonstrations, shape (demonstrations, steps, 4, 4), on the host.
        object_poses: `world_from_object` by object, likewise.
    """

    def __init__(
        self,
        subtasks: Sequence[Any],
        eef: str,
        infos: Sequence[Any],
        clearance: Clearance | None = None,
        left_out: Sequence[Collection[int]] = (),
        device: str = "cpu",
    ):
        self._subtasks = subtasks
        self._device = device
        self.clearance = clearance
        self.eef_poses = _padded([info.eef_pose[eef] for info in infos]).cpu()
        self.object_poses = {
            name: _padded([info.object_poses[name] for info in infos]).cpu() for name in infos[0].object_poses
        }
        gone = [frozenset(own) for own in left_out] or [frozenset[int]()] * len(subtasks)
        self._taken = [[demo for demo in range(len(infos)) if demo not in own] for own in gone]
        rows = torch.tensor([[demo in own for demo in range(len(infos))] for own in gone])
        self._gone = {"cpu": rows, device: rows.to(device)}
        there = {name: poses.to(device) for name, poses in self.object_poses.items()}
        self._sources = {"cpu": (self.eef_poses, self.object_poses), device: (self.eef_poses.to(device), there)}

    def eligible(
        self,
        subtask: int,
        ranges: torch.Tensor,
        eef_poses: torch.Tensor,
        object_poses: Mapping[str, torch.Tensor],
        used: Sequence[Collection[int]] = (),
    ) -> Sequence[Sequence[int]]:
        """Return the demonstrations among which one is drawn, in each of n environments.

        Every demonstration that is not left out, or those whose object, or whose way for the hand, is nearest; with a
        `clearance` of those alone that lead the hand into nothing else, as long as there are any (`clearance.py`). Of
        what is left those alone that are not used, likewise.

        Args:
            subtask: Index of the subtask.
            ranges: Where the demonstrations' segments begin and end, shape (n, demonstrations, 2).
            eef_poses: `world_from_eef` now, shape (n, 4, 4).
            object_poses: `world_from_object` now, by object, shape (n, 4, 4) each.
            used: The demonstrations that earlier tries have followed, in each environment; none at all if left out.
        """
        cfg = self._subtasks[subtask]
        everyone = range(len(self.eef_poses))
        if cfg.object_ref is None:
            taken = self._taken[subtask]
            left = [[demo for demo in taken if demo not in own] for own in used]
            return [own or taken for own in left] or [taken] * len(ranges)
        device = self._device if len(ranges) > FEW else "cpu"
        source_eef_poses, source_poses = self._sources[device]
        object_poses = {name: poses.to(device) for name, poses in object_poses.items()}
        starts, ends = ranges.to(device).unbind(-1)
        which = torch.arange(len(everyone), device=device), starts
        sources = source_poses[cfg.object_ref][which]
        here = object_poses[cfg.object_ref][:, None]
        weights = {key: value for key, value in cfg.selection_strategy_kwargs.items() if key.endswith("_weight")}
        if cfg.selection_strategy == "random":
            distances = torch.zeros(sources.shape[:2], device=device)
        elif cfg.selection_strategy == "nearest_neighbor_robot_distance":
            ways_begin = here @ (pose_math.pose_inv(sources) @ source_eef_poses[which])
            distances = _distances(ways_begin, eef_poses.to(device)[:, None], **weights)
        else:
            distances = _distances(sources, here, **weights)
        gone = self._gone[device][subtask]
        distances = distances.masked_fill(gone, torch.inf)
        if self.clearance is not None:
            ways = moved(looked_at(source_eef_poses, starts, ends), sources, here)
            # The hand goes to the subtask's object, and may hold that of the one before.
            spared = {one.object_ref for one in self._subtasks[max(subtask - 1, 0) : subtask + 1]}
            blocked = self.clearance.blocked(ways, object_poses, spared)
            nothing_left = (blocked | gone).all(dim=-1, keepdim=True)
            distances = distances.masked_fill(blocked & ~nothing_left, torch.inf)
        distances = distances.cpu()
        for row, own in zip(distances, used, strict=bool(used)):
            left_out = torch.tensor([demo in own for demo in everyone])
            if not (row.isinf() | left_out).all():
                row[left_out] = torch.inf
        nearest_alone = cfg.selection_strategy != "random"
        many = cfg.selection_strategy_kwargs.get("nn_k", 3) if nearest_alone else len(everyone)
        nearest, demos = (values.tolist() for values in distances.sort(dim=-1, stable=True))
        return [
            [demo for distance, demo in zip(*row, strict=True) if distance != torch.inf][:many]
            for row in zip(nearest, demos, strict=True)
        ]


def _distances(
    poses: torch.Tensor, others: torch.Tensor, pos_weight: float = 1.0, rot_weight: float = 1.0
) -> torch.Tensor:
    """Return how far poses are from others, shapes (..., 4, 4): metres plus radians, weighed, as upstream adds them."""
    positions, rotations = pose_math.unmake_pose(poses)
    position, rotation = pose_math.unmake_pose(others)
    traces = (rotations * rotation).sum(dim=(-1, -2))  # of the products with the transposed
    angles = torch.acos(((traces - 1.0) / 2.0).clamp(-1.0, 1.0))
    return pos_weight * torch.sqrt(((positions - position) ** 2).sum(dim=-1)) + rot_weight * angles


def _padded(poses: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return poses of several demonstrations in one tensor, shape (demonstrations, steps, 4, 4)."""
    return torch.nn.utils.rnn.pad_sequence(list(poses), batch_first=True)
