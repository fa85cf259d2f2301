"""Writes what follows from the types of task and robot files: JSON Schemas for editors, and the tables of the docs.

./scripts/python.sh scripts/write_schemas.py

Run it when a key, a limit or a description changes; a test tells.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from mimicgen.datagen.config.reading import expected
from mimicgen.datagen.config.schemas import json_schema, keys, structs, summary
from mimicgen.datagen.robots.schema import Robot
from mimicgen.datagen.tasks.schema import Task

PROJECT = Path(__file__).resolve().parents[1]
DATA = PROJECT / "exts" / "mimicgen.datagen" / "data"
KINDS = {"task": Task, "robot": Robot}
INSTEAD = {"task": "extends"}
"""Key of a file with which no other one is needed."""

_BEGIN, _END = "<!-- Written by scripts/write_schemas.py -->\n", "<!-- End -->"


def schemas() -> dict[Path, str]:
    """Return the text of each schema's file."""
    made = {
        name: json_schema(kind, f"{name} file of mimicgen.datagen", INSTEAD.get(name)) for name, kind in KINDS.items()
    }
    return {DATA / f"{name}.schema.json": json.dumps(schema, indent=1) + "\n" for name, schema in made.items()}


def documents() -> dict[Path, str]:
    """Return the text of each document, with its tables as they have to be."""
    found = {}
    for name, kind in KINDS.items():
        path = PROJECT / "docs" / f"{name}s.md"
        before, _, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
        found[path] = f"{before}{_BEGIN}\n{_tables(kind)}{_END}{rest.partition(_END)[2]}"
    return found


def _tables(root: Any) -> str:
    """Return a section with a table for every kind of table that a file has."""
    seen = []
    told: set[str] = set()
    for kind in structs(root):
        if kind.__name__ not in told:  # the shapes are there for objects and for parts
            told.add(kind.__name__)
            seen.append(_table(kind))
    return "".join(seen)


def _table(kind: type[msgspec.Struct]) -> str:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    title = f'`{info.tag_field} = "{info.tag}"`' if info.tag_field else _spaced(kind.__name__)
    lines = [f"### {title}\n", f"{summary(kind)}\n", "| key | value | default | what |", "|---|---|---|---|"]
    said = keys(kind)
    for field in info.fields:
        value = expected(field.type).replace("|", "\\|") + _which(field.type)
        lines.append(f"| `{field.encode_name}` | {value} | {_default(field)} | {said[field.encode_name]} |")
    return "\n".join(lines) + "\n\n"


def _which(info: msgspec.inspect.Type) -> str:
    """Return which tables a value consists of, as links."""
    found = list(_tables_in(info))
    if not found:
        return ""
    tag = msgspec.inspect.type_info(found[0]).tag_field  # type: ignore[attr-defined]
    if tag:
        return f", by its `{tag}`"
    return ", " + " or ".join(
        f"[{_spaced(one.__name__)}](#{_spaced(one.__name__).lower().replace(' ', '-')})" for one in found
    )


def _tables_in(info: msgspec.inspect.Type) -> Iterator[type[msgspec.Struct]]:
    """Yield the kinds of tables that a value consists of, those within them left out."""
    if isinstance(info, msgspec.inspect.StructType):
        yield info.cls
        return
    for name in ("types", "item_types", "type", "item_type", "value_type"):
        own = getattr(info, name, ())
        for one in (own,) if isinstance(own, msgspec.inspect.Type) else own:
            yield from _tables_in(one)


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _default(field: msgspec.inspect.Field) -> str:
    """Return the value that a key has when it is left out, as TOML says it."""
    if field.required:
        return "needed"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if value is None or value in ({}, (), ""):
        return ""
    if isinstance(value, msgspec.Struct):
        return "as below"
    if isinstance(value, dict):
        return f"`{{ {', '.join(f'{key} = {own:g}' for key, own in value.items())} }}`"
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    for path, text in (schemas() | documents()).items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
