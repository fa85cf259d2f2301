"""The JSON Schemas that editors take: up to date, and of one mind with what reads the files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from scripts.write_schemas import DATA
from scripts.write_schemas import schemas as written

from mimicgen.datagen.config import schemas
from mimicgen.datagen.robots.schema import Robot
from mimicgen.datagen.tasks.beginning import BEGINNING
from mimicgen.datagen.tasks.schema import Task
from tests.tasks.hostile_files import KEYS_AND_VALUES, SOUND

SHIPPED = [
    *((path, "task") for path in (BEGINNING, *sorted((DATA / "tasks").glob("*.toml")))),
    *((path, "robot") for path in sorted((DATA / "robots").glob("*.toml"))),
]


def validator(kind: str) -> Draft7Validator:
    schema = json.loads((DATA / f"{kind}.schema.json").read_text())
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


@pytest.mark.parametrize("path", written(), ids=lambda path: path.stem)
def test_the_files_are_up_to_date(path: Path) -> None:
    """`./scripts/python.sh scripts/write_schemas.py` writes them."""
    assert path.read_text() == written()[path]


@pytest.mark.parametrize(("path", "kind"), SHIPPED, ids=lambda value: getattr(value, "stem", value))
def test_what_is_shipped_is_valid(path: Path, kind: str) -> None:
    text = path.read_text()
    assert list(validator(kind).iter_errors(tomllib.loads(text))) == []
    first, place = text.splitlines()[0].split()
    assert first == "#:schema"
    assert (path.parent / place).resolve() == DATA / f"{kind}.schema.json"


BEYOND = ("no TOML", "given twice", "digits", "nested", "text", "very long", "nan", "date", "line end", "thousands")
"""What an editor says by itself, or what a schema of JSON cannot."""


@pytest.mark.parametrize("name", [name for name in KEYS_AND_VALUES if not any(word in name for word in BEYOND)])
def test_an_editor_sees_what_is_wrong(name: str) -> None:
    old, new, _ = KEYS_AND_VALUES[name]
    assert list(validator("task").iter_errors(tomllib.loads(SOUND.replace(old, new))))


@pytest.mark.parametrize("kind", [*schemas.structs(Task), *schemas.structs(Robot)], ids=lambda kind: kind.__name__)
def test_every_key_is_explained(kind: Any) -> None:
    """Those that say which kind of shape or condition something is by what that is."""
    told = schemas.keys(kind)
    assert schemas.summary(kind)
    assert set(kind.__struct_fields__) <= set(told), set(kind.__struct_fields__) - set(told)
    assert set(told) <= set(kind.__struct_fields__)
