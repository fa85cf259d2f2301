"""Whether a dataset is what it should be: whole, consistent and physically possible, every demonstration of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import (
    attribute,
    demo_names,
    env_args,
    open_source,
    parents,
    read_demo,
    recorded_task,
)
from mimicgen.datagen.dataset.sources.conventions import told_order
from mimicgen.datagen.dataset.sources.findings import Finding, Say, Severity
from mimicgen.datagen.dataset.sources.plausible import (
    Motion,
    MotionOf,
    check_commands,
    check_finite,
    check_motion,
    check_rotations,
)
from mimicgen.datagen.dataset.sources.structure import Walk
from mimicgen.datagen.dataset.tools.copying import read_masks
from mimicgen.datagen.errors import SourceError

STEP_SECONDS = 0.05
"""Duration of a step where the file does not say it: that of Isaac Lab's Mimic tasks [s]."""

WhyNot = Callable[[Mapping[str, NDArray[Any]]], str | None]
SuccessRule = Callable[[str], WhyNot | None]
"""Says from a demonstration's arrays, by path, why its last state is no success; None if it is one.

It raises KeyError, IndexError or ValueError where they do not tell.
"""

_LEAVE_OUT = "leave the demonstration out (datagen.sh dataset filter)"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found in a file, or in a part of its demonstrations.

    Attributes:
        findings: What was found.
        demos: Demonstrations that were looked at.
        steps: Their steps.
        success: How many of them end in success by their last states; None where that cannot be told.
        digests: A digest of the actions by demonstration.
        filters: How the arrays are compressed, with a demonstration that has them so.
    """

    findings: tuple[Finding, ...]
    demos: int
    steps: int
    success: int | None
    digests: dict[str, bytes] = field(default_factory=dict)
    filters: dict[str, str] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


def validate(path: Path, motion_of: MotionOf, success_rule: SuccessRule, part: int = 0, parts: int = 1) -> Report:
    """Check a dataset, or every `parts`-th demonstration of it from the `part`-th on; see `joined`.

    Args:
        path: The dataset.
        motion_of: Tells what is known of a task's robots.
        success_rule: Gives what tells success in a task of this name, None where nothing does.
        part: The first demonstration that is looked at.
        parts: How many parts there are.

    Raises:
        SourceError: The file cannot be read as a dataset at all.
    """
    with open_source(path, demos=()) as file, np.errstate(invalid="ignore", over="ignore"):
        walk, names = Walk(file), demo_names(file)[part::parts]
        task = recorded_task(file)
        why_not = success_rule(task)
        check = _Check(file, task, motion_of(task), why_not, step_seconds(file))
        findings = [finding for name in names for finding in check(name, *read_demo(file, walk, name))]
    return Report(
        findings=tuple(findings),
        demos=len(names),
        steps=check.steps,
        success=check.success if why_not else None,
        digests=check.digests,
        filters=check.filters,
    )


def joined(path: Path, reports: Sequence[Report]) -> Report:
    """Return one report of the parts of a file, with what only shows across demonstrations."""
    findings = [finding for report in reports for finding in report.findings]
    digests = {name: digest for report in reports for name, digest in report.digests.items()}
    steps = sum(report.steps for report in reports)
    with open_source(path, demos=()) as file:
        names, parent = demo_names(file), parents(file)
        findings += _check_file(file, names, steps)
    order = {name: index for index, name in enumerate(["", *names])}
    first: dict[bytes, str] = {}
    for name in sorted(digests, key=order.__getitem__):
        twin = first.setdefault(digests[name], name)
        if parent[twin] != parent[name]:
            what, remedy = f"are those of {twin}", "leave one of the two out"
            findings.append(Finding(demo=name, where="actions", what=what, remedy=remedy, severity=Severity.WARNING))
    filters = {kind: name for report in reports for kind, name in report.filters.items()}
    if len(filters) > 1 or "none" in filters:
        what = "differs: " + ", ".join(f"{kind} (in {name})" for kind, name in filters.items())
        what = what if len(filters) > 1 else "is missing"
        remedy = "nothing is wrong with it; h5repack -f GZIP=4 saves space"
        findings.append(Finding(where="compression", what=what, remedy=remedy, severity=Severity.WARNING))
    told = [report.success for report in reports if report.success is not None]
    return Report(
        findings=tuple(sorted(findings, key=lambda finding: order[finding.demo])),
        demos=sum(report.demos for report in reports),
        steps=steps,
        success=sum(told) if told else None,
    )


def step_seconds(file: h5py.File) -> float:
    """Return the duration of a step [s]: as the file says, or that of Isaac Lab's Mimic tasks."""
    simulation = env_args(file).get("sim_args")
    if isinstance(simulation, dict):
        dt, decimation = simulation.get("dt"), simulation.get("decimation")
        if isinstance(dt, float) and isinstance(decimation, int) and 0 < dt < 3600 and 0 < decimation < 10**6:
            return dt * decimation
    return STEP_SECONDS


