"""What a recording tells beside what is to be seen: numbers, subtasks, signals, and how the demonstration went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import rerun as rr
from mimicgen.datagen.report.lanes import Part

from mimicgen.datagen.text import shown
from mimicgen.datagen.viewing.colours import BAD, GOOD, GREY
from mimicgen.datagen.viewing.demonstrations import Demonstration
from mimicgen.datagen.viewing.moments import Moments

ACTIONS, JOINTS, LANES, ABOUT, EVENTS = "actions", "joints", "lanes", "about", "events"
"""Entities at the top."""

CAME, NOT_YET = "came", "not yet"


def tell_numbers(
    recording: rr.RecordingStream, demo: Demonstration, scene: Mapping[str, Any], moments: Moments
) -> None:
    """Write actions and joint positions as curves, by name where the task's file says what they are."""
    names = scene["actions"] if len(scene["actions"]) == demo.actions.shape[1] else []
    names = names or [f"{number + 1}" for number in range(demo.actions.shape[1])]
    recording.log(ACTIONS, rr.SeriesLines(names=names), static=True)
    recording.send_columns(ACTIONS, moments.at(range(demo.steps)), rr.Scalars.columns(scalars=demo.actions))
    for asset, motion in demo.joints.items():
        links = scene["assets"].get(asset, {"links": []})["links"]
        known = [link["joint"]["name"] for link in links if link["joint"]]
        count = motion.values.shape[1]
        path = rr.new_entity_path([JOINTS, asset])
        names = known if len(known) == count else [f"{number + 1}" for number in range(count)]
        recording.log(path, rr.SeriesLines(names=names), static=True)
        recording.send_columns(path, moments.of(motion), rr.Scalars.columns(scalars=motion.values))


def tell_progress(
    recording: rr.RecordingStream,
    demo: Demonstration,
    lanes: Mapping[str, Sequence[Part]],
    colours: Mapping[Part, int],
    moments: Moments,
) -> None:
    """Write subtasks, signals and the outcome as lanes over the steps, and all of them as a log."""
    for eef, parts in lanes.items():
        path = rr.new_entity_path([LANES, eef or "subtask"])
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
        path = rr.new_entity_path([LANES, f"signal {name}"])
        recording.log(
            path, rr.StateConfiguration(values=[NOT_YET, CAME], colors=np.array([GREY, GOOD], np.uint32)), static=True
        )
        recording.send_columns(path, moments.at([0, step]), rr.StateChange.columns(state=[NOT_YET, CAME]))
    outcome = outcome_of(demo)
    colour = GREY if demo.success is None else GOOD if demo.success else BAD
    recording.log(
        f"{LANES}/outcome", rr.StateConfiguration(values=[outcome], colors=np.array([colour], np.uint32)), static=True
    )
    recording.send_columns(f"{LANES}/outcome", moments.at([0]), rr.StateChange.columns(state=[outcome]))
    events = sorted(_events(demo, lanes), key=lambda event: event[0])
    texts = rr.TextLog.columns(text=[shown(text) for _, text in events])
    recording.send_columns(EVENTS, moments.at([step for step, _ in events]), texts)


def tell_about(recording: rr.RecordingStream, demo: Demonstration, task: str, instruction: str) -> None:
    """Write what the demonstration is: as a text, and as properties of the recording."""
    facts: dict[str, Any] = {"task": task, "instruction": instruction, "outcome": outcome_of(demo), "steps": demo.steps}
    facts |= {key: demo.told[key] for key in ("attempt", "seed", "reason", "parent") if key in demo.told}
    facts = {key: shown(value) for key, value in facts.items() if value not in ("", None)}
    for key, value in facts.items():
        recording.send_property(key, rr.AnyValues(value=value))
    rows = [f"# {_escaped(shown(demo.name))}", ""]
    rows += [f"**{key}** {_escaped(value)}\n" for key, value in facts.items()]
    if demo.segments:
        rows += ["| hand | subtask | source | steps |", "|---|---|---|---|"]
        rows += [
            f"| {_escaped(shown(one['eef']))} | {one['subtask'] + 1} | {_escaped(shown(one['demo']))} "
            f"| {one['start']} to {one['end']} |"
            for one in demo.segments
        ]
    text = rr.TextDocument("\n".join(rows), media_type=rr.MediaType.MARKDOWN)
    recording.log(ABOUT, text, static=True)


def outcome_of(demo: Demonstration) -> str:
    """Return how a demonstration went, in words."""
    if demo.success is None:
        return "outcome not told"
    return "success" if demo.success else "failure"


def _events(demo: Demonstration, lanes: Mapping[str, Sequence[Part]]) -> Iterator[tuple[int, str]]:
    for eef, parts in lanes.items():
        for part in parts:
            yield part.begin, f"{eef}: {part.words}" if eef else part.words
    for name, step in demo.signals.items():
        yield step, f"signal {name} came"
    yield demo.steps, outcome_of(demo)


def _escaped(text: str) -> str:
    """Return a text that is none of Markdown's."""
    return "".join(f"\\{one}" if one in r"\`*_{}[]<>()#+-.!|~:" else one for one in text)
