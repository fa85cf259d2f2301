"""Acts as recorded: replays demonstrations, to see whether they succeed again, or to record what Mimic needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mimicgen.datagen.attempts import WHOLE, Segment, reason_for_failure, signal_to_blame
from mimicgen.datagen.config.run import RunConfig
from mimicgen.datagen.dataset.sources.raw import RawDemos, States, file_hash
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.generation.flight import Flight
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.legacy import use_legacy_controller
from mimicgen.datagen.reference.rendezvous import Rendezvous


def prepare(cfg: Any, config: RunConfig, demos: RawDemos) -> None:
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


class ReplayPolicy:
    """Replays one demonstration an attempt, in order.

    Args:
        environment: The environment, open.
        demos: The demonstrations.
        by_states: Whether every recorded state is restored after the step that led to it, so that each step starts
            where it was recorded and the attempt ends in the very state that the demonstration ended in. Otherwise
            only the initial state is, and the actions do the rest.
    """

    def __init__(self, environment: Environment, demos: RawDemos, *, by_states: bool = False):
        self._environment = environment
        self._demos = demos
        self._by_states = by_states
        environment.facts["source"] = {
            "file": demos.path.name,
            "sha256": file_hash(demos.path),
            "demos": list(demos.names),
            "legacy": demos.legacy,
        }

    async def act(self, flight: Flight, rendezvous: Rendezvous) -> None:
        """Replay the demonstration of the attempt's number."""
        env_id = flight.env
        await rendezvous.resets.put(env_id)
        await rendezvous.resets.join()
        name = self._demos.names[flight.number - 1]
        actions = torch.tensor(self._demos.actions(name), device=self._environment.env.device)
        states = self._demos.states(name) if self._by_states else None
        flight.segments.append(Segment(eef=WHOLE, subtask=0, demo=name, start=0, end=len(actions)))
        for step, action in enumerate(actions):
            await rendezvous.actions.put((env_id, action))
            await rendezvous.actions.join()
            if states is not None:
                self._restore(flight, self._tensors(states, step))

    def reset(self, flight: Flight) -> None:
        """Put the environment into the demonstration's initial state."""
        env, env_ids = self._environment.env, self._env_ids(flight)
        initial = self._demos.initial_state(self._demos.names[flight.number - 1])
        env.reset_to(self._tensors(initial, 0), env_ids, is_relative=True)

    def judge(self, flight: Flight, *, success: bool) -> str | None:
        """Only success counts."""
        return None

    def _restore(self, flight: Flight, state: Any) -> None:
        """Put the environment into a state that the attempt goes on from, and see whether it is a success."""
        env = self._environment.env
        env.scene.reset_to(state, self._env_ids(flight), is_relative=True)
        env.sim.forward()
        self._environment.update_success()

    def _env_ids(self, flight: Flight) -> torch.Tensor:
        return torch.tensor([flight.env], dtype=torch.int64, device=self._environment.env.device)

    def _tensors(self, states: States, row: int) -> dict[str, dict[str, dict[str, torch.Tensor]]]:
        """Return one of a demonstration's states as `reset_to` takes it."""
        device = self._environment.env.device
        return {
            kind: {
                asset: {key: torch.tensor(value[row : row + 1], device=device) for key, value in values.items()}
                for asset, values in assets.items()
            }
            for kind, assets in states.items()
        }


class AnnotatePolicy(ReplayPolicy):
    """Replays demonstrations by their actions, and wants all their subtask signals.

    Args:
        environment: The environment, open.
        demos: The demonstrations.
        plots: Folder for a plot of every demonstration that misses a signal; None for none.
    """

    def __init__(self, environment: Environment, demos: RawDemos, plots: Path | None = None):
        super().__init__(environment, demos)
        self._plots = plots

    def judge(self, flight: Flight, *, success: bool) -> str | None:
        """A demonstration without all its signals is no source, however it ended."""
        name = self._demos.names[flight.number - 1]
        missing = signal_to_blame(flight.signals, last_success=None)
        if missing is None:
            return None
        short = self._environment.shortfalls({flight.env: missing})[flight.env]
        if short is not None and self._plots:
            self._plots.mkdir(exist_ok=True)
            short.plot(f"{name}: '{missing}' never came", self._plots / f"{name}.png")
        reason = reason_for_failure(
            flight.signals, last_success=None, held=False, steps=flight.steps, lacking=short.words if short else None
        )
        return f"{name}: {reason}"
