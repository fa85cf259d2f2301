"""Steps in which other actions are executed than those that the environment is told.

Isaac Lab's step hands its actions to the action manager, records them, and applies them. In between, before they are
applied, the terms are given others here; the manager, which is asked for the last action, is not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def executing(manager: Any, actions: torch.Tensor) -> Iterator[None]:
    """Let the step inside execute other actions.

    Args:
        manager: Isaac Lab's action manager.
        actions: What is executed, shape (num_envs, action_dim).
    """

    def apply_action() -> None:
        del manager.apply_action  # which leaves the manager's own, for this and every later physics step
        terms = manager._terms.values()
        for term, own in zip(terms, actions.split([term.action_dim for term in terms], dim=1), strict=True):
            term.process_actions(own)
        manager.apply_action()

    manager.apply_action = apply_action
    try:
        yield
    finally:
        vars(manager).pop("apply_action", None)
