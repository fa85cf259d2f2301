"""Writing checkpoints in the library's own format, and what it takes to go on with a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mimicgen.datagen.dataset.folders import explained, writable_folder
from mimicgen.datagen.dataset.replacing import discard, name_folder, new_file
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.policies.training.folder import states_in
from mimicgen.datagen.policies.training.learner import Learner


def write_checkpoint(output: Path, step: int, learner: Learner, module: torch.nn.Module) -> Path:
    """Write a checkpoint, whole or not at all, and return it; one that is there already stays.

    Raises:
        OutputError: It cannot be written.
    """
    folder = writable_folder(output / "checkpoints")
    path = folder / f"step_{step:06d}{learner.suffix}"
    if path.exists():
        return path
    if learner.suffix:
        with new_file(path) as scratch:
            learner.save(module, scratch)
        return path
    with explained(path):
        scratch = folder / f".step_{step:06d}.part"
        count = 0
        while scratch.exists():  # of a training that was killed while it wrote
            count += 1
            scratch = folder / f".step_{step:06d}.{count}.part"
        learner.save(module, scratch)
        name_folder(scratch, path)
    return path


def write_state(output: Path, step: int, state: dict[str, Any]) -> None:
    """Write what it takes to go on from a step, and let go of what was written for those before.

    Raises:
        OutputError: It cannot be written.
    """
    before = states_in(output)
    if step not in before:
        with new_file(output / f"state_{step:06d}.pt") as scratch:
            torch.save(state, scratch)
    for own, path in before.items():
        if own != step:
            discard(path)


def read_state(output: Path) -> dict[str, Any] | None:
    """Return the latest of what a training can go on from, None where there is nothing.

    Raises:
        OutputError: It cannot be read.
    """
    states = states_in(output)
    if not states:
        return None
    path = list(states.values())[-1]
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise OutputError(f"output '{path}' cannot be read ({error}); begin anew with --fresh") from error
    return state
