"""What is known of tasks by their names alone."""

from __future__ import annotations

import re
from pathlib import PurePath

_OF_A_FILE = re.compile(r"(?!Isaac)([A-Za-z]\w*)-[A-Za-z]\w*-Mimic-v0")
"""What a task by file is registered as: its name and a variant."""


def task_family(task: str) -> str:
    """Return what remains of a name when prefixes, versions and Mimic variants are taken away.

    Tasks of one family share robot, scene objects, subtasks and action space, so their demonstrations serve each
    other: 'Isaac-TASK-Blueprint-Mimic-v0' and 'IsaacContrib-TASK' do, and so do all variants of a task by file, however
    it is named: 'drawer', 'mine/drawer.toml', 'drawer-d1-Mimic-v0'.
    """
    if task.endswith(".toml"):
        return PurePath(task).stem
    by_file = _OF_A_FILE.fullmatch(task)
    if by_file:
        return by_file[1]
    name = re.sub(r"^(Isaac|IsaacContrib)-", "", task)
    name = re.sub(r"-v\d+$", "", name)
    return re.sub(r"-(Mimic|Blueprint|Visuomotor|Cosmos|Skillgen|Play)(?=-|$)", "", name)
