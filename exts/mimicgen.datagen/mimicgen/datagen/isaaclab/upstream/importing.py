"""Isaac Lab's import and opening make hundreds of thousands of objects that stay.

Python looks for garbage among them all the while, and finds none: a third of the time that starting takes.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let Python look for garbage only afterwards. Nothing else may run meanwhile."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
