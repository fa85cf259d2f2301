"""What of demonstrations turns with their scenes."""

from __future__ import annotations

import torch

from mimicgen.datagen.policies.training.data import Demonstrations
from mimicgen.datagen.policies.training.turning.layout import Layout, TurningError, layouts_of
from mimicgen.datagen.policies.training.turning.scenes import Turning
from mimicgen.datagen.tasks.motion import embodiment_of

ACTION = "action"
"""What actions are called among a sample's numbers, and LeRobot's feature of them."""


def turning_of(data: Demonstrations, degrees: float, metres: float) -> Turning:
    """Return what turns samples of demonstrations.

    Args:
        data: The demonstrations.
        degrees: The most that a scene is turned, to either side.
        metres: The most that it is moved, along x and y.

    Raises:
        TurningError: What their numbers are is not known, or turned scenes would differ in what is not observed.
    """
    if not data.objects:
        raise TurningError("the dataset does not say where its objects are (obs/datagen_info/object_pose)")
    first = int(data.lengths[0])
    numbers = {name: rows[:first].cpu().numpy() for name, rows in data.numbers.items()}
    layouts = layouts_of(numbers, data.objects) | {ACTION: _actions(data)}
    places = [rows[:, [at, at + 1]] for name, rows in data.numbers.items() for at in layouts[name].positions]
    return Turning(layouts, torch.cat(places).mean(dim=0), degrees, metres)


def _actions(data: Demonstrations) -> Layout:
    """Return what actions are.

    Raises:
        TurningError: They are no moves of hands, or what they are is not known.
    """
    body = embodiment_of(str(data.env_args.get("env_name", "")))
    if not body.hands or body.width != data.actions.shape[1]:
        raise TurningError("how the task's robots take actions is not known")
    if not all(hand.command.relative for hand in body.hands):
        raise TurningError("actions are poses to reach, and no moves")
    begins = (hand.command.begin for hand in body.hands)
    return Layout(ways=tuple(at for begin in begins for at in (begin, begin + 3)))
