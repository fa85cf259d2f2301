"""The interface between rendering and what draws: the embedded runtime's rasteriser, or Replicator in Isaac Sim."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.images.looks import Look
from mimicgen.datagen.dataset.images.pixels import Colour, Frames
from mimicgen.datagen.dataset.images.room import Room
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.sources.raw import States


class Renderer(Protocol):
    """Draws the configured views and modalities of a scene.

    Attributes:
        labels: Classes in the scene.
        colours: Their colours in segmentation images, and those of the classes that every scene may have.
        borrows_environment: Whether drawing puts states into the run's own first environment.
        batch: How many states it draws best at once; more than that it does not take.
    """

    labels: tuple[str, ...]
    colours: dict[str, Colour]
    borrows_environment: bool
    batch: int

    def lend(self, memory: NDArray[np.uint8]) -> None:
        """Make ready to draw into this memory again and again."""

    def room(self, states: States) -> Room:
        """Return the scene of a demonstration, of which these are the states, as far as it matters for a look."""

    def put_on(self, look: Look | None) -> None:
        """Draw with a look from now on, or as the scene is.

        Raises:
            SetupError: Its background cannot be read.
        """

    async def draw(self, states: States, frames: Frames) -> None:
        """Draw states, a row each, into arrays of `frames_for` with as many frames."""

    def close(self) -> None:
        """Let go of what was opened."""


def kind_of(view: View, modality: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape of a view's image of a modality, and the type of its numbers."""
    return (view.size, np.dtype(np.uint16)) if modality == "depth" else ((*view.size, 3), np.dtype(np.uint8))


def frames_for(views: Iterable[View], modalities: Iterable[str], count: int) -> Frames:
    """Return room for some frames of views in modalities."""
    modalities = tuple(modalities)
    found: Frames = {}
    for view in views:
        kinds = {name: kind_of(view, name) for name in modalities}
        found[view.name] = {name: np.empty((count, *shape), kind) for name, (shape, kind) in kinds.items()}
    return found
