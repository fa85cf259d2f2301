"""What a recording tells beside what is to be seen: numbers, subtasks, signals, and how the demonstration went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import rerun as rr

from mimicgen.datagen.text import shown
from mimicgen.datagen.viewing.colours import BAD, GOOD, GREY, PALETTE
from mimicgen.datagen.viewing.demonstrations import Demonstration, Part
from mimicgen.datagen.viewing.moments import Moments

ACTIONS, JOINTS, ABOUT, EVENTS = "actions", "joints", "about", "events"
HAND, OUTCOME, SIGNAL = "hand", "outcome", "signal"
"""Entities at the top; those of the lanes are in the order in which the viewer shows them."""

_MARKUP = frozenset(r"\`*_{}[]<>()#+-.!|~:&")

CAME, NOT_YET = "came", "not yet"


def tell_numbers(
    recording: rr.RecordingStream, demo: Demonstration, scene: Mapping[str, Any], moments: Moments
) -> None:
    """Write actions and joint positions as curves, by name where the task's file says what they are."""
    names = scene["actions"] if len(scene["actions"]) == demo.actions.shape[1] else []
    names = names or [f"{number + 1}" for number in range(demo.actions.shape[1])]
    recording.log(ACTIONS, _curves(names), static=True)
    recording.send_columns(ACTIONS, moments.at(range(demo.steps)), rr.Scalars.columns(scalars=demo.actions))
    for asset, motion in demo.joints.items():
        links = scene["assets"].get(asset, {"links": []})["links"]
        known = [link["joint"]["name"] for link in links if link["joint"]]
        count = motion.values.shape[1]
        path = rr.new_entity_path([JOINTS, asset])
        names = known if len(known) == count else [f"{number + 1}" for number in range(count)]
        names = [f"{asset} {name}" for name in names] if len(demo.joints) > 1 else names
        recording.log(path, _curves(names), static=True)
        recording.send_columns(path, moments.of(motion), rr.Scalars.columns(scalars=motion.values))


def _curves(names: Sequence[str]) -> rr.SeriesLines:
    colours = [PALETTE[index % len(PALETTE)] for index in range(len(names))]
    return rr.SeriesLines(names=names, colors=np.array(colours, np.uint32))


def tell_progress(
    recording: rr.RecordingStream,
    demo: Demonstration,
    colours: Mapping[Part, int],
    moments: Moments,
) -> None:
    """Write subtasks, signals and the outcome as lanes over the steps, and all of them as a log."""
    for eef, parts in demo.lanes.items():
        path = rr.new_entity_path([HAND, eef] if eef else [HAND])
        styles = {part.words: colours[part] for part in parts}
        recording.log(
            path, rr.StateConfiguration(values=[*styles], colors=np.array([*styles.values()], np.uint32)), static=True
        )
        changes = [*((part.begin, part.words) for part in parts)]
        recording.send_columns(
            path,
            moments.at([step for step, _ in changes]),
            rr.StateChange.columns(state=[words for _, words in changes]),
        )
    for name, step in demo.signals.items():
        path = rr.new_entity_path([SIGNAL, name])
        recording.log(
            path, rr.StateConfiguration(values=[NOT_YET, CAME], colors=np.array([GREY, GOOD], np.uint32)), static=True
        )
        recording.send_columns(path, moments.at([0, step]), rr.StateChange.columns(state=[NOT_YET, CAME]))
    colour = GREY if demo.success is None else GOOD if demo.success else BAD
    recording.log(
        OUTCOME,
        rr.StateConfiguration(values=[demo.outcome], colors=np.array([colour], np.uint32)),
        static=True,
    )
    recording.send_columns(OUTCOME, moments.at([0]), rr.StateChange.columns(state=[demo.outcome]))
    events = sorted(_events(demo), key=lambda event: event[0])
    texts = rr.TextLog.columns(text=[shown(text) for _, text in events])
    recording.send_columns(EVENTS, moments.at([step for step, _ in events]), texts)


def tell_about(recording: rr.RecordingStream, demo: Demonstration, about: Mapping[str, str]) -> None:
    """Write what the demonstration is: as a text, and as properties, which the viewer lists of all recordings.

    Args:
        recording: Where to.
        demo: The demonstration.
        about: What the text says besides, by what it is; '' is not said.
    """
    recorded = {key: demo.told.get(key) for key in ("attempt", "seed", "parent")}
    facts = {"outcome": demo.outcome, "steps": demo.steps, **recorded}
    facts = {
        key: value if isinstance(value, int) else shown(value) for key, value in facts.items() if value is not None
    }
    recording.send_property("demonstration", rr.AnyValues(**facts))
    rows = [f"# {_escaped(demo.name)}", ""]
    rows += [f"**{key}** {_escaped(value)}\n" for key, value in {**about, **facts}.items() if value != ""]
    if demo.segments:
        rows += ["| hand | subtask | source | steps |", "|---|---|---|---|"]
        rows += [
            f"| {_escaped(one['eef'])} | {one['subtask'] + 1} | {_escaped(one['demo'])} "
            f"| {one['start']} to {one['end']} |"
            for one in demo.segments
        ]
    text = rr.TextDocument("\n".join(rows), media_type=rr.MediaType.MARKDOWN)
    recording.log(ABOUT, text, static=True)


def _events(demo: Demonstration) -> Iterator[tuple[int, str]]:
    for eef, parts in demo.lanes.items():
        for part in parts:
            yield part.begin, f"{eef}: {part.words}" if eef else part.words
    for name, step in demo.signals.items():
        yield step, f"signal {name} came"
    yield demo.steps, demo.outcome


def _escaped(text: object) -> str:
    """Return a text as it is shown, and with nothing in it that Markdown makes something of."""
    return "".join(f"\\{one}" if one in _MARKUP else one for one in shown(text))
