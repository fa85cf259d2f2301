"""Every run has an end: faults at every step of its start, its course and its end, in the real session."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest

from mimicgen.datagen.attempts import Outcome
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.errors import OutputError, StateError
from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.rendering import encoding
from mimicgen.datagen.session import Session
from tests.session.faults import PACKAGE, PLACES, BoomError, inject, owner_of
from tests.session.known import DRAWN, Stripes, config_in, early_failures, opening, run

FATE = early_failures(0.5)
TARGET = 4
LONGEST = 10.0
"""Seconds that a run with a fault may take until it has told its end."""


class Ran:
    """A run that was made, and what was seen of it."""

    def __init__(self, config: Generate, frames: Callable[[Session, int], None] = lambda *_: None):
        self.seen: list[Progress] = []
        self.renderer = Stripes() if config.render.when != "never" else None
        frame = 0

        async def next_frame() -> None:
            nonlocal frame
            frame += 1
            frames(self.session, frame)
            await asyncio.sleep(0)

        self.session = Session(next_frame, opening(FATE, renderer=self.renderer))

        async def main() -> None:
            self.session.subscribe(self.seen.append)
            self.session.start(config)
            await self.session.finished()

        begin = time.monotonic()
        self.raised: BaseException | None = None
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 -- an interrupt comes out of the loop, too
            self.raised = error
        self.seconds = time.monotonic() - begin

    def check(self, folder: Path) -> Progress:
        """Check that the end is told once, in time, and that nothing is left open."""
        progress = self.session.progress
        assert progress.state in (State.DONE, State.FAILED)
        assert progress.end is not None
        assert sum(one.end is not None for one in self.seen) == 1
        assert self.seconds < LONGEST
        assert [one.name for one in threading.enumerate() if "mimicgen" in one.name] == []
        assert not list(folder.rglob("*.lock"))
        opened = [os.readlink(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd") if link_is_there(one)]
        assert [path for path in opened if path.startswith(str(folder))] == []
        assert not list(folder.rglob(".*.part*"))
        assert encoders() == []
        return progress


@pytest.fixture(autouse=True)
def encoders_as_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images be encoded as in an application that embeds Python, where the fault is elsewhere: it is quicker."""
    if "encoding:" not in str(getattr(request.node, "callspec", "")):
        monkeypatch.setattr(encoding, "sys", SimpleNamespace(executable="/opt/kit/kit"))


