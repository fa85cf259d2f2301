"""A run in shards, whole: the real session, outputs and merging, with workers that are lost, fail and hang."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mimicgen.datagen.cluster import dispatching
from mimicgen.datagen.cluster.run import ClusterRun
from mimicgen.datagen.cluster.shards import Shard, folder_of, shards_folder
from mimicgen.datagen.cluster.workers import Ended, Event
from mimicgen.datagen.progress import Doing, End, Progress
from mimicgen.datagen.session import Session
from tests.cluster import chaos
from tests.cluster.alike import attempts, digests
from tests.cluster.chaos import TARGET, is_like
from tests.cluster.workers import FATE, VERSIONS, Here, run_in, spread
from tests.session.known import DRAWN, Stripes, opening


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes."""
    return chaos.plain(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_makes_what_one_process_makes(tmp_path: Path, plain: Path, workers: int) -> None:
    config = run_in(tmp_path / "r", num_trials=TARGET, cluster__workers=workers)
    end, progress, told = spread(config, Here)
    assert (end.reason, end.exit_code, progress.successes) == ("target reached", 0, TARGET)
    assert is_like(tmp_path / "r", plain)
    assert any("of 5 succeeded, worker_1" in one for one in told)
    record = json.loads(config.output_dir.joinpath("run.json").read_text())
    assert record["counts"]["successes"] == TARGET
    assert record["shards"]["left_out"] == []
    assert not (tmp_path / "r" / "g.hdf5.parts").exists()
    assert not list((tmp_path / "r").glob("*.lock"))


@pytest.mark.parametrize("seed", range(2))
def test_a_third_of_the_workers_is_lost_and_the_dataset_is_the_same(tmp_path: Path, plain: Path, seed: int) -> None:
    chance = random.Random(seed)
    config = run_in(tmp_path / "r", num_trials=TARGET)
    end, *_ = spread(config, lambda config: Here(config, lambda worker, task: chance.choice(["lost", "made", "made"])))
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)


@pytest.mark.parametrize("after", [1, 4])
def test_the_same_command_continues_after_a_stop(tmp_path: Path, plain: Path, after: int) -> None:
    config = run_in(tmp_path / "r", num_trials=TARGET)
    end, progress, _ = spread(config, Here, stop_when=lambda progress: progress.attempts >= 5 * after)
    assert (end.reason, end.exit_code) == ("enough", 130)
    assert progress.attempts >= 5 * after
    assert len(digests(config.output_dataset)) == progress.successes, "what was told as kept is there"
    made: list[Here] = []
    end, *_ = spread(config, keep(made))
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)
    assert 1 not in {task.shard.first for task in made[0].made}, "it is not made again"


def keep(made: list[Here]) -> Callable[..., Here]:
    def workers(config: object) -> Here:
        made.append(Here(config))  # type: ignore[arg-type]
        return made[-1]

    return workers


def test_when_it_is_done_nobody_is_hired(tmp_path: Path, plain: Path) -> None:
    config = run_in(tmp_path / "r", num_trials=TARGET)
    spread(config, Here)
    made: list[Here] = []
    end, *_ = spread(config, keep(made))
    assert end.reason == "the target was reached before; nothing is left to be done"
    assert made == []
    config.output_dataset.unlink()  # and where only the merging is left, neither
    config.output_dir.joinpath("run.json").unlink()
    config.output_dir.joinpath("attempts.jsonl").unlink()
    end, *_ = spread(config, keep(made))
    assert end.reason == "target reached"
    assert made == []
    assert is_like(tmp_path / "r", plain)


def test_a_larger_target_continues_in_shards_of_the_same_size(tmp_path: Path) -> None:
    config = run_in(tmp_path / "r", num_trials=6, cluster__shard_attempts=0)
    spread(config, Here)
    sizes = {path.name for path in shards_folder(config.output_dataset).iterdir()}
    larger = run_in(tmp_path / "r", num_trials=40, cluster__shard_attempts=0)
    end, progress, _ = spread(larger, Here)
    assert (end.reason, progress.successes) == ("target reached", 40)
    assert sizes < {path.name for path in shards_folder(config.output_dataset).iterdir()}
    end, *_ = spread(run_in(tmp_path / "r", num_trials=60, cluster__shard_attempts=7), Here)
    assert end.exit_code == 2
    assert "is no shard of a run that is cut into shards of 7" in end.reason


