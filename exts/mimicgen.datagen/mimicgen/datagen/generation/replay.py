"""Acts as recorded: replays demonstrations, to see whether they succeed again, or to record what Mimic needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimicgen.datagen.attempts import WHOLE, Segment, reason_for_failure, signal_to_blame
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.dataset.sources.raw import RawDemos, States, file_hash
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.generation.converting import Holder
from mimicgen.datagen.generation.policy import Over
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.upstream.legacy import use_legacy_controller


def prepare(cfg: Any, config: Job, demos: RawDemos) -> None:
    """Make an environment's configuration fit for a replay, in place.

    Raises:
        ConfigError: The run is not as long as the file.
    """
    if config.guarantee or config.num_trials > len(demos.names):
        raise ConfigError(
            f"num_trials = {config.num_trials} with guarantee = {str(config.guarantee).lower()}: a replay makes one "
            f"attempt a demonstration; set num_trials = {len(demos.names)} and guarantee = false"
        )
    if demos.legacy:
        use_legacy_controller(cfg)


def as_tensors(
    rows: Sequence[tuple[States, int]], device: str | torch.device
) -> dict[str, dict[str, dict[str, torch.Tensor]]]:
    """Return states as `reset_to` takes them, each given as states and the row."""
    first, _ = rows[0]
    return {
        kind: {
            asset: {
                key: torch.tensor(np.stack([states[kind][asset][key][row] for states, row in rows]), device=device)
                for key in values
            }
            for asset, values in assets.items()
        }
        for kind, assets in first.items()
    }


class ReplayPolicy:
    """Implements `mimicgen.datagen.generation.policy.Policy`: one demonstration an attempt, in order.

    Args:
        environment: The environment, open.
        demos: The demonstrations.
        by_states: Whether every recorded state is restored after the step that led to it, so that each step starts
            where it was recorded and the attempt ends in the very state that the demonstration ended in. Otherwise
            only the initial state is, and the actions do the rest.
    """

    longest: int | None = None

    def __init__(self, environment: Environment, demos: RawDemos, *, by_states: bool = False):
        self._env = environment.env
        self._demos = demos
        self._by_states = by_states
        self._holder = Holder(self._env, tuple(self._env.cfg.subtask_configs))
        self._replayed: dict[int, _Replayed] = {}
        self.draws_on = str(self._env.device)
        environment.facts["source"] = {
            "file": demos.path.name,
            "sha256": file_hash(demos.path),
            "demos": list(demos.names),
            "legacy": demos.legacy,
        }

    def begin(self, attempts: Sequence[UnderWay]) -> None:
        """Put environments into the initial states of the demonstrations of the attempts' numbers."""
        device = self._env.device
        for attempt in attempts:
            name = self._demos.names[attempt.number - 1]
            actions = torch.tensor(self._demos.actions(name), device=device)
            states = self._demos.states(name) if self._by_states else None
            self._replayed[attempt.env] = _Replayed(actions, states)
            attempt.segments.append(Segment(eef=WHOLE, subtask=0, demo=name, start=0, end=len(actions)))
            chosen = torch.tensor([attempt.env], dtype=torch.int64, device=device)
            with attempt.streams.active():
                self._env.reset_to(as_tensors([(self._demos.initial_state(name), 0)], device), chosen, is_relative=True)

    def hold(self, env_ids: Sequence[int]) -> None:
        """See `Policy.hold`."""
        self._holder.hold(env_ids)
        for env_id in env_ids:
            self._replayed.pop(env_id, None)

    async def actions(self) -> torch.Tensor:
        """See `Policy.actions`."""
        everybody = len(self._replayed) == self._env.num_envs
        with torch.inference_mode():
            actions = torch.zeros_like(self._env.action_manager.action) if everybody else self._holder.actions()
            for env_id, replayed in self._replayed.items():
                actions[env_id] = replayed.actions[replayed.at]
            return actions

    def over(self) -> list[Over]:
        """See `Policy.over`."""
        restored = {env_id: own for env_id, own in self._replayed.items() if own.states is not None}
        if restored:
            chosen = torch.tensor([*restored], dtype=torch.int64, device=self._env.device)
            rows = [(own.states, own.at) for own in restored.values() if own.states is not None]
            states = as_tensors(rows, self._env.device)
            self._env.scene.reset_to(states, chosen, is_relative=True)
            self._env.sim.forward()
        over = []
        for env_id, replayed in self._replayed.items():
            replayed.at += 1
            if replayed.at == len(replayed.actions):
                over.append(Over(env=env_id, last=True))
        return over

    def verdict(self, attempt: UnderWay, *, success: bool) -> str | None:
        """Only success counts."""
        return None


@dataclasses.dataclass
class _Replayed:
    """A demonstration that is replayed in an environment.

    Attributes:
        actions: Its actions, shape (steps, action_dim).
        states: Its states, if they are restored.
        at: The step that comes.
    """

    actions: torch.Tensor
    states: States | None
    at: int = 0


class AnnotatePolicy(ReplayPolicy):
    """Replays demonstrations by their actions, and wants all their subtask signals.

    Args:
        environment: The environment, open.
        demos: The demonstrations.
        plots: Folder for a plot of every demonstration that misses a signal; None for none.
    """

    def __init__(self, environment: Environment, demos: RawDemos, plots: Path | None = None):
        super().__init__(environment, demos)
        self._environment = environment
        self._plots = plots

    def verdict(self, attempt: UnderWay, *, success: bool) -> str | None:
        """A demonstration without all its signals is no source, however it ended."""
        name = self._demos.names[attempt.number - 1]
        missing = signal_to_blame(attempt.signals, last_success=None)
        if missing is None:
            return None
        short = self._environment.shortfalls({attempt.env: missing})[attempt.env]
        if short is not None and self._plots:
            self._plots.mkdir(exist_ok=True)
            short.plot(f"{name}: '{missing}' never came", self._plots / f"{name}.png")
        lacking = short.words if short else None
        reason = reason_for_failure(
            attempt.signals, last_success=None, held=False, steps=attempt.steps, lacking=lacking
        )
        return f"{name}: {reason}"
