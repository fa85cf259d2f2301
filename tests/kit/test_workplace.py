"""A run's workplace over the stand-ins: what it refuses, what it leaves, and what upstream would do without it."""

from __future__ import annotations

from typing import Any

import pytest

from mimicgen.datagen.tasks.colours import class_colours
from tests.kit.standins.scenario import facts_of

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
    from mimicgen.datagen.dataset.images.pixels import frame_of
    from mimicgen.datagen.dataset.images.renderer import frames_for
    from mimicgen.datagen.dataset.images.views import views_of
    from mimicgen.datagen.kit.replicator import WANTED, ReplicatorRenderer
    from mimicgen.datagen.tasks.colours import class_colours
    before = {path: settings.get(path) for path in WANTED}
    async with isaacsim.workplace("cpu"):
        cubes = lifting.Cubes(1)
        environment = object.__new__(lifting.Environment)
        environment.env = cubes
        config = host.config("drawn", render__modalities=("normals", "segmentation", "depth"), render__views=())
        renderer = ReplicatorRenderer(environment, config.render, class_colours("stack_three"))
        during = {path: settings.get(path) for path in WANTED}
        pose = [[0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0]]
        cube = {"root_pose": pose, "root_velocity": [[0.0] * 6]}
        frames = [frames_for(views_of(config.render), config.render.drawn(), renderer.batch) for _ in range(2)]
        for one in frames:
            await renderer.draw(lifting.NONE | {"rigid_object": {"cube_1": cube}}, one)
        renderer.close()
        cubes.close()
    facts["labels"] = renderer.labels
    facts["views"] = [sorted(frame) for frame in frames]
    images = frame_of(frames[1], 0)["table_cam"]
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
def edges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return facts_of(EDGES, tmp_path_factory.mktemp("workplace"))


def test_unsaved_changes_are_never_touched(edges: dict[str, Any]) -> None:
    said, opened = edges["unsaved"]
    assert said.startswith("StageError: the open stage has unsaved changes")
    assert opened == 0


def test_a_failing_run_leaves_a_usable_application(edges: dict[str, Any]) -> None:
    assert edges["failed"].startswith("ZeroDivisionError")
    assert edges["after_failure"] == [True, True, None, None]


def test_the_scene_is_built_in_the_applications_stage(edges: dict[str, Any]) -> None:
    assert edges["among_others"]


def test_a_step_is_refused_while_the_timeline_is_paused(edges: dict[str, Any]) -> None:
    assert edges["paused_step"] == (
        "StateError: the environment cannot take a step: the timeline is paused; play it, or start a new run"
    )


def test_every_modality_is_read_in_this_projects_terms(edges: dict[str, Any]) -> None:
    assert edges["labels"] == ["robot", "cube_1"]
    assert edges["views"] == [["table_cam", "table_high_cam"]] * 2
    colours = class_colours("stack_three")
    assert edges["segmentation"] == [list(colours["cube_1"]), list(colours["table"])]
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
