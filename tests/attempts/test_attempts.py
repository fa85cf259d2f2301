from __future__ import annotations

import dataclasses
import json

from mimicgen.datagen.attempts import (
    Attempt,
    Counts,
    Outcome,
    Segment,
    kind_of_reason,
    reason_for_abort,
    reason_for_failure,
    signal_to_blame,
)


def attempt(outcome: Outcome = Outcome.FAILURE, **signals: int | None) -> Attempt:
    return Attempt(
        number=3,
        env=1,
        seed=99,
        segments=(Segment(eef="franka", subtask=0, demo="demo_4", start=0, end=40),),
        signals=signals,
        outcome=outcome,
        reason="because",
        steps=200,
        seconds=1.23456,
    )


def test_the_furthest_subtask_is_the_last_before_the_first_missing_signal() -> None:
    assert attempt(grasp_1=10, stack_1=None, grasp_2=90).furthest_subtask == "grasp_1"
    assert attempt(grasp_1=10, stack_1=None, grasp_2=90).missing_signal == "stack_1"
    assert attempt(grasp_1=None).furthest_subtask == "none"
    assert attempt(grasp_1=1, stack_1=2).furthest_subtask == "stack_1"
    assert attempt(grasp_1=1, stack_1=2).missing_signal is None
    assert attempt(Outcome.SUCCESS, grasp_1=1).furthest_subtask == "success"


def test_each_end_effector_comes_as_far_as_its_own_signals() -> None:
    own = attempt(left_grasped=None, left_placed=40, right_grasped=30, right_placed=None)
    eefs = {name: name.partition("_")[0] for name in own.signals}
    one = dataclasses.replace(own, eefs=eefs)
    assert one.furthest_subtask == "left none, right right_grasped"
    counts = Counts((*own.signals, "success"))
    counts.add(one)
    assert counts.reached == {
        "left_grasped": 0,
        "left_placed": 0,
        "right_grasped": 1,
        "right_placed": 0,
        "success": 0,
    }
    assert Attempt.from_json(one.to_json()) == dataclasses.replace(one, seconds=1.235)


def test_a_record_is_one_line_of_json_with_what_was_chosen_and_reached() -> None:
    line = attempt(grasp_1=10, stack_1=None).to_json()
    record = json.loads(line)
    assert "\n" not in line
    segment = {"eef": "franka", "subtask": 0, "demo": "demo_4", "start": 0, "end": 40, "begun": None, "over": None}
    assert record["segments"] == [segment]
    assert (record["outcome"], record["furthest_subtask"], record["missing_signal"]) == (
        "failure",
        "grasp_1",
        "stack_1",
    )
    assert (record["seed"], record["steps"], record["seconds"]) == (99, 200, 1.235)


def test_counts_are_a_funnel() -> None:
    counts = Counts(("grasp", "stack", "success"))
    counts.add(attempt(grasp=10, stack=None))
    counts.add(attempt(grasp=None, stack=20))
    counts.add(attempt(Outcome.SUCCESS, grasp=5, stack=20))
    counts.add(attempt(Outcome.ABANDONED, grasp=5, stack=20))
    assert (counts.successes, counts.failures, counts.attempts) == (1, 2, 3)
    assert counts.reached == {"grasp": 2, "stack": 1, "success": 1}
    assert counts.funnel() == "grasp 2, stack 1, success 1"
    assert counts.rate == 1 / 3


def test_the_rate_before_the_first_attempt_is_zero() -> None:
    assert Counts().rate == 0.0


def test_a_failure_is_explained_by_what_was_lost_or_what_never_came() -> None:
    signals = {"grasp": 10, "stack": None}
    explain = reason_for_failure
    assert explain(signals, last_success=None, held=False, steps=200) == "signal 'stack' never came in 200 steps"
    assert "never true" in explain({"grasp": 1}, last_success=None, held=False, steps=200)
    assert "last true at step 150 of 200" in explain(signals, last_success=150, held=False, steps=200)
    assert "lost while settling" in explain(signals, last_success=203, held=True, steps=210)


SHORT = "nearest at step 102: mug_2 is 53 mm beside rack_1, 40 mm are allowed (13 mm too far), and it moves at 0.12 m/s"


def test_a_reason_says_what_was_missing() -> None:
    signals = {"grasp": 10, "stack": None}
    failed = reason_for_failure(signals, last_success=None, held=False, steps=200, lacking=SHORT)
    assert failed == f"signal 'stack' never came in 200 steps: {SHORT}"
    assert reason_for_abort("stack", steps=90, lacking=SHORT).endswith(f"signal 'stack' had not come: {SHORT}")
    lost = reason_for_failure(signals, last_success=150, held=False, steps=200, lacking="it moves at 0.12 m/s")
    assert lost == "success did not hold: last true at step 150 of 200: it moves at 0.12 m/s"
    for last, blamed in ((None, "stack"), (150, None)):
        assert signal_to_blame(signals, last_success=last) == blamed
    assert signal_to_blame({"grasp": 10}, last_success=None) is None


def test_reasons_are_alike_whatever_their_numbers() -> None:
    assert kind_of_reason(SHORT) == (
        "nearest at step N: mug_2 is N mm beside rack_1, N mm are allowed (N mm too far), and it moves at N m/s"
    )


def test_what_was_missing_most_is_counted_before_the_stage_that_was_not_reached() -> None:
    counts = Counts(("grasp", "stack", "success"))
    for reason in (f"signal 'stack' never came in 200 steps: {SHORT}", f"signal 'stack' had not come: {SHORT}", "why"):
        counts.add(dataclasses.replace(attempt(grasp=4, stack=None), reason=reason))
    counts.add(dataclasses.replace(attempt(grasp=4, stack=5), reason="lost: it moves at 0.12 m/s"))
    part = "mug_2 is N mm beside rack_1"
    assert counts.lost == {"grasp": {}, "stack": {part: 2}, "success": {"it moves at N m/s": 1}}
