"""Acts as recorded: replays raw demonstrations, so that they are recorded again with what Mimic needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.dataset.raw import RawDemos, file_hash
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.simulation.driver import Flight
from mimicgen.datagen.simulation.environment import Environment
from mimicgen.datagen.simulation.legacy import use_legacy_controller
from mimicgen.datagen.simulation.nearness import Trace
from mimicgen.datagen.simulation.rendezvous import Rendezvous


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
        plots: Folder for a plot of every demonstration that misses a signal; None for none.
    """

    def __init__(self, environment: Environment, demos: RawDemos, plots: Path | None = None):
        self._environment = environment
        self._demos = demos
        self._plots = plots
        self._traces: dict[int, Trace] = {}
        environment.facts["source"] = {
            "file": demos.path.name,
            "sha256": file_hash(demos.path),
            "demos": list(demos.names),
            "legacy": demos.legacy,
        }

    async def act(self, flight: Flight, rendezvous: Rendezvous) -> None:
        """Replay the demonstration of the attempt's number; without one, wait for the other environments."""
        env_id = flight.env
        flight.idle = flight.number > len(self._demos.names)
        await rendezvous.resets.put(env_id)
        await rendezvous.resets.join()
        if flight.idle:
            hold = self._environment.hold(env_id)
            while True:
                await rendezvous.actions.put((env_id, hold()))
                await rendezvous.actions.join()
        name = self._demos.names[flight.number - 1]
        actions = torch.tensor(self._demos.actions(name), device=self._environment.env.device)
        flight.segments.append(Segment(eef="*", subtask=0, demo=name, start=0, end=len(actions)))
        trace = self._traces[env_id] = Trace()
        for action in actions:
            await rendezvous.actions.put((env_id, action))
            await rendezvous.actions.join()
            trace.note(self._environment.env, env_id)

    def reset(self, flight: Flight) -> None:
        """Put the environment into the demonstration's initial state."""
        env = self._environment.env
        env_ids = torch.tensor([flight.env], dtype=torch.int64, device=env.device)
        if flight.idle:
            env.reset(env_ids=env_ids)
            return
        state = {
            kind: {
                asset: {key: torch.tensor(value, device=env.device) for key, value in values.items()}
                for asset, values in assets.items()
            }
            for kind, assets in self._demos.initial_state(self._demos.names[flight.number - 1]).items()
        }
        env.reset_to(state, env_ids, is_relative=True)

    def judge(self, flight: Flight, *, success: bool) -> str | None:
        """A demonstration without all its signals is no source, however it ended."""
        name = self._demos.names[flight.number - 1]
        missing = next((signal for signal, step in flight.signals.items() if step is None), None)
        if missing is None:
            return None
        cfg, trace = self._environment.env.cfg, self._traces[flight.env]
        if self._plots:
            self._plots.mkdir(exist_ok=True)
            trace.plot(cfg, missing, self._plots / f"{name}.png")
        near = trace.explain(cfg, missing)
        return f"{name}: signal '{missing}' never came; {near}"
