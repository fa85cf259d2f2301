"""What has to hold for where objects start: ranges, what stands on what, and room for all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.tasks.checks.scene import cycles
from mimicgen.datagen.tasks.objects import Object
from mimicgen.datagen.tasks.schema import Range, Start, Variant

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described

_DENSEST = math.pi / math.sqrt(12)
"""Share of the plane that equal circles can cover at most."""


def faults_of_variants(described: Described) -> Iterator[str]:
    """Yield what is wrong with the variants."""
    for name, variant in described.task.variants.items():
        key = f"variants.{name}"
        faults = list(_faults_of_variant(key, variant, described.task.objects))
        yield from faults
        if not faults:
            yield from _faults_of_separation(key, variant, described.task.objects)


def place_of(content: Object, start: Start) -> tuple[Range, Range]:
    """Return the ranges of x and y in which an object starts [m]."""
    x, y = ((value, value) for value in content.position[:2])
    return start.x or x, start.y or y


def faults_of_range(key: str, values: tuple[float, float] | None) -> Iterator[str]:
    """Yield what is wrong with a smallest and a largest value."""
    if values is not None and values[0] > values[1]:
        yield f"{key} = {quoted(list(values))}: expected the smaller value first"


def _faults_of_variant(key: str, variant: Variant, objects: dict[str, Object]) -> Iterator[str]:
    for name, start in variant.start.items():
        where = f"{key}.start.{name}"
        if name not in objects:
            yield f"{where}: there is no such object; {meant(name, objects)}"
            continue
        for axis, values in (("x", start.x), ("y", start.y), ("yaw", start.yaw)):
            yield from faults_of_range(f"{where}.{axis}", values)
        if start.on is not None and start.on not in objects:
            yield f"{where}.on = {quoted(start.on)}: there is no such object; {meant(start.on, objects)}"
        for part, values in start.joints.items():
            at, parts = f"{where}.joints.{part}", objects[name].parts
            yield from faults_of_range(at, values)
            if part not in parts:
                yield f"{at}: '{name}' has no such part; {meant(part, parts)}"
            elif values[0] < parts[part].joint.low or values[1] > parts[part].joint.high:
                limits = f"{parts[part].joint.low:g} to {parts[part].joint.high:g}"
                yield f"{at} = {quoted(list(values))}: expected from {limits}, the limits of its joint"
    for cycle in cycles({name: start.on for name, start in variant.start.items()}):
        yield f"{key}.start.{cycle[0]}.on: objects stand on each other in a circle: {' on '.join(cycle)}"


def _faults_of_separation(key: str, variant: Variant, objects: dict[str, Object]) -> Iterator[str]:
    """Yield what a reset would try in vain: objects that cannot be so far apart."""
    apart = variant.separation
    places = {name: place_of(objects[name], start) for name, start in variant.start.items() if start.on is None}
    if apart == 0 or len(places) < 2:
        return
    for one, other in combinations(places, 2):
        farthest = math.hypot(*map(_farthest, places[one], places[other]))
        if farthest < apart:
            yield (
                f"{key}.separation = {apart:g}: '{one}' and '{other}' are never so far apart, {farthest:.3g} m at "
                "most; make it smaller, or their ranges larger"
            )
            return
    width, depth = (
        max(place[axis][1] for place in places.values()) - min(place[axis][0] for place in places.values())
        for axis in (0, 1)
    )
    room = _DENSEST * (width + apart) * (depth + apart)
    if len(places) * math.pi * (apart / 2) ** 2 > room:
        yield (
            f"{key}.separation = {apart:g}: the ranges, {width:.3g} m by {depth:.3g} m together, have no room for "
            f"{len(places)} objects so far apart; make it smaller, or the ranges larger"
        )


def _farthest(one: Range, other: Range) -> float:
    """Return the largest distance between values of two ranges."""
    return max(one[1] - other[0], other[1] - one[0])
