"""A run's simulation over the stand-ins: cubes that physics lifts, in Isaac Lab's real context, scene and assets.

It is opened where `opening.open_simulation` opens a Mimic task, which needs Isaac's assets and a robot's physics.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import isaaclab.sim as sim_utils
import numpy as np
import torch
from isaaclab.assets import RigidObjectCfg
from isaaclab.scene import InteractiveScene, InteractiveSceneCfg
from isaaclab.sim import SimulationCfg, SimulationContext
from isaaclab.utils import configclass

from mimicgen.datagen.attempts import Attempt
from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.parts import Episode
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.session.generator import AnnounceStage, Generator
from mimicgen.datagen.session.openings.fitting import MakeRenderer
from tests.session.known import Fate, Known

BASE = 0.1
"""An attempt's cube starts at this height times the attempt's number [m]."""

STEP_SECONDS = 0.03
"""What a step takes, so that demonstrations are written while a run goes on, as they are in a real one."""

LONG, SHORT = 9, 5
"""Steps of an attempt in the tests, so that environments are at different places in theirs."""

NONE: dict[str, Any] = {kind: {} for kind in ("articulation", "cable_object", "deformable_object", "gripper")}
"""A state without anything in it."""


@configclass
class CubesCfg(InteractiveSceneCfg):
    """One cube in every environment."""

    cube_1 = RigidObjectCfg(
        prim_path="{ENV_REGEX_NS}/Cube_1",
        spawn=sim_utils.CuboidCfg(size=(0.1, 0.1, 0.1), rigid_props=sim_utils.UsdPhysicsRigidBodyCfg()),
    )


class Cubes:
    """What a Mimic environment is to a run, made and closed in the order of Isaac Lab's `ManagerBasedEnv`."""

    def __init__(self, num_envs: int) -> None:
        self.sim = SimulationContext(SimulationCfg(device="cpu"))
        self.scene: Any = InteractiveScene(CubesCfg(num_envs=num_envs, env_spacing=2.5))
        self.sim.reset()
        self.scene.update(0.0)
        self.num_envs, self.device = num_envs, "cpu"

    def step(self, actions: Any) -> None:
        time.sleep(STEP_SECONDS)
        self.sim.step(render=False)
        self.scene.update(self.sim.cfg.dt)

    def heights(self) -> list[float]:
        return [float(z) for z in self.scene.get_state(is_relative=True)["rigid_object"]["cube_1"]["root_pose"][:, 2]]

    def place(self, env: int, height: float) -> None:
        pose = torch.tensor([[0.0, 0.0, height, 0.0, 0.0, 0.0, 1.0]])
        state = {"rigid_object": {"cube_1": {"root_pose": pose, "root_velocity": torch.zeros(1, 6)}}}
        self.scene.reset_to(NONE | state, torch.tensor([env]), is_relative=True)

    def close(self) -> None:
        self.sim.stop()
        del self.scene
        self.sim.clear_instance()


class Lifting(Known):
    """Attempts of known fate, whose records are what the simulation did.

    Attributes:
        drawn_while_resting: For every picture, whether the first environment was between two attempts.
        drawn_after: For every picture, after how many steps of the run.
    """

    def __init__(self, environment: Environment, fate: Fate, made: Collection[int], renderer: Any) -> None:
        super().__init__(environment.env.num_envs, fate, made, renderer)
        self._environment = environment
        self._rows: dict[int, list[float]] = {}
        self.drawn_while_resting: list[bool] = []
        self.drawn_after: list[int] = []
        if renderer is not None:
            self._watch(renderer)

    def _watch(self, renderer: Any) -> None:
        draw = renderer.draw

        async def watched(states: Any, frames: Any) -> Any:
            self.drawn_while_resting.append(self.resting())
            self.drawn_after.append(self._clock)
            return await draw(states, frames)

        renderer.draw = watched

    async def actions(self, last: int) -> torch.Tensor:
        before = {number for _, number, _, _ in self._ends}
        await super().actions(last)
        for _, number, env, _ in self._ends:
            if number not in before:
                self._environment.env.place(env, BASE * number)
                self._rows[env] = [self._environment.env.heights()[env]]
        return torch.zeros(self._environment.env.num_envs, 1)

    def step(self, actions: torch.Tensor) -> None:
        self._environment.step(actions)
        heights = self._environment.env.heights()
        for _, _, env, _ in self._ends:
            self._rows[env].append(heights[env])
        super().step(None)

    def episodes(self, attempts: Sequence[Attempt]) -> list[Episode]:
        return [self._episode(self._rows[attempt.env]) for attempt in attempts]

    def _episode(self, heights: list[float]) -> Episode:
        poses = np.tile(np.array([0, 0, 0, 0, 0, 0, 1], np.float32), (len(heights), 1))
        poses[:, 2] = heights
        rows = {"root_pose": poses, "root_velocity": np.zeros((len(heights), 6), np.float32)}

        def states(part: slice) -> dict[str, Any]:
            none: dict[str, Any] = {
                kind: {} for kind in ("articulation", "cable_object", "deformable_object", "gripper")
            }
            return none | {"rigid_object": {"cube_1": {name: values[part] for name, values in rows.items()}}}

        actions = np.zeros((len(heights) - 1, 2), np.float32)
        return {"actions": actions, "states": states(slice(1, None)), "initial_state": states(slice(0, 1))}


def opening(fate: Fate, seen: list[Lifting]) -> Any:
    """Return what stands in for `opening.open_simulation`, and notes the generators that it makes."""

    @contextlib.asynccontextmanager
    async def open_simulation(
        config: Job, outputs: Outputs, stage: AnnounceStage, make_renderer: MakeRenderer
    ) -> AsyncIterator[Generator]:
        outputs.open()
        with contextlib.ExitStack() as stack:
            async with stage("Environment"):
                environment = object.__new__(Environment)
                environment._cameras = environment._stages = environment._executed = None
                environment.env = Cubes(config.num_envs)  # type: ignore[assignment]
                stack.callback(environment.close)
                renderer = None
                if config.render.when != "never":
                    renderer = make_renderer(environment, config.render, {})
                    stack.callback(renderer.close)
            seen.append(Lifting(environment, fate, outputs.earlier.numbers, renderer))
            yield seen[-1]

    return open_simulation
