"""What the check of a source file says, for people and for programs."""

from __future__ import annotations

import dataclasses
from typing import Any

from mimicgen.datagen.dataset.sources.conventions import spelled
from mimicgen.datagen.dataset.sources.sources import Sources
from mimicgen.datagen.text import counted, shown


def report(sources: Sources) -> str:
    """Return what a person reads: a line about the file, and a line a finding."""
    version = sources.format_version
    origin = "Isaac Lab 2.x (no format version)" if version is None else f"format version {version}"
    if sources.recorded_task not in ("", sources.task):
        origin += f" for {shown(sources.recorded_task)}, the same family"
    if not sources.recorded_task:
        origin += " for a task that the file does not name"
    lengths = sorted(sources.lengths[name] for name in sources.usable)
    lines = [
        f"{shown(sources.path.name)}: {len(sources.usable)} of {counted(sources.total, 'demonstration')} usable for "
        f"{sources.task}; recorded with {origin}, quaternions {spelled(sources.quaternion_order)}; "
        f"{lengths[0]} to {lengths[-1]} steps"
    ]
    lines += [f"  {finding.severity}: {finding}" for finding in sources.findings]
    return "\n".join(lines)


def to_json(sources: Sources) -> dict[str, Any]:
    """Return the same as values that JSON knows."""
    return dataclasses.asdict(sources) | {
        "path": str(sources.path),
        "findings": [dataclasses.asdict(finding) for finding in sources.findings],
    }
