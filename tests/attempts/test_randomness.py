from __future__ import annotations

import random

import numpy as np
import torch

from mimicgen.datagen.attempts.randomness import Streams, attempt_seed


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
