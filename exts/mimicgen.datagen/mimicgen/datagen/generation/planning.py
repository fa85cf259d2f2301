"""The waypoints of a subtask, as `isaaclab_mimic`'s `DataGenerator` plans them.

Upstream makes an object of every waypoint, copies it several times, and converts one waypoint of one environment at a
time. Here a plan is three tensors on the host. Segments are transformed by upstream's own function; what is written
again, without its loops, are the selection strategies (`selection.py`), `merge_eef_subtask_trajectory` and
`interpolate_poses`, and tests hold them against the original (https://github.com/isaac-sim/IsaacLab,
`isaaclab_mimic/datagen/data_generator.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import numpy as np
import torch
from isaaclab_mimic.datagen.data_generator import DataGenerator

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.generation.clearance import Clearance
from mimicgen.datagen.generation.coordination import Pair, pair_of, transformed
from mimicgen.datagen.generation.interpolation import interpolated
from mimicgen.datagen.generation.rejoining import closes_at, rejoined
from mimicgen.datagen.generation.selection import Selection
from mimicgen.datagen.generation.timing import Rules, Timing, rules_of
from mimicgen.datagen.isaaclab.pool import SourcePool


def why_not(cfg: Any) -> str | None:
    """Return why the attempts of an environment with this configuration cannot be planned here, None when they can."""
    options = cfg.datagen_config
    if options.use_skillgen:
        return "a motion planner leads its hands from subtask to subtask (SkillGen)"
    if options.use_navigation_controller:
        return "a navigation controller moves its base"
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What an end effector is to do in a subtask.

    Attributes:
        poses: `world_from_eef` to reach step by step, shape (steps, 4, 4).
        grippers: Gripper actions, shape (steps, gripper_dim).
        amplitudes: Standard deviation of what is added to the poses' actions, shape (steps,).
        segment: Where it comes from.
    """

    poses: torch.Tensor
    grippers: torch.Tensor
    amplitudes: torch.Tensor
    segment: Segment

    def __len__(self) -> int:
        return len(self.poses)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanWithoutApproach:
    """A plan without the way to its beginning.

    Attributes:
        begin: `world_from_eef` where that way begins, shape (4, 4).
        poses: As in `Plan`, from the beginning of the source segment on.
        grippers: As in `Plan`, likewise.
        amplitudes: As in `Plan`, of all steps.
        moving: Steps that are interpolated on the way.
        waiting: Steps after them at the first pose.
        segment: As in `Plan`.
    """

    begin: torch.Tensor
    poses: torch.Tensor
    grippers: torch.Tensor
    amplitudes: torch.Tensor
    moving: int
    waiting: int
    segment: Segment

    def __len__(self) -> int:
        return len(self.amplitudes)

    def after(self, way: torch.Tensor | None) -> Plan:
        """Return the plan with the interpolated way to the first pose, which is its last."""
        ways = [way] if way is not None else []
        if self.waiting:
            ways.append(self.poses[:1].expand(self.waiting, 4, 4))
        poses, grippers = self.poses, self.grippers
        if ways:
            steps = sum(map(len, ways))
            poses = torch.cat([*ways, poses[1:]])
            grippers = torch.cat([grippers[:1].expand(steps, -1), grippers[1:]])
        return Plan(poses=poses, grippers=grippers, amplitudes=self.amplitudes, segment=self.segment)


