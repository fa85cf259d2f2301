"""Choosing demonstrations by what is recorded with them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
from h5py import h5o

from mimicgen.datagen.dataset.files import attributes, demo_names, open_source
from mimicgen.datagen.dataset.tools.copying import (
    copy_attributes,
    copy_demos,
    read_masks,
    steps_of,
    write_masks,
    written,
)
from mimicgen.datagen.errors import ConfigError, SourceError

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}

_REDUCE: dict[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "max": max,
    "mean": lambda numbers: sum(numbers) / len(numbers),
}

_EXPRESSION = re.compile(r"\s*([\w.]+)\s*(==|!=|<=|>=|<|>|\bhas\b|\blacks\b)\s*(\S.*?)\s*")

_HELP = "expected PROPERTY OPERATOR VALUE, for instance 'num_samples<400', 'final_offsets.OBJECT.2>0.04' or " + (
    "'segments.demo has demo_3'; the operators are ==, !=, <, <=, >, >=, has and lacks"
)


@dataclass(frozen=True)
class Condition:
    """A comparison of a recorded property with a value.

    Attributes:
        text: As the user wrote it.
        path: The property: name of an attribute, then keys into what it says.
        operator: One of ==, !=, <, <=, >, >=, has, lacks.
        value: What it is compared with.
    """

    text: str
    path: tuple[str, ...]
    operator: str
    value: bool | float | str

    def holds(self, properties: dict[str, Any]) -> bool:
        """Return whether a demonstration with these properties meets the condition; without the property it does not.

        Raises:
            ConfigError: The property is no value that can be compared so.
        """
        try:
            recorded = _resolve(properties, self.path)
        except KeyError:
            return False
        if self.operator in ("has", "lacks"):
            inside = recorded if isinstance(recorded, (list, dict)) else [recorded]
            return (self.value in inside) is (self.operator == "has")
        if isinstance(recorded, (list, dict)):
            listed = f"{', '.join(_REDUCE)}, an index or a key" if recorded else "nothing, as it is empty"
            raise ConfigError(f"'{self.text}': '{'.'.join(self.path)}' is a list; add one of {listed}, or use has")
        if recorded is None:
            return False
        if isinstance(recorded, str) is not isinstance(self.value, str) and self.operator not in ("==", "!="):
            raise ConfigError(
                f"'{self.text}': '{'.'.join(self.path)}' is {recorded!r}, which {self.value!r} is no match for"
            )
        return _COMPARE[self.operator](recorded, self.value)


def parse(text: str) -> Condition:
    """Return the condition that a text means.

    Raises:
        ConfigError: It means none.
    """
    match = _EXPRESSION.fullmatch(text)
    if match is None or not all(match[1].split(".")):
        raise ConfigError(f"'{text}' is no condition; {_HELP}")
    return Condition(text, tuple(match[1].split(".")), match[2], _value(match[3]))


def properties_of(name: str, demo: h5py.Group) -> dict[str, Any]:
    """Return what a demonstration can be chosen by: its attributes, its `name` and its number of `steps`."""
    return {"name": name, "steps": steps_of(demo)} | attributes(demo)


def choose(path: Path, conditions: Sequence[Condition]) -> list[str]:
    """Return the names of the demonstrations that meet all conditions, in natural order.

    Raises:
        ConfigError: No demonstration has a property, or one cannot be compared so.
        SourceError: The file cannot be read.
    """
    with open_source(path) as file:
        properties = {name: properties_of(name, file["data"][name]) for name in demo_names(file)}
    for condition in conditions:
        if not any(_has(own, condition.path) for own in properties.values()):
            known = sorted(set().union(*properties.values()))
            raise ConfigError(
                f"'{condition.text}': no demonstration has '{'.'.join(condition.path)}'; there are {', '.join(known)}"
            )
    return [name for name, own in properties.items() if all(condition.holds(own) for condition in conditions)]


def filter_demos(source: Path, target: Path, names: Sequence[str]) -> None:
    """Write a file with some of a file's demonstrations, under the names that they have.

    Args:
        source: File of demonstrations.
        target: File to write; see `mimicgen.datagen.dataset.replacing.new_file`.
        names: Which.

    Raises:
        SourceError: The source cannot be read, or `names` is empty.
        OutputError: The target cannot be written.
    """
    if not names:
        raise SourceError(f"source '{source}': no demonstration meets the conditions; nothing was written")
    with open_source(source) as file, written(target, source) as copy:
        copy_file(file, copy, names)


def copy_file(source: h5py.File, target: h5py.File, names: Sequence[str]) -> None:
    """Copy a file with some of its demonstrations: everything else as it is, `total` and `mask` put right."""
    copy_attributes(source, target)
    for name in source:
        if name not in ("data", "mask"):
            h5o.copy(source.id, name.encode(), target.id, name.encode())
    data = target.create_group("data", track_order=True)
    copy_attributes(source["data"], data)
    for name, member in source["data"].items():
        if not isinstance(member, h5py.Group):
            h5o.copy(source["data"].id, name.encode(), data.id, name.encode())
    data.attrs["total"] = copy_demos(source, data, {name: name for name in names})
    kept = set(names)
    write_masks(
        target, {mask: [name for name in listed if name in kept] for mask, listed in read_masks(source).items()}
    )


def _value(text: str) -> bool | float | str:
    """Return what a value means: true or false, a number, or a text, with or without quotation marks."""
    if text in ("true", "false", "True", "False"):
        return text.lower() == "true"
    if text[0] in "'\"" and text[-1] == text[0] and len(text) > 1:
        return text[1:-1]
    try:
        return float(text)
    except ValueError:
        return text


def _has(properties: dict[str, Any], path: tuple[str, ...]) -> bool:
    try:
        _resolve(properties, path)
    except KeyError:
        return False
    return True


def _resolve(value: Any, path: tuple[str, ...]) -> Any:
    """Return what a path leads to in nested values.

    A key goes into a table, an index into a list, and a key into every table of a list; min, max and mean are taken
    over all the numbers below.

    Raises:
        KeyError: It leads nowhere.
    """
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(value, dict) and key in value:
        return _resolve(value[key], rest)
    if isinstance(value, list):
        if re.fullmatch("[0-9]{1,9}", key) and int(key) < len(value):
            return _resolve(value[int(key)], rest)
        found = [member[key] for member in value if isinstance(member, dict) and key in member]
        if found:
            return _resolve(found, rest)
    if key in _REDUCE and not rest and (numbers := list(_numbers(value))):
        return _REDUCE[key](numbers)
    raise KeyError(key)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, (list, dict)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _numbers(member)
