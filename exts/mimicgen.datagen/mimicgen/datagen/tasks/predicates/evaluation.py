"""Conditions, evaluated in all rows of a scene at once: whether they hold, how far from it they are, and what is wrong.

Not a number is never true, and infinitely far from it; neither is its negation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mimicgen.datagen.tasks import conditions as stated
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.predicates.measures import SCALES, Measure, measures_of
from mimicgen.datagen.tasks.predicates.scenes import Array, LiveScene, Scene

MOST = 4
"""Things that are said to be wrong; more are counted."""


@dataclass(frozen=True)
class Leaf:
    """A measure that has to be in its range, or, if that is not wanted, must not be."""

    measure: Measure
    wanted: bool = True


@dataclass(frozen=True)
class Branch:
    """Several that have to hold: every one, or any."""

    every: bool
    of: tuple[Node, ...]


@dataclass(frozen=True)
class Lasting:
    """One that has to have held for some steps; or, if that is not wanted, must not have."""

    of: Node
    steps: int
    wanted: bool = True


Node = Leaf | Branch | Lasting


def tree(condition: Any, described: Described | None, *, wanted: bool = True) -> Node:
    """Return what has to hold for a condition to be true, or, if that is not wanted, false."""
    if isinstance(condition, stated.Not):
        return tree(condition.condition, described, wanted=not wanted)
    if isinstance(condition, stated.Held):
        return Lasting(tree(condition.condition, described), condition.steps, wanted)
    if isinstance(condition, (stated.All, stated.OneOf)):
        every = isinstance(condition, stated.All) is wanted
        return Branch(every, tuple(tree(one, described, wanted=wanted) for one in condition.of))
    return Branch(wanted, tuple(Leaf(measure, wanted) for measure in measures_of(condition, described)))


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield the leaves of a tree, in order."""
    if isinstance(node, Leaf):
        yield node
    else:
        for one in node.of if isinstance(node, Branch) else (node.of,):
            yield from leaves(one)


def _lasting(node: Node) -> Iterator[Lasting]:
    """Yield what has to last in a tree, the inner ones first."""
    if isinstance(node, Branch):
        for one in node.of:
            yield from _lasting(one)
    elif isinstance(node, Lasting):
        yield from _lasting(node.of)
        yield node


def listed(said: Sequence[str]) -> str:
    """Return what is wrong as one sentence: the first few, and how many more."""
    shown = [*said[:MOST]]
    if len(said) > MOST:
        shown.append(f"{len(said) - MOST} more")
    return ", and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


