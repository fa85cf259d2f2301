from __future__ import annotations

import random

import numpy as np
import torch

from mimicgen.datagen.attempts.randomness import Streams, attempt_seed, evaluation_seed


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


def test_attempt_seeds_differ_and_repeat() -> None:
    seeds = [attempt_seed(1, number) for number in range(1, 100)]
    assert len(set(seeds)) == 99
    assert seeds == [attempt_seed(1, number) for number in range(1, 100)]
    assert attempt_seed(2, 1) != seeds[0]


def test_an_evaluations_seeds_are_none_of_a_demonstrations() -> None:
    seeds = [evaluation_seed(1, number) for number in range(1, 100)]
    assert len(set(seeds)) == 99
    assert seeds == [evaluation_seed(1, number) for number in range(1, 100)]
    assert all(2**32 <= seed < 2**33 for seed in seeds)


def test_a_seed_of_33_bits_gives_other_numbers_than_its_last_32() -> None:
    def drawn(seed: int) -> list[float]:
        with Streams(seed, "cpu").active():
            return [random.random(), float(np.random.random()), float(torch.rand(1))]

    long, short = drawn(2**32 + 7), drawn(7)
    assert not set(long) & set(short)
    assert long == drawn(2**32 + 7)
