"""What has to hold between the parts of a task file, before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.errors import TaskError

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described


def check_task(described: Described, place: str) -> None:
    """Check a task.

    Args:
        described: The task.
        place: The file, for messages.

    Raises:
        TaskError: Something does not fit together.
    """
    for eef in described.task.subtasks:
        if eef not in described.eefs:
            raise TaskError(f"{place}: subtasks.{eef}: there is no such end effector; {meant(eef, described.eefs)}")
