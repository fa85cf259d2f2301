"""What is said of demonstrations on the command line of every export, and which of them are exported."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from mimicgen.datagen.config.sections import MODALITIES
from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.files import check_regular
from mimicgen.datagen.dataset.formats.demonstrations import Plan, Wanted, plan
from mimicgen.datagen.dataset.formats.representations import ACTIONS, STATES
from mimicgen.datagen.dataset.formats.videos import ENCODINGS, Encoding
from mimicgen.datagen.dataset.sources.findings import Finding, Severity
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.dataset.tools import validate as validation
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks.language import language_of_task
from mimicgen.datagen.tasks.motion import embodiment_of, motion_of
from mimicgen.datagen.tasks.predicates.reasons import success_rule
from mimicgen.datagen.text import counted, shown

PROJECT = Path(__file__).resolve().parents[6]
"""The project's folder, in which runs have their outputs unless another is said."""

PROCESSES = 16
"""Processes that share demonstrations, if there are as many processors."""

REASONS = 20
"""Demonstrations that are not exported whose reasons are printed; the record of the export has all."""


def add_choice(command: argparse.ArgumentParser) -> None:
    """Add the options that say what is exported."""
    about = "what images were rendered to (default: beside the dataset, or output/; else those in the dataset)"
    command.add_argument("--images", type=argument_path, metavar="FOLDER", help=about)
    about = f"what is exported of the cameras' views: {', '.join(MODALITIES)}; repeatable (default: all there is)"
    command.add_argument("--modality", action="append", choices=MODALITIES, default=[], metavar="NAME", help=about)
    about = "; ".join(f"{name}: {words}" for name, words in ACTIONS.items())
    command.add_argument("--action", choices=ACTIONS, default="recorded", help=f"action (default recorded). {about}")
    about = "also failed demonstrations, with the reason in their task's text"
    command.add_argument("--failed", action="store_true", help=about)
    about = "write nothing, and end with exit code 2, if a demonstration cannot be exported"
    command.add_argument("--strict", action="store_true", help=about)


def add_rows(command: argparse.ArgumentParser, video: Encoding) -> None:
    """Add the options of formats whose state is one vector, and whose images are videos.

    Args:
        command: The command's parser.
        video: How images are encoded, unless it is said.
    """
    about = "; ".join(f"{name}: {words}" for name, words in ENCODINGS.items())
    command.add_argument("--video", choices=ENCODINGS, default=video, help=f"videos (default {video}). {about}")
    about = "; ".join(f"{name}: {words}" for name, words in STATES.items())
    command.add_argument("--state", choices=STATES, default="joints", help=f"state (default joints). {about}")
    command.add_argument("--objects", action="store_true", help="also the pose of every object, before every step")


def processes() -> int:
    """Return how many processes share the demonstrations."""
    return min(len(os.sched_getaffinity(0)), PROCESSES)


def chosen(options: argparse.Namespace) -> Plan:
    """Return what is exported, as the options say; what is not is told, with the reasons.

    Raises:
        BadInputError: Nothing can be exported, or with `--strict` not all.
    """
    dataset = options.dataset.expanduser().absolute()
    check_regular(dataset)
    images = options.images.expanduser().absolute() if options.images else None
    if images is not None and not images.is_dir():
        raise SourceError(f"images '{images}': there is no such folder; pass the output folder of a rendering")
    wanted = Wanted(
        state=options.state,
        action=options.action,
        objects=options.objects,
        failed=options.failed,
        video=options.video,
        modalities=tuple(options.modality),
        images=images,
        places=tuple(dict.fromkeys((dataset.parent, dataset.parent / "output", PROJECT / "output"))),
    )
    found: Plan
    (found,) = guarded(plan, (dataset, wanted, embodiment_of, language_of_task, _faults(dataset)))
    reasons = [f"{one.demo}: {one.why}" for one in found.rejected]
    if options.strict and reasons:
        count = counted(len(reasons), "demonstration")
        raise SourceError(f"source '{dataset}': {count} cannot be exported, and --strict wants all", *reasons)
    if images is not None and not found.cameras:
        told = f"images '{images}': there are none of the demonstrations in '{dataset}'; render them"
        raise SourceError(told, *reasons[:REASONS])
    if not options.json:
        _tell(found, reasons)
    return found


def _tell(found: Plan, reasons: list[str]) -> None:
    for note in found.notes:
        print(shown(f"note: {note}"))
    if reasons:
        print(f"not exported, {counted(len(reasons), 'demonstration')}:")
        for reason in reasons[:REASONS]:
            print(f"  {shown(reason)}")
        if len(reasons) > REASONS:
            print(f"  ... and {len(reasons) - REASONS} more")


def _faults(dataset: Path) -> Mapping[str, str]:
    """Return what is wrong with demonstrations, the first thing of each, by name."""
    parts = processes()
    asked = (dataset, motion_of, success_rule)
    reports = guarded(validation.validate, *((*asked, part, parts) for part in range(parts)))
    faults: dict[str, str] = {}
    for finding in (finding for report in reports for finding in report.findings):
        if finding.severity is Severity.ERROR and finding.demo:
            faults.setdefault(finding.demo, _without_name(finding))
    return faults


def _without_name(finding: Finding) -> str:
    return str(dataclasses.replace(finding, demo="")).removeprefix(f"{Severity.ERROR}: ")
