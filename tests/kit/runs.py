"""Runs in the tests' Kit application, and what they have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.progress import End, Progress
from tests.conftest import Kit

MakeConfig = Callable[..., Generate]


def records(config: Generate) -> list[dict[str, Any]]:
    lines = (config.output_dir / "attempts.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def run_record(config: Generate) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((config.output_dir / "run.json").read_text())
    return record


def run_to_end(kit: Kit, config: Generate) -> End:
    kit.session.start(config)
    end: End = kit.run(kit.session.finished())
    return end


async def frames(kit: Kit, times: int) -> None:
    for _ in range(times):
        await kit.app.next_update_async()


async def until(kit: Kit, condition: Callable[[Progress], bool]) -> None:
    while not condition(kit.session.progress):
        await kit.app.next_update_async()


def step_and_stop(kit: Kit, steps: int) -> End:
    """Let a run that was started take some steps, then stop it."""

    async def person() -> End:
        await until(kit, lambda progress: progress.steps >= steps or progress.end is not None)
        kit.session.stop("seen enough")
        end: End = await kit.session.finished()
        return end

    return kit.run(person())
