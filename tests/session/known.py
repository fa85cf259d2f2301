"""A generator whose attempts are known beforehand, for what is counted and how a run ends.

It stands in for the simulation alone: session, outputs, rendering and the live page are the real ones. Like the real
generators it begins attempts in the order of their numbers, never beyond the last one it is allowed, in whatever
environments are free, and tells those that ended before it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.config.jobs import Generate, Job
from mimicgen.datagen.dataset.images.looks import Look
from mimicgen.datagen.dataset.images.pixels import Colour, Frames, Image
from mimicgen.datagen.dataset.images.renderer import Renderer
from mimicgen.datagen.dataset.images.room import Room
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.parts import Episode
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.progress import End, Progress
from mimicgen.datagen.session import Session
from mimicgen.datagen.session.generator import AnnounceStage, Generator, OpenSimulation
from mimicgen.datagen.tasks.defaults import build

Fate = Callable[[int], tuple[bool, int]]
"""Whether the attempt of a number succeeds, and after how many steps it ends."""


def early_failures(rate: float, seed: int = 7) -> Fate:
    """Successes take 150 to 300 steps, failures 20 to 40."""

    def fate(number: int) -> tuple[bool, int]:
        chance = np.random.default_rng((seed, number))
        success = bool(chance.random() < rate)
        return success, int(chance.integers(150, 300) if success else chance.integers(20, 40))

    return fate


class Known:
    """Implements `mimicgen.datagen.session.generator.Generator` without a simulation."""

    stages: tuple[str, ...] = ("grasp", "success")

    def __init__(
        self,
        num_envs: int,
        fate: Fate,
        made: Collection[int] = (),
        renderer: Renderer | None = None,
        steps: int = 3,
        first: int = 1,
    ):
        self.facts: dict[str, Any] = {"runtime": "none", "physics": "none", "versions": {"known": "1"}}
        self.env_args = {"env_name": "known", "type": 2}
        self.renderer = renderer
        self.begun: list[int] = []
        self._fate = fate
        self._made = made
        self._steps = steps
        self._free = list(range(num_envs))
        self._next = first
        self._clock = 0
        self._ends: list[tuple[int, int, int, int]] = []
        self._over: list[Attempt] = []

    async def ended(self) -> list[Attempt]:
        return list(self._over)

    def episodes(self, attempts: Sequence[Attempt]) -> list[Episode]:
        assert {attempt.number for attempt in attempts} <= {attempt.number for attempt in self._over}
        return [episode_of(attempt.number, self._steps) for attempt in attempts]

    async def actions(self, last: int) -> None:
        self._free += [attempt.env for attempt in self._over]
        self._over.clear()
        while self._free:
            while self._next in self._made:
                self._next += 1
            if self._next > last:
                return
            number, env = self._next, self._free.pop(0)
            self._next += 1
            self.begun.append(number)
            heapq.heappush(self._ends, (self._clock + self._fate(number)[1], number, env, self._clock))

    def step(self, actions: None) -> None:
        self._clock += 1
        while self._ends and self._ends[0][0] <= self._clock:
            end, number, env, begin = heapq.heappop(self._ends)
            success, _ = self._fate(number)
            self._over.append(told(number, env, success, end - begin))

    def resting(self) -> bool:
        return all(env != 0 for _, _, env, _ in self._ends)

    def abandoned(self) -> list[Attempt]:
        return [told(number, env, None, self._clock - begin) for _, number, env, begin in self._ends]


def told(number: int, env: int, success: bool | None, steps: int) -> Attempt:
    outcome = {True: Outcome.SUCCESS, False: Outcome.FAILURE, None: Outcome.ABANDONED}[success]
    reason = {True: "held", False: f"signal 'grasp' never came in {steps} steps", None: "the run ended first"}[success]
    return Attempt(
        number=number,
        env=env,
        seed=number,
        segments=(),
        signals={"grasp": 1 if success else None},
        outcome=outcome,
        reason=reason,
        steps=steps,
        seconds=0.0,
    )


def episode_of(number: int, steps: int) -> Episode:
    """Three joints and an object that say the attempt's number; the object also says the step."""
    poses = np.tile(np.array([number, 0, 0, 0, 0, 0, 1], np.float32), (steps, 1))
    poses[:, 1] = np.arange(steps)
    states = {
        "rigid_object": {"cube": {"root_pose": poses}},
        "articulation": {"robot": {"joint_position": np.full((steps, 3), number, np.float32)}},
    }
    initial = {kind: {a: {k: v[:1] for k, v in s.items()} for a, s in of.items()} for kind, of in states.items()}
    return {"actions": np.full((steps, 2), number, np.float32), "states": states, "initial_state": initial}


def stripes(like: Image, number: float, step: float) -> Image:
    """Return the image of a step of an attempt: it is not constant, and unlike that of any other."""
    image = np.zeros_like(like)
    image[:, 1::2] = 2 * number + 1
    image[1, ::2] = 2 * step + 2
    return image


class Stripes:
    """A renderer of episodes that are known."""

    labels: tuple[str, ...] = ()
    borrows_environment = False

    def __init__(self, batch: int = 2) -> None:
        self.colours: dict[str, Colour] = {}
        self.batch = batch
        self.closed = 0

    def lend(self, memory: Image) -> None:
        pass

    def room(self, states: States) -> Room:
        raise NotImplementedError

    def put_on(self, look: Look | None) -> None:
        raise NotImplementedError

    async def draw(self, states: States, frames: Frames) -> None:
        for images in (images for own in frames.values() for images in own.values()):
            for image, pose in zip(images, states["rigid_object"]["cube"]["root_pose"], strict=True):
                image[:] = stripes(image, pose[0], pose[1])

    def close(self) -> None:
        self.closed += 1


DRAWN = {
    "render.when": "after_each",
    "render.width": 16,
    "render.height": 16,
    "render.modalities": ("normals",),
    "render.views": ("table_cam",),
    "render.videos": (),
}
"""What has `Stripes` draw."""

FILMED = DRAWN | {"render.format": "video"}
"""Likewise, as videos without loss."""


def config_in(folder: Path, **values: Any) -> Generate:
    quiet = {"render.when": "never", "report": False}
    named = {name.replace("__", "."): value for name, value in values.items()}
    return build({"output_dataset": folder / "g.hdf5", "output_dir": folder / "o"} | quiet | named)


def opening(
    fate: Fate, made: list[Known] | None = None, renderer: Renderer | None = None, steps: int = 3
) -> OpenSimulation:
    """Return what opens the generator, as the real one is opened: stages, outputs, and closed whatever happens."""

    @contextlib.asynccontextmanager
    async def open_simulation(config: Job, outputs: Outputs, stage: AnnounceStage) -> AsyncIterator[Generator]:
        async with stage("Environment") as note:
            outputs.open()
            note("open")
        draws = renderer if config.draws else None
        generator = Known(config.num_envs, fate, outputs.earlier.numbers, draws, steps, config.first_attempt)
        if made is not None:
            made.append(generator)
        try:
            yield generator
        finally:
            if renderer is not None:
                renderer.close()

    return open_simulation


def run(config: Generate, fate: Fate, made: list[Known] | None = None) -> tuple[End, Progress]:
    """Make a whole run on a plain loop."""

    async def main() -> tuple[End, Progress]:
        session = Session(lambda: asyncio.sleep(0), opening(fate, made))
        session.start(config)
        return await session.finished(), session.progress

    return asyncio.run(main())