def test_a_shard_that_cannot_be_made_is_left_out_and_told(tmp_path: Path) -> None:
    config = run_in(tmp_path / "r", num_trials=TARGET)
    end, progress, told = spread(
        config, lambda config: Here(config, lambda worker, task: "no contact" if task.shard.first == 6 else "made")
    )
    assert end.reason == "target reached; attempts 6 to 10 are left out: no contact"
    assert (end.exit_code, progress.successes) == (0, TARGET)
    numbers = {one["number"] for one in attempts(tmp_path / "r" / "o" / "attempts.jsonl")}
    assert not numbers & {6, 7, 8, 9, 10}
    assert "attempts 6 to 10 are left out of the run" in told


def keep_in(seen: list[Progress]) -> Callable[[Progress], bool]:
    def never(progress: Progress) -> bool:
        seen.append(progress)
        return False

    return never


def test_what_workers_do_is_published(tmp_path: Path) -> None:
    fails = {("worker_2", 6): "no contact", ("worker_3", 11): "lost"}
    seen: list[Progress] = []
    end, last, _ = spread(
        run_in(tmp_path / "r", num_trials=TARGET),
        lambda config: Here(config, lambda worker, task: fails.get((worker, task.shard.first), "made")),
        stop_when=keep_in(seen),
    )
    assert end.exit_code == 0
    rows = {row.name: row for row in last.workers}
    assert list(rows) == ["worker_1", "worker_2", "worker_3", "worker_4"]
    assert [row.doing for row in last.workers] == [Doing.ENDED, Doing.ENDED, Doing.LOST, Doing.ENDED]
    assert rows["worker_3"].last_failure == "the process was killed"
    assert sum(row.attempts for row in last.workers) >= last.attempts
    assert sum(row.successes for row in last.workers) >= TARGET
    assert all(row.node == "here" for row in last.workers)
    shown = [row for progress in seen for row in progress.workers]
    assert {row.doing for row in shown} == set(Doing) - {Doing.BENCHED}
    assert "attempts 1 to 5" in {row.shard for row in shown if row.doing is Doing.WORKING}
    assert "attempts 6 to 10: no contact" in {row.last_failure for row in shown}
    assert any(row.last_failure.startswith("attempt ") for row in shown), "of an attempt, too"
    assert all(progress.elsewhere for progress in seen if progress.workers)


def off_the_loop[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    def called(*arguments: P.args, **named: P.kwargs) -> T:
        assert threading.current_thread() is not threading.main_thread(), function
        return function(*arguments, **named)

    return called


class Watched(Here):
    """Workers that want another thread than the loop's, and that let the loop have turns while they block."""

    turns = 0

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        return off_the_loop(found) if name in ("start", "hire", "give", "dismiss", "poll", "close") else found

    def poll(self) -> list[Event]:
        wanted, bound = Watched.turns + 3, time.monotonic() + 10
        while Watched.turns < wanted:
            assert time.monotonic() < bound, "the loop is blocked"
            time.sleep(0.001)
        return super().poll()


def test_the_loop_is_never_blocked_by_workers(tmp_path: Path, plain: Path) -> None:
    """What Kit's bound on an update rests on: docs/event_loop.md."""

    async def take_turns() -> None:
        while True:
            Watched.turns += 1
            await asyncio.sleep(0)

    beside: list[asyncio.Task[None]] = []

    def begin(progress: Progress) -> bool:
        if not beside:
            beside.append(asyncio.ensure_future(take_turns()))
        if progress.end is not None:
            beside[0].cancel()
        return False

    config = run_in(tmp_path / "r", num_trials=TARGET)
    fate = {("worker_2", 6): "lost"}
    end, *_ = spread(
        config,
        lambda config: Watched(config, lambda worker, task: fate.get((worker, task.shard.first), "made")),
        stop_when=begin,
    )
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)


class AtOnce(Here):
    """Workers of which two tell at once that they have made the same shard."""

    def poll(self) -> list[Event]:
        events = super().poll()
        for event in events:
            if isinstance(event, Ended):
                same = [name for name, task in self._given.items() if task.shard == event.task.shard]
                events += [Ended(name, self._given.pop(name), event.answer) for name in same]
        return events


