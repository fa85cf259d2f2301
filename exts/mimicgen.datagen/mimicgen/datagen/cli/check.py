"""The check of a source file as a command. It needs no Kit application, and for a recorded task no Isaac Lab."""

from __future__ import annotations

import dataclasses
import json
from functools import partial

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.randomization import check_separation
from mimicgen.datagen.dataset.sources.commands import round_trip_error
from mimicgen.datagen.dataset.sources.preflight import report, to_json
from mimicgen.datagen.dataset.sources.reach import check_with_robot
from mimicgen.datagen.dataset.sources.sources import Sources, check_sources
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.isaaclab.upstream import importing
from mimicgen.datagen.session import registered
from mimicgen.datagen.session.asking import asking
from mimicgen.datagen.tasks.defaults import refuse_unknown_subtasks


def check_command(config: Generate, *, as_json: bool) -> int:
    """Print what the check of a source file finds. Returns the exit code, 0.

    Raises:
        BadInputError: The file, the task or the device cannot be used, or no demonstration is usable.
    """
    known = known_task(config)
    if known is not None:
        sources = check_known(config, known)
    else:
        with asking(f"task '{config.task}'"):
            kitless.teach_isaaclab()
            with importing.imported():
                from mimicgen.datagen.isaaclab.live_check import check_in_simulation

            sources = check_in_simulation(config)
    print(json.dumps(to_json(sources), indent=2) if as_json else report(sources))
    return 0


def known_task(config: Generate) -> registered.KnownTask | None:
    """Return what is recorded of a run's task, None where something of the configuration has to be asked of Isaac Lab.

    Raises:
        SetupError: Isaac Lab is not installed.
    """
    found = registered.recorded()
    known = found.known.get(config.task) if found is not None else None
    if known is None or config.device != "cpu":
        return None
    return known if config.randomization.given().keys() <= known.randomization.keys() else None


def check_known(config: Generate, known: registered.KnownTask) -> Sources:
    """Return what the check finds with what is recorded of the task.

    Raises:
        BadInputError: The file or the task's settings cannot be used, or no demonstration is usable.
    """
    assert config.source is not None
    check_separation({**known.randomization, **config.randomization.given()})
    refuse_unknown_subtasks(config.mimic, config.task, known.needs.names())
    needs = registered.with_offsets(known.needs, config.mimic)
    path = config.source.expanduser().absolute()
    sources = check_sources(path, dataclasses.replace(needs, action_dim=None, objects=None))
    return check_with_robot(sources, needs, [known.arm], partial(round_trip_error, needs.commands))