@dataclasses.dataclass(kw_only=True)
class Choices:
    """What an attempt has drawn, for all its end effectors.

    Attributes:
        boundaries: Where the demonstrations' segments begin and end, by end effector, shape (demonstrations,
            subtasks, 2).
        rules: The constraints between subtasks, with what has been chosen for those that are coordinated.
        demos: Index of the demonstration that each end effector follows, once it is chosen.
    """

    boundaries: dict[str, np.ndarray[Any, Any]]
    rules: Rules
    demos: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a subtask of an end effector is planned from.

    Attributes:
        env: Environment index.
        eef: The end effector.
        subtask: Index of the subtask.
        choices: What the attempt has drawn.
        before: The plan of the subtask before, None at the beginning of an attempt.
        eef_pose: `world_from_eef`, shape (4, 4).
        object_poses: `world_from_object` by object, shape (4, 4) each.
        begun: Steps of the attempt so far.
        used: Names of source demonstrations that are left out as long as there are others.
        rejoins: The subtask has begun, and was disturbed: it is planned anew from where the hand is now.
    """

    env: int
    eef: str
    subtask: int
    choices: Choices
    before: Plan | None
    eef_pose: torch.Tensor
    object_poses: dict[str, torch.Tensor]
    begun: int = 0
    used: frozenset[str] = frozenset()
    rejoins: bool = False


class Planner:
    """Plans the subtasks of attempts. All poses are on the host.

    Args:
        env: Isaac Lab's environment.
        sources: The source demonstrations, on the host.
        clearances: Prefer segments that lead the hand into nothing else, by these; by end effector.

    Attributes:
        subtasks: Isaac Lab's configurations of the subtasks by end effector.
    """

    def __init__(self, env: Any, sources: SourcePool, clearances: Mapping[str, Clearance] | None = None):
        self.subtasks: dict[str, list[Any]] = env.cfg.subtask_configs
        self._cfg = env.cfg
        self._options = env.cfg.datagen_config
        self._sources = sources
        self._infos = sources.pool.datagen_infos
        self._upstream = DataGenerator(env, sources.pool)
        self._selections = {
            eef: Selection(own, eef, self._infos, (clearances or {}).get(eef), str(env.device))
            for eef, own in self.subtasks.items()
        }

    @property
    def longest(self) -> int:
        """Steps of the longest attempt that can be planned.

        Raises:
            TaskError: The constraints cannot be kept.
        """
        steps = {eef: self._longest_segments(eef) for eef in self.subtasks}
        rules = rules_of(self._cfg)
        timing, total = self._timing(rules), 0
        while not timing.done:
            for eef in timing.due:
                subtask = timing.subtask[eef]
                pair = pair_of(rules, eef, subtask)
                if pair is not None:
                    pair.rule["synchronous_steps"] = min(steps[eef][subtask], steps[pair.key[0]][pair.key[1]])
                timing.begin(eef, self.longest_plan(eef, subtask))
            total += len(timing.stretch())
        return total

    def longest_plan(self, eef: str, subtask: int) -> int:
        """Return the most steps that the plan of a subtask can have."""
        own = self.subtasks[eef][subtask]
        # With the steps that wait, the pose of the first step, and one in which the others are told.
        return self._longest_segments(eef)[subtask] + own.num_interpolation_steps + own.num_fixed_steps + 2

    def begin(self) -> tuple[Timing, Choices]:
        """Begin an attempt: draw where segments begin and end."""
        rules = rules_of(self._cfg)
        return self._timing(rules), Choices(boundaries=self._upstream.randomize_subtask_boundaries(), rules=rules)

    def grasps(self) -> list[tuple[str, int]]:
        """Return the subtasks in whose segments an open hand closes on the object, and which no constraint binds."""
        rules, boundaries = rules_of(self._cfg), self._sources.pool.subtask_boundaries
        return [
            (eef, subtask)
            for eef, own in self.subtasks.items()
            for subtask, cfg in enumerate(own)
            if cfg.object_ref is not None
            and (eef, subtask) not in rules
            and all(
                closes_at(info.gripper_action[eef][slice(*demo[subtask])]) is not None
                for info, demo in zip(self._infos, boundaries[eef], strict=True)
            )
        ]

    def eligible(self, requests: Sequence[Request]) -> list[Sequence[int]]:
        """Return the demonstrations among which one is drawn, for each request; none where it is settled already."""
        found: list[Sequence[int]] = [()] * len(requests)
        alike: dict[tuple[str, int], list[int]] = {}
        for at, request in enumerate(requests):
            pair = pair_of(request.choices.rules, request.eef, request.subtask)
            if self._chooses(request, pair):
                alike.setdefault((request.eef, request.subtask), []).append(at)
        for (eef, subtask), places in alike.items():
            own = [requests[at] for at in places]
            chosen = self._selections[eef].eligible(
                subtask,
                torch.from_numpy(np.stack([request.choices.boundaries[eef][:, subtask] for request in own])),
                torch.stack([request.eef_pose for request in own]),
                {name: torch.stack([one.object_poses[name] for one in own]) for name in own[0].object_poses},
                [self._indices(request.used) for request in own] if any(request.used for request in own) else (),
            )
            for at, demos in zip(places, chosen, strict=True):
                found[at] = demos
        return found

    def part(self, request: Request, eligible: Sequence[int]) -> PlanWithoutApproach:
        """Return a plan but for the way to it; draws a demonstration, if need be, from the process's random numbers.

        Those of an environment are made in the order of the configuration: the first may choose for the others.

        Args:
            request: What is asked for.
            eligible: The demonstrations among which one is drawn, if it is.
        """
        eef, subtask, before = request.eef, request.subtask, request.before
        cfg = self.subtasks[eef][subtask]
        pair = pair_of(request.choices.rules, eef, subtask)
        demo = self._demo(request, pair, eligible)
        start, end = (int(step) for step in request.choices.boundaries[eef][demo, subtask])
        info = self._infos[demo]
        object_pose = request.object_poses[cfg.object_ref] if cfg.object_ref is not None else None
        source_pose = info.object_poses[cfg.object_ref][start] if cfg.object_ref is not None else None
        if request.rejoins:
            assert object_pose is not None
            assert source_pose is not None
            hand = source_pose @ pose_math.pose_inv(object_pose[None])[0] @ request.eef_pose
            start += rejoined(info.eef_pose[eef][start:end], info.gripper_action[eef][start:end], hand)
        poses = info.target_eef_pose[eef][start:end]
        grippers = info.gripper_action[eef][start:end]
        if subtask == 0 or request.rejoins or self._options.generation_transform_first_robot_pose:
            poses = torch.cat([info.eef_pose[eef][start : start + 1], poses])
            grippers = torch.cat([grippers[:1], grippers])
        poses = transformed(poses, object_pose, source_pose, pair)
        if pair is not None:
            pair.choose(demo, end - start, request.choices.boundaries[pair.key[0]][demo, pair.key[1]])
        begin = request.eef_pose
        if before is not None and not request.rejoins and self._options.generation_interpolate_from_last_target_pose:
            begin = before.poses[-1]
        moving = cfg.num_interpolation_steps
        waiting = cfg.num_fixed_steps + (0 if moving > 0 else 1) if cfg.num_fixed_steps > 0 else 0
        way = (moving + 1 if moving > 0 else 0) + waiting
        amplitudes = torch.full((max(way - 1, 0) + len(poses),), float(cfg.action_noise))
        if way:  # its last step is the segment's own first
            amplitudes[: way - 1] *= float(cfg.apply_noise_during_interpolation)
        name = self._sources.names[demo]
        return PlanWithoutApproach(
            begin=begin,
            poses=poses,
            grippers=grippers,
            amplitudes=amplitudes,
            moving=moving,
            waiting=waiting,
            segment=Segment(eef=eef, subtask=subtask, demo=name, start=start, end=end, begun=request.begun),
        )

    def _timing(self, rules: Rules) -> Timing:
        return Timing({eef: len(own) for eef, own in self.subtasks.items()}, rules)

    def _longest_segments(self, eef: str) -> list[int]:
        """Return the most steps that a segment can have, by subtask."""
        ranges = np.array(self._sources.pool.subtask_boundaries[eef])
        steps = (ranges[:, :, 1] - ranges[:, :, 0]).max(axis=0)
        offsets = [sum(abs(offset) for offset in subtask.subtask_term_offset_range) for subtask in self.subtasks[eef]]
        return [int(own) + offset for own, offset in zip(steps, offsets, strict=True)]

    def _indices(self, names: frozenset[str]) -> list[int]:
        return [index for index, name in enumerate(self._sources.names) if name in names]

    def _chooses(self, request: Request, pair: Pair | None) -> bool:
        """Return whether a demonstration is drawn for a request, as things stand."""
        if pair is not None and pair.demo is not None:
            return False
        anew = request.subtask == 0 or self._options.generation_select_src_per_subtask
        return anew and (self._options.generation_select_src_per_arm or request.eef not in request.choices.demos)

    def _demo(self, request: Request, pair: Pair | None, eligible: Sequence[int]) -> int:
        """Return the index of the demonstration that is followed; draws it if it is to be."""
        eef, choices = request.eef, request.choices
        if self._chooses(request, pair):
            drawn = eligible[int(torch.randint(0, len(eligible), (1,)))]
            everybody = [eef] if self._options.generation_select_src_per_arm else [*self.subtasks]
            choices.demos |= dict.fromkeys(everybody, drawn)
        elif pair is not None and pair.demo is not None:
            choices.demos[eef] = pair.demo
        return choices.demos[eef]


def with_approaches(parts: Sequence[PlanWithoutApproach]) -> list[Plan]:
    """Return the plans, with the ways to them interpolated together."""
    plans: dict[int, Plan] = {}
    for moving in {part.moving for part in parts}:
        alike = [index for index, part in enumerate(parts) if part.moving == moving]
        ways: Iterable[torch.Tensor | None] = [None] * len(alike)
        if moving > 0:
            begins = torch.stack([parts[index].begin for index in alike])
            ends = torch.stack([parts[index].poses[0] for index in alike])
            ways = interpolated(begins, ends, moving)
        plans |= {index: parts[index].after(way) for index, way in zip(alike, ways, strict=True)}
    return [plans[index] for index in range(len(parts))]
