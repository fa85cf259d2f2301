"""Conditions, evaluated in all rows of a scene at once: whether they hold, how far from it they are, and what is wrong.

Not a number is never true, and infinitely far from it; neither is its negation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mimicgen.datagen.tasks import conditions as stated
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.predicates.measures import SCALES, Measure, measures_of
from mimicgen.datagen.tasks.predicates.scenes import Array, LiveScene, Scene

_SUCCESS = "the task's success"

MOST = 4
"""Things that are said to be wrong; more are counted."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """A measure that has to be in its range, or, if that is not wanted, must not be."""

    measure: Measure
    wanted: bool = True


@dataclass(frozen=True, eq=False)
class Branch:
    """Several that have to hold: every one, or any."""

    every: bool
    of: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
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
        own = [tree(one, described, wanted=wanted) for one in condition.of]
    else:
        every = wanted
        own = [Leaf(measure, wanted) for measure in measures_of(condition, described)]
    # What is joined in the same way is one branch, which is one operation.
    joined = [one.of if isinstance(one, Branch) and one.every is every else (one,) for one in own]
    return Branch(every, tuple(itertools.chain.from_iterable(joined)))


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield the leaves of a tree, in order."""
    if isinstance(node, Leaf):
        yield node
    else:
        for one in node.of if isinstance(node, Branch) else (node.of,):
            yield from leaves(one)


def _nodes(node: Node) -> Iterator[Node]:
    """Yield a tree's nodes, the inner ones first."""
    if not isinstance(node, Leaf):
        for one in node.of if isinstance(node, Branch) else (node.of,):
            yield from _nodes(one)
    yield node


