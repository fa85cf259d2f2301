"""The field test asks an application, and tells what it found. The application and the simulation are stand-ins.

In the embedded runtime it is made for real (`test_docker.py`), where there is no timeline and no stage to ask for.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from mimicgen.datagen.cli import fieldtest
from mimicgen.datagen.config.jobs import Generate, Job
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import BadInputError, OutputError
from mimicgen.datagen.session import Session
from mimicgen.datagen.session.generator import AnnounceStage, Generator, OpenSimulation
from tests.session.known import DRAWN, Stripes, config_in, opening

PAUSE = "Pause and play in the toolbar"
STAGE = "A stage with unsaved changes is left alone"
SETTINGS = "Settings are as they were before"


class Host:
    """Stands in for an application: a timeline that pauses the session, a stage, settings. Each can be made wrong."""

    def __init__(self) -> None:
        self.facts: Mapping[str, str] = {"application": "stand-in 1.0"}
        self.toolbar: Any = self
        self.stage: Any = self
        self.works = True
        self.refuses = True
        self.keeps_edits = True
        self.closed = False
        self.seconds = 0.0005
        self.changed = False
        self.session: Session
        self.values: dict[str, Any] = {"/physics/updateToUsd": True, "/app/frames": 1}

    def pause(self) -> None:
        if self.works:
            self.session.pause()

    def play(self) -> None:
        if self.works:
            self.session.resume()

    def edit(self) -> None:
        self.changed = True

    def edited(self) -> bool:
        return self.changed and self.keeps_edits

    async def discard(self) -> None:
        self.changed = False

    def settings(self) -> dict[str, Any]:
        return dict(self.values)

    async def update(self) -> None:
        if self.closed:
            raise InterruptedError("the window was closed")
        await self.frame()

    async def frame(self) -> None:
        await asyncio.sleep(self.seconds)

    def opening(self) -> OpenSimulation:
        """Open a known generator, not in a stage with changes."""
        inner = opening(lambda number: (True, 100), renderer=Stripes())

        @contextlib.asynccontextmanager
        async def open_simulation(config: Job, outputs: Outputs, stage: AnnounceStage) -> AsyncIterator[Generator]:
            if self.changed and self.refuses:
                raise BadInputError("the open stage has unsaved changes")
            async with inner(config, outputs, stage) as generator:
                yield generator  # type: ignore[misc]

        return open_simulation


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    async def selftest(
        config: Generate, next_frame: Callable[[], Awaitable[None]], opened: object, tell: Callable[[str], None]
    ) -> int:
        tell("ok      Environment")
        return 0

    monkeypatch.setattr(fieldtest, "selftest", selftest)
    monkeypatch.setattr(
        fieldtest,
        "checked_config",
        lambda config, folder: structs.replace(config, output_dataset=folder / "g.hdf5", output_dir=folder),
    )
    return Host()


def made(host: Host, folder: Path) -> tuple[int, dict[str, str], str]:
    """Make the field test; return its exit code, the answers by question, and the file."""
    stream = io.StringIO()
    config = config_in(folder, **DRAWN)
    host.session = Session(host.frame, host.opening())
    code = asyncio.run(fieldtest.field_test(config, host.session, host, host.opening(), stream))
    path = folder / "o" / fieldtest.FILE
    assert stream.getvalue().endswith(f"The answers are in {path}\n")
    lines = [line for line in stream.getvalue().splitlines() if line[:8].rstrip() in ("ok", "FAILED", "n/a")]
    return code, {line[8:].partition(":")[0]: line for line in lines}, path.read_text()


def test_where_everything_works(host: Host, tmp_path: Path) -> None:
    host.seconds = 0.005  # as in a simulation: before the second attempt ends, the first one is on the disk and drawn
    code, answers, told = made(host, tmp_path)
    assert code == 0, told
    assert all(line.startswith("ok ") for line in answers.values()), told
    assert "no step in 30 updates: True" in answers[PAUSE]
    assert answers["It steps again after it has drawn"].endswith("3 attempts, 3 drawn; target reached")
    assert told.startswith("mimicgen.datagen field test\napplication: stand-in 1.0\n\nok      Environment\n")
    assert all(line in told for line in answers.values())
    assert "asked to quit with 0" in told
    assert "asked   " not in told


def test_a_toolbar_that_does_nothing(host: Host, tmp_path: Path) -> None:
    host.works = False
    code, answers, _ = made(host, tmp_path)
    assert code == 1
    assert answers[PAUSE].startswith("FAILED  ")
    assert "the session was paused: False" in answers[PAUSE]


@pytest.mark.parametrize("wrong", ["refuses", "keeps_edits"])
def test_a_stage_that_is_lost(wrong: str, host: Host, tmp_path: Path) -> None:
    setattr(host, wrong, False)
    code, answers, _ = made(host, tmp_path)
    assert code == 1
    assert answers[STAGE].startswith("FAILED  ")


def test_settings_that_stay_changed(host: Host, tmp_path: Path) -> None:
    def edit() -> None:
        Host.edit(host)
        host.values |= {"/physics/updateToUsd": False, "/app/frames": 2}

    host.edit = edit  # type: ignore[method-assign]
    code, answers, _ = made(host, tmp_path)
    assert code == 1
    assert answers[SETTINGS] == (
        f"FAILED  {SETTINGS}: /physics/updateToUsd was True and is False; 1 others have changed"
    )


def test_what_an_application_lacks_does_not_apply(host: Host, tmp_path: Path) -> None:
    host.toolbar = host.stage = None
    _, answers, _ = made(host, tmp_path)
    assert answers[PAUSE] == f"n/a     {PAUSE}: this application has no timeline"
    assert answers[STAGE] == f"n/a     {STAGE}: this application has no stage"


def test_without_the_self_test_nothing_else_is_asked(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> int:
        return 2

    monkeypatch.setattr(fieldtest, "selftest", failing)
    code, answers, told = made(host, tmp_path)
    assert (code, answers) == (2, {})
    assert "asked to quit with 2" in told


def test_an_answer_that_never_comes_can_be_read_from_the_file(host: Host, tmp_path: Path) -> None:
    def close() -> None:
        host.closed = True

    host.pause = close  # type: ignore[method-assign]
    with pytest.raises(InterruptedError):
        made(host, tmp_path)
    told = (tmp_path / "o" / fieldtest.FILE).read_text()
    assert told.endswith(f"ok      A second environment in the same process\nasked   {PAUSE}\n")


def test_a_file_of_somebody_else_stays(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "o" / fieldtest.FILE
    path.parent.mkdir()
    path.write_text("notes of mine")
    with pytest.raises(OutputError, match="this project did not write it"):
        made(host, tmp_path)
    assert path.read_text() == "notes of mine"
    path.write_text("mimicgen.datagen field test\nan earlier one")
    assert "an earlier one" not in made(host, tmp_path)[2]