def encoders() -> list[str]:
    """Return the processes of this one that encode images."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and "rendering.process" in (path / "cmdline").read_text():
                found.append(path.name)
    return found


def link_is_there(descriptor: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


@pytest.fixture
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    return [number for number in range(1, 100) if FATE(number)[0]][:TARGET]


def continues_to(folder: Path, values: dict[str, Any], expected: list[int]) -> None:
    """What comes after a fault: the same command ends well, and keeps what a run without a fault keeps."""
    end, _ = run(config_in(folder, num_trials=TARGET, num_envs=3, **values | {"render.when": "never"}), FATE)
    assert end.exit_code == 0
    assert end.reason in ("target reached", "the target was reached before; nothing is left to be done")
    with h5py.File(folder / "g.hdf5") as file:
        assert [int(file[f"data/demo_{index}"].attrs["attempt"]) for index in range(TARGET)] == expected


@pytest.mark.parametrize(("place", "call", "values"), PLACES, ids=[f"{p.rpartition(':')[2]}-{c}" for p, c, _ in PLACES])
def test_a_fault_anywhere_ends_the_run_with_its_cause_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: list[int], place: str, call: int, values: dict[str, Any]
) -> None:
    with monkeypatch.context() as patch:
        calls = inject(patch, place, call, lambda: BoomError("the motor is on fire"))
        ran = Ran(config_in(tmp_path, num_trials=TARGET, num_envs=3, **values))
        assert calls[0] >= call, "the fault was not reached"
    progress = ran.check(tmp_path)
    assert progress.end is not None
    assert progress.state is State.FAILED
    assert progress.end.exit_code == 1
    assert progress.end.reason.count("the motor is on fire") == 1
    if ran.renderer is not None and place != "tests.session.known:Stripes.close":
        assert ran.renderer.closed == 1
    continues_to(tmp_path, {key: value for key, value in values.items() if key != "fresh"}, expected)


@pytest.mark.parametrize("error", [KeyError("data"), MemoryError(), OSError(28, "No space left on device")], ids=repr)
@pytest.mark.parametrize(
    "place", ["dataset.outputs.parts:Parts.fold", "dataset.outputs.outputs:read_earlier", "session.run:embed"]
)
def test_errors_of_any_kind_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    inject(monkeypatch, f"{PACKAGE}.{place}", 1, lambda: error)
    values = DRAWN | {"render.in_dataset": True}
    progress = Ran(config_in(tmp_path, num_trials=TARGET, **values)).check(tmp_path)
    assert progress.state is State.FAILED
    assert progress.end is not None
    assert (str(error) or "MemoryError") in progress.end.reason or "No space left" in progress.end.reason


@pytest.mark.parametrize("frame", [1, 2, 5, 60, 300, "fold", "record"])
def test_a_cancelled_run_tells_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: list[int], frame: int | str
) -> None:
    def cancel(session: Session, now: int) -> None:
        if now == frame:
            assert session._task is not None
            session._task.cancel()

    with monkeypatch.context() as patch:
        if isinstance(frame, str):
            place = {"fold": "Outputs.fold", "record": "Outputs.write_record"}[frame]
            calls = {"fold": 1, "record": 2}[frame]
            inject(patch, f"{PACKAGE}.dataset.outputs.outputs:{place}", calls, asyncio.CancelledError)
        progress = Ran(config_in(tmp_path, num_trials=TARGET, num_envs=3, **DRAWN), cancel).check(tmp_path)
    assert progress.state is State.FAILED
    assert progress.end is not None
    assert progress.end.reason.count("the application cancelled the run") == 1
    continues_to(tmp_path, DRAWN, expected)


@pytest.mark.parametrize("place", ["tests.session.known:Known.step", f"{PACKAGE}.dataset.outputs.outputs:Outputs.fold"])
def test_an_interrupt_is_told_and_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: list[int], place: str
) -> None:
    with monkeypatch.context() as patch:
        inject(patch, place, 1, KeyboardInterrupt)
        ran = Ran(config_in(tmp_path, num_trials=TARGET))
    assert isinstance(ran.raised, KeyboardInterrupt)
    progress = ran.check(tmp_path)
    assert progress.state is State.FAILED
    continues_to(tmp_path, {}, expected)


@pytest.mark.parametrize("when", [1, 2, 3, 10, 200, "end"])
def test_an_observer_that_fails_ends_nothing_and_the_others_are_told(tmp_path: Path, when: int | str) -> None:
    count = 0

    def failing(progress: Progress) -> None:
        nonlocal count
        count += 1
        if count == when or (when == "end" and progress.end is not None):
            raise BrokenPipeError("the console is gone")

    async def main() -> list[Progress]:
        session = Session(lambda: asyncio.sleep(0), opening(FATE))
        unsubscribe = session.subscribe(failing)
        seen: list[Progress] = []
        session.subscribe(seen.append)
        session.start(config_in(tmp_path, num_trials=TARGET))
        await session.finished()
        unsubscribe()  # of an observer that is gone already
        return seen

    seen = asyncio.run(main())
    assert seen[-1].end is not None
    assert (seen[-1].state, seen[-1].end.reason) == (State.DONE, "target reached")


def test_a_run_that_cannot_be_started_tells_so(tmp_path: Path) -> None:
    def spawn(_: Any) -> Any:
        raise RuntimeError("there is no loop")

    session = Session(lambda: asyncio.sleep(0), opening(FATE), spawn)
    with pytest.raises(RuntimeError, match="there is no loop"):
        session.start(config_in(tmp_path))
    assert session.state is State.FAILED
    assert session.progress.end is not None
    assert session.progress.end.reason == "the run could not be started: RuntimeError: there is no loop"
    with pytest.raises(StateError, match="no run was started"):
        asyncio.run(session.finished())


def test_a_file_of_somebody_else_among_the_parts_is_named(tmp_path: Path, expected: list[int]) -> None:
    """No demonstration, and one cut off in the middle."""
    parts = tmp_path / "g.hdf5.parts"
    run(config_in(tmp_path, num_trials=2), FATE)
    parts.mkdir()
    for content in ("empty", "truncated"):
        foreign = parts / "demo_7.hdf5"
        with h5py.File(foreign, "w") as file:
            file.attrs["of"] = "somebody else"
        if content == "truncated":
            foreign.write_bytes(foreign.read_bytes()[:300])
        end, progress = run(config_in(tmp_path, num_trials=TARGET), FATE)
        assert (progress.state, end.exit_code) == (State.FAILED, 2)
        assert f"output '{foreign}' is damaged, or no demonstration of a run" in end.reason
        assert end.reason.count("demo_7") == 1
        assert "move it away" in end.reason
        foreign.unlink()
    continues_to(tmp_path, {}, expected)


@pytest.mark.parametrize("steps", [3, 60, 170, 240])
def test_a_stopped_run_keeps_what_it_told_and_goes_on_to_the_same(
    tmp_path: Path, expected: list[int], steps: int
) -> None:
    def stop(session: Session, _: int) -> None:
        if session.state is State.RUNNING and session.progress.steps == steps:
            session.stop("seen enough")

    progress = Ran(config_in(tmp_path, num_trials=TARGET, num_envs=16), stop).check(tmp_path)
    assert progress.end is not None
    assert (progress.state, progress.end.exit_code) == (State.DONE, 130)
    log = [json.loads(line) for line in (tmp_path / "o" / "attempts.jsonl").read_text().splitlines()]
    counted = [one["number"] for one in log if one["outcome"] != Outcome.ABANDONED]
    assert counted == list(range(1, progress.attempts + 1))
    assert [one["number"] for one in log] == sorted(one["number"] for one in log)
    assert not (tmp_path / "g.hdf5.parts").exists()
    continues_to(tmp_path, {}, expected)


def test_versions_stay_with_each_demonstration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(config_in(tmp_path, num_trials=2), FATE)
    owner, name = owner_of("tests.session.known:Known.__init__")
    original = getattr(owner, name)

    def newer(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self.facts = self.facts | {"versions": {"known": "2"}}

    monkeypatch.setattr(owner, name, newer)
    run(config_in(tmp_path, num_trials=3), FATE)
    with h5py.File(tmp_path / "g.hdf5") as file:
        versions = [json.loads(file[f"data/demo_{index}"].attrs["made_with"])["versions"] for index in range(3)]
        records = [json.loads(file[f"data/demo_{index}"].attrs["record"])["demo"] for index in range(3)]
    assert versions == [{"known": "1"}, {"known": "1"}, {"known": "2"}]
    assert records == ["demo_0", "demo_1", "demo_2"]


@contextlib.contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        inject(patch, "tests.session.known:Known.step", 5, lambda: OSError(28, "No space left on device"))
        yield


def test_a_full_disk_is_told_for_everything_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_disk(monkeypatch):
        inject(
            monkeypatch,
            f"{PACKAGE}.dataset.outputs.outputs:Outputs.write_record",
            2,
            lambda: OutputError("run.json was not written"),
        )
        progress = Ran(config_in(tmp_path, num_trials=TARGET)).check(tmp_path)
    assert progress.end is not None
    assert progress.end.reason == "OSError: [Errno 28] No space left on device; run.json was not written"


def test_other_versions_are_named_before_a_run_goes_on() -> None:
    from mimicgen.datagen.session.openings.fitting import changed

    before, now = {"newton": "1.6.0", "torch": "2.11.0"}, {"newton": "1.6.1", "torch": "2.11.0", "ovphysx": "0.6.4"}
    assert changed(before, now) == "newton 1.6.0 before, 1.6.1 now, ovphysx none before, 0.6.4 now"
