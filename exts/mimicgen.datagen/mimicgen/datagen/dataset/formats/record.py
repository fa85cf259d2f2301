"""What an exported dataset says of where it comes from, what its numbers are, and what was left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mimicgen.datagen.dataset.formats.demonstrations import Plan
from mimicgen.datagen.dataset.formats.representations import Part
from mimicgen.datagen.dataset.sources.conventions import spelled
from mimicgen.datagen.version import __version__


def facts_of(plan: Plan, name: str) -> dict[str, Any]:
    """Return what is said of an export, as JSON has it.

    Args:
        plan: What was exported.
        name: Of the format.
    """
    return {
        "mimicgen.datagen": __version__,
        "format": name,
        "dataset": plan.dataset.name,
        "task": plan.task,
        "frames": "poses are in the environment's frame, x, y, z [m]; of step k the state is that before the step",
        "quaternions": f"{spelled('xyzw')}, except where a part says otherwise",
        "state": {"representation": plan.wanted.state, "parts": _parts(plan.state)},
        "action": {"representation": plan.wanted.action, "parts": _parts(plan.action)},
        "objects": {"parts": _parts(plan.objects)},
        "instruction": plan.language.instruction,
        "paraphrases": list(plan.language.paraphrases),
        "subtasks": {eef: list(texts) for eef, texts in plan.language.subtasks.items()},
        "episodes": [
            {
                "demonstration": episode.name,
                "of": episode.demo,
                "steps": episode.steps,
                "success": episode.success,
                "outcome": episode.outcome,
            }
            for episode in plan.episodes
        ],
        "rejected": [{"demonstration": one.demo, "why": one.why} for one in plan.rejected],
        "notes": list(plan.notes),
    }


def as_json(values: Any) -> str:
    """Return JSON as it is written into an exported dataset."""
    return json.dumps(values, indent=4, ensure_ascii=False) + "\n"


def _parts(parts: Sequence[Part]) -> list[dict[str, Any]]:
    found, begin = [], 0
    for part in parts:
        end = begin + len(part.names)
        rotation = {"rotation": part.rotation} if part.rotation else {}
        told = {"key": part.key, "begin": begin, "end": end, "names": list(part.names), "about": part.about}
        found.append(told | rotation | {"absolute": part.absolute})
        begin = end
    return found
