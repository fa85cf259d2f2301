"""Source demonstrations: whether a file serves a task, found out before anything slow starts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from mimicgen.datagen.dataset.families import task_family
from mimicgen.datagen.dataset.files import datasets_in, demo_names, natural_order, open_source, recorded_task
from mimicgen.datagen.dataset.sources.checks import Finding, Severity, SubtaskNeed, TaskNeeds, check_demo
from mimicgen.datagen.dataset.sources.conventions import QuaternionOrder, format_version, quaternion_order
from mimicgen.datagen.errors import SourceError

__all__ = [
    "Finding",
    "Severity",
    "Sources",
    "SubtaskNeed",
    "TaskNeeds",
    "check_file",
    "check_sources",
    "demo_names",
    "natural_order",
    "open_source",
]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A source file that was checked against a task.

    Attributes:
        path: The file.
        usable: Names of the demonstrations that serve, in natural order.
        findings: What is wrong with the others, and what is odd about any.
        quaternion_order: 'xyzw' or 'wxyz', which the format version says and the 4x4 poses do not contradict.
        task: Registered name of the task that it was checked against.
        recorded_task: Registered name of the task that it was recorded for, '' if the file names none.
        format_version: As the file says, None if it says nothing (Isaac Lab 2.x).
        lengths: Number of actions by demonstration, of all that have some [steps].
        total: Number of demonstrations, usable or not.
    """

    path: Path
    usable: tuple[str, ...]
    findings: tuple[Finding, ...]
    quaternion_order: QuaternionOrder
    task: str = ""
    recorded_task: str = ""
    format_version: int | None = None
    lengths: Mapping[str, int] = field(default_factory=dict)
    total: int = 0


def check_file(path: Path) -> None:
    """Check what can be checked without knowing the task.

    Raises:
        SourceError: The file is missing, is not HDF5, is damaged, is of an unknown version, or holds no annotated
            demonstration.
    """
    with open_source(path) as file:
        format_version(file)
        for name in demo_names(file):
            if "obs/datagen_info" in file["data"][name]:
                return
    raise SourceError(
        f"source '{path}': no demonstration has 'obs/datagen_info'; annotate them first (datagen.sh annotate)"
    )


def check_sources(path: Path, needs: TaskNeeds, order: QuaternionOrder | None = None) -> Sources:
    """Check every demonstration of a file against a task.

    Args:
        path: The file.
        needs: What the task needs.
        order: The order of the file's quaternions, where an earlier check has found it, which is half of the work.

    Raises:
        SourceError: The file cannot be read, is of another task or an unknown version, has its quaternions in another
            order than it says, or no demonstration of it is usable.
    """
    with open_source(path) as file:
        recorded = recorded_task(file)
        if recorded and task_family(recorded) != task_family(needs.task):
            raise SourceError(
                f"source '{path}' was recorded for task '{recorded}', not for '{needs.task}'; "
                "pass --task or --source so that they match"
            )
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is found and said
            order = order or quaternion_order(file)
            findings, lengths = _check_demos(file, needs)
        version = format_version(file)
    bad = {finding.demo for found in findings.values() for finding in found if finding.severity is Severity.UNUSABLE}
    listed = tuple(finding for found in findings.values() for finding in found)
    if len(bad) == len(findings):
        raise SourceError(f"source '{path}': none of {len(findings)} demonstrations is usable:", *listed[:10])
    return Sources(
        path=path,
        usable=tuple(name for name in findings if name not in bad),
        findings=listed,
        quaternion_order=order,
        task=needs.task,
        recorded_task=recorded,
        format_version=version,
        lengths=lengths,
        total=len(findings),
    )


def _check_demos(file: h5py.File, needs: TaskNeeds) -> tuple[dict[str, list[Finding]], dict[str, int]]:
    """Return the findings and the length of every demonstration, in natural order."""
    findings: dict[str, list[Finding]] = {}
    lengths: dict[str, int] = {}
    seen: dict[bytes, str] = {}
    for name in demo_names(file):
        demo = file["data"][name]
        found = findings[name] = list(check_demo(name, demo, needs))
        actions = demo.get("actions")
        if isinstance(actions, h5py.Dataset) and actions.ndim:
            lengths[name] = len(actions)
        if any(finding.severity is Severity.UNUSABLE for finding in found):
            continue
        first = seen.setdefault(_digest(demo), name)
        if first != name:
            found.append(
                Finding(
                    demo=name,
                    problem=f"is identical to {first}",
                    remedy="leave one of them out; the other is chosen twice as often",
                    severity=Severity.WARNING,
                )
            )
    return findings, lengths


def _digest(demo: h5py.Group) -> bytes:
    """Return a digest of all that Mimic uses of a demonstration."""
    digest = hashlib.blake2b(demo["actions"][:].tobytes())
    for _, dataset in datasets_in(demo["obs/datagen_info"]):
        digest.update(dataset[:].tobytes())
    return digest.digest()
