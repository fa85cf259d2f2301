"""Tasks in words: what their files, Isaac Lab's configurations and AutoData's files say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mimicgen.datagen.dataset.formats.language import Language, plain_instruction
from mimicgen.datagen.tasks.autodata import read_descriptor
from mimicgen.datagen.tasks.catalogue import described
from mimicgen.datagen.tasks.defaults import own_subtasks


def language_of_task(task: str) -> Language | None:
    """Return what a file says in words of a task that it describes, None where there is none.

    Args:
        task: As in `catalogue.described`.

    Raises:
        TaskError: The file cannot be read, or says something that is not valid.
    """
    found = described(task)
    return None if found is None else spoken(task, found.task.subtasks)


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
    told = _told({**subtasks, **own})
    instruction = found.task.instruction if found else plain_instruction(task)
    language = Language(
        instruction=instruction,
        paraphrases=found.task.paraphrases if found else (),
        subtasks={eef: tuple(texts) for eef, texts in told.items()},
        signals={eef: tuple(one.subtask_term_signal for one in subtasks[eef]) for eef in told},
    )
    if descriptor is None:
        return language
    said = read_descriptor(descriptor)
    texts = {eef: _preferred(said.subtasks[eef], texts) for eef, texts in language.subtasks.items()}
    wanted = said.description.strip()
    if wanted in ("", instruction):
        return dataclasses.replace(language, subtasks=texts)
    known = (instruction, *language.paraphrases) if found else ()
    others = tuple(text for text in known if text != wanted)
    return dataclasses.replace(language, instruction=wanted, paraphrases=others, subtasks=texts)


def _told(subtasks: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """Return what is done in each subtask: what it says, or else the one before; else which one it is of how many."""
    found = {}
    for eef, own in subtasks.items():
        before = ["", *(one.next_subtask_description for one in own)]
        plain = [f"Subtask {number} of {len(own)}" for number in range(1, len(own) + 1)]
        plain = [
            f"{text}, relative to {one.object_ref}" if one.object_ref else text
            for text, one in zip(plain, own, strict=True)
        ]
        found[eef] = [one.description or said or text for one, said, text in zip(own, before[:-1], plain, strict=True)]
    return found


def _preferred(said: Sequence[Any], otherwise: Sequence[str]) -> tuple[str, ...]:
    return tuple(one.description.strip() or text for one, text in zip(said, otherwise, strict=True))
