"""The keys of all jobs: what each is, and a value of it from what a person gives.

Keys are dotted where they are nested (`mimic.action_noise`); a file may serve several jobs, so every key of any job is
known everywhere, and a job takes those that it has.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import NODEFAULT, Struct, inspect, structs

from mimicgen.datagen.config.jobs import JOBS, Generate, Job
from mimicgen.datagen.config.reading import expected
from mimicgen.datagen.config.sizes import AUTO, SIZE, default, environments
from mimicgen.datagen.config.values import Flat, as_path, nest, quoted, said
from mimicgen.datagen.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key of the configuration.

    Attributes:
        kind: Its type, as the job's class annotates it.
        default: Its value when nothing is said; None where that is to be found elsewhere.
        plain: int, float, bool, str or Path: its own type, or that of its items.
        several: Whether it takes a list.
        length: Number of its items, None for any.
        low: Smallest number, None without limits.
        high: Largest number.
        choices: What it may be, empty for anything.
        doc: What it means.
        unit: In which unit it is.
    """

    kind: Any
    default: Any
    plain: type
    several: bool
    length: int | None
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    doc: str
    unit: str

    @property
    def expected(self) -> str:
        """What it takes, in words."""
        return "a path" if self.plain is Path else expected(inspect.type_info(self.kind))


@functools.cache
def keys(job: type[Job] | None = None) -> Mapping[str, Key]:
    """Return the keys of a job, or of all, by name and in order.

    Those of single subtasks stand under '<signal>', for any signal, those of cameras under '<camera>'.
    """
    if job is not None:
        return dict(_keys_of(job, ""))
    mode = _key(Literal[tuple(JOBS)], Generate.__struct_config__.tag, "What the run does")
    found = {"mode": mode}
    for one in JOBS.values():
        found = {**keys(one), **found}
    return {name: found[name] for name in sorted(found, key=lambda name: (name != "mode", name.count(".")))}


def key_of(name: str, job: type[Job] | None = None) -> Key:
    """Return a key by name, as a job has it; as another has it where this one has none.

    Raises:
        ConfigError: There is none.
    """
    known, general = keys(), _general(name)
    if general not in known:
        raise ConfigError(_unknown(name, list(known)))
    return keys(job).get(general, known[general])


def parse(name: str, value: Any) -> Any:
    """Return a value in its key's type, from what a text field, TOML, a variable or the command line says.

    Raises:
        ConfigError: The key is unknown, or the value has the wrong type or is out of range.
    """
    key = key_of(name)
    if (value is None and key.default is None) or (name == SIZE and value == AUTO):
        return value
    if key.plain is Path:
        return as_path(name, value)
    given = _read(value, key)
    wild = any(map(_is_wild, given if isinstance(given, (list, tuple)) else (given,)))
    try:
        if not wild:
            return msgspec.convert(given, key.kind)
    except (msgspec.ValidationError, OverflowError):
        pass  # said below, in this project's words
    words = key.expected.replace("number", "finite number") if wild else key.expected
    words += f", or {AUTO}" if name == SIZE else ""
    raise ConfigError(f"{name} = {quoted(given)}: expected {words}")


def is_another_jobs(name: str, job: type[Job]) -> bool:
    """Return whether a key is one of other jobs alone, for which this one has no use."""
    general = _general(name)
    return general != "mode" and general in keys() and general not in keys(job)


def job_from[J: Job](kind: type[J], values: Flat) -> J:
    """Return a job of values by dotted key; keys of other jobs are checked, and left out.

    Raises:
        ConfigError: A key is unknown, a value has the wrong type or is out of range, or values contradict each other.
    """
    parsed = {name: parse(name, value) for name, value in values.items()}
    own = keys(kind)
    device = str(parsed.get("device", "cpu"))
    if parsed.get(SIZE, default(device)) == AUTO:
        trials = parsed.get("num_trials", own["num_trials"].default) if "num_trials" in own else 1
        parsed[SIZE] = environments(device, trials, observes=bool(parsed.get("observe.cameras")))
    tree = nest({name: value for name, value in parsed.items() if _general(name) in own})
    missing = [name for name, key in own.items() if key.default is NODEFAULT and name not in tree]
    if missing:
        raise ConfigError(f"{missing[0]}: is missing; expected {own[missing[0]].expected}")
    return msgspec.convert(tree, kind)