def _check_file(file: h5py.File, names: Sequence[str], steps: int) -> Iterator[Finding]:
    total = file["data"].attrs.get("total")
    if total is None or not np.array_equal(total, steps):
        what = f"is {total}, but the demonstrations have {steps} steps together"
        yield Finding(where="data.attrs['total']", what=what, remedy="set it to that (robomimic reads it)")
    for mask, listed in read_masks(file).items():
        lost = [name for name in listed if name not in set(names)]
        if lost:
            yield Finding(where=f"mask/{mask}", what=f"names {lost[0]}, which is not there", remedy="split again")


class _Check:
    """Checks one demonstration after the other, and remembers what the report counts."""

    def __init__(self, file: h5py.File, task: str, motion: Motion, why_not: WhyNot | None, seconds: float):
        self._file = file
        self._task = task
        self._motion = motion
        self._seconds = seconds
        self._why_not = why_not
        self.steps = 0
        self.success = 0
        self.digests: dict[str, bytes] = {}
        self.filters: dict[str, str] = {}

    def __call__(
        self, name: str, arrays: dict[str, NDArray[Any]], images: dict[str, h5py.Dataset]
    ) -> Iterator[Finding]:
        say = partial(Finding, demo=name)
        demo = self._file["data"][name]
        for path, dataset in images.items():
            self.filters.setdefault(dataset.compression or "none", name)
            yield from _check_images(say, path, dataset)
        actions = arrays.get("actions")
        if actions is None or actions.ndim != 2 or actions.dtype.kind != "f" or not actions.size:
            yield say(where="actions", what="are missing, empty or no numbers, (steps, components)", remedy=_LEAVE_OUT)
            return
        steps = len(actions)
        self.steps += steps
        self.digests[name] = hashlib.blake2b(actions.tobytes(), digest_size=16).digest()
        count = demo.attrs.get("num_samples")
        if count is None or not np.array_equal(count, steps):
            what = f"is {count}, but there are {steps} actions"
            yield say(where="attrs['num_samples']", what=what, remedy="see whether the file was cut or joined")
        self.filters.setdefault(demo["actions"].compression or "none", name)
        shapes = {path: values.shape for path, values in (arrays | images).items()}
        cut = {path: shape for path, shape in shapes.items() if shape[:1] != (steps,) and _has_steps(path)}
        for path, shape in cut.items():
            yield say(where=path, what=f"has shape {shape}, but there are {steps} actions", remedy=_LEAVE_OUT)
            arrays.pop(path, None)
        numbers = {path: values for path, values in arrays.items() if values.dtype.kind == "f"}
        not_finite = list(check_finite(say, numbers))
        yield from not_finite
        for finding in not_finite:
            del numbers[finding.where]
        if "actions" not in numbers:
            return
        try:
            told_order(self._file, [(name, numbers)])
        except SourceError as error:
            remedy = "see docs/sources.md, 'Quaternions'"
            yield say(where="format_version", what=f"is in question: {error}", remedy=remedy)
        yield from check_rotations(say, numbers)
        yield from check_motion(say, numbers, self._seconds, self._motion, _put(demo))
        yield from check_commands(say, numbers, self._motion)
        yield from self._check_success(say, demo, numbers)

    def _check_success(self, say: Say, demo: h5py.Group, arrays: dict[str, NDArray[Any]]) -> Iterator[Finding]:
        said = demo.attrs.get("success")
        if said is not None and not np.all(said):
            what = "says that the demonstration is a failure"
            yield say(where="attrs['success']", what=what, remedy=_LEAVE_OUT, severity=Severity.WARNING)
        if self._why_not is None:
            return
        try:
            why = self._why_not(arrays)
        except (KeyError, IndexError, ValueError) as error:  # missing, or of another shape
            what = f"cannot be told again from the states ({error})"
            remedy = "record states with it"
            yield say(where="attrs['success']", what=what, remedy=remedy, severity=Severity.WARNING)
            return
        self.success += why is None
        if why is not None and said is not None and np.all(said):
            yield say(where="attrs['success']", what=f"is true, but {why}", remedy=_LEAVE_OUT)


def _put(demo: h5py.Group) -> dict[str, int]:
    """Return the object that a disturbance has put elsewhere, and in which step (`docs/recovery.md`)."""
    told = attribute(demo, "perturbed")
    if not isinstance(told, dict) or told.get("kind") != "move":
        return {}
    name, step = told.get("object"), told.get("step")
    return {name: step} if isinstance(name, str) and isinstance(step, int) else {}


def _has_steps(path: str) -> bool:
    """Whether an array has one row a step: all have, but the initial state."""
    return not path.startswith("initial_state/")


def _check_images(say: Say, path: str, dataset: h5py.Dataset) -> Iterator[Finding]:
    """Check that every frame was written; the pixels are not unpacked."""
    if dataset.dtype.kind not in "uf":
        yield say(where=path, what=f"holds frames of type {dataset.dtype}", remedy="write them as uint8")
    if dataset.chunks is None:
        there, expected = dataset.id.get_storage_size(), dataset.nbytes
    else:
        there = dataset.id.get_num_chunks()
        expected = int(np.prod([-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True)]))
    if there < expected and dataset.id.get_create_plist().get_layout() != h5d.COMPACT:
        share = 100 * there / expected
        yield say(where=path, what=f"has only {share:.0f}% of its frames written", remedy="render them again")
