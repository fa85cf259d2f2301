from __future__ import annotations

import logging
from typing import Any

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.progress import End, Progress, State
from mimicgen.datagen.ui.history import LOG_LINES, History


def _attempt(number: int, outcome: Outcome) -> Attempt:
    values: dict[str, Any] = {"env": 0, "seed": 1, "segments": (), "steps": 9, "seconds": 1.0}
    return Attempt(number=number, signals={"grasp_1": 3, "stack_1": None}, outcome=outcome, reason="why", **values)


def test_attempts_give_rates_failures_and_lines() -> None:
    history = History()
    history(Progress(state=State.STARTING))
    history(Progress(state=State.RUNNING))
    history(Progress(state=State.RUNNING, failures=1, last_attempt=_attempt(1, Outcome.FAILURE)))
    history(Progress(state=State.RUNNING, failures=1, successes=1, last_attempt=_attempt(2, Outcome.SUCCESS)))
    assert history.rates == [0.0, 0.5]
    assert [(each.number, each.reached, each.reason) for each in history.failures] == [(1, "grasp_1", "why")]
    history(Progress(state=State.FAILED, end=End(reason="the disk is full", exit_code=1)))
    assert (history.lines[0].level, history.lines[0].text) == (logging.ERROR, "the disk is full")
    history(Progress(state=State.STARTING))
    assert history.rates == []
    assert not history.failures


def test_steps_alone_are_cheap_and_give_the_speed() -> None:
    history = History()
    version = history.version
    history(Progress(state=State.RUNNING))
    assert history.version == version + 1
    for steps in range(1, 10):
        history(Progress(state=State.RUNNING, steps=steps))
    assert history.version == version + 1, "nothing but steps"
    assert history.speed is not None
    assert history.speed > 0
    history(Progress(state=State.PAUSED, steps=9))
    assert history.speed is None


def test_the_log_is_bounded_and_keeps_levels() -> None:
    history = History()
    logger = logging.getLogger("tests.history")
    logger.addHandler(history)
    try:
        for number in range(LOG_LINES + 5):
            logger.warning("line %d", number)
    finally:
        logger.removeHandler(history)
    assert len(history.lines) == LOG_LINES
    assert (history.lines[0].level, history.lines[0].text) == (logging.WARNING, f"line {LOG_LINES + 4}")
