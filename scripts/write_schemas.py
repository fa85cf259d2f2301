"""Writes the JSON Schemas of task and robot files, by which editors complete, explain and check them.

./scripts/python.sh scripts/write_schemas.py

Run it when a key, a limit or a description changes; a test tells.
"""

from __future__ import annotations

import json
from pathlib import Path

from mimicgen.datagen.config.schemas import json_schema
from mimicgen.datagen.robots.schema import Robot
from mimicgen.datagen.tasks.schema import Task

DATA = Path(__file__).resolve().parents[1] / "exts" / "mimicgen.datagen" / "data"


def schemas() -> dict[Path, str]:
    """Return the text of each schema's file."""
    kinds = {"task": Task, "robot": Robot}
    return {
        DATA / f"{name}.schema.json": json.dumps(json_schema(kind, f"{name} file of mimicgen.datagen"), indent=1) + "\n"
        for name, kind in kinds.items()
    }


if __name__ == "__main__":
    for path, text in schemas().items():
        path.write_text(text)
        print(f"wrote {path}")
