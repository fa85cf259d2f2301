"""Tasks in words: what their files, Isaac Lab's configurations and AutoData's files say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mimicgen.datagen.dataset.formats.language import Language, plain_instruction
from mimicgen.datagen.tasks.autodata import read_descriptor
from mimicgen.datagen.tasks.catalogue import Described, described
from mimicgen.datagen.tasks.defaults import own_subtasks


def language_of_task(task: str) -> Language | None:
    """Return what a file says in words of a task that it describes, None where there is none.

    Args:
        task: As in `catalogue.described`.

    Raises:
        TaskError: The file cannot be read, or says something that is not valid.
    """
    found = described(task)
    return None if found is None else language_of_file(found)


def language_of_file(found: Described) -> Language:
    """Return what a task's file says in words."""
    own = found.task.subtasks
    return Language(
        instruction=found.task.instruction,
        paraphrases=found.task.paraphrases,
        subtasks=_told(own),
        signals={eef: tuple(one.subtask_term_signal for one in subtasks) for eef, subtasks in own.items()},
    )


def spoken(task: str, subtasks: Mapping[str, Sequence[Any]], descriptor: Path | None = None) -> Language:
    """Return a run's task in words.

    The task's own file says them, else Isaac Lab's configuration, which has no instruction; one of AutoData's files
    takes precedence over both where it has words.

    Args:
        task: As in `catalogue.described`.
        subtasks: By end effector, as Isaac Lab's configuration has them.
        descriptor: A task file of AutoData.

    Raises:
        BadInputError: A file cannot be read, or says something that is not valid.
    """
    found, own = described(task), own_subtasks(task, subtasks)
    language = Language(
        instruction=found.task.instruction if found else plain_instruction(task),
        paraphrases=found.task.paraphrases if found else (),
        subtasks=_told({**subtasks, **own}),
        signals={eef: tuple(one.subtask_term_signal for one in those) for eef, those in subtasks.items()},
    )
    if descriptor is None:
        return language
    said = read_descriptor(descriptor)
    texts = {eef: _preferred(said.subtasks[eef], texts) for eef, texts in language.subtasks.items()}
    wanted = said.description.strip()
    if wanted in ("", language.instruction):
        return dataclasses.replace(language, subtasks=texts)
    known = (language.instruction, *language.paraphrases) if found else ()
    others = tuple(text for text in known if text != wanted)
    return dataclasses.replace(language, instruction=wanted, paraphrases=others, subtasks=texts)


def _told(subtasks: Mapping[str, Sequence[Any]]) -> dict[str, tuple[str, ...]]:
    """Return what is done in each subtask: what it says, or else the one before; else which one it is of how many."""
    found: dict[str, tuple[str, ...]] = {}
    for eef, own in subtasks.items():
        said = ["", *(one.next_subtask_description for one in own)]
        found[eef] = tuple(
            one.description or before or _plain(one, number, len(own))
            for number, (one, before) in enumerate(zip(own, said[:-1], strict=True), 1)
        )
    return found


def _plain(subtask: Any, number: int, many: int) -> str:
    """Return what is known of a subtask without words."""
    text = f"Subtask {number} of {many}"
    return f"{text}, relative to {subtask.object_ref}" if subtask.object_ref else text


def _preferred(said: Sequence[Any], otherwise: Sequence[str]) -> tuple[str, ...]:
    return tuple(one.description.strip() or text for one, text in zip(said, otherwise, strict=True))
