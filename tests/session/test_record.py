"""What the run record counts."""

from __future__ import annotations

import dataclasses

from mimicgen.datagen.attempts import Outcome, Segment, Try
from mimicgen.datagen.progress import End, Progress
from mimicgen.datagen.session.record import Tally, run_record
from tests.dataset.writing import attempt_of


def test_tries_disturbances_and_coverage_are_told_beside_the_attempts() -> None:
    starts = {"cube_1": {"x": [0.5, 0.5], "y": [0.0, 0.2], "yaw": [0.0, 0.0]}}
    tally = Tally(("grasp_1", "stack_1", "grasp_2", "success"), {"starts": starts, "source": {"demos": ["a", "b"]}})
    failed = Try(segments=(), reason="so", steps=9)
    segment = Segment(eef="arm", subtask=0, demo="a", start=0, end=9)
    for number in range(1, 21):
        attempt = dataclasses.replace(attempt_of(number), segments=(segment,))
        if number == 3:
            attempt = dataclasses.replace(attempt, earlier_tries=(failed, failed), perturbed={"kind": "push"})
        if number == 4:
            attempt = dataclasses.replace(attempt, perturbed={"kind": "move"})
        tally.add(attempt)
    tally.add(dataclasses.replace(attempt_of(21), outcome=Outcome.ABANDONED, earlier_tries=(failed,)))
    record = run_record(End(reason="so", exit_code=0), {}, {}, tally, Progress(), [], None)
    counts = record["counts"]
    assert (counts["attempts"], counts["successes"]) == (20, 15)
    assert counts["tries"]["tries"] == 22
    low, high = counts["tries"]["success_rate_interval"]
    assert low < 15 / 22 < high < counts["success_rate_interval"][1]
    assert (counts["perturbed"]["attempts"], counts["perturbed"]["successes"]) == (2, 1)
    found = record["coverage"]
    assert found["objects"]["cube_1"]["attempts"] == [[4], [5], [6], [5]]
    assert found["objects"]["cube_1"]["kept"] == [[3], [4], [5], [3]]
    assert found["sources"][0]["demos"] == {"a": 15}
