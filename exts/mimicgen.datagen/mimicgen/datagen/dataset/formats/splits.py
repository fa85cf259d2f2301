"""The parts of an exported dataset, to train with and to validate with: robomimic's lists, as ranges of episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from mimicgen.datagen.dataset.tools.split import LISTS

TRAIN, VALIDATE = "train", "val"
"""What the parts are called."""

Splits = dict[str, tuple[int, int]]
"""The first and one past the last episode of each part, by name."""


def divided(episodes: Sequence[Set[str]], masks: Mapping[str, Sequence[str]]) -> tuple[list[int], Splits, list[str]]:
    """Return in which order episodes are exported, those to validate with last, the parts, and what is to be said.

    Args:
        episodes: What each episode may be called in a list.
        masks: Names of demonstrations by list.
    """
    everything = [*range(len(episodes))]
    alone = {TRAIN: (0, len(episodes))}
    train, valid = (set(masks.get(name, ())) for name in LISTS)
    if not valid:
        return everything, alone, []
    told = [(bool(names & train), bool(names & valid)) for names in episodes]
    if any(trains is validates for trains, validates in told):
        note = "the lists mask/train and mask/valid do not divide what is exported, so all of it is in the part 'train'"
        return everything, alone, [note]
    order = sorted(everything, key=lambda index: told[index][1])
    count = sum(trains for trains, _ in told)
    if count in (0, len(episodes)):
        return everything, alone, ["only one of the lists mask/train and mask/valid has what is exported"]
    return order, {TRAIN: (0, count), VALIDATE: (count, len(episodes))}, []
