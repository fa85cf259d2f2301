"""Whole runs as in Isaac Sim: the real kernel, Isaac Lab's real PhysX manager, context, scene and assets.

What needs Isaac Sim is stood in for by `tests/kit/standins`, which behave like it, and by Isaac Sim's own Python code
from its wheels. Each process of its own, because a Kit without `omni.usd` cannot get it and lose it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from mimicgen.datagen.rendering.images import colour_of
from tests.conftest import child
from tests.kit.standins import BRIGHTNESS, EXTENSIONS, LIFT

needs_wheels = pytest.mark.skipif(
    not EXTENSIONS.exists(), reason=f"Isaac Sim's wheels are not in {EXTENSIONS}; scripts/test.sh installs them"
)

START = """
import json, os
from pathlib import Path
from tests.kit.standins.host import Host
host = Host(kit, Path(sys.argv[1]))
isaac, session, settings = host.isaac, host.session, host.settings
from mimicgen.datagen import simulation
from tests.kit.standins import lifting
from tests.kit.standins.lifting import LONG, SHORT
generators = []

def fate(number):
    return True, LONG if number % 2 else SHORT

simulation.open_simulation = lifting.opening(fate, generators)
facts = {}
"""

END = """
print("FACTS", json.dumps(facts), flush=True)
os._exit(0)
"""


def facts_of(code: str, folder: Path) -> dict[str, Any]:
    """Run code in an Isaac Sim of stand-ins, and return the facts that it notes."""
    process = child(START + code + END, folder)
    lines = [line for line in process.stdout.splitlines() if line.startswith("FACTS ")]
    assert lines, process.stderr[-4000:]
    found: dict[str, Any] = json.loads(lines[0].removeprefix("FACTS "))
    return found


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


TOOLBAR = """
timeline = isaac.timeline

def begin(name, **values):
    session.start(host.config(name, **values))
    host.until(lambda: session.progress.steps >= 3)

def pause():
    timeline.pause()
    host.until(lambda: session.state == "paused")
    steps = session.progress.steps
    kit.update(20)
    return [str(session.state), session.progress.steps - steps]

# Pause, and stop in the panel.
begin("stopped")
facts["paused"] = pause()
session.stop()
facts["stopped"] = host.finish().reason
# Pause, and play.
begin("resumed")
pause()
timeline.play()
facts["resumed"] = host.finish().reason
# Pause, and resume in the panel.
begin("resumed_in_the_panel")
pause()
session.resume()
facts["resumed_in_the_panel"] = host.finish().reason
# Pause in the panel: the timeline is the user's.
begin("paused_in_the_panel")
session.pause()
kit.update(20)
facts["paused_in_the_panel"] = [str(session.state), timeline.is_playing()]
session.resume()
host.finish()
# Pause while it is drawn.
begin("drawing", render__when="after_each", num_trials=1)
host.until(lambda: session.progress.drawing is not None and session.progress.drawing.frames == 2)
facts["paused_drawing"] = pause()
timeline.play()
facts["drawing"] = host.finish().reason
# Stop.
begin("ended", render__when="at_end")
host.until(lambda: session.progress.successes == 1)
timeline.stop()
end = host.finish()
facts["ended"] = [end.reason, end.exit_code, str(session.state)]
facts["kept"] = session.progress.successes
facts["after"] = host.run(host.config("after")).reason
facts["nested"], facts["kit_steps"] = host.nested, isaac.physx.kit_steps
# Quit while it is paused.
begin("quit")
pause()
import omni.kit.app
omni.kit.app.get_app().post_quit(0)
facts["quit"] = host.finish().reason
"""


@pytest.fixture(scope="module")
def toolbar(folder: Path) -> dict[str, Any]:
    return facts_of(TOOLBAR, folder / "toolbar")


def test_pause_pauses_the_run_and_the_panel_can_stop_it(toolbar: dict[str, Any]) -> None:
    assert toolbar["paused"] == ["paused", 0]
    assert toolbar["stopped"] == "stopped by the user"


def test_play_goes_on_and_so_does_resume_in_the_panel(toolbar: dict[str, Any]) -> None:
    assert toolbar["resumed"] == toolbar["resumed_in_the_panel"] == "target reached"


def test_the_panels_pause_leaves_the_timeline_alone(toolbar: dict[str, Any]) -> None:
    assert toolbar["paused_in_the_panel"] == ["paused", True]


def test_pause_is_followed_while_drawing(toolbar: dict[str, Any]) -> None:
    assert toolbar["paused_drawing"] == ["paused", 0]
    assert toolbar["drawing"] == "target reached"


def test_stop_ends_the_run_keeps_what_it_kept_and_another_run_works(toolbar: dict[str, Any], folder: Path) -> None:
    assert toolbar["ended"] == ["the timeline was stopped", 130, "done"]
    with h5py.File(folder / "toolbar" / "ended" / "g.hdf5") as file:
        assert len(file["data"]) == toolbar["kept"] >= 1
    assert toolbar["after"] == "target reached"
    assert toolbar["nested"] == toolbar["kit_steps"] == 0


EDGES = """
import contextlib
import omni.kit.app, omni.timeline, omni.usd
from isaaclab.sim import SimulationCfg, SimulationContext
from isaaclab.sim.utils import stage as stages
from mimicgen.datagen.errors import DatagenError
from mimicgen.datagen.kit import isaacsim
from mimicgen.datagen.kit.pumping import without_pumping
from pxr import Usd, UsdUtils

context = isaac.usd.context()

async def enter(inside=lambda: None):
    try:
        async with isaacsim.workplace("cpu"):
            inside()
    except (DatagenError, ZeroDivisionError) as error:
        return f"{type(error).__name__}: {error}"
    return None

