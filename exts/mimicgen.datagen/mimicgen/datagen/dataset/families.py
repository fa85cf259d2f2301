"""Which registered tasks' demonstrations serve each other, by their names."""

from __future__ import annotations

import re


def task_family(task: str) -> str:
    """Return what remains of a registered name when prefixes, versions and Mimic variants are taken away.

    Tasks of one family share robot, scene objects, subtasks and action space, so their demonstrations serve each
    other: 'Isaac-TASK-Blueprint-Mimic-v0' and 'IsaacContrib-TASK' do.
    """
    name = re.sub(r"^(Isaac|IsaacContrib)-", "", task)
    name = re.sub(r"-v\d+$", "", name)
    return re.sub(r"-(Mimic|Blueprint|Visuomotor|Cosmos|Skillgen|Play)(?=-|$)", "", name)
