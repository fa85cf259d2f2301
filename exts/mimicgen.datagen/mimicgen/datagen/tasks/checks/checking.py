"""What has to hold between the parts of a task file, before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mimicgen.datagen.config.reading import refuse
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.robots.catalogue import model_of
from mimicgen.datagen.robots.checking import faults_of_home
from mimicgen.datagen.robots.models import Model
from mimicgen.datagen.tasks.checks.conditions import faults_of_conditions
from mimicgen.datagen.tasks.checks.expert import faults_of_expert
from mimicgen.datagen.tasks.checks.outside import faults_of_functions, faults_of_usd
from mimicgen.datagen.tasks.checks.plausible import warnings
from mimicgen.datagen.tasks.checks.scene import faults_of_cameras, faults_of_names, faults_of_objects, faults_of_robots
from mimicgen.datagen.tasks.checks.starts import faults_of_variants
from mimicgen.datagen.tasks.checks.subtasks import faults_of_constraints, faults_of_subtasks
from mimicgen.datagen.tasks.checks.words import faults_of_words, untold

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described


def check_task(described: Described, place: str) -> None:
    """Check a task: what every run of it takes for granted.

    Args:
        described: The task.
        place: The file, for messages.

    Raises:
        TaskError: Something does not fit together; it tells all that was found.
        SetupError: A package that reads a mesh is not installed.
    """
    refuse(_faults(described), place, TaskError)


def check_outside(described: Described, place: str) -> None:
    """Check a task against what its files name: the robots' models, USD files, and functions of Python.

    Models are read and modules imported, which takes up to a second; nothing is simulated and no function is called.

    Args:
        described: The task.
        place: The file, for messages.

    Raises:
        TaskError: Something is not there, or does not fit.
        SetupError: The package of a model is not installed.
    """
    models = {key: model_of(robot, described.robot_files[key]) for key, robot in described.robots.items()}
    refuse(_faults_outside(described, models), place, TaskError)


def likely_mistakes(described: Described) -> list[str]:
    """Return what a task that can run says, and is likely not meant."""
    return list(dict.fromkeys((*warnings(described), *untold(described))))


def _faults(described: Described) -> Iterator[str]:
    yield from faults_of_names(described)
    yield from faults_of_words(described)
    yield from faults_of_robots(described)
    yield from faults_of_objects(described)
    yield from faults_of_variants(described)
    yield from faults_of_subtasks(described)
    yield from faults_of_constraints(described.task.subtasks, described.task.constraints)
    yield from faults_of_conditions(described)
    yield from faults_of_cameras(described.task.cameras)
    yield from faults_of_expert(described)


def _faults_outside(described: Described, models: dict[str, Model]) -> Iterator[str]:
    for key, placed in described.task.robots.items():
        home = {**described.robots[key].home, **placed.home}
        if placed.home:
            yield from faults_of_home(f"robots.{key}.home", home, models[key].joints)
    yield from faults_of_usd(described)
    yield from faults_of_functions(described)
