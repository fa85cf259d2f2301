"""What is said of where demonstrations were kept, and of what they were made from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mimicgen.datagen.attempts import Attempt, Outcome, Segment, Try
from mimicgen.datagen.attempts.coverage import Coverage

RANGES: dict[str, dict[str, Sequence[float]]] = {"cube": {"x": (0.4, 0.6), "y": (-0.1, 0.1), "yaw": (-1.0, 1.0)}}


def attempt(*start: float, kept: bool = True, demos: Sequence[str] = ()) -> Attempt:
    return Attempt(
        number=1,
        env=0,
        seed=1,
        segments=tuple(Segment(eef="arm", subtask=at, demo=demo, start=0, end=9) for at, demo in enumerate(demos)),
        signals={"grasp": 5},
        outcome=Outcome.SUCCESS if kept else Outcome.FAILURE,
        reason="so",
        steps=9,
        seconds=0.1,
        starts={"cube": [*start]},
    )


def told(
    *attempts: Attempt, ranges: Any = RANGES, sources: Sequence[str] = (), config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    coverage = Coverage(ranges, sources)
    for one in attempts:
        coverage.add(one)
    return coverage.told(config or {})


def test_attempts_are_counted_in_the_part_where_they_began() -> None:
    found = told(
        attempt(0.4, -0.1, -1.0),
        attempt(0.449, -0.051, -0.76, kept=False),
        attempt(0.6, 0.1, 1.0),
        attempt(0.6, -0.1, 0.1, kept=False),
    )["objects"]["cube"]
    assert found["attempts"] == [[2, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]], "from low y to high y"
    assert found["kept"] == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    assert (found["turn_attempts"], found["turn_kept"]) == ([2, 0, 0, 0, 1, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0, 1])
    assert (found["parts"], found["parts_attempted"], found["parts_kept"]) == (24, 6, 4)


def test_a_part_that_is_never_kept_is_told_in_words() -> None:
    lost = [attempt(0.42, -0.09, kept=False)] * 14
    rest = [attempt(0.41 + 0.06 * (index % 4), 0.06, kept=index != 0) for index in range(60)]
    found = told(*lost, *rest)
    assert found["missing"] == [
        "cube is never kept in the lower left (x 0.40 to 0.45 m, y -0.10 to -0.05 m): 0 of 14, 80% of all 74 attempts"
    ]
    assert told(lost[0], *rest)["missing"] == [], "one may be chance"


def test_a_part_without_attempts_is_told_when_there_are_many_attempts() -> None:
    places = [(x, y) for x in (0.41, 0.46, 0.51, 0.56) for y in (-0.09, -0.04, 0.01, 0.06) if (x, y) != (0.41, 0.06)]
    ranges = {"cube": {key: RANGES["cube"][key] for key in ("x", "y")}}
    few = [attempt(*place) for place in places]
    assert told(*few, ranges=ranges)["missing"] == []
    (words,) = told(*few * 6, ranges=ranges)["missing"]
    assert words == "cube: no attempt has begun in the upper left (x 0.40 to 0.45 m, y 0.05 to 0.10 m)"


def test_a_turn_is_taken_as_the_one_in_the_range() -> None:
    ranges = {"cube": {"yaw": (2.0, 4.0)}}
    found = told(attempt(0.5, 0.0, 3.9 - 2 * math.pi), attempt(0.5, 0.0, 2.1), ranges=ranges)["objects"]["cube"]
    assert found["turn_attempts"] == [1, 0, 0, 0, 0, 0, 0, 1]
    assert "attempts" not in found, "it is always at the same place"


def test_without_ranges_the_attempts_own_are_taken_and_what_stands_still_is_left_out() -> None:
    found = told(attempt(0.1, 0.2), attempt(0.3, 0.2), ranges={})["objects"]["cube"]
    assert (found["x"], found["attempts"]) == ([0.1, 0.3], [[1, 0, 0, 1]])
    assert "yaw" not in found, "older records do not know it"
    assert told(attempt(0.5, 0.5, 0.0), attempt(0.5, 0.5, 0.0), ranges={})["objects"] == {}
    assert told() == {"objects": {}, "sources": [], "missing": []}


def test_abandoned_attempts_do_not_count() -> None:
    left = dataclasses.replace(attempt(0.5, 0.0, 0.0, demos=["a"]), outcome=Outcome.ABANDONED)
    assert told(left) == {"objects": {}, "sources": [], "missing": []}


def test_the_entropy_of_source_use_is_that_of_what_was_kept() -> None:
    kept = [attempt(0.5, 0.0, demos=(first, "a")) for first in ("a", "b", "c", "d")]
    failed = attempt(0.5, 0.0, kept=False, demos=("e", "e"))
    first, last = told(*kept, failed, sources="abcdefgh")["sources"]
    assert (first["signal"], first["used"], first["of"], first["bits"], first["share"]) == ("grasp", 4, 8, 2.0, 0.667)
    assert (last["signal"], last["used"], last["bits"], last["share"]) == ("success", 1, 0.0, 0.0)
    assert last["demos"] == {"a": 4}


def test_of_a_subtask_that_was_planned_anew_the_segment_that_was_followed_to_its_end_counts() -> None:
    one = attempt(0.5, 0.0, demos=("a", "b"))
    again = dataclasses.replace(one, segments=(one.segments[0], dataclasses.replace(one.segments[0], demo="c")))
    (first,) = told(again)["sources"]
    assert first["demos"] == {"c": 1}


@pytest.mark.parametrize("sources", [(), ("a",)])
def test_one_source_is_used_as_evenly_as_can_be(sources: Sequence[str]) -> None:
    (only,) = told(attempt(0.5, 0.0, demos=("a",)), sources=sources)["sources"]
    assert (only["bits"], only["share"]) == (0.0, 1.0)


def test_a_source_demonstration_whose_followers_are_lost_is_told_with_what_leaves_it_out() -> None:
    good = [attempt(0.5, 0.0, demos=("a", "b"))] * 40
    bad = [attempt(0.5, 0.0, kept=at % 3 == 0, demos=("a", "c")) for at in range(15)]
    found = told(*good, *bad)
    assert found["missing"] == [
        "what follows c until success is kept less often: 5 of 15, 82% of all 55 that came so far",
        "these source segments are left out with --set mimic.subtasks.final.leave_out=c",
    ]
    assert found["sources"][1]["followed"] == {"b": 40, "c": 15}
    assert told(*good, *bad[:2])["missing"] == [], "a few may be chance"
    tried = [dataclasses.replace(good[0], earlier_tries=(Try(segments=bad[1].segments, reason="so", steps=9),))] * 10
    again = told(*good, *tried)
    assert again["sources"][1]["followed"] == {"b": 50, "c": 10}
    assert again["sources"][1]["demos"] == {"b": 50}, "of the try that was kept"
    assert "what follows c until success is kept less often: 0 of 10" in again["missing"][0]
    other = [
        dataclasses.replace(one, segments=(*one.segments, dataclasses.replace(one.segments[1], eef="left")))
        for one in (*good, *bad)
    ]
    *_, both = told(*other)["missing"]
    assert both.endswith(" with --set mimic.subtasks.arm_final.leave_out=c --set mimic.subtasks.left_final.leave_out=c")


def test_names_that_a_terminal_obeys_are_spelled_out() -> None:
    wild = "c\x1b[2J\n"
    poor = [attempt(0.5, 0.0, kept=False, demos=("a", wild))] * 10
    lines = told(*[attempt(0.5, 0.0, demos=("a", "b"))] * 40, *poor)["missing"]
    assert all(line.isprintable() for line in lines)
    assert r"c\x1b[2J\n" in lines[0]
    assert r"c\x1b[2J\n" in lines[1]


def test_where_many_demonstrations_are_followed_one_of_them_may_be_poor_by_chance() -> None:
    poor = [attempt(0.5, 0.0, kept=at < 5, demos=("a", "c")) for at in range(8)]
    alike = [attempt(0.5, 0.0, demos=("a", "b"))] * 60
    assert "what follows c until success is kept less often: 5 of 8" in told(*poor, *alike)["missing"][0]
    many = [attempt(0.5, 0.0, demos=("a", f"b{at}")) for at in range(20)] * 3
    assert told(*poor, *many)["missing"] == []


def test_what_leaves_out_a_source_demonstration_keeps_out_what_is_left_out_already() -> None:
    kept_less = [attempt(0.5, 0.0, demos=("a", "b"))] * 40
    kept_less += [attempt(0.5, 0.0, kept=False, demos=("a", demo)) for demo in ("demo 3", "c") for _ in range(10)]
    of_all = {"mimic.leave_out": ["x"]}
    *_, how = told(*kept_less, config=of_all)["missing"]
    assert how.endswith(" with --set 'mimic.subtasks.final.leave_out=x,c,demo 3'"), (
        "its own takes the place of all subtasks'"
    )
    *_, how = told(*kept_less, config=of_all | {"mimic.subtasks.final.leave_out": ["y", "z"]})["missing"]
    assert how.endswith(" with --set 'mimic.subtasks.final.leave_out=y,z,c,demo 3'")
