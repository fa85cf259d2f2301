"""What the session does when its outputs fail; everything else is tested in a real Kit application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.attempts import Attempt
from mimicgen.datagen.config import build
from mimicgen.datagen.dataset.outputs import Outputs
from mimicgen.datagen.dataset.parts import Episode
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.generator import Generator
from mimicgen.datagen.progress import State
from mimicgen.datagen.rendering.renderer import Renderer
from mimicgen.datagen.session import Session


class Waiting:
    """A generator in which nothing ever ends."""

    def __init__(self) -> None:
        self.stages: tuple[str, ...] = ("success",)
        self.facts: dict[str, Any] = {"runtime": "none"}
        self.renderer: Renderer | None = None
        self.env_args: dict[str, Any] = {}

    async def ended(self) -> list[Attempt]:
        return []

    def episodes(self, attempts: Sequence[Attempt]) -> list[Episode]:
        return [{} for _ in attempts]

    async def actions(self) -> None:
        return None

    def step(self, actions: Any) -> None:
        raise OSError(28, "No space left on device")

    def abandoned(self) -> list[Attempt]:
        return []


def test_a_full_disk_is_told_once_and_the_state_is_never_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.asynccontextmanager
    async def open_simulation(config: Any, outputs: Outputs, stage: Any) -> AsyncIterator[Generator]:
        outputs.open()
        yield Waiting()

    def full(self: Outputs, record: dict[str, Any]) -> None:
        if record["end"] is not None:
            raise OutputError(f"output '{self.record}': No space left on device")

    monkeypatch.setattr(Outputs, "write_record", full)

    async def run() -> Session:
        session = Session(lambda: asyncio.sleep(0), open_simulation)
        session.start(build({"output_dataset": tmp_path / "g.hdf5", "output_dir": tmp_path}))
        end = await session.finished()
        assert end.exit_code == 1
        assert end.reason.count("No space left on device") == 2
        assert "run.json was not written" in end.reason
        return session

    assert asyncio.run(run()).state is State.FAILED
