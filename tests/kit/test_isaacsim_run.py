"""Whole runs as in Isaac Sim: the real kernel, Isaac Lab's real PhysX manager, context, scene and assets.

What needs Isaac Sim is stood in for by `tests/kit/standins`, which behave like it, and by Isaac Sim's own Python code
from its wheels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from tests.kit.standins import BRIGHTNESS, EXTENSIONS, LIFT
from tests.kit.standins.scenario import facts_of, needs_wheels

RUNS = """
from isaaclab.sim import SimulationContext
from tests.kit.standins import wheels
from omni.kit.async_engine import run_coroutine

def manager():
    found = package.SimulationManager
    return [found.__module__, getattr(found, "get_default_callback_status", dict)()]

if WHEELS:
    package = wheels.simulation_manager()
    throttling = wheels.throttling()
    settings.set("/exts/isaacsim.core.throttling/enable_async", True)
    settings.set("/app/asyncRendering", True)
    facts["manager"] = manager()
    kit.update()
    run_coroutine(wheels.open_a_stage_at_startup())  # the run starts in the same update, as autostart does
settings.set("/physics/updateToUsd", True)
settings.set("/persistent/simulation/minFrameRate", 15)
settings.set("/app/window/enabled", True)
other = isaac.usd.context("another")
other.new_stage()
seen = []

def look():
    if session.progress.steps and session.state == "running" and SimulationContext.instance() is not None:
        seen.append({
            "playing": isaac.timeline.is_playing(),
            "async": settings.get("/app/asyncRendering"),
            "shown": isaac.physx.shown == {} or all((isaac.physx.shown[p] == isaac.physx.poses[p]).all()
                                                    for p in isaac.physx.poses),
        })

def plain(values, path=""):
    if not isinstance(values, dict):
        return {path: values}
    return {k: v for key, value in values.items() for k, v in plain(value, f"{path}/{key}").items()}

before = plain(settings.get("/"))
facts["ends"] = []
for num_envs, name in enumerate(("first", "second"), 1):
    end = host.run(host.config(name, num_envs=num_envs, render__when="after_each"), look)
    facts["ends"].append([end.reason, end.exit_code])
after = plain(settings.get("/"))
both = {key: [before.get(key), after.get(key)] for key in before | after}
facts["changed"] = {key: values for key, values in both.items() if values[0] != values[1]}
facts["nested"], facts["kit_steps"], facts["timeline"] = host.nested, isaac.physx.kit_steps, isaac.timeline.told
facts["seen"] = {key: [sum(one[key] is value for one in seen) for value in (True, False)] for key in seen[0]}
facts["stepped"] = isaac.replicator.stepped[0]
facts["drawn_after"] = [[*generator.drawn_after, generator._clock] for generator in generators]
facts["drawn_while_resting"] = [generator.drawn_while_resting for generator in generators]
facts["cameras"] = [product.camera for product in isaac.replicator.products]
facts["other"] = bool(other.get_stage()) and not other.get_stage().GetPrimAtPath("/World")
facts["stage"] = bool(isaac.usd.context().get_stage())
if WHEELS:
    facts["manager_after"] = manager()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("isaacsim")


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, Any]:
    """Two runs of three attempts, in one environment and in two, in a window, with rendering after each."""
    return facts_of(RUNS.replace("WHEELS", str(EXTENSIONS.exists())), folder)


def test_two_runs_reach_their_targets(runs: dict[str, Any]) -> None:
    assert runs["ends"] == [["target reached", 0]] * 2


def test_nothing_updates_the_application_inside_a_coroutine(runs: dict[str, Any]) -> None:
    assert runs["nested"] == 0


def test_kits_own_physics_never_steps(runs: dict[str, Any], folder: Path) -> None:
    assert runs["kit_steps"] == 0
    for run in ("first", "second"):
        with h5py.File(folder / run / "g.hdf5") as file:
            for demo in file["data"].values():
                heights = demo["states/rigid_object/cube_1/root_pose"][:, 2]
                np.testing.assert_allclose(np.diff(heights), LIFT, rtol=1e-3)


def test_drawing_leaves_the_timeline_playing(runs: dict[str, Any]) -> None:
    playing, not_playing = runs["seen"]["playing"]
    assert playing > 100
    assert not_playing == 0
    assert runs["timeline"] == ["play", "stop"] * 2
    assert runs["stepped"]["pause_timeline"] is False


def test_the_window_shows_every_step(runs: dict[str, Any]) -> None:
    assert runs["seen"]["shown"][1] == 0


def test_settings_are_as_they_were(runs: dict[str, Any]) -> None:
    own = {"/rtx/ecoMode/enabled", "/exts/omni.kit.hydra_texture/gizmos/enabled"}  # throttling's, whenever it stops
    assert {path: values for path, values in runs["changed"].items() if path not in own and values != [None, {}]} == {}


def test_the_stage_of_another_context_is_neither_used_nor_lost(runs: dict[str, Any]) -> None:
    assert runs["other"]
    assert runs["stage"]


def test_drawing_disturbs_no_attempt(runs: dict[str, Any]) -> None:
    *drawn_after, steps = runs["drawn_after"][0]
    assert min(drawn_after) < steps, "the run goes on after its first picture"
    for drawn in runs["drawn_while_resting"]:
        assert drawn
        assert all(drawn)


def test_pictures_show_the_first_environment_alone_and_the_recorded_state(runs: dict[str, Any], folder: Path) -> None:
    for run in ("first", "second"):
        with h5py.File(folder / run / "g.hdf5") as file:
            for number, demo in enumerate(file["data"].values()):
                after = demo["states/rigid_object/cube_1/root_pose"][:, 2]
                start = demo["initial_state/rigid_object/cube_1/root_pose"][0, 2]
                expected = [int(height * BRIGHTNESS) for height in (start, *after[:-1])]
                for modality in ("normals", "rgb"):  # colour would have ghosts without subframes
                    images = sorted((folder / run / "o" / f"table_cam_{modality}" / f"demo_{number:06d}").glob("*.png"))
                    shown = [int(np.asarray(Image.open(path))[5, 5, 0]) for path in images]
                    np.testing.assert_allclose(shown, expected, atol=1)


def test_cameras_have_names_of_our_own(runs: dict[str, Any]) -> None:
    assert set(runs["cameras"]) == {"/World/envs/env_0/mimicgen_table_cam"}


@needs_wheels
def test_the_simulation_manager_is_given_back(runs: dict[str, Any]) -> None:
    assert runs["manager"][0].startswith("isaacsim.core.simulation_manager")
    assert runs["manager_after"] == runs["manager"]
    assert all(runs["manager"][1].values())


@needs_wheels
def test_asynchronous_rendering_is_off_during_a_run(runs: dict[str, Any]) -> None:
    assert runs["seen"]["async"][0] == 0
    assert runs["seen"]["async"][1] > 100
