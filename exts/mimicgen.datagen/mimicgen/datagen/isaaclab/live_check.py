"""The part of the preflight check that needs the environment."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from mimicgen.datagen.config.jobs import Generate, Job
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.reach import check_with_robot
from mimicgen.datagen.dataset.sources.sources import Sources, TaskNeeds, check_sources
from mimicgen.datagen.isaaclab import runtime
from mimicgen.datagen.isaaclab.configuration import task_config, task_needs
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.reachability import arms_of, round_trip_error


def check_live(environment: Environment, sources: Sources) -> Sources:
    """Check source demonstrations against an open environment, too; see `check_with_robot`.

    Raises:
        SourceError: No demonstration is left.
    """
    env = environment.env
    needs = live_needs(environment)
    return check_with_robot(sources, needs, arms_of(env), partial(round_trip_error, env, needs.commands))


def live_needs(environment: Environment) -> TaskNeeds:
    """Return what an open environment needs of its sources, width of the actions and objects of the scene included."""
    env = environment.env
    return dataclasses.replace(
        task_needs(env.cfg),
        action_dim=env.action_manager.total_action_dim,
        objects=frozenset(env.get_object_poses()),
    )


def check_in_simulation(config: Generate) -> Sources:
    """Return what the check of a source file finds when an environment is opened for it.

    Raises:
        BadInputError: The file, the task or the device cannot be used, or no demonstration is usable.
    """
    assert config.source is not None
    with opened(config) as environment:
        sources = check_sources(config.source.expanduser().absolute(), task_needs(environment.env.cfg))
        return check_live(environment, sources)


@contextlib.contextmanager
def opened(config: Job) -> Iterator[Environment]:
    """Open a configuration's environment without a Kit application, for as long as the context lasts.

    Raises:
        BadInputError: The task or the device cannot be used.
    """
    here = runtime.detect()
    with tempfile.TemporaryDirectory() as scratch:
        aside = msgspec.structs.replace(config, output_dataset=Path(scratch, "check.hdf5"), output_dir=Path(scratch))
        environment = Environment(*task_config(aside, Outputs(aside), here), here)
        try:
            yield environment
        finally:
            environment.close()
