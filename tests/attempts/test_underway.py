"""An attempt's tries: the same start, other random numbers, and what of the earlier ones is kept."""

from __future__ import annotations

import torch

from mimicgen.datagen.attempts import Attempt, Counts, Outcome, Segment
from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.attempts.underway import UnderWay


def begun(seed: int = 5) -> UnderWay:
    return UnderWay(number=2, env=0, seed=seed, streams=Streams(seed, "cpu"), signals={"grasp": None})


def drawn(attempt: UnderWay) -> list[float]:
    with attempt.streams.active():
        return torch.rand(3).tolist()


def test_a_try_has_the_start_of_the_first_one_and_other_numbers_from_there_on() -> None:
    starts, goes_on = [], []
    attempt = begun()
    for _ in range(3):
        starts.append(drawn(attempt))
        attempt.set_out("cpu")
        goes_on.append(drawn(attempt))
        attempt = attempt.again("why", "cpu")
    assert starts[0] == starts[1] == starts[2]
    assert len({tuple(own) for own in goes_on}) == 3
    first = begun()
    drawn(first)
    assert goes_on[0] == drawn(first), "an attempt of one try is as it always was"


def test_what_earlier_tries_did_is_kept_and_what_they_reached_is_not() -> None:
    attempt = begun()
    attempt.segments.append(Segment(eef="arm", subtask=0, demo="demo_3", start=0, end=20))
    attempt.steps, attempt.signals, attempt.perturbed = 20, {"grasp": 9}, {"kind": "push"}
    again = attempt.again("it fell", "cpu")
    assert (again.steps, again.signals, again.perturbed, again.segments) == (0, {"grasp": None}, None, [])
    assert again.used("arm", 0) == {"demo_3"}
    assert again.used("arm", 1) == frozenset()
    again.steps = 31
    told = again.finish(Outcome.SUCCESS, "held")
    assert [(one.reason, one.steps) for one in told.earlier_tries] == [("it fell", 20)]
    assert told.unusual == ", in try 2"
    read = Attempt.from_json(told.to_json())
    assert read.earlier_tries == told.earlier_tries
    counts = Counts(("grasp", "success"))
    counts.add(told)
    counts.add(begun().finish(Outcome.FAILURE, "so"))
    assert (counts.attempts, counts.tries, counts.successes, counts.perturbed) == (2, 3, 1, 0)


def test_an_attempt_of_one_try_that_nothing_disturbed_says_nothing_of_it() -> None:
    told = begun().finish(Outcome.SUCCESS, "held")
    assert "tries" not in told.to_json()
    assert "perturbed" not in told.to_json()
    assert told.unusual == ""


def test_an_interrupted_segment_is_over_once() -> None:
    attempt = begun()
    for demo, step in (("a", 12), ("b", 40)):
        attempt.segments.append(Segment(eef="arm", subtask=0, demo=demo, start=0, end=20))
        attempt.end_subtask("arm", 0, step)
    assert [(one.demo, one.over) for one in attempt.segments] == [("a", 12), ("b", 40)]
