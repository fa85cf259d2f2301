from __future__ import annotations

import pytest

from mimicgen.datagen.policies.training.choosing import Evaluated, best_of, due, stands_still


def evaluated(*successes: int) -> list[Evaluated]:
    return [Evaluated(step=100 * (index + 1), attempts=50, successes=own) for index, own in enumerate(successes)]


def test_the_best_is_the_one_that_succeeds_most_often_the_latest_of_those() -> None:
    assert best_of([]) is None
    best = best_of(evaluated(10, 40, 30, 40, 20))
    assert best is not None
    assert best.step == 400
    other = Evaluated(step=900, attempts=10, successes=9)
    assert best_of([*evaluated(10, 40), other]) is other, "the rate counts, not the number"


@pytest.mark.parametrize(
    ("successes", "patience", "still"),
    [
        ((), 2, False),
        ((10,), 1, False),
        ((10, 10), 1, True),
        ((10, 20, 30), 1, False),
        ((10, 30, 20), 2, False),
        ((10, 30, 20, 30), 2, True),
        ((10, 30, 20, 31), 2, False),
        ((0, 0, 0, 0), 3, True),
        ((30, 20, 10, 5), 0, False),
    ],
)
def test_success_stands_still(successes: tuple[int, ...], patience: int, still: bool) -> None:
    assert stands_still(evaluated(*successes), patience) is still
    assert stands_still(reversed(evaluated(*successes)), patience) is still


def test_the_interval_is_wilsons() -> None:
    low, high = Evaluated(step=1, attempts=100, successes=93).interval
    assert (round(low, 2), round(high, 2)) == (0.86, 0.97)


def test_which_checkpoints_are_evaluated() -> None:
    steps = range(1000, 7001, 1000)
    assert due(steps, 1000, 7000) == [*steps]
    assert due(steps, 3000, 7000) == [3000, 6000, 7000]
    assert due(steps, 2500, 7000) == [3000, 5000, 7000]
    assert due(steps, 100_000, 7000) == [7000]
    assert due(steps, 0, 7000) == []
    assert due([400, 1000, 1400], 1000, 7000) == [1000], "what was written when it was stopped"
