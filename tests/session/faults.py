"""Where a run can fail, and how it is made to."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.session.known import DRAWN, FILMED

PACKAGE = "mimicgen.datagen"
PLACES = [
    # Where, which call of it, and what has to be different for it to be called.
    (f"{PACKAGE}.session.run:Outputs", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.open", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs._refuse_what_cannot_be_written", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs._move_aside", 1, {"fresh": True}),
    (f"{PACKAGE}.dataset.outputs.outputs:read_earlier", 1, {}),
    (f"{PACKAGE}.dataset.outputs.journal:EpisodeWriters", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Writers", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Lock", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Lock", 2, {}),
    (f"{PACKAGE}.dataset.locks:Lock.close", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.hold", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.commit", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.commit", 3, {}),
    (f"{PACKAGE}.dataset.outputs.journal:Journal._commit", 1, {}),
    (f"{PACKAGE}.dataset.outputs.journal:Journal._commit", 2, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.settled", 2, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.states", 1, DRAWN),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.fold", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.write_record", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.write_record", 2, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.plain_config", 2, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.write_report", 1, {"report": True}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.close", 1, {}),
    (f"{PACKAGE}.dataset.outputs.outputs:Outputs.written", 1, {}),
    (f"{PACKAGE}.dataset.outputs.parts:Parts.prepare", 1, {}),
    (f"{PACKAGE}.dataset.outputs.parts:Parts.write", 2, {}),
    (f"{PACKAGE}.dataset.outputs.parts:Parts.commit", 1, {}),
    (f"{PACKAGE}.dataset.outputs.parts:Parts.fold", 1, {}),
    (f"{PACKAGE}.dataset.outputs.parts:Parts._append", 1, {}),
    (f"{PACKAGE}.dataset.outputs.parts:Parts.discard", 2, {}),
    (f"{PACKAGE}.dataset.outputs.parts:Parts.remove_if_empty", 3, {}),
    (f"{PACKAGE}.dataset.outputs.processes:attributes", 1, {}),
    (f"{PACKAGE}.dataset.outputs.processes:EpisodeWriters.submit", 2, {}),
    (f"{PACKAGE}.dataset.outputs.processes:EpisodeWriters.close", 1, {}),
    (f"{PACKAGE}.dataset.outputs.writers:Writers.close", 1, {}),
    (f"{PACKAGE}.session.run:LivePage", 1, {"live_port": 0}),
    (f"{PACKAGE}.report.live:_Server", 1, {"live_port": 0}),
    (f"{PACKAGE}.report.live:LivePage.close", 1, {"live_port": 0}),
    (f"{PACKAGE}.session.run:Rendering", 1, DRAWN),
    (f"{PACKAGE}.rendering.rendering:Rendering.advance", 2, DRAWN),
    (f"{PACKAGE}.rendering.rendering:Rendering.finish", 1, DRAWN),
    (f"{PACKAGE}.rendering.rendering:Rendering.close", 1, DRAWN),
    (f"{PACKAGE}.rendering.rendering:write_sheet", 1, DRAWN),
    (f"{PACKAGE}.rendering.frames:DemoFrames.complete", 1, DRAWN),
    (f"{PACKAGE}.rendering.frames:DemoFrames.begin", 1, DRAWN),
    (f"{PACKAGE}.rendering.frames:DemoFrames.add", 2, DRAWN),
    (f"{PACKAGE}.rendering.frames:DemoFrames.finish", 1, DRAWN),
    (f"{PACKAGE}.rendering.frames:DemoFrames.end", 1, DRAWN),
    (f"{PACKAGE}.rendering.frames:DemoFrames.is_written", 1, DRAWN),
    (f"{PACKAGE}.rendering.rendering:Rendering.collect", 2, DRAWN),
    (f"{PACKAGE}.rendering.rendering:Encoders", 1, DRAWN),
    (f"{PACKAGE}.rendering.encoding:Encoders.free", 3, DRAWN),
    (f"{PACKAGE}.rendering.encoding:Encoders.submit", 2, DRAWN),
    (f"{PACKAGE}.rendering.encoding:Encoders.submit", 2, FILMED),
    (f"{PACKAGE}.rendering.encoding:Encoders.close", 1, DRAWN),
    (f"{PACKAGE}.rendering.encoding:_Line", 1, DRAWN),
    (f"{PACKAGE}.rendering.encoding:_Line.submit", 3, FILMED),
    (f"{PACKAGE}.rendering.encoding:_Line._do", 3, DRAWN),
    (f"{PACKAGE}.rendering.encoding:_Line._do", 3, FILMED),
    (f"{PACKAGE}.rendering.checks:DemoChecks.first", 1, DRAWN),
    (f"{PACKAGE}.session.run:embed", 1, DRAWN | {"render.in_dataset": True}),
    (f"{PACKAGE}.session.run:Committer", 1, {}),
    (f"{PACKAGE}.session.committing:Committer.commit", 2, {}),
    (f"{PACKAGE}.session.committing:Committer.last", 5, {}),
    (f"{PACKAGE}.session.committing:Committer.left", 1, {}),
    (f"{PACKAGE}.attempts:Counts.add", 3, {}),
    (f"{PACKAGE}.attempts:Attempt.to_json", 4, {}),
    ("tests.session.known:Known", 1, {}),
    ("tests.session.known:Known.ended", 40, {}),
    ("tests.session.known:Known.episodes", 1, {}),
    ("tests.session.known:Known.actions", 1, {}),
    ("tests.session.known:Known.actions", 60, {}),
    ("tests.session.known:Known.step", 1, {}),
    ("tests.session.known:Known.step", 60, {}),
    ("tests.session.known:Known.abandoned", 1, {}),
    ("tests.session.known:Stripes.lend", 1, DRAWN),
    ("tests.session.known:Stripes.draw", 4, DRAWN),
    ("tests.session.known:Stripes.close", 1, DRAWN),
]


class BoomError(Exception):
    """What nobody expects."""


def owner_of(place: str) -> tuple[Any, str]:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    return owner, name


def inject(monkeypatch: pytest.MonkeyPatch, place: str, call: int, error: Callable[[], BaseException]) -> list[int]:
    """Let a call of a function raise, when it has closed what it closes. Returns where its calls are counted."""
    owner, name = owner_of(place)
    original = getattr(owner, name)
    calls = [0]

    def faulty(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            if name == "close":
                original(*arguments, **named)
            raise error()
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, faulty)
    return calls
