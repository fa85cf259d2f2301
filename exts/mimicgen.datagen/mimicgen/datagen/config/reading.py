"""TOML files into typed values, strictly; what is wrong is named by file, key and value, with what is valid there.

`msgspec` converts and holds the limits. Its own messages do not name the keys of a table, so a value that it refuses is
looked for again, from the outside in, and told the way this project tells it.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from mimicgen.datagen.config.values import as_path, limit, quoted
from mimicgen.datagen.errors import BadInputError, ConfigError

FILE_BYTES = 1_000_000
"""Size of a file at most [bytes]."""

TEXT = 2000
"""Length of a text in a file at most [characters]."""

DEPTH = 20
"""Tables within tables at most."""

_DOTS = 100
_DOT = re.compile(r"(?<!\.)\.(?!\.)")
_PIECES = re.compile(r"[=,{}\[\]\n#]")

TOLD = 20
"""Findings that one error tells at most."""


def read_file[T](path: Path, kind: type[T], what: str, error: type[BadInputError]) -> T:
    """Return the content of a TOML file as a value of a type.

    Args:
        path: The file.
        kind: A `msgspec.Struct`.
        what: What the file is, for messages: 'task file'.
        error: What is raised.

    Raises:
        BadInputError: The file cannot be read, is too large or is not TOML, or a key or a value is not valid; as
            `error`.
    """
    place = f"{what} {quoted(path)}"
    return typed(parsed(content(path, place, error), place, error), kind, place, error)


def content(path: Path, place: str, error: type[BadInputError], form: str = "TOML") -> str:
    """Return the text of a file that a person has written, in some form.

    Raises:
        BadInputError: It cannot be read, is too large or is not text; as `error`.
    """
    try:
        file_path = as_path("file", path).expanduser()
        if not stat.S_ISREG(file_path.stat().st_mode):  # opening a pipe would wait for somebody to write into it
            raise error(f"{place} is no regular file; pass an existing {form} file")
        with file_path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except ConfigError as failed:
        raise error(f"{place}: {str(failed).partition(': ')[2]}") from failed
    except OSError as failed:
        raise error(f"{place}: {failed.strerror}; pass an existing {form} file") from failed
    if len(data) > FILE_BYTES:
        raise error(f"{place} has more than {FILE_BYTES:,} bytes; pass a file that a person has written")
    try:
        return data.decode("utf-8-sig")
    except UnicodeError as failed:
        raise error(f"{place} is not text in UTF-8: {failed}; pass a {form} file") from failed


def parsed(text: str, place: str, error: type[BadInputError]) -> dict[str, Any]:
    """Return the tables of TOML.

    Raises:
        BadInputError: It is not TOML, or no file of a person; as `error`.
    """
    # tomllib takes a time that grows with the square of a dotted key's length.
    if any(len(_DOT.findall(piece)) > _DOTS for piece in _PIECES.split(text)):
        raise error(f"{place} is not valid TOML: it has a key of more than {_DOTS} parts, nested too deep")
    try:
        tree = tomllib.loads(text)
    except RecursionError as failed:
        raise error(f"{place} is not valid TOML: its tables are nested too deep") from failed
    except ValueError as failed:  # tomllib's own are some, and so is a number of too many digits
        raise error(f"{place} is not valid TOML: {failed}") from failed
    refuse_wild(tree, place, error)
    return tree


def typed[T](tree: Any, kind: type[T], place: str, error: type[BadInputError]) -> T:
    """Return tables as a value of a type; the values inside may be those of TOML, and tuples for lists.

    Raises:
        BadInputError: A key or a value is not valid; as `error`.
    """
    try:
        return msgspec.convert(tree, kind)
    except (msgspec.ValidationError, OverflowError) as failed:
        refuse(_wrong(tree, inspect.type_info(kind), ""), place, error)
        raise error(f"{place}: {failed}") from failed


def refuse(findings: Iterable[str], place: str, error: type[BadInputError]) -> None:
    """Raise one error that tells all that is wrong with a file, if anything is: the first, and the others as details.

    Args:
        findings: What is wrong: key, value and remedy of each. They may depend on each other: the first says most.
        place: The file.
        error: What is raised.

    Raises:
        BadInputError: There are findings; as `error`.
    """
    told = list(dict.fromkeys(itertools.islice(findings, 10 * TOLD)))
    if told:
        more = ["... and more"] if len(told) > TOLD else []
        raise error(f"{place}: {told[0]}", *told[1:TOLD], *more)


def meant(name: str, known: Iterable[str]) -> str:
    """Return what to say of an unknown name: the one that was meant, or all that there are."""
    names = list(known)
    close = difflib.get_close_matches(name[:200], names, n=1, cutoff=0.7)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(names) or 'none'}"


def refuse_wild(value: Any, place: str, error: type[BadInputError], *, key: str = "", depth: int = DEPTH) -> None:
    """Refuse what a file can say and none of a person does: numbers without an end, long texts, deep nests.

    Args:
        value: What the file says.
        place: The file.
        error: What is raised.
        key: Where in it the value stands.
        depth: Tables within it at most.

    Raises:
        BadInputError: The file says such a thing; as `error`.
    """
    if depth == 0:
        raise error(f"{place}: {key}: its tables are nested too deep")
    if isinstance(value, Mapping):
        for name, own in value.items():
            if not isinstance(name, str) or len(name) > TEXT:
                said = f"{key}.{quoted(name)}" if key else quoted(name)
                raise error(f"{place}: {said}: expected a key that is a text of at most {TEXT} characters")
            refuse_wild(own, place, error, key=_joined(key, name), depth=depth - 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, own in enumerate(value):
            refuse_wild(own, place, error, key=f"{key}[{index}]", depth=depth - 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise error(f"{place}: {key} = {value}: expected a finite number")
    elif isinstance(value, str) and (len(value) > TEXT or "\0" in value):
        raise error(f"{place}: {key} = {quoted(value)}: expected a text of at most {TEXT} characters, without NUL")


def _joined(key: str, name: str) -> str:
    shown = name if name.replace("_", "").replace("-", "").isalnum() else quoted(name)
    return f"{key}.{shown}" if key else shown


def _wrong(value: Any, info: inspect.Type, key: str) -> Iterable[str]:
    """Yield what is wrong with a value, the innermost first."""
    if isinstance(info, inspect.Metadata):
        said = info
        info = info.type
        if isinstance(info, inspect.StrType) and not _fits(value, info):
            yield _said(value, said, key)
            return
    if isinstance(info, inspect.UnionType):
        yield from _wrong_in_union(value, info, key)
    elif isinstance(info, inspect.StructType):
        yield from _wrong_in_struct(value, info, key)
    elif isinstance(info, inspect.DictType):
        if not isinstance(value, Mapping):
            yield _said(value, info, key)
            return
        for name, own in value.items():
            if not _fits(name, info.key_type):
                yield f"{_joined(key, name)}: expected a name of {expected(info.key_type).removeprefix('a text of ')}"
            yield from _wrong(own, info.value_type, _joined(key, name))
        if not _fits(value, info):
            yield _said(value, info, key)
    elif isinstance(info, (inspect.VarTupleType, inspect.ListType, inspect.TupleType)):
        if not isinstance(value, (list, tuple)):
            yield _said(value, info, key)
            return
        items = info.item_types if isinstance(info, inspect.TupleType) else (info.item_type,) * len(value)
        if len(items) == len(value):
            for index, (own, item) in enumerate(zip(value, items, strict=True)):
                yield from _wrong(own, item, f"{key}[{index}]")
        if not _fits(value, info):
            yield _said(value, info, key)
    elif not _fits(value, info):
        yield _said(value, info, key)


def _wrong_in_union(value: Any, info: inspect.UnionType, key: str) -> Iterable[str]:
    structs = {str(one.tag): one for one in info.types if isinstance(one, inspect.StructType)}
    if isinstance(value, Mapping) and structs:
        field = next(iter(structs.values())).tag_field
        if field is None:
            yield from _wrong(value, next(iter(structs.values())), key)
        elif field not in value:
            yield f"{key}: '{field}' is missing; it says which: {', '.join(structs)}"
        elif str(value[field]) not in structs:
            given = value[field]
            yield f"{_joined(key, field)} = {quoted(given)}: {meant(str(given), structs)}"
        else:
            yield from _wrong(value, structs[str(value[field])], key)
        return
    fitting = [one for one in info.types if _fits(value, one)]
    if fitting:  # as far as can be seen without what is inside
        yield from _wrong(value, fitting[0], key)
        return
    others = [one for one in info.types if not isinstance(one, inspect.NoneType)]
    if len(others) == 1:
        yield from _wrong(value, others[0], key)
    else:
        yield _said(value, info, key)


def _wrong_in_struct(value: Any, info: inspect.StructType, key: str) -> Iterable[str]:
    if not isinstance(value, Mapping):
        yield f"{key} = {quoted(value)}: expected a table with {', '.join(field.encode_name for field in info.fields)}"
        return
    known = {field.encode_name: field for field in info.fields}
    names = [*([info.tag_field] if info.tag_field else []), *known]
    for name in value:
        if name not in names:
            yield f"unknown key {quoted(_joined(key, str(name)))}; {meant(str(name), names)}"
    for name, field in known.items():
        if name in value:
            yield from _wrong(value[name], field.type, _joined(key, name))
        elif field.required:
            yield f"{_joined(key, name)} is missing: {expected(field.type)}"


def _fits(value: Any, info: inspect.Type) -> bool:
    """Return whether a value without tables inside is valid; those of structs are looked at one by one."""
    if isinstance(info, inspect.Metadata):
        return _fits(value, info.type)
    if isinstance(info, inspect.UnionType):
        return any(_fits(value, one) for one in info.types)
    if isinstance(info, inspect.StructType):
        return isinstance(value, Mapping)
    if isinstance(info, inspect.DictType):
        return isinstance(value, Mapping) and _has_length(value, info)
    if isinstance(info, (inspect.VarTupleType, inspect.ListType)):
        return isinstance(value, (list, tuple)) and _has_length(value, info)
    if isinstance(info, inspect.TupleType):
        return isinstance(value, (list, tuple)) and len(value) == len(info.item_types)
    if isinstance(info, inspect.NoneType):
        return value is None
    if isinstance(info, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(info, (inspect.IntType, inspect.FloatType)):
        numbers = (int,) if isinstance(info, inspect.IntType) else (int, float)
        if isinstance(value, bool) or not isinstance(value, numbers):
            return False
        low, high = (_bound(info, "ge", "gt"), _bound(info, "le", "lt"))
        return (low is None or value >= low) and (high is None or value <= high)
    if isinstance(info, inspect.LiteralType):
        return value in info.values
    if isinstance(info, inspect.StrType):
        if not isinstance(value, str) or not _has_length(value, info):
            return False
        return info.pattern is None or re.search(info.pattern, value) is not None
    return True


def _has_length(value: Any, info: Any) -> bool:
    low, high = info.min_length, info.max_length
    return (low is None or len(value) >= low) and (high is None or len(value) <= high)


def _bound(info: Any, *names: str) -> float | None:
    return next((found for name in names if (found := getattr(info, name, None)) is not None), None)


def _said(value: Any, info: inspect.Type, key: str) -> str:
    if isinstance(info, inspect.LiteralType) and isinstance(value, str):
        return f"{key} = {quoted(value)}: {meant(value, map(str, info.values))}"
    return f"{key} = {quoted(value)}: expected {expected(info)}"


def expected(info: inspect.Type) -> str:
    """Return what a type takes, in words."""
    if isinstance(info, inspect.Metadata):
        examples = (info.extra_json_schema or {}).get("examples")
        return f"a text like '{examples[0]}'" if examples else expected(info.type)
    if isinstance(info, inspect.UnionType):
        others = (expected(one) for one in info.types if not isinstance(one, inspect.NoneType))
        return " or ".join(dict.fromkeys(others))
    if isinstance(info, (inspect.IntType, inspect.FloatType)):
        return f"{'a whole number' if isinstance(info, inspect.IntType) else 'a number'}{_range(info)}"
    if isinstance(info, inspect.BoolType):
        return "true or false"
    if isinstance(info, inspect.LiteralType):
        values = ["true" if one is True else "false" if one is False else str(one) for one in info.values]
        return f"one of {', '.join(values)}" if len(values) > 1 else values[0]
    if isinstance(info, inspect.StrType):
        return "a text" if info.pattern is None else "a text of letters, digits and _, which begins with a letter"
    if isinstance(info, inspect.TupleType):
        return f"a list of {len(info.item_types)} numbers{_range(info.item_types[0])}"
    if isinstance(info, (inspect.VarTupleType, inspect.ListType)):
        low, high = info.min_length, info.max_length
        many = f"{low} to {high} " if low is not None and high is not None else f"at least {low} " if low else ""
        return f"a list of {many}items, each {expected(info.item_type)}"
    if isinstance(info, inspect.StructType):
        return "a table"
    if isinstance(info, inspect.DictType):
        low, high = info.min_length, info.max_length
        many = f" with {low or 0} to {high} entries" if high is not None else ""
        return f"a table{many}"
    return "another value"


def _range(info: inspect.Type) -> str:
    """Return the limits of a number: ' from 0 to 1', nothing where there are none."""
    info = info.type if isinstance(info, inspect.Metadata) else info
    low, high = (_bound(info, "ge", "gt"), _bound(info, "le", "lt"))
    return f" from {limit(low)} to {limit(high)}" if low is not None and high is not None else ""
