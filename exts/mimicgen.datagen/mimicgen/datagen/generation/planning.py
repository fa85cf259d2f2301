"""The waypoints of a subtask, as `isaaclab_mimic`'s `DataGenerator` plans them.

Upstream makes an object of every waypoint, copies it several times, and converts one waypoint of one environment at a
time. Here a plan is three tensors on the host. Segments are transformed by upstream's own function; what is written
again, without its loops, are the selection strategies (`selection.py`), `merge_eef_subtask_trajectory` and
`interpolate_poses`, and tests hold them against the original (https://github.com/isaac-sim/IsaacLab,
`isaaclab_mimic/datagen/data_generator.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import numpy as np
import torch
from isaaclab_mimic.datagen.data_generator import DataGenerator

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.generation.clearance import Clearance
from mimicgen.datagen.generation.coordination import Pair, pair_of, transformed
from mimicgen.datagen.generation.plans.plan import Choices, PlanWithoutApproach, Request
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


class Planner:
    """Plans the subtasks of attempts. All poses are on the host.

    Args:
        env: Isaac Lab's environment.
        sources: The source demonstrations, on the host.
        clearances: Prefer segments that lead the hand into nothing else, by these; by end effector.
        left_out: The demonstrations that are never chosen, by end effector and subtask.

    Attributes:
        subtasks: Isaac Lab's configurations of the subtasks by end effector.
        cfg: That of the environment.
        infos: What the source demonstrations say, `DatagenInfo` each.
        names: What they are called.
        selections: What chooses among them, by end effector.
    """

    def __init__(
        self,
        env: Any,
        sources: SourcePool,
        clearances: Mapping[str, Clearance] | None = None,
        left_out: Mapping[str, Sequence[Collection[int]]] | None = None,
    ):
        self.subtasks: dict[str, list[Any]] = env.cfg.subtask_configs
        self.cfg = env.cfg
        self._options = env.cfg.datagen_config
        self._sources = sources
        self.names = sources.names
        self.infos = sources.pool.datagen_infos
        self._upstream = DataGenerator(env, sources.pool)
        self.selections = {
            eef: Selection(
                own, eef, self.infos, (clearances or {}).get(eef), (left_out or {}).get(eef, ()), str(env.device)
            )
            for eef, own in self.subtasks.items()
        }

    @property
    def longest(self) -> int:
        """Steps of the longest attempt that can be planned.

        Raises:
            TaskError: The constraints cannot be kept.
        """
        steps = {eef: self._longest_segments(eef) for eef in self.subtasks}
        rules = rules_of(self.cfg)
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
        rules = rules_of(self.cfg)
        return self._timing(rules), Choices(boundaries=self._upstream.randomize_subtask_boundaries(), rules=rules)

    def grasps(self) -> list[tuple[str, int]]:
        """Return the subtasks in whose segments an open hand closes on the object, and which no constraint binds."""
        rules, boundaries = rules_of(self.cfg), self._sources.pool.subtask_boundaries
        return [
            (eef, subtask)
            for eef, own in self.subtasks.items()
            for subtask, cfg in enumerate(own)
            if cfg.object_ref is not None
            and (eef, subtask) not in rules
            and all(
                closes_at(info.gripper_action[eef][slice(*demo[subtask])]) is not None
                for info, demo in zip(self.infos, boundaries[eef], strict=True)
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
            chosen = self.selections[eef].eligible(
                subtask,
                torch.from_numpy(np.stack([request.choices.boundaries[eef][:, subtask] for request in own])),
                torch.stack([request.eef_pose for request in own]),
                {name: torch.stack([one.object_poses[name] for one in own]) for name in own[0].object_poses},
                [self.indices(request.used) for request in own] if any(request.used for request in own) else (),
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
        info = self.infos[demo]
        object_pose = request.object_poses[cfg.object_ref] if cfg.object_ref is not None else None
        source_pose = info.object_poses[cfg.object_ref][start] if cfg.object_ref is not None else None
        if request.rejoins:
            assert object_pose is not None
            assert source_pose is not None
            hand = source_pose @ pose_math.pose_inv(object_pose[None])[0] @ request.eef_pose
            start += rejoined(info.eef_pose[eef][start:end], info.gripper_action[eef][start:end], hand)
        poses = info.target_eef_pose[eef][start:end]
        grippers = info.gripper_action[eef][start:end]
        if request.rejoins or self.begins_at_the_hand(subtask):
            poses = torch.cat([info.eef_pose[eef][start : start + 1], poses])
            grippers = torch.cat([grippers[:1], grippers])
        poses = transformed(poses, object_pose, source_pose, pair)
        if pair is not None:
            pair.choose(demo, end - start, request.choices.boundaries[pair.key[0]][demo, pair.key[1]])
        begin = request.eef_pose
        if before is not None and not request.rejoins and self.goes_on:
            begin = before.poses[-1]
        moving = cfg.num_interpolation_steps
        waiting = self.waiting(cfg)
        way = (moving + 1 if moving > 0 else 0) + waiting
        amplitudes = self.amplitudes(cfg, max(way - 1, 0) + len(poses))
        name = self.names[demo]
        return PlanWithoutApproach(
            begin=begin,
            poses=poses,
            grippers=grippers,
            amplitudes=amplitudes,
            moving=moving,
            waiting=waiting,
            segment=Segment(eef=eef, subtask=subtask, demo=name, start=start, end=end, begun=request.begun),
        )

    def chooses(self, subtask: int) -> bool:
        """Return whether a new demonstration is chosen for a subtask, by an end effector that is alone."""
        return subtask == 0 or bool(
            self._options.generation_select_src_per_subtask and self._options.generation_select_src_per_arm
        )

    def begins_at_the_hand(self, subtask: int) -> bool:
        """Return whether a segment begins where the hand was, before the first pose that it was told."""
        return subtask == 0 or bool(self._options.generation_transform_first_robot_pose)

    @property
    def goes_on(self) -> bool:
        """Whether the way to a segment begins where the hand was told to be last, and not where it is."""
        return bool(self._options.generation_interpolate_from_last_target_pose)

    @staticmethod
    def waiting(cfg: Any) -> int:
        """Return the steps that a hand waits before a subtask's segment, at its first pose."""
        own: int = cfg.num_fixed_steps
        return own + (0 if cfg.num_interpolation_steps > 0 else 1) if own > 0 else 0

    def amplitudes(self, cfg: Any, steps: int) -> torch.Tensor:
        """Return the standard deviation of what is added to a plan's actions, shape (steps,)."""
        moving = cfg.num_interpolation_steps
        way = (moving + 1 if moving > 0 else 0) + self.waiting(cfg)
        found = torch.full((steps,), float(cfg.action_noise))
        if way:  # its last step is the segment's own first
            found[: way - 1] *= float(cfg.apply_noise_during_interpolation)
        return found

    def _timing(self, rules: Rules) -> Timing:
        return Timing({eef: len(own) for eef, own in self.subtasks.items()}, rules)

    def _longest_segments(self, eef: str) -> list[int]:
        """Return the most steps that a segment can have, by subtask."""
        ranges = np.array(self._sources.pool.subtask_boundaries[eef])
        steps = (ranges[:, :, 1] - ranges[:, :, 0]).max(axis=0)
        offsets = [sum(abs(offset) for offset in subtask.subtask_term_offset_range) for subtask in self.subtasks[eef]]
        return [int(own) + offset for own, offset in zip(steps, offsets, strict=True)]

    def indices(self, names: frozenset[str]) -> list[int]:
        """Return which source demonstrations have these names."""
        return [index for index, name in enumerate(self.names) if name in names]

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
