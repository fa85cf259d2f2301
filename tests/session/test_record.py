"""What the run record counts."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from mimicgen.datagen.attempts import Attempt, Outcome, Segment, Try
from mimicgen.datagen.progress import End, Progress
from mimicgen.datagen.session import Session
from mimicgen.datagen.session.record import Tally, run_record
from tests.dataset.writing import attempt_of
from tests.session import known


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


def test_whose_followers_are_lost_is_told_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = known.told

    def told(number: int, env: int, success: bool | None, steps: int) -> Attempt:
        followed = Segment(eef="arm", subtask=0, demo="poor" if number % 5 == 0 else "good", start=0, end=1)
        return dataclasses.replace(plain(number, env, success, steps), segments=(followed,))

    monkeypatch.setattr(known, "told", told)
    seen: list[Progress] = []
    session = Session(lambda: asyncio.sleep(0), known.opening(lambda number: (number % 5 != 0, 3)))
    session.subscribe(seen.append)

    async def main() -> None:
        session.start(known.config_in(tmp_path, num_trials=60, guarantee=False, num_envs=4))
        await session.finished()

    asyncio.run(main())
    (words,) = [one.told for one in seen if one.told is not None]
    assert words.split("\n") == [
        "what follows poor until grasp is kept less often: 0 of 12, 80% of all 60 that came so far",
        "these source segments are left out with --set mimic.subtasks.grasp.leave_out=poor",
    ]
    assert seen[-1].end is not None
    assert seen[-1].told is None
