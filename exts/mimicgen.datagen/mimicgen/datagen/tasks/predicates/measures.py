"""What a condition measures: numbers of a scene, each with the range that it has to be in, and how a person says it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.tasks import conditions as stated
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.predicates import quantities
from mimicgen.datagen.tasks.predicates.scenes import Array, Scene, box_around

SCALES = {"m": 0.01, "rad": 0.1, "m/s": 0.05, "steps": 5.0, "": 1.0}
"""What counts as equally far from true in different units."""

LONGEST_TRAVEL = 0.2
"""A gripper whose joints move farther than this turns them [rad]; no finger slides as far [m]."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number of a scene, and the range that it has to be in.

    Attributes:
        quantity: Gives the number in every row, from the scene and `args`.
        args: What else it gets.
        says: How a person says it, with {} for the number: '{}' of 'the mug is {} beside the shelf'.
        says_negative: How a negative number is said, without its sign; None where there is none.
        unit: Of the number: m, rad, m/s, steps, or nothing.
        low: Smallest value that is right.
        high: Largest one.
        above: What a larger one is, in words.
        below: What a smaller one is.
    """

    quantity: Callable[..., Array]
    args: tuple[Any, ...] = ()
    says: str
    says_negative: str | None = None
    unit: str = "m"
    low: float = -math.inf
    high: float = math.inf
    above: str = "too far"
    below: str = "too little"

    def value(self, scene: Scene) -> Array:
        """Return the number in every row, shape (rows,)."""
        return scene.once(self.quantity, *self.args)

    @property
    def label(self) -> str:
        """What is measured, without a number: 'the mug beside the shelf'."""
        words = self.says.replace("{}", "")
        for verb in (" is ", " are ", " moves ", " has been true for "):
            words = words.replace(verb, " ", 1)
        return " ".join(words.split())

    def words(self, value: float, *, wanted: bool = True) -> str:
        """Say that a value is wrong, what would be right, and by how much it is wrong.

        Args:
            value: The value.
            wanted: Whether the range is where it has to be, or where it must not be.
        """
        if math.isnan(value):
            return self.says.format("an unknown distance" if self.unit in ("m", "rad") else "an unknown amount")
        negative = value < 0 and self.says_negative is not None
        sign = -1.0 if negative else 1.0
        said = (self.says_negative if negative and self.says_negative else self.says).format(self.amount(sign * value))
        if not wanted:
            return f"{said}, which must not be"
        if value > self.high:
            excess, limit = self.amount(value - self.high), self.amount(self.high)
            # Of what has to be zero, but for rounding, the value says it all.
            return said if excess == self.amount(value) else f"{said}, {limit} are allowed ({excess} {self.above})"
        excess = self.amount(self.low - value)
        if negative and self.low < 0:
            return f"{said}, {self.amount(-self.low)} are allowed ({excess} {self.below})"
        return f"{said}, at least {self.amount(self.low)} are wanted ({excess} {self.below})"

    def amount(self, value: float) -> str:
        """Return a value with its unit, as a person says it: millimetres, degrees."""
        if self.unit == "m":
            return f"{_short(1000 * value)} mm"
        if self.unit == "rad":
            return f"{_short(math.degrees(value))}°"
        if self.unit == "m/s":
            return f"{value:.2f} m/s"
        return f"{_short(value)} {self.unit}".strip() if self.unit != "steps" else f"{value:.0f} steps"


def _short(value: float) -> str:
    """Return a number with as many places as matter."""
    size = abs(value)
    if 0 < size < 0.005:
        return "under 0.01"
    return f"{value:.0f}" if size >= 9.95 or size == 0 else f"{value:.1f}" if size >= 0.995 else f"{value:.2f}"


@singledispatch
def measures_of(condition: Any, described: Described | None) -> Iterator[Measure]:
    """Yield what a condition measures: it holds where all of that is in range.

    Args:
        condition: One that is not made of others.
        described: The task; None where no file describes it.
    """
    raise AssertionError(f"{type(condition).__name__} is made of other conditions, or is new")


def _eef(arm: str | None, described: Described | None) -> str:
    """Return what a person calls an end effector."""
    if described is None:
        return arm or "the robot"
    return described.eef(arm).name


def _gripper(arm: str | None, described: Described | None) -> tuple[float, float, str]:
    """Return where a gripper's joints are when it is open and when it is shut, and in which unit."""
    assert described is not None
    gripper = described.eef(arm).arm.gripper
    assert gripper is not None
    return gripper.open, gripper.closed, "rad" if abs(gripper.open - gripper.closed) > LONGEST_TRAVEL else "m"


