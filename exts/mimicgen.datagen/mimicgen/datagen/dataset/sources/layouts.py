"""Where arrays of demonstrations hold quaternions, as far as their names tell it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

KNOWN = Path(__file__).resolve().parents[4] / "data" / "observations.toml"
"""What is known of the observations of Isaac Lab's registered tasks."""

EEF = "eef"
"""Whose quaternion it is, where it is an end effector's."""


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an array holds quaternions.

    Attributes:
        width: Of its rows.
        quaternions: Where in a row the quaternion of each object, or of the end effector, begins.
    """

    width: int
    quaternions: dict[str, int] = {}

    @property
    def starts(self) -> tuple[int, ...]:
        """Where in a row each quaternion begins."""
        return tuple(self.quaternions.values())


ROOT_POSE = Layout(width=7, quaternions={"root": 3})
"""Position and quaternion of an asset's root, in `initial_state` and `states`."""


@cache
def observations(family: str | None = None) -> Mapping[str, Layout]:
    """Return what is known of observations, by their path in a demonstration.

    Args:
        family: Family of a task, see `task_family`; None for everything that is known of any.
    """
    known = msgspec.toml.decode(KNOWN.read_bytes(), type=dict[str, dict[str, Layout]])
    found: dict[str, Layout] = {}
    for beginning, layouts in known.items():
        if family is None or family.startswith(beginning):
            found |= {f"obs/{name}": layout for name, layout in layouts.items()}
    return MappingProxyType(found)
