"""What is counted does not depend on who finishes first: the real session, with attempts that are known beforehand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.attempts import wilson
from mimicgen.datagen.session.committing import Committer
from tests.session.known import Known, config_in, early_failures, run, told


def log_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "o" / "attempts.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["outcome"] != "abandoned"]


def kept_in(folder: Path) -> dict[str, int]:
    """The attempt of each demonstration; each holds its number in its actions."""
    with h5py.File(folder / "g.hdf5") as file:
        numbers = {name: int(demo.attrs["attempt"]) for name, demo in file["data"].items()}
        for name, number in numbers.items():
            assert np.all(file["data"][name]["actions"][()] == number)
            assert json.loads(file["data"][name].attrs["record"])["number"] == number
    return numbers


@pytest.mark.parametrize("num_envs", [1, 60, 1024])
def test_a_rate_is_that_of_the_first_attempts_whoever_finishes_first(tmp_path: Path, num_envs: int) -> None:
    fate = early_failures(0.5)
    generators: list[Known] = []
    end, progress = run(config_in(tmp_path, guarantee=False, num_trials=60, num_envs=num_envs), fate, generators)
    assert end.reason == "target reached"
    truth = sum(fate(number)[0] for number in range(1, 61))
    assert (progress.successes, progress.attempts) == (truth, 60)
    low, high = wilson(progress.successes, 60)
    assert low < 0.5 < high
    assert sorted(generators[0].begun) == list(range(1, 61)), "exactly as many attempts as were asked for"
    assert [one["number"] for one in log_of(tmp_path)] == list(range(1, 61))


@pytest.mark.parametrize("num_envs", [1, 16, 1024])
def test_kept_demonstrations_are_not_the_short_ones(tmp_path: Path, num_envs: int) -> None:
    fate = early_failures(1.0)
    run(config_in(tmp_path, num_trials=20, num_envs=num_envs), fate)
    lengths = [one["steps"] for one in log_of(tmp_path)]
    assert lengths == [fate(number)[1] for number in range(1, 21)]


@pytest.mark.parametrize(("rate", "num_envs", "target"), [(0.93, 1024, 200), (0.5, 60, 60)])
def test_a_good_run_is_not_called_hopeless_because_its_failures_end_first(
    tmp_path: Path, rate: float, num_envs: int, target: int
) -> None:
    end, progress = run(config_in(tmp_path, num_trials=target, num_envs=num_envs), early_failures(rate))
    assert (end.reason, end.exit_code, progress.successes) == ("target reached", 0, target)
    low, high = wilson(progress.successes, progress.attempts)
    assert low < rate < high


def test_what_is_kept_is_the_same_for_any_number_of_environments(tmp_path: Path) -> None:
    fate = early_failures(0.6)
    found = []
    for num_envs in (1, 4, 16, 100):
        folder = tmp_path / str(num_envs)
        folder.mkdir()
        run(config_in(folder, num_trials=25, num_envs=num_envs), fate)
        found.append((kept_in(folder), [one["number"] for one in log_of(folder)]))
    assert all(one == found[0] for one in found)
    kept, counted = found[0]
    successes = [number for number in range(1, 200) if fate(number)[0]][:25]
    assert list(kept.values()) == [dict(enumerate(successes))[int(name[5:])] for name in kept]
    assert counted == list(range(1, successes[-1] + 1))


def test_a_continued_run_keeps_what_one_run_keeps(tmp_path: Path) -> None:
    fate = early_failures(0.6)
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    run(config_in(tmp_path / "whole", num_trials=30), fate)
    for target, num_envs in ((7, 4), (8, 64), (30, 9)):
        run(config_in(tmp_path / "parts", num_trials=target, num_envs=num_envs), fate)
    assert kept_in(tmp_path / "parts") == kept_in(tmp_path / "whole")
    assert [one["number"] for one in log_of(tmp_path / "parts")] == [
        one["number"] for one in log_of(tmp_path / "whole")
    ]
    end, progress = run(config_in(tmp_path / "parts", num_trials=30), fate)
    assert end.reason == "the target was reached before; nothing is left to be done"
    assert (progress.steps, progress.before, progress.kept_before) == (0, progress.attempts, 30)


@pytest.mark.parametrize("num_envs", [1, 300])
def test_a_hopeless_run_ends_when_its_interval_lies_below_the_limit(tmp_path: Path, num_envs: int) -> None:
    end, progress = run(config_in(tmp_path, num_trials=5, num_envs=num_envs), early_failures(0.0))
    assert end.exit_code == 3
    assert (progress.attempts, progress.successes) == (189, 0), "0 of 189: 0.0 to 2.0%, the first below 2%"
    for words in (
        "0 of 189 attempts",
        "grasp 0, success 0",
        "189 times, for instance: signal 'grasp'",
        "give_up_below",
    ):
        assert words in end.reason


def test_giving_up_can_be_turned_off_and_bounded(tmp_path: Path) -> None:
    end, progress = run(config_in(tmp_path, num_trials=5, give_up_below=0, max_failures=250), early_failures(0.0))
    assert progress.failures == 250
    assert end.exit_code == 3
    assert end.reason.startswith("gave up: max_failures = 250 attempts failed; attempts that reached each subtask")


def test_near_the_end_only_so_many_attempts_begin_as_are_likely_to_be_needed(tmp_path: Path) -> None:
    """In wide runs most environments have nothing to do at the end; with one, order costs nothing."""
    generators: list[Known] = []
    fate = early_failures(0.9)
    run(config_in(tmp_path, num_trials=150, num_envs=100), fate, generators)
    last = max(one["number"] for one in log_of(tmp_path))
    assert len(generators[0].begun) <= last + 50, "half of what would be under way otherwise"
    (tmp_path / "one").mkdir()
    run(config_in(tmp_path / "one", num_trials=3), fate, generators)
    assert generators[1].begun == [one["number"] for one in log_of(tmp_path / "one")]


def test_attempts_beyond_the_target_are_told_as_abandoned(tmp_path: Path) -> None:
    committer = Committer(config_in(tmp_path, num_trials=2, num_envs=4), ("grasp", "success"))
    assert committer.last() == 4
    for number in (4, 3, 2):
        committer.add(told(number, 0, True, 10))
    assert committer.commit() == []
    assert committer.end is None
    assert [committer.may_count(told(number, 0, True, 10)) for number in (2, 3, 4)] == [True, True, False]
    assert committer.last() == 4, "enough have succeeded, whatever the first one does"
    committer.add(told(1, 0, False, 12))
    assert [attempt.number for attempt in committer.commit()] == [1, 2, 3]
    assert committer.end is not None
    (left,) = committer.left()
    assert (left.number, left.outcome) == (4, "abandoned")
    assert "it was a success" in left.reason
