"""An attempt's random numbers while its coroutine runs, and only then."""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any

import torch

from mimicgen.datagen.attempts.randomness import Streams


@types.coroutine
def run_with[T](streams: Streams, coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Await a coroutine with the streams active, and torch in inference mode, whenever its code runs.

    Neither may stay in place across an await, where other tasks run. A bare `asyncio.sleep(0)` inside is not passed
    on: it would only let other tasks run, which have nothing to do until this one waits for the environment.
    """
    throw: BaseException | None = None
    while True:
        try:
            with torch.inference_mode(), streams.active():
                waits_for = coroutine.throw(throw) if throw else coroutine.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        throw = None
        if waits_for is not None:
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 -- thrown in by the loop, for the coroutine to handle
                throw = error
