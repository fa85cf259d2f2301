"""What a task says in words: to policies that are trained from its data, and to people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.tasks.schema import Subtask

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described


def faults_of_words(described: Described) -> Iterator[str]:
    """Yield what is said without a word, and what is said twice of the whole task."""
    task = described.task
    said: dict[str, str] = {}
    texts = {"instruction": task.instruction}
    texts |= {f"paraphrases[{index}]": text for index, text in enumerate(task.paraphrases)}
    for key, text in texts.items():
        words = " ".join(text.split())
        if not words:
            yield f"{key} = {quoted(text)}: has no words; say what is to be done"
        elif words in said:
            yield f"{key} = {quoted(text)}: {said[words]} says the same; say it in other words, or leave it out"
        said.setdefault(words, key)
    for eef, subtasks in task.subtasks.items():
        for index, one in enumerate(subtasks):
            for key in ("description", "next_subtask_description"):
                text = getattr(one, key)
                if text and not text.strip():
                    yield f"subtasks.{eef}[{index}].{key} = {quoted(text)}: has no words; say what is done"


def untold(described: Described) -> Iterator[str]:
    """Yield subtasks that nothing says in words, and those of which two things are said."""
    for eef, subtasks in described.task.subtasks.items():
        yield from _untold(f"subtasks.{eef}", subtasks)


def _untold(key: str, subtasks: Sequence[Subtask]) -> Iterator[str]:
    missing = "has no description, so a dataset cannot say in words what is being done"
    if not subtasks[0].description:
        yield f"{key}[0] {missing}"
    for index, (before, one) in enumerate(pairwise(subtasks), 1):
        told = before.next_subtask_description
        if not (one.description or told):
            yield f"{key}[{index}] {missing}"
        elif one.description and told and one.description != told:
            yield (
                f"{key}[{index}].description = {quoted(one.description)}: the subtask before says {quoted(told)}; the "
                "description is what counts"
            )
