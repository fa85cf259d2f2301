from __future__ import annotations

import asyncio
import random
from collections.abc import Generator

import numpy as np
import torch

from mimicgen.datagen.generation.randomness import Streams, attempt_seed, run_with


def draw() -> tuple[float, int, float]:
    return random.random(), int(np.random.randint(1_000_000)), float(torch.rand(()))


def test_streams_continue_where_they_were_and_leave_the_process_alone() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    expected = [draw() for _ in range(2)]
    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(7)
    alone = [draw() for _ in range(2)]

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    streams = Streams(7, "cpu")
    outside = [draw()]
    with streams.active():
        inside = [draw()]
    outside.append(draw())
    with streams.active():
        inside.append(draw())
    assert outside == expected
    assert inside == alone


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


def test_attempt_seeds_differ_and_repeat() -> None:
    seeds = [attempt_seed(1, number) for number in range(1, 100)]
    assert len(set(seeds)) == 99
    assert seeds == [attempt_seed(1, number) for number in range(1, 100)]
    assert attempt_seed(2, 1) != seeds[0]
