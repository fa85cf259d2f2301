"""What can be told of a configuration before it runs: tasks that can run here, and the source against the task.

Needs Isaac Lab, whose import takes seconds: call it in a thread where something has to stay responsive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.sources import Sources, check_sources
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks import catalogue


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found.

    Attributes:
        subtasks: The task's subtasks, in order, as the configuration calls them.
        randomization: The task's own values of the keys of `randomization`.
        sources: The source demonstrations, checked against the task.
    """

    subtasks: tuple[str, ...]
    randomization: dict[str, Any]
    sources: Sources


def find_tasks() -> dict[str, str | None]:
    """Return every task by file and every registered Mimic task with why it cannot run here, None when it can.

    Raises:
        SetupError: Isaac Lab is not installed.
    """
    from mimicgen.datagen.isaaclab import kitless, runtime
    from mimicgen.datagen.session import registered

    by_file: dict[str, str | None] = dict.fromkeys(catalogue.names())
    known = registered.recorded()
    if known is not None:
        return by_file | known.tasks
    here = runtime.detect()
    kitless.teach_isaaclab()
    from mimicgen.datagen.session.listing import runnable_tasks

    return by_file | runnable_tasks(here)


def inspect(config: Generate) -> Inspection:
    """Check a configuration as far as it goes without opening an environment.

    Raises:
        BadInputError: The task, the device or the source cannot be used.
    """
    if config.source is None:
        raise SourceError("source: none is chosen; pass an HDF5 file with annotated demonstrations")
    from mimicgen.datagen.isaaclab import kitless, runtime
    from mimicgen.datagen.isaaclab.upstream import importing

    here = runtime.detect()
    kitless.teach_isaaclab()
    with importing.imported():
        from mimicgen.datagen.isaaclab.configuration import task_config, task_needs
        from mimicgen.datagen.isaaclab.randomization import task_randomization

    cfg, _ = task_config(config, Outputs(config), here)
    needs = task_needs(cfg)
    return Inspection(
        subtasks=tuple(name for own in needs.names().values() for name in own),
        randomization=task_randomization(cfg),
        sources=check_sources(config.source.expanduser().absolute(), needs),
    )
