"""Who makes what, and when it is over: the same attempt ends a run, whatever happens to its workers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.cluster.dispatching import BENCHED_AFTER, FAILURES, PATIENCE, SLOW, Dispatcher
from mimicgen.datagen.cluster.shards import Shard
from mimicgen.datagen.cluster.tasks import Told
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.session.committing import Committer
from tests.cluster.simulated import Fleet, outcomes, steady
from tests.session.known import config_in, told


def by_one_process(config: Generate, rate: float, most: int = 100_000) -> tuple[int, int]:
    """Return the attempt that ends the run, and the successes until then, by the rule of a plain run."""
    committer = Committer(config, ("grasp", "success"))
    fates = outcomes(Shard(1, most), rate)
    for number, success in enumerate(fates, 1):
        committer.add(told(number, 0, bool(success), 1))
        committer.commit()
        if committer.end is not None:
            return number, committer.counts.successes
    raise AssertionError


def fleet(config: Generate, size: int, rate: float, **more: Any) -> Fleet:
    return Fleet(Dispatcher(config, size), rate, **{"takes": steady(1)} | more)


@pytest.mark.parametrize("workers", [1, 2, 4, 50])
@pytest.mark.parametrize(
    ("rate", "told"), [(0.9, {}), (0.5, {"max_failures": 300}), (0.01, {}), (0.7, {"guarantee": False})]
)
def test_the_run_ends_where_one_process_would_end_it(
    tmp_path: Path, workers: int, rate: float, told: dict[str, Any]
) -> None:
    config = config_in(tmp_path, num_trials=400, **told)
    own = fleet(config, 16, rate)
    own.run(workers)
    assert (own.dispatcher.last, own.dispatcher.counts.successes) == by_one_process(config, rate)


@pytest.mark.parametrize("seed", range(25))
def test_a_third_of_the_workers_is_lost_and_shards_fail_and_nothing_changes(tmp_path: Path, seed: int) -> None:
    config = config_in(tmp_path, num_trials=400)
    chance = random.Random(seed)
    kinds = ["lost"] * 3 + ["the disk was full for a moment"] * (seed % 2) + ["made"] * 6
    own = fleet(config, 16, 0.8, takes=steady(seed), fate=lambda worker, task: chance.choice(kinds))
    own.run(8)
    if not own.dispatcher.left_out:  # by chance, three in a row
        assert (own.dispatcher.last, own.dispatcher.counts.successes) == by_one_process(config, 0.8)
    assert len({task.shard for _, task in own.made}) == len({task.shard.first for _, task in own.made})


@pytest.mark.parametrize("rate", [1.0, 0.8, 0.3])
@pytest.mark.parametrize("workers", [4, 64])
def test_little_more_is_made_than_is_needed(tmp_path: Path, rate: float, workers: int) -> None:
    config = config_in(tmp_path, num_trials=5000)
    own = fleet(config, 50, rate)
    own.run(workers)
    last = own.dispatcher.last
    assert last is not None
    made = sum(task.shard.size for _, task in own.made) + 50 * own.dispatcher.running
    assert made - last <= max(0.06 * last, 2 * 50) + 50
    assert len({task.shard for _, task in own.made}) == len(own.made), "nothing was made twice"


def test_a_shard_that_always_fails_is_left_out_with_its_reason_and_the_run_goes_on(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=100)
    bad = Shard(17, 32)
    own = fleet(config, 16, 1.0, fate=lambda worker, task: "no contact" if task.shard == bad else "made")
    own.run(3)
    assert own.dispatcher.left_out == {bad: "no contact"}
    assert own.dispatcher.last == 116
    assert own.dispatcher.benched == {}


def test_a_shard_that_ends_every_process_is_left_out(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=100)
    bad = Shard(17, 32)
    own = fleet(config, 16, 1.0, fate=lambda worker, task: "lost" if task.shard == bad else "made")
    own.run(3)
    assert "10 workers were lost over it" in own.dispatcher.left_out[bad]
    assert own.dispatcher.last == 116


def test_a_worker_that_always_fails_is_benched_and_nothing_is_left_out(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=1000)
    own = fleet(config, 16, 1.0, fate=lambda worker, task: "the disk is full" if worker == "worker_2" else "made")
    own.run(3)
    assert own.dispatcher.benched == {"worker_2": "the disk is full"}
    assert own.dispatcher.left_out == {}
    assert own.dispatcher.last == 1000


def test_when_every_worker_fails_the_run_is_over(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=1000)
    asked: list[str] = []

    def fate(worker: str, task: object) -> str:
        asked.append(worker)
        return "the disk is full"

    own = fleet(config, 16, 1.0, fate=fate)
    own.run(3)
    assert own.dispatcher.last is None
    assert len(own.dispatcher.benched) == 3
    assert len(asked) <= 3 * BENCHED_AFTER * FAILURES


def test_who_is_coming_is_waited_for(tmp_path: Path) -> None:
    dispatcher = Dispatcher(config_in(tmp_path, num_trials=1000), 16)
    dispatcher.join("worker_1")
    dispatcher.coming = 1
    for _ in range(20):
        if dispatcher.ask("worker_1", 0.0) is not None:
            dispatcher.fail("worker_1", "the disk is full")
    assert dispatcher.benched
    assert not dispatcher.over
    dispatcher.coming = 0
    assert dispatcher.over


def test_workers_that_hang_are_found_though_nobody_has_time_for_their_shards(tmp_path: Path) -> None:
    dispatcher = Dispatcher(config_in(tmp_path, num_trials=1000), 16)
    for worker in ("worker_1", "worker_2"):
        dispatcher.join(worker)
    assert dispatcher.ask("worker_2", 0.0) is not None
    assert dispatcher.stuck(PATIENCE - 1) == []
    assert dispatcher.stuck(PATIENCE) == ["worker_2"]
    now = 0.0
    for _ in range(3):
        task = dispatcher.ask("worker_1", now)
        assert task is not None
        now += 60
        dispatcher.made("worker_1", Told(task.shard, bytes(16)), now)
    assert dispatcher.stuck(599) == []
    assert dispatcher.stuck(601) == ["worker_2"]
    dispatcher.leave("worker_2", "it hangs")
    again = dispatcher.ask("worker_1", 601)
    assert again is not None
    assert again.shard == Shard(1, 16)


def test_a_slow_worker_gets_a_second_beside_it_and_the_first_result_counts(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=1000)
    usual = steady(1)
    own = fleet(config, 16, 1.0, takes=lambda worker, task: 1e9 if worker == "worker_2" else usual(worker, task))
    own.run(4)
    assert own.dispatcher.last == 1000
    seconds = 1000 / 16 / 3 * 60
    assert own.now < 1.5 * seconds + SLOW * 75 + 75, "nobody waited for it"
    assert [task.copy for _, task in own.made].count(2) == 1


def test_what_an_earlier_run_has_made_is_not_made_again(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=200)
    own = fleet(config, 16, 0.8)
    there = [Shard(16 * index + 1, 16 * index + 16) for index in (0, 1, 2, 5, 9)]
    for shard in there:
        own.dispatcher.found(Told(shard, outcomes(shard, 0.8)))
    own.run(3)
    assert not set(there) & {task.shard for _, task in own.made}
    assert (own.dispatcher.last, own.dispatcher.counts.successes) == by_one_process(config, 0.8)


def test_a_gap_is_closed_though_those_behind_it_would_suffice(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=32)
    own = fleet(config, 16, 1.0)
    for first in (1, 33, 49):
        own.dispatcher.found(Told(Shard(first, first + 15), bytes([1]) * 16))
    own.run(2)
    assert own.dispatcher.last == 32
    assert [task.shard for _, task in own.made] == [Shard(17, 32)]


def test_exactly_so_many_attempts(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=100, guarantee=False)
    own = fleet(config, 16, 0.5)
    own.run(5)
    assert own.dispatcher.last == own.dispatcher.counts.attempts == 100
    assert sum(task.shard.size for _, task in own.made) == 100


def test_a_run_of_exactly_so_many_ends_also_where_one_is_left_out(tmp_path: Path) -> None:
    config = config_in(tmp_path, num_trials=100, guarantee=False)
    bad = Shard(97, 100)
    own = fleet(config, 16, 0.5, fate=lambda worker, task: "no contact" if task.shard == bad else "made")
    own.run(2)
    assert own.dispatcher.over
    assert own.dispatcher.counts.attempts == 96