def test_two_workers_that_have_made_a_shard_at_once_are_one_too_many(
    tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "SLOW", 1e-6)  # whoever has nothing to do makes what another one makes, too
    config = run_in(tmp_path / "r", num_trials=TARGET, cluster__workers=6)
    end, last, _ = spread(config, AtOnce)
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)
    assert "worker_7" in {row.name for row in last.workers}, "somebody was replaced"


def test_while_it_is_paused_no_shard_is_handed_out(tmp_path: Path, plain: Path) -> None:
    config = run_in(tmp_path / "r", num_trials=TARGET)
    made: list[Here] = []
    given: list[int] = []

    async def until(condition: Callable[[], bool]) -> None:
        bound = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < bound
            await asyncio.sleep(0.001)

    async def main() -> End:
        session = Session(
            lambda: asyncio.sleep(0),
            opening(FATE),
            make_run=lambda config, host, simulation: ClusterRun(config, host, simulation, keep(made)),
        )
        session.start(config)
        await until(lambda: session.progress.attempts >= 5)
        session.pause()
        await until(lambda: all(row.doing is not Doing.WORKING for row in session.progress.workers))
        given.append(len(made[0].made))
        await asyncio.sleep(0.1)
        given.append(len(made[0].made))
        session.resume()
        return await session.finished()

    end = asyncio.run(main())
    assert given[0] == given[1] < len(made[0].made)
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)


def test_a_worker_that_hangs_is_replaced(tmp_path: Path, plain: Path) -> None:
    config = run_in(tmp_path / "r", num_trials=TARGET)
    end, *_ = spread(
        config, lambda config: Here(config, lambda worker, task: "stuck" if worker == "worker_2" else "made")
    )
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)


def test_when_every_worker_fails_the_run_says_why(tmp_path: Path) -> None:
    config = run_in(tmp_path / "r", num_trials=TARGET)
    end, *_ = spread(config, lambda config: Here(config, lambda worker, task: "the disk is full"))
    assert end.exit_code != 0
    assert "every worker failed again and again (worker_1: the disk is full)" in end.reason


def test_a_worker_with_other_versions_is_refused_by_name(tmp_path: Path) -> None:
    others: dict[str, object] = {"versions": {"known": "2"}, "runtime": "none"}
    config = run_in(tmp_path / "r", num_trials=TARGET)
    workers = Here(config, about=lambda worker: others if worker == "worker_2" else VERSIONS)
    end, *_ = spread(config, lambda config: workers)
    assert end.exit_code == 2
    assert "worker_2 on here" in end.reason
    assert "known is 1 there and 2 here" in end.reason
    assert workers.closed == 1


def test_a_shard_that_was_half_made_is_continued(tmp_path: Path, plain: Path) -> None:
    config = run_in(tmp_path / "r", num_trials=TARGET)
    spread(config, Here)
    folder = folder_of(config.output_dataset, Shard(6, 10))
    log = folder / "attempts.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:2]))
    told = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(told | {"end": None}))
    shutil.rmtree(config.output_dir)
    config.output_dataset.unlink()
    end, *_ = spread(config, Here)
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_goes_wrong_it_is_exactly_the_target_and_the_same(tmp_path: Path, plain: Path, seed: int) -> None:
    chaos.chaotic(tmp_path / "r", seed)
    assert is_like(tmp_path / "r", plain)


def test_images_report_and_export_are_made_of_the_whole(tmp_path: Path) -> None:
    told = {name.replace(".", "__"): value for name, value in DRAWN.items()}
    config = run_in(tmp_path / "r", num_trials=7, **told)
    end, progress, _ = spread(config, Here, renderer=Stripes())
    assert (end.exit_code, progress.successes, progress.rendered) == (0, 7, 7), end
    frames = config.output_dir / "table_cam_normals"
    assert sorted(path.name for path in frames.iterdir()) == [f"demo_{number:06d}" for number in range(7)]
    record = json.loads((config.output_dir / "run.json").read_text())
    assert record["counts"]["successes"] == 7
    assert record["shards"]["count"] >= 2
    made: list[Here] = []
    assert spread(config, keep(made))[0].reason.startswith("the target was reached before")
