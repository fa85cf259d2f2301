"""Processors stay shared where SVT-AV1 encodes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def shared_processors() -> Iterator[None]:
    """Have this thread share the processors afterwards as it did before.

    SVT-AV1 makes the thread that begins to encode one of real time where it may, as root: it would keep all others, and
    other processes, from running, for good, and whatever it starts would, too.
    """
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != before[0]:
            os.sched_setscheduler(0, *before)
