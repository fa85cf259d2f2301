"""JSON Schemas of typed files, for editors, and what the types' docstrings say of each key.

Draft 7, which the TOML extensions of editors know. `scripts/write_schemas.py` writes them.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

_ATTRIBUTE = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.M)
"""An entry of the section `Attributes` of a docstring."""


def json_schema(kind: type, title: str, instead: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema of a type: every key with what the docstring says of it.

    Args:
        kind: A `msgspec.Struct`.
        title: What such a file is.
        instead: Key of a file with which no other one is needed.
    """
    (root,), parts = msgspec.json.schema_components([kind], ref_template="#/definitions/{name}")
    types = {part.__name__: part for part in structs(kind)}
    definitions = {name: _described(types[name], schema) for name, schema in parts.items()}
    if instead is not None:
        whole = definitions[kind.__name__]
        whole["anyOf"] = [{"required": [instead]}, {"required": whole.pop("required")}]
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": title, **root, "definitions": definitions}


def structs(kind: Any) -> list[type[msgspec.Struct]]:
    """Return the types of tables that a type consists of, itself first, in the order in which they are named."""
    found: dict[type[msgspec.Struct], None] = {}

    def visit(info: msgspec.inspect.Type) -> None:
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in found:
                return
            found[info.cls] = None
            for field in info.fields:
                visit(field.type)
        for name in ("types", "item_types"):
            for own in getattr(info, name, ()):
                visit(own)
        for name in ("type", "item_type", "value_type"):
            if isinstance(own := getattr(info, name, None), msgspec.inspect.Type):
                visit(own)

    visit(msgspec.inspect.type_info(kind))
    return list(found)


def summary(kind: type) -> str:
    """Return what the docstring of a type says before its sections."""
    return re.split(r"\n\s*(?:Attributes|Raises):\n", inspect.getdoc(kind) or "")[0].strip()


def keys(kind: type) -> dict[str, str]:
    """Return what the docstrings of a type, and of those that it inherits from, say of its keys."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        _, _, section = inspect.cleandoc(owner.__dict__.get("__doc__") or "").partition("\nAttributes:\n")
        entries = _ATTRIBUTE.findall(inspect.cleandoc(section))
        found |= {name: " ".join(text.split()) for name, text in entries}
    return found


def _described(kind: type[msgspec.Struct], schema: dict[str, Any]) -> dict[str, Any]:
    tag = kind.__struct_config__.tag_field
    said = keys(kind) | ({tag: summary(kind)} if tag else {})
    properties = {
        name: {**_draft7(own), **({"description": said[name]} if name in said else {})}
        for name, own in schema["properties"].items()
    }
    return {**schema, "description": summary(kind), "properties": properties}


def _draft7(schema: Any) -> Any:
    """Return a schema in draft 7, for TOML: which has no null, and where keys beside a reference count for nothing."""
    if isinstance(schema, list):
        return [_draft7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: own if key in ("default", "enum") else _draft7(own) for key, own in schema.items()}
    if "prefixItems" in made:
        made |= {"items": made.pop("prefixItems"), "additionalItems": False}
    if "anyOf" in made:
        made.pop("discriminator", None)
        made["anyOf"] = [one for one in made["anyOf"] if one != {"type": "null"}]
        if len(made["anyOf"]) == 1:
            made |= made.pop("anyOf")[0]
    if made.get("default", ...) is None:
        del made["default"]
    if "$ref" in made:
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    return made
