"""What is known of tasks by their registered names alone."""

from __future__ import annotations

from typing import Any

from mimicgen.datagen.dataset.families import task_family

_STACK: dict[str, Any] = {
    # The signal comes a few steps after the release. Ten to twenty steps later, upstream's range, fast demonstrators
    # are already on their way down to the next cube, and the segment would end there (docs/physics.md).
    "mimic.subtasks.stack_1.term_offset_low": 2,
    "mimic.subtasks.stack_1.term_offset_high": 7,
    # The two cameras of NVIDIA's synthetic-manipulation-motion-generation blueprint.
    "render.cameras.table_cam.position": (1.0, 0.0, 0.33),
    "render.cameras.table_cam.orientation": (0.5963, 0.5963, -0.3799, -0.3799),
    "render.cameras.table_cam.near": 0.1,
    "render.cameras.table_high_cam.position": (1.4, 1.8, 1.2),
    "render.cameras.table_high_cam.orientation": (0.2025, 0.8185, -0.5192, -0.1393),
    "render.cameras.table_high_cam.near": 1.5,
}

_DEFAULTS: dict[str, dict[str, Any]] = {"Stack-Cube-Franka-IK-Rel": _STACK, "Stack-Cube-Franka-IK-Abs": _STACK}


def task_defaults(task: str) -> dict[str, Any]:
    """Return the configuration values, by dotted key, that a task has unless something else is said."""
    return dict(_DEFAULTS.get(task_family(task), {}))
