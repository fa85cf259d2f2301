from __future__ import annotations

import asyncio
from collections.abc import Generator

import torch

from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.reference.streams import run_with
from tests.attempts.test_randomness import draw


def test_two_attempts_side_by_side_draw_as_if_alone() -> None:
    async def attempt(others: asyncio.Event) -> list[tuple[float, int, float]]:
        drawn = [draw()]
        await asyncio.sleep(0)  # not passed on
        drawn.append(draw())
        await others.wait()
        assert torch.is_inference_mode_enabled()
        drawn.append(draw())
        return drawn

    async def both() -> list[list[tuple[float, int, float]]]:
        event = asyncio.Event()
        tasks = [asyncio.ensure_future(_awaited(run_with(Streams(seed, "cpu"), attempt(event)))) for seed in (1, 2)]
        await asyncio.sleep(0)
        assert not torch.is_inference_mode_enabled()
        event.set()
        return await asyncio.gather(*tasks)

    async def one(seed: int) -> list[tuple[float, int, float]]:
        event = asyncio.Event()
        event.set()
        return await _awaited(run_with(Streams(seed, "cpu"), attempt(event)))

    assert asyncio.run(both()) == [asyncio.run(one(1)), asyncio.run(one(2))]


async def _awaited[T](coroutine: Generator[object, object, T]) -> T:
    return await coroutine  # type: ignore[misc]


def test_a_cancellation_reaches_the_attempt() -> None:
    closed = []

    async def attempt() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def cancel() -> None:
        task = asyncio.ensure_future(_awaited(run_with(Streams(1, "cpu"), attempt())))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(cancel())
    assert closed == [True]
