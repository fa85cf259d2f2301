"""The interface between a session and what drives the attempts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from mimicgen.datagen.attempts import Attempt
from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.dataset.images.renderer import Renderer
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.parts import Episode
from mimicgen.datagen.dataset.states import StateSequence


class Simulation(Protocol):
    """What a run opens.

    Attributes:
        facts: What the run record says about the simulation (versions, formats).
        renderer: What draws demonstrations, None when nothing is to be drawn; closed with the simulation.
    """

    facts: dict[str, Any]
    renderer: Renderer | None


class Viewer(Simulation, Protocol):
    """A simulation for looking at the demonstrations of an existing dataset.

    Attributes:
        demos: Their names.
    """

    demos: tuple[str, ...]

    def states(self, demo: str) -> StateSequence:
        """Return the states of a demonstration."""


class Generator(Simulation, Protocol):
    """Drives one attempt in every environment: all environments in, all actions and the ended attempts out.

    A cycle is `ended`, then `episodes` for what is to be written, `actions`, `step`. Attempts begin in the order of
    their numbers, which count from 1 and leave out those that an earlier run has made.

    Attributes:
        stages: Subtask signals in order, then 'success'.
        env_args: What a dataset says about the environment, for Isaac Lab and robomimic.
    """

    stages: tuple[str, ...]
    env_args: dict[str, Any]

    async def ended(self) -> list[Attempt]:
        """Return the attempts that ended with the last step. Their environments have not been reset yet."""

    def episodes(self, attempts: Sequence[Attempt]) -> Sequence[Episode]:
        """Return what was recorded of attempts that have just ended."""

    async def actions(self, last: int) -> Any:
        """Begin attempts in environments that are free, and return one action for every environment.

        Args:
            last: The highest number of an attempt that may begin; without one, an environment stays as it is.
        """

    def step(self, actions: Any) -> None:
        """Step all environments once."""

    def resting(self) -> bool:
        """Return whether the first environment is between two attempts, so that its state may be changed."""

    def abandoned(self) -> list[Attempt]:
        """Return the attempts that are under way, as the run leaves them."""


AnnounceStage = Callable[[str], AbstractAsyncContextManager[Callable[[str], None]]]
"""Announces a stage of starting up by its name; inside, notes can be taken."""

OpenSimulation = Callable[[Job, Outputs, AnnounceStage], AbstractAsyncContextManager[Generator | Viewer]]
"""Opens a simulation for a configuration: a viewer to render an existing dataset, else a generator."""