class Trees:
    """Conditions by name, prepared for being evaluated again and again.

    Args:
        conditions: The conditions of a task file by name.
        described: The task; None where no file describes it.

    Attributes:
        named: The trees by name.
        leaves: All leaves, in order.
        low: The smallest value that is right, by leaf.
        high: The largest one, likewise.
        wanted: 1 for a leaf that has to be in its range, 0 for one that must not; empty where all have to be.
        spans: First leaf, and one past the last, of every branch that consists of leaves, and of every leaf.
        lasting: What has to last, the inner ones first.
    """

    def __init__(self, conditions: Mapping[str, Any], described: Described | None):
        self.named = {name: tree(condition, described) for name, condition in conditions.items()}
        self.leaves = [leaf for one in self.named.values() for leaf in leaves(one)]
        self.low = tuple(leaf.measure.low for leaf in self.leaves)
        self.high = tuple(leaf.measure.high for leaf in self.leaves)
        wanted = tuple(float(leaf.wanted) for leaf in self.leaves)
        self.wanted = () if all(wanted) else wanted
        nodes = [node for one in self.named.values() for node in _nodes(one)]
        self.spans: dict[Node, tuple[int, int]] = {leaf: (at, at + 1) for at, leaf in enumerate(self.leaves)}
        for node in nodes:
            if isinstance(node, Branch) and all(isinstance(one, Leaf) for one in node.of):
                self.spans[node] = self.spans[node.of[0]][0], self.spans[node.of[-1]][1]
        self.lasting = [node for node in nodes if isinstance(node, Lasting)]


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
        trees: The conditions.
        counts: For how many steps each of what has to last has held, shape (rows,); None to count along the rows.
    """

    def __init__(self, scene: Scene, trees: Trees, counts: Mapping[Lasting, Array] | None = None):
        self._scene = scene
        self._trees = trees
        self._counts = dict(counts or {})
        xp = scene.xp
        values = xp.stack([leaf.measure.value(scene) for leaf in trees.leaves])
        self._inside = (values >= scene.constant(trees.low)[:, None]) & (values <= scene.constant(trees.high)[:, None])
        if trees.wanted:
            self._inside = (self._inside == (scene.constant(trees.wanted) > 0)[:, None]) & ~xp.isnan(values)

    def true(self, name: str) -> Array:
        """Return in which rows a condition holds, shape (rows,), bool."""
        return self.holds(self._trees.named[name])

    def distance(self, name: str) -> Array:
        """Return how far from true a condition is, shape (rows,): 0 where it holds, at most infinite.

        What is outside of its range counts by how much, in the `SCALES` of the units; all that is needed counts
        together, and of alternatives the nearest.
        """
        return self._distance(self._trees.named[name])

    def wrong(self, name: str, row: int) -> str | None:
        """Say what is wrong in a row, with how much would be right; None where the condition holds."""
        wrong = sorted(self._wrong(self._trees.named[name], row), key=lambda one: -one[0])
        return listed([*dict.fromkeys(words for _, words in wrong)]) or None

    def holds(self, node: Node) -> Array:
        """Return in which rows a part of a condition holds, shape (rows,), bool."""
        span = self._trees.spans.get(node)
        if span is not None:
            rows = self._inside[span[0] : span[1]]
            return rows.any(0) if isinstance(node, Branch) and not node.every else rows.all(0)
        if isinstance(node, Lasting):
            held = self._held(node) >= node.steps
            return held if node.wanted else ~held & self._known(node.of)
        assert isinstance(node, Branch)
        first, *others = (self.holds(one) for one in node.of)
        for other in others:
            first = first & other if node.every else first | other
        return first

    def _held(self, node: Lasting) -> Array:
        """Return for how many steps something has held without a break."""
        if node not in self._counts:
            xp, true = self._scene.xp, self.holds(node.of)
            steps = xp.arange(1, len(true) + 1)
            self._counts[node] = steps - xp.maximum.accumulate(xp.where(true, 0, steps))
        return self._counts[node]

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

    def _wrong(self, node: Node, row: int) -> Iterator[tuple[float, str]]:
        """Yield what is wrong in a row: how far from true, and in words."""
        if bool(self.holds(node)[row]):
            return
        if isinstance(node, Branch):
            for one in node.of if node.every else (self._nearest(node, row),):
                yield from self._wrong(one, row)
            return
        away = float(self._distance(node)[row])
        if isinstance(node, Leaf):
            yield away, node.measure.words(float(node.measure.value(self._scene)[row]), wanted=node.wanted)
        elif node.wanted and not bool(self.holds(node.of)[row]):
            yield from self._wrong(node.of, row)
        else:
            labels = " and ".join(dict.fromkeys(leaf.measure.label for leaf in leaves(node.of)))
            wanted = "at least" if node.wanted else "fewer than"
            held = int(self._held(node)[row])
            yield away, f"{labels} was as wanted for {held} steps, {wanted} {node.steps} are wanted"

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
        self._signals = tuple(described.task.signals)
        # No signal is called so: the name of one has no space.
        self._trees = Trees(described.task.signals | {_SUCCESS: described.task.success}, described)
        zeros = self.scene.xp.zeros(env.num_envs, device=env.device)
        self._counts = {node: zeros.clone() for node in self._trees.lasting}
        self._now: Evaluated | None = None

    def stepped(self) -> None:
        """Take note that a step has been made."""
        self._now = None
        self.scene.forget()
        for node in self._trees.lasting:  # inner ones first: an outer one counts by their new counts
            now = Evaluated(self.scene, self._trees, self._counts)
            self._counts[node] = (self._counts[node] + 1) * now.holds(node.of)

    def reset(self, env_ids: Any) -> None:
        """Take note that environments were reset, after they were."""
        self._now = None
        self.scene.begin(env_ids)
        for counts in self._counts.values():
            counts[env_ids] = 0

    def signals(self) -> dict[str, Array]:
        """Return where each signal is true, shape (num_envs,), bool."""
        now = self._evaluated()
        return {name: now.true(name) for name in self._signals}

    def success(self) -> Array:
        """Return where the task is a success, shape (num_envs,), bool."""
        return self._evaluated().true(_SUCCESS)

    def _evaluated(self) -> Evaluated:
        if self._now is None:
            self._now = Evaluated(self.scene, self._trees, self._counts)
        return self._now
