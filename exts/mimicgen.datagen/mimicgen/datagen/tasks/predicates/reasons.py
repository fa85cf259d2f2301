"""Why an attempt failed, told from what was recorded: which part of a signal or of success was missing, by how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.attempts import FINAL
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.ours import MARK, is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.tasks.catalogue import Described, described
from mimicgen.datagen.tasks.conditions import AnyCondition, Near
from mimicgen.datagen.tasks.predicates.evaluation import Evaluated, Trees
from mimicgen.datagen.tasks.predicates.measures import Measure
from mimicgen.datagen.tasks.predicates.scenes import RecordedScene

Arrays = Mapping[str, NDArray[Any]]
"""What was recorded of an attempt, by path, a row a step."""


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """How far an attempt was from what it lacked.

    Attributes:
        words: What was missing at the step that counts, by how much.
        measures: What was measured, with its values over the steps.
    """

    words: str
    measures: tuple[tuple[Measure, NDArray[Any]], ...]

    def plot(self, title: str, path: Path) -> None:
        """Draw what was measured over the steps, with what would have been right dashed, as a PNG.

        Raises:
            OutputError: It cannot be written, or another picture is there.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        scales = {"m": (1000.0, "mm"), "rad": (180 / np.pi, "°")}
        units = list(dict.fromkeys(measure.unit for measure, _ in self.measures))
        figure = Figure(figsize=(7, 0.6 + 2.6 * len(units)), layout="constrained")
        FigureCanvasAgg(figure)
        every = figure.subplots(len(units), sharex=True, squeeze=False)[:, 0]
        for axes, unit in zip(every, units, strict=True):
            scale, name = scales.get(unit, (1.0, unit))
            for measure, values in self.measures:
                if measure.unit == unit:
                    (line,) = axes.plot(scale * values, label=measure.label.replace("$", r"\$"))
                    for limit in filter(np.isfinite, (measure.low, measure.high)):
                        axes.axhline(scale * limit, color=line.get_color(), linestyle="--", linewidth=0.8)
            axes.set(ylabel=name)
            axes.grid(alpha=0.3)
            axes.legend()
        every[0].set_title(title.replace("$", r"\$"))  # which would begin a formula
        every[-1].set_xlabel("step")
        with explained(path), new_file(path, replace=is_ours) as scratch:
            figure.savefig(scratch, dpi=120, metadata={"Software": MARK})


class Reasons:
    """Tells what attempts of a task lacked.

    Args:
        found: The task, where a file describes it.
        subtasks: The subtasks of each end effector, as Isaac Lab's configuration has them. Where no file describes the
            task, a subtask's object says at least how near the hand came to it.
        joint_names: Names of articulations' joints, in the order in which they are recorded.
    """

    def __init__(
        self,
        found: Described | None,
        subtasks: Mapping[str, Sequence[Any]],
        joint_names: Mapping[str, Sequence[str]] | None = None,
    ):
        self._described = found
        self._joint_names = joint_names
        stated: dict[str, AnyCondition] = {}
        if self._described is not None:
            stated = self._described.task.signals | {FINAL: self._described.task.success}
        else:
            for eef, own in subtasks.items():
                for subtask in own:
                    if subtask.subtask_term_signal and subtask.object_ref:
                        stated[subtask.subtask_term_signal] = Near(arm=eef, of=subtask.object_ref, within=0.0)
        self._trees = {name: Trees({name: condition}, self._described) for name, condition in stated.items()}

    def knows(self, signal: str | None) -> bool:
        """Return whether a signal, or with None success, can be explained."""
        return (signal or FINAL) in self._trees

    def shortfall(self, recorded: Mapping[str, Any], signal: str | None) -> Shortfall | None:
        """Return what an attempt lacked.

        Args:
            recorded: What was recorded, nested as Isaac Lab nests it.
            signal: The signal that never came: the step counts at which it was nearest. None for success: the last one.

        Returns:
            None where nothing tells: there is no condition, it holds, or what it looks at was not recorded.
        """
        name = signal or FINAL
        if name not in self._trees:
            return None
        scene = RecordedScene(dict(_flat(recorded)), self._described, self._joint_names)
        try:
            evaluated = Evaluated(scene, self._trees[name])
            step = scene.rows() - 1 if signal is None else int(np.argmin(evaluated.distance(name)))
        except KeyError:  # a task's own recorders need not record what this looks at
            return None
        words = evaluated.wrong(name, step)
        if words is None:
            return None
        measures = dict.fromkeys(leaf.measure for leaf in self._trees[name].leaves)
        return Shortfall(
            words=words if signal is None else f"nearest at step {step + 1}: {words}",
            measures=tuple((measure, measure.value(scene)) for measure in measures),
        )


def success_rule(task: str) -> Callable[[Arrays], str | None] | None:
    """Return what says why a demonstration's last recorded state is no success, None if it is one.

    It raises KeyError, IndexError or ValueError where the states are missing, or are of another shape.

    Args:
        task: As a dataset names it.

    Returns:
        None where no file that comes with the extension describes the task.
    """
    found = None if task.endswith(".toml") else described(task)
    if found is None:
        return None
    trees = Trees({FINAL: found.task.success}, found)

    def why_not(arrays: Arrays) -> str | None:
        return Evaluated(RecordedScene(arrays, found), trees).wrong(FINAL, -1)

    return why_not


def _flat(recorded: Mapping[str, Any], prefix: str = "") -> Any:
    """Yield the arrays of nested groups by path."""
    for name, value in recorded.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value