@measures_of.register
def _(condition: stated.Grasped, described: Described | None) -> Iterator[Measure]:
    eef = _eef(condition.arm, described)
    yield Measure(
        quantity=quantities.tool_to_point,
        args=(condition.arm, condition.object, condition.point),
        says=f"{condition.object} is {{}} from the tool of {eef}",
        high=condition.near,
    )
    opened, shut, unit = _gripper(condition.arm, described)
    yield Measure(
        quantity=quantities.least_from,
        args=(condition.arm, opened),
        says=f"the fingers of {eef} are {{}} from open",
        unit=unit,
        low=condition.closed,
    )
    if condition.apart:
        yield Measure(
            quantity=quantities.least_from,
            args=(condition.arm, shut),
            says=f"the fingers of {eef} are {{}} from shut",
            unit=unit,
            low=condition.apart,
        )


@measures_of.register
def _(condition: stated.Lifted, described: Described | None) -> Iterator[Measure]:
    yield Measure(
        quantity=quantities.lift,
        args=(condition.object,),
        says=f"{condition.object} is {{}} higher than it began",
        says_negative=f"{condition.object} is {{}} lower than it began",
        low=condition.by,
        below="too low",
    )


@measures_of.register
def _(condition: stated.OnTop, described: Described | None) -> Iterator[Measure]:
    upper, lower = condition.object, condition.of
    yield Measure(
        quantity=quantities.beside, args=(upper, lower), says=f"{upper} is {{}} beside {lower}", high=condition.beside
    )
    quantity: Callable[..., Array] = quantities.over_height
    own: tuple[Any, ...] = (condition.height,)
    if condition.height is None:
        assert described is not None
        quantity, own = quantities.over_top, (box_around(described, upper), box_around(described, lower))
    yield Measure(
        quantity=quantity,
        args=(upper, lower, *own),
        says=f"{upper} is {{}} above where it stands on {lower}",
        says_negative=f"{upper} is {{}} below where it stands on {lower}",
        low=-(condition.within if condition.below is None else condition.below),
        high=condition.within,
        above="too high",
        below="too low",
    )


@measures_of.register
def _(condition: stated.Inside, described: Described | None) -> Iterator[Measure]:
    centre, half = condition.centre, tuple(edge / 2 for edge in condition.size) if condition.size else None
    if centre is None or half is None:
        assert described is not None
        space = box_around(described, condition.of)
        centre, half = centre or space[0], half or space[1]
    for axis, name in enumerate("xyz"):
        yield Measure(
            quantity=quantities.off_centre,
            args=(condition.object, condition.of, centre, axis),
            says=f"{condition.object} is {{}} from the middle of {condition.of} along its {name}",
            high=half[axis],
        )


@measures_of.register
def _(condition: stated.Inserted, described: Described | None) -> Iterator[Measure]:
    args = condition.object, condition.into, condition.tip, condition.opening
    yield Measure(
        quantity=quantities.off_axis,
        args=args,
        says=f"the tip of {condition.object} is {{}} beside the opening of {condition.into}",
        high=condition.beside,
    )
    yield Measure(
        quantity=quantities.depth,
        args=args,
        says=f"the tip of {condition.object} is {{}} deep in {condition.into}",
        says_negative=f"the tip of {condition.object} is {{}} in front of {condition.into}",
        low=condition.depth,
        below="too high",
    )