class Evaluated:
    """Conditions of a scene as it is now, or as it was recorded.

    Args:
        scene: The scene.
        trees: The conditions, by name.
        counts: For how many steps each of what has to last has held, shape (rows,), by its identity; None to count
            along the rows.
    """

    def __init__(self, scene: Scene, trees: Mapping[str, Node], counts: Mapping[int, Array] | None = None):
        self._scene = scene
        self._trees = trees
        self._counts = dict(counts) if counts is not None else None
        found = dict.fromkeys(leaf for one in trees.values() for leaf in leaves(one))
        self._inside = dict(zip(found, self._compared([*found]), strict=True))

    def true(self, name: str) -> Array:
        """Return in which rows a condition holds, shape (rows,), bool."""
        return self._true(self._trees[name])

    def distance(self, name: str) -> Array:
        """Return how far from true a condition is, shape (rows,): 0 where it holds, at most infinite.

        What is outside of its range counts by how much, in the `SCALES` of the units; all that is needed counts
        together, and of alternatives the nearest.
        """
        return self._distance(self._trees[name])

    def wrong(self, name: str, row: int) -> str | None:
        """Say what is wrong in a row, with how much would be right; None where the condition holds."""
        return listed([*dict.fromkeys(self._wrong(self._trees[name], row))]) or None

    def _compared(self, found: Sequence[Leaf]) -> Sequence[Array]:
        """Return in which rows each leaf holds."""
        if not found:
            return ()
        xp, scene = self._scene.xp, self._scene
        values = xp.stack([leaf.measure.value(scene) for leaf in found])
        low, high = (scene.constant(tuple(getattr(leaf.measure, end) for leaf in found)) for end in ("low", "high"))
        inside = (values >= low[:, None]) & (values <= high[:, None])
        if not all(leaf.wanted for leaf in found):
            wanted = scene.constant(tuple(float(leaf.wanted) for leaf in found)) > 0
            inside = (inside == wanted[:, None]) & ~xp.isnan(values)
        rows: Sequence[Array] = inside
        return rows

    def _true(self, node: Node) -> Array:
        if isinstance(node, Leaf):
            return self._inside[node]
        if isinstance(node, Lasting):
            held = self._held(node) >= node.steps
            return held if node.wanted else ~held & self._known(node.of)
        first, *others = (self._true(one) for one in node.of)
        for other in others:
            first = first & other if node.every else first | other
        return first

    def _held(self, node: Lasting) -> Array:
        """Return for how many steps something has held without a break."""
        if self._counts is None:
            self._counts = {}
        if id(node) not in self._counts:
            xp, true = self._scene.xp, self._true(node.of)
            steps = xp.arange(1, len(true) + 1)
            breaks = xp.where(true, 0, steps)
            self._counts[id(node)] = steps - xp.maximum.accumulate(breaks)
        return self._counts[id(node)]

    def _known(self, node: Node) -> Array:
        """Return in which rows everything that a condition measures is a number."""
        values = self._scene.xp.stack([leaf.measure.value(self._scene) for leaf in leaves(node)])
        return ~self._scene.xp.isnan(values).any(0)

    def _distance(self, node: Node) -> Array:
        xp = self._scene.xp
        if isinstance(node, Leaf):
            measure, value = node.measure, node.measure.value(self._scene)
            if node.wanted:
                away = xp.maximum(measure.low - value, value - measure.high)
            else:
                away = xp.minimum(value - measure.low, measure.high - value)
            return xp.where(xp.isnan(away), math.inf, xp.clip(away / SCALES[measure.unit], 0, None))
        if isinstance(node, Lasting):
            missing = node.steps - self._held(node)
            if node.wanted:
                return self._distance(node.of) + xp.clip(missing, 0, None) / SCALES["steps"]
            return xp.clip(1 - missing, 0, None) / SCALES["steps"]
        first, *others = (self._distance(one) for one in node.of)
        for other in others:
            first = first + other if node.every else xp.minimum(first, other)
        return first

    def _wrong(self, node: Node, row: int) -> Iterator[str]:
        if bool(self._true(node)[row]):
            return
        if isinstance(node, Leaf):
            yield node.measure.words(float(node.measure.value(self._scene)[row]), wanted=node.wanted)
        elif isinstance(node, Branch):
            for one in node.of if node.every else (self._nearest(node, row),):
                yield from self._wrong(one, row)
        else:
            said = list(self._wrong(node.of, row))
            yield from said
            if not said:
                label = " and ".join(dict.fromkeys(leaf.measure.label for leaf in leaves(node.of)))
                held = int(self._held(node)[row])
                wanted = f"{node.steps} are wanted" if node.wanted else f"fewer than {node.steps} are wanted"
                yield f"{label} has been right for {held} steps, {wanted}"

    def _nearest(self, node: Branch, row: int) -> Node:
        return min(node.of, key=lambda one: float(self._distance(one)[row]))


class Predicates:
    """A task's signals and success in an open environment.

    The caller says when a step has been made, and which environments were reset; what is asked in between is computed
    once.

    Args:
        env: Isaac Lab's environment.
        described: The task.
    """

    def __init__(self, env: Any, described: Described):
        self.scene = LiveScene(env, described)
        task = described.task
        self._trees = {name: tree(condition, described) for name, condition in task.signals.items()}
        self._success = "success" if "success" not in task.signals else "success of the task"
        self._trees[self._success] = tree(task.success, described)
        self._lasting = [node for one in self._trees.values() for node in _lasting(one)]
        self._counts = {id(node): self.scene.xp.zeros(env.num_envs, device=env.device) for node in self._lasting}
        self._now: Evaluated | None = None

    def stepped(self) -> None:
        """Take note that a step has been made."""
        self._now = None
        self.scene.forget()
        for node in self._lasting:  # inner ones first: an outer one counts by their new counts
            now = Evaluated(self.scene, self._trees, self._counts)
            self._counts[id(node)] = (self._counts[id(node)] + 1) * now._true(node.of)

    def reset(self, env_ids: Any) -> None:
        """Take note that environments were reset, after they were."""
        self._now = None
        self.scene.begin(env_ids)
        for counts in self._counts.values():
            counts[env_ids] = 0

    def signals(self) -> dict[str, Array]:
        """Return where each signal is true, shape (num_envs,), bool."""
        now = self._evaluated()
        return {name: now.true(name) for name in self._trees if name != self._success}

    def success(self) -> Array:
        """Return where the task is a success, shape (num_envs,), bool."""
        return self._evaluated().true(self._success)

    def _evaluated(self) -> Evaluated:
        if self._now is None:
            self._now = Evaluated(self.scene, self._trees, self._counts)
        return self._now
