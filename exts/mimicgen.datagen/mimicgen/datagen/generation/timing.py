"""When the end effectors of an attempt take their steps, as the constraints between their subtasks say.

`isaaclab_mimic`'s `DataGenerator.generate` decides anew at every step who goes on and who waits. Nothing of it depends
on the simulation, so here it is decided for all steps at once, from when somebody begins a plan until somebody's plan
is over; the constraints are upstream's own, and so is the order in which they are asked
(https://github.com/isaac-sim/IsaacLab, `isaaclab_mimic/datagen/data_generator.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from isaaclab.envs import SubTaskConstraintType
from numpy.typing import NDArray

from mimicgen.datagen.errors import TaskError

Rules = dict[tuple[str, int], dict[str, Any]]
"""What binds a subtask to another one's, by end effector and index, as Isaac Lab's configuration makes it."""


def rules_of(cfg: Any) -> Rules:
    """Return the constraints of a task, as an attempt begins with them.

    Args:
        cfg: Isaac Lab's configuration of the environment.

    Raises:
        TaskError: Two of them are for the same subtask; upstream would forget one.
    """
    rules: Rules = {}
    for constraint in cfg.task_constraint_configs:
        new = constraint.generate_runtime_subtask_constraints()
        for eef, subtask in new.keys() & rules.keys():
            raise TaskError(
                f"task '{cfg.env_name}': two constraints are for subtask {subtask} of '{eef}', and Isaac Lab's "
                "generator knows one a subtask; add a subtask between them"
            )
        rules |= new
    return rules


class Timing:
    """The steps of one attempt.

    Args:
        subtasks: How many subtasks each end effector has, in the order of the configuration.
        rules: The constraints; what they are at is kept there.

    Attributes:
        subtask: Index of the subtask that each end effector is at, its last one when it is done.
        due: End effectors that need a plan, of the subtask that they are at.
        over: End effectors and subtasks that are over after the last stretch.
    """

    def __init__(self, subtasks: Mapping[str, int], rules: Rules):
        self._last = {eef: count - 1 for eef, count in subtasks.items()}
        self._rules = rules
        self._asked = sorted(subtasks)
        self._steps = dict.fromkeys(subtasks, 0)
        self._lengths = dict.fromkeys(subtasks, 0)
        self._finished: set[str] = set()
        self.subtask = dict.fromkeys(subtasks, 0)
        self.due = [*subtasks]
        self.over: list[tuple[str, int]] = []

    @property
    def done(self) -> bool:
        """Whether every end effector has done its subtasks."""
        return len(self._finished) == len(self._last)

    def begin(self, eef: str, length: int) -> None:
        """Begin a plan of so many waypoints."""
        self._steps[eef], self._lengths[eef] = 0, length

    def stretch(self, most: int | None = None) -> NDArray[np.int64]:
        """Go on until the first plan is over.

        Args:
            most: Steps after which it is seen again who does what, if no plan is over before; None for any number.

        Returns:
            Index of the waypoint that each end effector is at, in the order of the configuration, by step; shape
            (steps, end effectors). Who is done stays at its last one.

        Raises:
            TaskError: All wait for each other.
        """
        moving = [eef for eef in self._last if eef not in self._finished]
        if not self._rules and len(moving) == len(self._last) == 1 and most is None:
            (eef,) = moving
            taken = np.arange(self._steps[eef], self._lengths[eef])[:, None]
            self._steps[eef] = self._lengths[eef]
        elif any(self._waits_or_tells(eef) for eef in moving):
            taken = self._step_by_step(moving, most)
        else:
            left = [self._lengths[eef] - self._steps[eef] for eef in moving]
            count = min(left if most is None else [*left, most])
            steps = np.arange(count)
            ends = [self._lengths[eef] - 1 for eef in self._last]
            taken = np.minimum(np.stack([self._steps[eef] + steps for eef in self._last], axis=1), ends)
            for eef in moving:
                self._steps[eef] += count
        self._end(moving)
        return taken

    def _waits_or_tells(self, eef: str) -> bool:
        """Return whether what an end effector does before its plan is over may depend on another's, or the reverse."""
        rule = self._rules.get((eef, self.subtask[eef]))
        if rule is None or rule["type"] == SubTaskConstraintType._SEQUENTIAL_FORMER:
            return False
        return rule["type"] == SubTaskConstraintType.COORDINATION or not rule["fulfilled"]

    def _step_by_step(self, moving: Sequence[str], most: int | None) -> NDArray[np.int64]:
        taken: list[list[int]] = []
        while all(self._steps[eef] < self._lengths[eef] for eef in moving) and len(taken) != most:
            before = {eef: self._steps[eef] for eef in moving}
            told = [self._apply_rule(eef) for eef in self._asked]
            taken.append([*self._steps.values()])
            for eef in moving:
                self._steps[eef] += 1
            if before == {eef: self._steps[eef] for eef in moving} and not any(told):
                where = ", ".join(f"{eef} at subtask {self.subtask[eef]}" for eef in moving)
                raise TaskError(f"the task's constraints let its end effectors wait for each other forever: {where}")
        return np.array(taken)

    def _apply_rule(self, eef: str) -> bool:
        """Let an end effector wait, and tell the one that it is bound to; return whether that one is told anew."""
        rule = self._rules.get((eef, self.subtask[eef]))
        step, length = self._steps[eef], self._lengths[eef]
        told = waits = False
        if rule is None or rule["type"] == SubTaskConstraintType._SEQUENTIAL_FORMER:
            return False
        if rule["type"] == SubTaskConstraintType._SEQUENTIAL_LATTER:
            ahead = rule["min_time_diff"]
            waits = not rule["fulfilled"] and (ahead == -1 or step >= length - ahead)
        else:
            other = rule["concurrent_task_spec_key"], rule["concurrent_subtask_ind"]
            if rule["coordination_synchronize_start"] and self.subtask[other[0]] < other[1]:
                self._steps[eef] = 0
                return False
            arrived = step >= length - rule["synchronous_steps"]
            told = arrived and not self._rules[other]["fulfilled"]
            if told:
                self._rules[other]["fulfilled"] = True
            waits = arrived and not rule["fulfilled"]
        if waits and step > 0:
            self._steps[eef] = step - 1
        return told

    def _end(self, moving: Sequence[str]) -> None:
        """Note whose plan is over, and what others waited for."""
        self.over = [(eef, self.subtask[eef]) for eef in moving if self._steps[eef] == self._lengths[eef]]
        self.due = []
        for eef, subtask in self.over:
            rule = self._rules.get((eef, subtask), {})
            if rule.get("type") == SubTaskConstraintType._SEQUENTIAL_FORMER:
                self._rules[rule["constrained_task_spec_key"], rule["constrained_subtask_ind"]]["fulfilled"] = True
            if subtask == self._last[eef]:
                self._finished.add(eef)
                self._steps[eef] -= 1
            else:
                self.subtask[eef] += 1
                self.due.append(eef)
