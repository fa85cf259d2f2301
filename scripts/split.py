"""Clocks in the parts of a run, for the benchmark."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any

PARTS = (
    "simulation",
    "controller and managers",
    "resets",
    "success evaluation",
    "waypoints and actions",
    "recording",
    "writing",
    "scheduling",
)
"""What a step's time is divided into; scheduling is what is in none of the others."""


class Split:
    """Tells how much time is spent in the parts, each without what it calls of another part.

    Args:
        device: On CUDA, a part ends when the device has done what it was told.
    """

    def __init__(self, device: str):
        self._cuda = device.startswith("cuda")
        self._seconds = dict.fromkeys(PARTS, 0.0)
        self._running = False
        self._stack: list[str] = []
        self._since = 0.0

    def start(self) -> None:
        """Begin to count."""
        self._running = True
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Count no more."""
        self._running = False

    def parts(self, steps: int, seconds: float) -> dict[str, float]:
        """Return milliseconds a step by part, and of all.

        Args:
            steps: Steps that were counted.
            seconds: How long they took in all.
        """
        told = {part: 1000 * spent / steps for part, spent in self._seconds.items()}
        told["all"] = 1000 * seconds / steps
        told["scheduling"] = told["all"] - sum(told[part] for part in PARTS if part != "scheduling")
        return told

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Count the time of a method, of an object or a class."""
        setattr(owner, name, self.counted(getattr(owner, name), part))

    def counted(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return a function that counts its time for a part, until its end where it is a coroutine."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wait(*args: Any, **kwargs: Any) -> Any:
                self._turn()
                self._stack.append(part)
                try:
                    return await function(*args, **kwargs)
                finally:
                    self._turn()
                    self._stack.pop()

            return wait

        @functools.wraps(function)  # upstream looks at a signature
        def call(*args: Any, **kwargs: Any) -> Any:
            self._turn()
            self._stack.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                self._turn()
                self._stack.pop()

        return call

    def watch_environment(self, env: Any) -> None:
        """Count what both sides have: Isaac Lab's environment."""
        self.watch(env, "step", "controller and managers")
        self.watch(env.sim, "step", "simulation")
        self.watch(env, "reset", "resets")
        recorder = env.recorder_manager
        for name in ("record_pre_step", "record_post_step", "record_pre_reset", "record_post_reset", "reset"):
            self.watch(recorder, name, "recording")
        self.watch(recorder, "export_episodes", "writing")

    def watch_ours(self, generator: Any, outputs: Any) -> None:
        """Count our generator's parts."""
        self.watch_environment(generator._env)
        self.watch(generator._environment, "update_success", "success evaluation")
        self.watch(generator, "_begin", "resets")
        self.watch(generator._policy, "actions", "waypoints and actions")
        self.watch(generator._policy, "over", "waypoints and actions")
        self.watch(generator, "episodes", "writing")
        for name in ("hold", "commit"):
            self.watch(outputs, name, "writing")

    def _turn(self) -> None:
        """Give the time since the last turn to the part that was running."""
        if self._cuda:
            import torch

            torch.cuda.synchronize()
        now = time.perf_counter()
        if self._running and self._stack:
            self._seconds[self._stack[-1]] += now - self._since
        self._since = now


def solver_alone(env: Any, steps: int) -> float:
    """Return the milliseconds that the physics engine takes for an environment step with nothing around it.

    It goes on from where everything is, towards the last targets: the upper bound of what generation can reach.

    Args:
        env: Isaac Lab's environment.
        steps: Environment steps that are measured.
    """
    import torch

    manager, begin = env.sim.physics_manager, 0.0
    calls = steps * (1 if env._physics_handles_decimation else env.cfg.decimation)
    with torch.inference_mode():
        for number in range(-2, calls):
            if number == 0:
                if env.device != "cpu":
                    torch.cuda.synchronize()
                begin = time.perf_counter()
            manager.step()
        if env.device != "cpu":
            torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - begin) / steps