# Unsaved changes.
context.unsaved, opened = True, context.opened
facts["unsaved"] = [kit.run(enter()), context.opened - opened]
context.unsaved = False
# A run that fails in the middle.
def fail():
    Cubes = lifting.Cubes(1)
    1 / 0
facts["failed"] = kit.run(enter(fail))
facts["after_failure"] = [bool(context.get_stage()), isaac.timeline.is_stopped(), settings.get("/isaaclab/has_gui"),
                          settings.get("/app/asyncRendering")]
SimulationContext.clear_instance()
# A step while the timeline is paused.
def step_paused():
    cubes = lifting.Cubes(1)
    try:
        isaac.timeline.pause()
        isaac.timeline.commit()
        cubes.step(None)
    finally:
        cubes.close()
facts["paused_step"] = kit.run(enter(step_paused))
# The run's stage is not the first of USD's cache.
def open_among_others():
    cache, others, fresh = UsdUtils.StageCache.Get(), [], context.get_stage()
    while cache.GetAllStages()[0] == fresh:
        others.append(Usd.Stage.CreateInMemory())
        cache.Insert(others[-1])
    cubes = lifting.Cubes(1)
    facts["among_others"] = cubes.sim.stage == fresh == context.get_stage()
    cubes.close()
kit.run(enter(open_among_others))
# Every modality of a state.
async def draw():
    from mimicgen.datagen.kit.replicator import WANTED, ReplicatorRenderer
    before = {path: settings.get(path) for path in WANTED}
    async with isaacsim.workplace("cpu"):
        cubes = lifting.Cubes(1)
        environment = object.__new__(lifting.Environment)
        environment.env = cubes
        config = host.config("drawn", render__modalities=("normals", "segmentation", "depth"), render__views=())
        renderer = ReplicatorRenderer(environment, config.render)
        during = {path: settings.get(path) for path in WANTED}
        pose = [[0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0]]
        cube = {"root_pose": pose, "root_velocity": [[0.0] * 6]}
        frames = [await renderer.draw(lifting.NONE | {"rigid_object": {"cube_1": cube}}) for _ in range(2)]
        renderer.close()
        cubes.close()
    facts["labels"] = renderer.labels
    facts["views"] = [sorted(frame) for frame in frames]
    images = frames[1]["table_cam"]
    facts["segmentation"] = [images["segmentation"][row, 0].tolist() for row in (0, -1)]
    facts["normals"] = [images["normals"].shape, images["normals"][5, 5].tolist()]
    facts["depth"] = [int(images["depth"][0, 0]), int(images["depth"][5, 5])]
    facts["wanted"] = [during == WANTED, {path: settings.get(path) for path in WANTED} == before]
    facts["left"] = [len(isaac.replicator.attached), all(one.destroyed for one in isaac.replicator.products)]
    facts["subframes"] = isaac.replicator.stepped[-1]["rt_subframes"]
kit.run(draw())
# What upstream does without our help, which is then still needed.
async def upstream():
    with stages.use_stage(context.get_stage()):
        cubes = lifting.Cubes(1)
        cubes.close()
before = host.nested
kit.run(upstream())
facts["upstream_pumps"] = host.nested - before
facts["upstream_clears_the_cache"] = len(UsdUtils.StageCache.Get().GetAllStages()) == 0
context._stage_id = -1
mine = isaac.usd.context("other")
mine.new_stage()
context.new_stage()
stages._context.stage = None
sim = SimulationContext(SimulationCfg(device="cpu"))
facts["upstream_takes_any_stage"] = [
    len(UsdUtils.StageCache.Get().GetAllStages()),
    sim.stage == UsdUtils.StageCache.Get().GetAllStages()[0],
]
"""


@pytest.fixture(scope="module")
def edges(folder: Path) -> dict[str, Any]:
    return facts_of(EDGES, folder / "edges")


def test_unsaved_changes_are_never_touched(edges: dict[str, Any]) -> None:
    said, opened = edges["unsaved"]
    assert said.startswith("StageError: the open stage has unsaved changes")
    assert opened == 0


def test_a_failing_run_leaves_a_usable_application(edges: dict[str, Any]) -> None:
    assert edges["failed"].startswith("ZeroDivisionError")
    assert edges["after_failure"] == [True, True, None, None]


def test_quitting_works_while_the_timeline_is_paused(toolbar: dict[str, Any]) -> None:
    assert toolbar["quit"] == "the application is closing"


def test_the_scene_is_built_in_the_applications_stage(edges: dict[str, Any]) -> None:
    assert edges["among_others"]


def test_a_step_is_refused_while_the_timeline_is_paused(edges: dict[str, Any]) -> None:
    assert edges["paused_step"] == (
        "StateError: the environment cannot take a step: the timeline is paused; play it, or start a new run"
    )


def test_every_modality_is_read_in_this_projects_terms(edges: dict[str, Any]) -> None:
    assert edges["labels"] == ["robot", "cube_1"]
    assert edges["views"] == [["table_cam", "table_high_cam"]] * 2
    assert edges["segmentation"] == [list(colour_of("cube_1")), list(colour_of("table"))]
    assert edges["normals"] == [[16, 32, 3], [50, 50, 50]]
    assert edges["depth"] == [0, 1500]
    assert edges["subframes"] == -1, "only colour is gathered over time"


def test_a_renderer_leaves_nothing_behind(edges: dict[str, Any]) -> None:
    assert edges["wanted"] == [True, True]
    assert edges["left"] == [0, True]


def test_upstream_still_updates_the_application_and_takes_and_clears_all_stages(edges: dict[str, Any]) -> None:
    assert edges["upstream_pumps"] >= 3
    assert edges["upstream_clears_the_cache"]
    assert edges["upstream_takes_any_stage"] == [2, True]
