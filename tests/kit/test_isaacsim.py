"""The contract with Isaac Sim that needs no stand-ins; `test_workplace.py` and `test_isaacsim_run.py` have the rest."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Sequence
from pathlib import Path

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


def test_kits_own_physics_does_not_step_while_a_frame_is_awaited(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    import carb.eventdispatcher
    import carb.settings
    import omni.kit.app

    from mimicgen.datagen.kit import loop
    from mimicgen.datagen.kit.settings import PLAY_SIMULATIONS

    monkeypatch.setattr(loop, "has_omni_usd", lambda: True)
    settings = carb.settings.get_settings()
    during: list[bool] = []
    observer = carb.eventdispatcher.get_eventdispatcher().observe_event(
        observer_name="test",
        event_name=omni.kit.app.GLOBAL_EVENT_PRE_UPDATE,
        on_event=lambda _: during.append(settings.get(PLAY_SIMULATIONS)),
    )
    for before in (True, False):  # somebody else may have forbidden it, and has it forbidden afterwards
        settings.set(PLAY_SIMULATIONS, before)
        kit.run(loop.next_frame())
        assert during[-1] is False
        assert settings.get(PLAY_SIMULATIONS) is before
    observer.reset()
    settings.destroy_item(PLAY_SIMULATIONS)