def _read(value: Any, key: Key) -> Any:
    """Return what a text says in a key's terms; other values as they are. One text may say all items of a list."""
    if not key.several:
        return said(value, key.plain) if isinstance(value, str) else value
    items = [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        return items
    if key.plain is str:  # demonstrations are texts, and a list of them may have plain numbers
        return [str(item) if type(item) is int else item for item in items]
    return [said(item, key.plain) if isinstance(item, str) else item for item in items]


def _is_wild(item: Any) -> bool:
    """Return whether something is a number without an end, or a text with a character that none has."""
    return (isinstance(item, float) and not math.isfinite(item)) or (isinstance(item, str) and "\0" in item)


def _keys_of(owner: type[Struct], prefix: str) -> Iterator[tuple[str, Key]]:
    for field in structs.fields(owner):
        info = inspect.type_info(field.type)
        extra = info.extra or {} if isinstance(info, inspect.Metadata) else {}
        info = info.type if isinstance(info, inspect.Metadata) else info
        if isinstance(info, inspect.StructType):
            yield from _keys_of(info.cls, f"{prefix}{field.name}.")
        elif isinstance(info, inspect.DictType):
            assert isinstance(info.value_type, inspect.StructType)
            yield from _keys_of(info.value_type.cls, f"{prefix}{field.name}.<{extra['name']}>.")
        else:
            yield f"{prefix}{field.name}", _key(field.type, field.default)


def _key(kind: Any, default: Any, doc: str = "") -> Key:
    infos: list[Any] = [inspect.type_info(kind)]
    unit, length, several = "", None, False
    while not isinstance(infos[-1], (inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.StrType)):
        info = infos[-1]
        if isinstance(info, inspect.Metadata):
            doc = (info.extra_json_schema or {}).get("description", doc)
            unit = (info.extra or {}).get("unit", unit)
            infos.append(info.type)
        elif isinstance(info, inspect.UnionType):
            infos.append(next(one for one in info.types if not isinstance(one, inspect.NoneType)))
        elif isinstance(info, inspect.TupleType):
            several, length = True, len(info.item_types)
            infos.append(info.item_types[0])
        elif isinstance(info, inspect.VarTupleType):
            several = True
            infos.append(info.item_type)
        else:
            break
    leaf = infos[-1]
    plain = {inspect.IntType: int, inspect.FloatType: float, inspect.BoolType: bool}.get(type(leaf), str)
    return Key(
        kind=kind,
        default=default,
        plain=Path if isinstance(leaf, inspect.CustomType) else plain,
        several=several,
        length=length,
        low=getattr(leaf, "ge", None),
        high=getattr(leaf, "le", None),
        choices=_choices(kind),
        doc=doc,
        unit=unit,
    )


def _choices(kind: Any) -> tuple[str, ...]:
    """Return the values of the Literal in a type, in their order; nothing where there is none."""
    parts = typing.get_args(kind)
    return parts if typing.get_origin(kind) is Literal else next(filter(None, map(_choices, parts)), ())


def _general(name: str) -> str:
    """Return a key with the names that users give, of subtasks and of cameras, taken out."""
    general = re.sub(r"^mimic\.subtasks\.[^.]+\.", "mimic.subtasks.<signal>.", name)
    return re.sub(r"^render\.cameras\.[^.]+\.", "render.cameras.<camera>.", general)


def _unknown(name: str, known: Sequence[str]) -> str:
    """Return what to say of an unknown key: the key that was meant, or else those of its section."""
    general = _general(name)
    meant = difflib.get_close_matches(general[:200], known, n=1, cutoff=0.75)
    if not meant:  # the right name in the wrong section
        meant = [other for other in known if other.rpartition(".")[2] == general.rpartition(".")[2]][:1]
    if meant:
        return f"unknown key {quoted(name)}; did you mean '{meant[0]}'?"
    sections = _sections(known)
    section = max((one for one in sections if general.startswith(one)), key=len, default="")
    names = [other.removeprefix(section) for other in known if other.startswith(section)]
    where = f"keys of [{section[:-1]}]" if section else "keys outside of sections"
    others = "" if section else f"; sections: {', '.join(one[:-1] for one in sections)}"
    return f"unknown key {quoted(name)}; {where}: {', '.join(one for one in names if '.' not in one)}{others}"


def _sections(known: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name[: name.rindex(".") + 1] for name in known if "." in name))
