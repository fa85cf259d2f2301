"""A renderer that draws in the run's own environment draws only while no attempt is under way there."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.dataset.images.pixels import Frames
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.session import Session
from tests.session.known import DRAWN, Known, Stripes, config_in, opening


@pytest.mark.parametrize(("borrows", "target"), [(True, 8), (True, 1), (False, 8)])
def test_what_is_kept_waits_until_the_first_environment_rests(tmp_path: Path, *, borrows: bool, target: int) -> None:
    made: list[Known] = []
    resting: list[bool] = []
    drawn = asyncio.Event()

    class Watched(Stripes):
        borrows_environment = borrows

        async def draw(self, states: States, frames: Frames) -> None:
            resting.append(made[-1].resting() or ended)
            if not resting[-1]:
                drawn.set()
            await super().draw(states, frames)

    ended = False

    async def main() -> Session:
        nonlocal ended
        renderer = Watched()

        async def next_frame() -> None:
            await asyncio.sleep(0.002)
            if not borrows and made:  # attempts take longer until something is drawn, which takes frames itself
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(drawn.wait(), 0.1)

        session = Session(next_frame, opening(lambda number: (True, 7 + number % 5), made, renderer))

        def note(progress: Any) -> None:
            nonlocal ended
            ended = progress.successes >= target

        session.subscribe(note)
        session.start(config_in(tmp_path, num_trials=target, num_envs=3, **DRAWN))
        await session.finished()
        return session

    progress = asyncio.run(main()).progress
    assert progress.end is not None
    assert (progress.end.reason, progress.rendered) == ("target reached", target)
    assert all(resting) is borrows