@measures_of.register
def _(condition: stated.Aligned, described: Described | None) -> Iterator[Measure]:
    yield Measure(
        quantity=quantities.between_axes,
        args=(condition.object, condition.of, condition.axis, condition.symmetry),
        says=f"the {condition.axis} of {condition.object} is {{}} from that of {condition.of}",
        unit="rad",
        high=condition.within,
        above="too much",
    )


@measures_of.register
def _(condition: stated.Near, described: Described | None) -> Iterator[Measure]:
    what = condition.object or f"the tool of {_eef(condition.arm, described)}"
    of = condition.of or "the point ({:g}, {:g}, {:g})".format(*condition.point)
    yield Measure(
        quantity=quantities.distance,
        args=(condition.object, condition.arm, condition.of, condition.point),
        says=f"{what} is {{}} from {of}",
        high=condition.within,
    )


@measures_of.register
def _(condition: stated.Upright, described: Described | None) -> Iterator[Measure]:
    yield Measure(
        quantity=quantities.tilt,
        args=(condition.object,),
        says=f"{condition.object} is {{}} from upright",
        unit="rad",
        high=condition.within,
        above="too much",
    )


@measures_of.register
def _(condition: stated.JointBeyond, described: Described | None) -> Iterator[Measure]:
    assert described is not None
    slides = described.task.objects[condition.object].parts[condition.part].joint.kind == "slide"
    says = f"{condition.part} of {condition.object} is {'open by' if condition.above is not None else 'at'} {{}}"
    yield Measure(
        quantity=Scene.joint,
        args=(condition.object, condition.part),
        says=says,
        unit="m" if slides else "rad",
        low=-math.inf if condition.above is None else condition.above,
        high=math.inf if condition.below is None else condition.below,
    )


@measures_of.register
def _(condition: stated.GripperOpen, described: Described | None) -> Iterator[Measure]:
    opened, _, unit = _gripper(condition.arm, described)
    yield Measure(
        quantity=quantities.most_from,
        args=(condition.arm, opened),
        says=f"the fingers of {_eef(condition.arm, described)} are {{}} from open",
        unit=unit,
        high=condition.within,
    )


@measures_of.register
def _(condition: stated.AtRest, described: Described | None) -> Iterator[Measure]:
    yield Measure(
        quantity=quantities.speed,
        args=(condition.object,),
        says=f"{condition.object} moves at {{}}",
        unit="m/s",
        high=condition.speed,
        above="too fast",
    )


@measures_of.register
def _(condition: stated.Custom, described: Described | None) -> Iterator[Measure]:
    yield Measure(
        quantity=_told_by,
        args=(condition.function, tuple(sorted(condition.parameters.items()))),
        says=f"{condition.function} is {{}} from true",
        unit="",
        high=0.0,
    )


def _told_by(scene: Scene, name: str, parameters: tuple[tuple[str, Any], ...]) -> Array:
    """Return how far from true a Python function says that it is.

    Raises:
        TaskError: It is not there, or gives something else.
    """
    module, _, attribute = name.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise TaskError(
            f"condition '{name}': module '{module}' cannot be imported ({error}); install it, or put its folder into "
            "PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise TaskError(f"condition '{name}': module '{module}' has no function '{attribute}'") from error
    told = function(scene, **dict(parameters))
    if tuple(getattr(told, "shape", ())) != (scene.rows(),):
        raise TaskError(
            f"condition '{name}': expected scene.xp's array of shape ({scene.rows()},), and it returned "
            f"{type(told).__name__} of shape {tuple(getattr(told, 'shape', ()))}"
        )
    return 1.0 - 1.0 * told if "bool" in str(told.dtype) else told
