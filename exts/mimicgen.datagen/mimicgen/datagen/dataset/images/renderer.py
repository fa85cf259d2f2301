"""The interface between rendering and what draws: Newton's ray tracer, or Replicator in Isaac Sim."""

from __future__ import annotations

from typing import Any, Protocol

from mimicgen.datagen.dataset.images.pixels import Colour, Frame

State = dict[str, dict[str, dict[str, Any]]]
"""The scene at one moment in Isaac Lab's layout: kind, asset, quantity; every value of shape (1, n)."""


class Renderer(Protocol):
    """Draws the configured views and modalities of a scene.

    Attributes:
        labels: Classes in the scene.
        colours: Their colours in segmentation images, and those of the classes that every scene may have.
        borrows_environment: Whether drawing puts states into the run's own first environment.
    """

    labels: tuple[str, ...]
    colours: dict[str, Colour]
    borrows_environment: bool

    async def draw(self, state: State) -> Frame:
        """Return the images of a state."""

    def close(self) -> None:
        """Let go of what was opened."""
