"""The interface between a run in shards and what starts and watches its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mimicgen.datagen.cluster.tasks import Failed, Task, Told


@dataclass(frozen=True)
class Ready:
    """A worker that can be given shards.

    Attributes:
        worker: Its name.
        about: What attempts depend on where it is; see `Worker.about`.
    """

    worker: str
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Ended:
    """A worker has done with a task.

    Attributes:
        worker: Its name.
        task: The task.
        answer: What came of it.
    """

    worker: str
    task: Task
    answer: Told | Failed


@dataclass(frozen=True)
class Lost:
    """A worker that is gone.

    Attributes:
        worker: Its name.
        reason: What is known of why.
    """

    worker: str
    reason: str


Event = Ready | Ended | Lost


class Workers(Protocol):
    """Starts workers and tells what becomes of them. Everything may block, and is called in one thread."""

    def start(self) -> list[str]:
        """Hire the workers that the run says. Returns their names.

        Raises:
            SetupError: There is no place for them.
        """

    def hire(self) -> str:
        """Start another worker; `poll` tells when it is ready. Returns its name."""

    def give(self, worker: str, task: Task) -> None:
        """Have a worker make a shard."""

    def dismiss(self, worker: str) -> None:
        """End a worker, whatever it does; nothing more is told of it."""

    def poll(self) -> list[Event]:
        """Wait a moment for news, and return them.

        Raises:
            RunError: There is nothing left on which workers could be.
        """

    def close(self) -> None:
        """End all workers, and let go of the cluster."""
