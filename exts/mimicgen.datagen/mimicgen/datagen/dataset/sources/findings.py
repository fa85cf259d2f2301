"""What `validate` finds in a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mimicgen.datagen.text import shown


class Severity(StrEnum):
    """What a finding means."""

    ERROR = "error"
    """The demonstration, or the file, should not be used as it is."""
    WARNING = "warning"
    """It can be used, and the user should know."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        demo: Name of the demonstration, '' for the file.
        where: Array or attribute.
        step: Where in the array, if at one step.
        what: What is wrong.
        remedy: What to do.
        severity: What it means.
    """

    demo: str = ""
    where: str
    step: int | None = None
    what: str
    remedy: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        places = [self.demo, f"'{self.where}'", "" if self.step is None else f"step {self.step}"]
        return shown(f"{self.severity}: {', '.join(place for place in places if place)} {self.what}; {self.remedy}")


Say = Callable[..., Finding]
"""Makes a finding about one demonstration."""
