"""What a dataset says in words: what is to be done, what is being done at every step, and how it ended.

A dataset says it itself, in the attribute `language` of `data`, as the task's file said it when it was made, so nobody
needs that file to read it. Nothing is guessed: where no words are known, what is known is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import attribute, recorded_task
from mimicgen.datagen.dataset.tools.copying import steps_of

LANGUAGE = "language"
"""Attribute of `data`, JSON: see `Language.plain`."""

NOT_RECORDED = "not recorded"
"""How a demonstration ended that does not say it."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """A task in words.

    Attributes:
        instruction: What is to be done: what a policy is told.
        paraphrases: The same in other words.
        subtasks: What is done during each subtask, by end effector, in order; nothing where that is not known.
        signals: The signal that ends each of them, likewise; None for the last one's.
    """

    instruction: str
    paraphrases: tuple[str, ...]
    subtasks: dict[str, tuple[str, ...]]
    signals: dict[str, tuple[str | None, ...]]

    def plain(self) -> dict[str, Any]:
        """Return it as a file says it: instruction, paraphrases, `text` and `until` (its signal) of each subtask."""
        subtasks = {
            eef: [{"text": text, "until": signal} for text, signal in zip(texts, self.signals[eef], strict=True)]
            for eef, texts in self.subtasks.items()
        }
        return {"instruction": self.instruction, "paraphrases": list(self.paraphrases), "subtasks": subtasks}


def nothing_known(task: str) -> Language | None:
    """Say of every task that nothing is known of it."""
    return None


def language_of(data: h5py.Group, of_task: Callable[[str], Language | None] = nothing_known) -> Language:
    """Return what a dataset says of its task in words.

    One from before datasets did has what is known of its task by name, unless a file of the user's described that; else
    a sentence that only names it.

    Args:
        data: The group `data` of the file.
        of_task: What is known of a task, by the name that the environment has, '' for none; never a path.

    Raises:
        SourceError: The attribute that names the task cannot be read.
    """
    task = recorded_task(data.file)
    told = read_language(attribute(data, LANGUAGE))
    users = task.endswith(".toml") or _of_a_users_file(attribute(data.file, "provenance"))
    if told is None and not users:
        told = of_task(task)
    return told or Language(instruction=plain_instruction(task), paraphrases=(), subtasks={}, signals={})


def plain_instruction(task: str) -> str:
    """Return what can be said of a task of which no words are known, '' for one without a name."""
    return f"Perform the task {task}." if task else "Perform the recorded task."


def subtask_texts(language: Language, demonstration: h5py.Group) -> list[str]:
    """Return what is being done at every step of a demonstration, in words, one text a step.

    Of several end effectors, one after the other, each with its name: 'left: Take it; right: Let go'; see
    `subtasks_at`.
    """
    told = subtasks_at(language, demonstration)
    if len(told) == 1:
        return next(iter(told.values()))
    return [
        "; ".join(f"{eef}: {text}" for eef, text in zip(told, at, strict=True))
        for at in zip(*told.values(), strict=True)
    ]


def subtasks_at(language: Language, demonstration: h5py.Group) -> dict[str, list[str]]:
    """Return what each end effector does at every step of a demonstration, in words, one text a step.

    A subtask is over when its signal has come, as in the array `subtask_index`, for every end effector by itself. Where
    a task's subtasks have no words, it is told, under the name '', which signal is waited for; the instruction, where
    there are no signals either.

    Args:
        language: What is known of the task in words.
        demonstration: Its group in the file.
    """
    steps, came = steps_of(demonstration), first_steps(demonstration)
    if not language.subtasks:
        return {"": _texts(*_by_signals(language, came), came, steps)}
    return {eef: _texts(texts, language.signals[eef], came, steps) for eef, texts in language.subtasks.items()}


def outcome_text(demonstration: h5py.Group) -> str:
    """Return how a demonstration ended: 'success', 'failure: REASON', or that it is not recorded."""
    success, record = attribute(demonstration, "success"), attribute(demonstration, "record")
    if not isinstance(success, bool):
        return NOT_RECORDED
    reason = record.get("reason") if isinstance(record, dict) else None
    return "success" if success else f"failure: {reason or 'the reason was not recorded'}"


def first_steps(demonstration: h5py.Group) -> dict[str, int | None]:
    """Return the step before which each subtask signal first came, None where it never did.

    It is in the attribute `signals` of what this project made, and in `obs/datagen_info` of Isaac Lab's own files.
    """
    told = attribute(demonstration, "signals")
    if isinstance(told, dict):
        return {name: step if type(step) is int and step >= 0 else None for name, step in told.items()}
    recorded = demonstration.get("obs/datagen_info/subtask_term_signals")
    if not isinstance(recorded, h5py.Group):
        return {}
    return {name: _first(values[:]) for name, values in recorded.items() if isinstance(values, h5py.Dataset)}


def read_language(told: Any) -> Language | None:
    """Return what `Language.plain` gave, None for what it did not give."""
    if not isinstance(told, Mapping) or not _is_text(told.get("instruction")):
        return None
    paraphrases, subtasks = told.get("paraphrases"), told.get("subtasks")
    if not (isinstance(paraphrases, list) and all(map(_is_text, paraphrases)) and isinstance(subtasks, Mapping)):
        return None
    if not all(isinstance(own, list) and own and all(map(_is_subtask, own)) for own in subtasks.values()):
        return None
    return Language(
        instruction=told["instruction"],
        paraphrases=tuple(paraphrases),
        subtasks={eef: tuple(one["text"] for one in own) for eef, own in subtasks.items()},
        signals={eef: tuple(one["until"] for one in own) for eef, own in subtasks.items()},
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_subtask(told: Any) -> bool:
    return (
        isinstance(told, Mapping)
        and _is_text(told.get("text"))
        and "until" in told
        and (told["until"] is None or _is_text(told["until"]))
    )


def _of_a_users_file(provenance: Any) -> bool:
    """Return whether the task was described by a file that did not come with the extension, which may have its name."""
    if not isinstance(provenance, dict):
        return False
    config, parts = provenance.get("config"), provenance.get("merged")
    if isinstance(config, dict) and str(config.get("task", "")).endswith(".toml"):
        return True
    own = [part.get("attributes") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return any(_of_a_users_file(told.get("provenance")) for told in own if isinstance(told, dict))


def _by_signals(language: Language, came: Mapping[str, int | None]) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    """Return what can be said of subtasks without words, and the signals that end them.

    They are in the order in which they came: Isaac Lab's files do not tell that of the subtasks.
    """
    names = sorted(came, key=lambda name: math.inf if (step := came[name]) is None else step)
    if not names:
        return (language.instruction,), (None,)
    return (*(f"Until the signal {name} comes" for name in names), f"After the signal {names[-1]}"), (*names, None)


def _texts(
    texts: tuple[str, ...], signals: tuple[str | None, ...], came: Mapping[str, int | None], steps: int
) -> list[str]:
    """Return the text of one end effector's subtask at every step."""
    index = np.zeros(steps, np.intp)
    for signal in signals[:-1]:
        step = came.get(signal or "")
        if step is None:
            break
        index[step:] += 1
    return [texts[at] for at in index]


def _first(values: NDArray[Any]) -> int | None:
    """Return the first index of what is true, shape (steps,) or (steps, 1), None where nothing is."""
    true = values.reshape(len(values), -1).any(axis=1) if values.size else np.zeros(0, bool)
    return int(true.argmax()) if true.any() else None
