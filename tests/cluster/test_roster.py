"""What is shown of workers follows what they tell."""

from __future__ import annotations

from mimicgen.datagen.cluster.roster import LOST_ONES, Roster
from mimicgen.datagen.cluster.shards import Shard
from mimicgen.datagen.cluster.tasks import Told
from mimicgen.datagen.progress import Doing, WorkerProgress

SHARD = Shard(5, 8)


def at_work() -> Roster:
    roster = Roster()
    roster.hired("worker_1")
    roster.ready("worker_1", "node-7")
    roster.given("worker_1", SHARD, 10.0)
    return roster


def only(roster: Roster) -> WorkerProgress:
    (row,) = roster.rows
    return row


def test_a_worker_starts_works_and_is_idle_again() -> None:
    roster = Roster()
    roster.hired("worker_1")
    assert (only(roster).doing, only(roster).node, only(roster).an_hour) == (Doing.STARTING, "", None)
    roster.ready("worker_1", "node-7")
    assert (only(roster).doing, only(roster).node) == (Doing.IDLE, "node-7")
    roster.given("worker_1", SHARD, 10.0)
    assert (only(roster).doing, only(roster).shard) == (Doing.WORKING, "attempts 5 to 8")
    roster.made("worker_1", Told(SHARD, bytes([1, 0, 1, 1]), failure="attempt 6: it fell"), 130.0)
    row = only(roster)
    assert (row.doing, row.shard, row.successes, row.attempts) == (Doing.IDLE, "", 3, 4)
    assert row.an_hour == 3 * 3600 / 120
    assert row.last_failure == "attempt 6: it fell"
    roster.given("worker_1", Shard(9, 12), 200.0)
    roster.made("worker_1", Told(Shard(9, 12), bytes([1, 1, 1, 1])), 320.0)
    row = only(roster)
    assert (row.successes, row.attempts, row.an_hour) == (7, 8, 7 * 3600 / 240), "idling is no part of its time"
    assert row.last_failure == "attempt 6: it fell", "the last one that there was"


def test_a_worker_that_fails_says_why_and_is_benched() -> None:
    roster = at_work()
    roster.failed("worker_1", "no contact", benched=False)
    assert (only(roster).doing, only(roster).shard, only(roster).last_failure) == (Doing.IDLE, "", "no contact")
    roster.given("worker_1", SHARD, 20.0)
    roster.failed("worker_1", "the disk is full", benched=True)
    assert (only(roster).doing, only(roster).last_failure) == (Doing.BENCHED, "the disk is full")


def test_of_the_lost_only_the_latest_are_shown() -> None:
    roster = at_work()
    for number in range(2, LOST_ONES + 4):
        roster.hired(f"worker_{number}")
        roster.lost(f"worker_{number}", "it was killed")
    lost = [row.name for row in roster.rows if row.doing is Doing.LOST]
    assert lost == [f"worker_{number}" for number in range(4, LOST_ONES + 4)]
    assert roster.rows[0].doing is Doing.WORKING
    roster.left("worker_1")
    assert len(roster.rows) == LOST_ONES


def test_at_the_end_all_have_ended_but_those_that_were_lost() -> None:
    roster = at_work()
    roster.hired("worker_2")
    roster.lost("worker_2", "it was killed")
    before = roster.rows
    roster.close()
    assert [(row.doing, row.shard) for row in roster.rows] == [(Doing.ENDED, ""), (Doing.LOST, "")]
    assert before[0].doing is Doing.WORKING, "what observers were given stays as it was"


def test_what_a_worker_says_cannot_act_on_who_reads_it() -> None:
    roster = Roster()
    roster.hired("worker_1")
    roster.ready("worker_1", "a\x1b[2Jb")
    roster.failed("worker_1", "first\nsecond", benched=False)
    assert only(roster).node == "a\\x1b[2Jb"
    assert only(roster).last_failure == "first\\nsecond"
