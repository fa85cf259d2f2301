"""The contract with Isaac Sim, against Isaac Lab's sources and a recording stand-in for `omni.usd`."""

from __future__ import annotations

import ast
import importlib.util
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Kit


def settings_of_the_launcher() -> tuple[set[str], set[str]]:
    """The settings that Isaac Lab's launcher makes always, and under a condition."""
    spec = importlib.util.find_spec("isaaclab_physx")
    assert spec is not None
    assert spec.submodule_search_locations
    source = Path(spec.submodule_search_locations[0], "app", "kit_launcher.py").read_text()
    function = next(
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == "_load_extensions"
    )

    def paths(nodes: Sequence[ast.stmt]) -> set[str]:
        calls = [call for node in nodes for call in ast.walk(node) if isinstance(call, ast.Call)]
        return {
            ast.literal_eval(call.args[0]) for call in calls if ast.unparse(call.func) == "settings.set" and call.args
        }

    conditional = [node for node in function.body if isinstance(node, ast.If)]
    return paths([node for node in function.body if node not in conditional]), paths(conditional)


def test_every_setting_of_isaac_labs_launcher_is_made(kit: Kit) -> None:
    from mimicgen.datagen.kit.isaacsim import launcher_settings

    always, sometimes = settings_of_the_launcher()
    assert len(always) >= 7
    ours = launcher_settings(window=True, device="cuda:1")
    assert always <= set(ours)
    assert set(ours) - always == {"/physics/cudaDevice"}
    assert all(path.startswith("/isaaclab/anim_recording/") for path in sometimes), "what a run does not do"
    assert (ours["/isaaclab/has_gui"], ours["/isaaclab/render/offscreen"]) == (True, False)
    assert ours["/physics/cudaDevice"] == 1
    assert launcher_settings(window=False, device="cpu")["/isaaclab/render/offscreen"] is True
    streamed = launcher_settings(window=False, streamed=True, device="cpu")
    assert (streamed["/isaaclab/has_gui"], streamed["/isaaclab/render/offscreen"]) == (True, True)


class StageContext:
    """Stands in for Kit's USD context, and writes down what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.unsaved = False

    def has_pending_edit(self) -> bool:
        self.calls.append("has_pending_edit")
        return self.unsaved

    async def new_stage_async(self) -> tuple[bool, str]:
        self.calls.append("new_stage_async")
        return True, ""


@pytest.fixture
def stage(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> StageContext:
    context = StageContext()
    module: Any = types.ModuleType("omni.usd")
    module.get_context = lambda: context
    monkeypatch.setitem(sys.modules, "omni.usd", module)
    import omni

    monkeypatch.setattr(omni, "usd", module, raising=False)
    return context


def test_a_run_happens_in_a_fresh_stage_and_leaves_settings_as_they_were(kit: Kit, stage: StageContext) -> None:
    import carb.settings
    from isaaclab.app.settings_manager import get_settings_manager

    from mimicgen.datagen.kit.isaacsim import launcher_settings, workplace

    settings = carb.settings.get_settings()
    settings.set("/isaaclab/xr/enabled", True)
    inside: dict[str, Any] = {}

    async def run() -> None:
        async with workplace("cpu"):
            stage.calls.append("run")
            inside.update({path: settings.get(path) for path in launcher_settings(window=False, device="cpu")})
            assert get_settings_manager().get("/isaaclab/has_gui") is False, "Isaac Lab reads Kit's settings"

    backend = get_settings_manager()._backend
    try:
        kit.run(run())
    finally:
        get_settings_manager().set_backend(backend)
    assert stage.calls == ["has_pending_edit", "new_stage_async", "run", "new_stage_async"]
    assert inside == launcher_settings(window=False, device="cpu")
    assert settings.get("/isaaclab/xr/enabled") is True
    assert settings.get("/isaaclab/has_gui") is None
    settings.destroy_item("/isaaclab")


def test_unsaved_changes_are_never_touched(kit: Kit, stage: StageContext) -> None:
    from mimicgen.datagen.kit.isaacsim import StageError, workplace

    stage.unsaved = True

    async def run() -> None:
        async with workplace("cpu"):
            raise AssertionError("not reached")

    with pytest.raises(StageError, match="unsaved changes"):
        kit.run(run())
    assert stage.calls == ["has_pending_edit"]


def test_a_failing_run_still_leaves_a_usable_stage(kit: Kit, stage: StageContext) -> None:
    from mimicgen.datagen.kit.isaacsim import workplace

    async def run() -> None:
        async with workplace("cpu"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kit.run(run())
    assert stage.calls[-1] == "new_stage_async"


def test_kits_own_physics_does_not_step_while_a_frame_is_awaited(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    import carb.eventdispatcher
    import carb.settings
    import omni.kit.app

    from mimicgen.datagen.kit import loop

    monkeypatch.setattr(loop, "has_omni_usd", lambda: True)
    settings = carb.settings.get_settings()
    settings.set(loop.PLAY_SIMULATIONS, True)
    during: list[bool] = []
    observer = carb.eventdispatcher.get_eventdispatcher().observe_event(
        observer_name="test",
        event_name=omni.kit.app.GLOBAL_EVENT_PRE_UPDATE,
        on_event=lambda _: during.append(settings.get(loop.PLAY_SIMULATIONS)),
    )

    async def frame() -> None:
        await loop.next_frame()
        assert settings.get(loop.PLAY_SIMULATIONS) is True

    kit.run(frame())
    observer.reset()
    assert during[-1] is False
    assert settings.get(loop.PLAY_SIMULATIONS) is True
