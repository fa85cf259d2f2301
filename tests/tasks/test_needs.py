"""What each registered task needs in Isaac Sim, and what a run says and refuses before it begins.

That the record is what Isaac Lab's configurations say is tested in `test_registered.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.isaaclab import runtime
from mimicgen.datagen.session import registered
from mimicgen.datagen.session.opening import open_simulation
from mimicgen.datagen.tasks import needs
from mimicgen.datagen.tasks.needs import ACTIONS, CONFIGURATIONS, MODULES, Needs
from tests.conftest import PROJECT

SUCTION = "Isaac-Stack-Cube-Galbot-Right-Arm-Suction-RmpFlow-Rel-Mimic-v0"
WALKING = "Isaac-Locomanipulation-G1-Abs-Mimic-v0"
VISUOMOTOR = "Isaac-Stack-Cube-Franka-IK-Rel-Visuomotor-Mimic-v0"


@pytest.fixture
def recorded() -> registered.Registered:
    found = registered.recorded()
    assert found is not None
    return found


def test_every_registered_task_says_what_it_needs(recorded: registered.Registered) -> None:
    assert recorded.needs.keys() == recorded.tasks.keys()
    told = {name for own in (*ACTIONS.values(), *CONFIGURATIONS.values()) for name in own.controllers}
    used = {name for own in recorded.needs.values() for name in own.controllers}
    assert used == told, "another kind of action came or went with Isaac Lab"
    assert {name for own in recorded.needs.values() for name in own.packages} == set(MODULES)
    lacking = {task for task, reason in recorded.tasks.items() if reason and "package that is not installed" in reason}
    assert lacking == {task for task, own in recorded.needs.items() if own.packages}


def test_needs_are_said_in_a_line(recorded: registered.Registered) -> None:
    said = {task: str(own) for task, own in recorded.needs.items()}
    assert said[SUCTION] == (
        "RMPflow, surface gripper; extensions isaacsim.robot_motion.lula, isaacsim.robot.surface_gripper; "
        "device cpu only"
    )
    assert said[WALKING] == (
        "Pink inverse kinematics, walking policy of the asset server; cameras robot_pov_cam; "
        "packages pin, pin-pink, daqp"
    )
    assert said[VISUOMOTOR] == "differential inverse kinematics; cameras wrist_cam, table_cam"


def test_the_page_has_every_task_with_its_needs_and_how_it_is_generated(recorded: registered.Registered) -> None:
    page = (PROJECT / "docs" / "isaac_sim.md").read_text()
    rows = {row[0]: row[1:] for row in re.findall(r"^\| `(Isaac\S+)` \| (.*) \| (.*) \|$", page, re.M)}
    assert rows == {task: (str(own), str(recorded.ways[task])) for task, own in recorded.needs.items()}


def test_what_is_missing_is_refused() -> None:
    lacking = Needs(controllers=("Pink inverse kinematics",), packages=("pin", "daqp"))
    with pytest.raises(
        TaskError, match=r"task 'T' needs Pink .* lacks pin daqp: \./python\.sh -m pip install pin daqp$"
    ):
        needs.check(lacking, "T", "cpu")
    with pytest.raises(TaskError, match="cuRobo's motion planner is not used here: pass another --task"):
        needs.check(Needs(controllers=(needs.PLANNER,)), "T", "cuda:0")
    needs.check(Needs(cpu_only=True), "T", "cpu")
    with pytest.raises(TaskError, match="device cpu only; device = 'cuda:0': pass --device cpu"):
        needs.check(Needs(cpu_only=True), "T", "cuda:0")


def said_by_a_run(config: Generate, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a run in Isaac Sim notes before its environment is opened, which cannot be done here."""
    monkeypatch.setattr(runtime, "detect", lambda: runtime.Runtime.ISAACSIM)
    notes: list[str] = []

    @contextlib.asynccontextmanager
    async def stage(name: str) -> AsyncIterator[Callable[[str], None]]:
        if name == "Environment":
            raise InterruptedError
        yield notes.append

    async def run() -> None:
        with contextlib.closing(Outputs(config)) as outputs:
            async with open_simulation(config, outputs, stage):
                raise AssertionError("not reached")

    with contextlib.suppress(InterruptedError):
        asyncio.run(run())
    return notes


def test_a_run_says_them_before_it_begins(
    make_config: Callable[..., Generate], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said_by_a_run(make_config(), monkeypatch)[0] == "the task needs differential inverse kinematics"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"task": SUCTION, "device": "cuda"}, "device = 'cuda': pass --device cpu"),
        ({"task": WALKING}, f"task '{WALKING}' needs a package that is not installed: .*pinocchio"),
    ],
)
def test_a_run_that_cannot_begin_is_refused(
    values: dict[str, Any], told: str, make_config: Callable[..., Generate], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TaskError, match=told):
        said_by_a_run(make_config(**values), monkeypatch)
