"""The interface between a session and what drives the attempts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from mimicgen.datagen.attempts import Attempt
from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.dataset.outputs import Outputs
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.rendering.renderer import Renderer


class Recording(Protocol):
    """A simulation with recorded demonstrations.

    Attributes:
        facts: What the run record says about the simulation (versions, formats).
        renderer: What draws their states, None when nothing is to be drawn.
    """

    facts: dict[str, Any]
    renderer: Renderer | None

    def states(self, demo: str) -> StateSequence:
        """Return the states of a recorded demonstration."""


class Viewer(Recording, Protocol):
    """A simulation for looking at the demonstrations of an existing dataset.

    Attributes:
        demos: Their names.
    """

    demos: tuple[str, ...]


class Generator(Recording, Protocol):
    """Drives one attempt in every environment: all environments in, all actions and the ended attempts out.

    A cycle is `ended`, then `keep` for the successes that are wanted, `actions`, `step`.

    Attributes:
        stages: Subtask signals in order, then 'success'.
    """

    stages: tuple[str, ...]

    async def ended(self) -> list[Attempt]:
        """Return the attempts that ended with the last step. Their environments have not been reset yet."""

    def keep(self, attempt: Attempt) -> Attempt:
        """Write the attempt's episode; return the attempt with the name of the demonstration, if it got one."""

    async def actions(self) -> Any:
        """Reset what has to be reset, and return one action for every environment."""

    def step(self, actions: Any) -> None:
        """Step all environments once."""

    def abandoned(self) -> list[Attempt]:
        """Return the attempts that are under way, as the run leaves them."""


AnnounceStage = Callable[[str], AbstractAsyncContextManager[Callable[[str], None]]]
"""Announces a stage of starting up by its name; inside, notes can be taken."""

OpenSimulation = Callable[[RunConfig, Outputs, AnnounceStage], AbstractAsyncContextManager[Generator | Viewer]]
"""Opens a simulation for a configuration: a viewer to render an existing dataset, else a generator."""
