"""Colours of a task's classes in segmentation images."""

from __future__ import annotations

from mimicgen.datagen.dataset.images.pixels import Colour, colours_of
from mimicgen.datagen.tasks.catalogue import described


def class_colours(task: str) -> dict[str, Colour]:
    """Return the colours of the classes that a task's file names, those that every scene may have included.

    Args:
        task: A task; one that no file describes has no colours of its own.

    Raises:
        TaskError: Its file cannot be read.
    """
    found = described(task)
    if found is None:
        return {}
    labels = {content.label or name: content.class_colour for name, content in found.task.objects.items()}
    own = {label: (colour[0], colour[1], colour[2]) for label, colour in labels.items() if colour is not None}
    return colours_of([*labels, *(robot.label for robot in found.robots.values())], own)
