"""Checks the draft against Isaac Lab in a thread of its own: importing it takes seconds, and the panel stays alive."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.session.inspection import Inspection, find_tasks, inspect
from mimicgen.datagen.ui.draft import Draft, about, shown

log = logging.getLogger(__name__)

QUIET = 0.6
"""Nothing is checked before this long after the last change [s]."""


class Checker:
    """Keeps the findings about a draft up to date.

    Args:
        draft: What is checked; problems are reported to it.

    Attributes:
        tasks: Every task with the reason why it cannot run here, None as long as that is not known.
        inspection: What was found about the draft as it is; None while that is not known or something is wrong.
        busy: Whether a check is going on.
    """

    def __init__(self, draft: Draft):
        self.tasks: dict[str, str | None] | None = None
        self.inspection: Inspection | None = None
        self._draft = draft
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mimicgen.datagen.check")
        self._known: dict[Any, Inspection | BadInputError | None] = {}
        self._asked: Any = None
        self._check: Future[Inspection] | None = None
        self._search: Future[dict[str, str | None]] | None = None
        self._version = -1
        self._changed_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether a check is going on."""
        return self._check is not None

    def poll(self, *, idle: bool) -> bool:
        """Take in what is ready and start what is due; a new check only while no run is going on.

        Returns:
            Whether something new is known.
        """
        changed = self._take_tasks() | self._take_check()
        if self._draft.version != self._version:
            self._version, self._changed_at = self._draft.version, time.monotonic()
            changed = self._apply() or changed
        if self._check is None and idle and time.monotonic() - self._changed_at > QUIET:
            self._begin()
        return changed

    def close(self) -> None:
        """Drop what has not begun, and let what has begun end by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        config = self._draft.candidate
        if isinstance(config, Generate) and _signature(config) not in self._known:
            self._asked = _signature(config)
            self._check = self._thread.submit(inspect, config)
        elif self.tasks is None and self._search is None:
            self._search = self._thread.submit(find_tasks)

    def _take_check(self) -> bool:
        if self._check is None or not self._check.done():
            return False
        error = self._check.exception()
        if error is not None and not isinstance(error, BadInputError):
            log.error("the check of the configuration failed: %s", error, exc_info=error)
        found = error if isinstance(error, BadInputError) else None if error else self._check.result()
        self._known[self._asked] = found
        self._check = None
        return self._apply()

    def _take_tasks(self) -> bool:
        if self.tasks is not None or self._search is None or not self._search.done():
            return False
        error = self._search.exception()
        if error is not None:
            log.error("the tasks were not found: %s", error, exc_info=error)
        self.tasks = {} if error else self._search.result()
        return True

    def _apply(self) -> bool:
        """Put what is known about the draft in its place."""
        config = self._draft.candidate
        found = self._known.get(_signature(config)) if isinstance(config, Generate) else None
        before = self.inspection
        self.inspection = found if isinstance(found, Inspection) else None
        if isinstance(found, BadInputError):
            self._draft.report({about(found): shown(found)})
            self._version = self._draft.version
            return True
        return self.inspection is not before


def _signature(config: Generate) -> tuple[Any, ...]:
    """Return all that a check depends on."""
    assert config.source is not None
    source = config.source.expanduser().absolute()
    return config.task, config.variant, config.device, source, _modified(source), config.randomization


def _modified(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0
