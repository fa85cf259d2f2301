"""What Isaac Lab's launcher does, by name, with where this project does it: one that does other things fails here.

Source: `isaaclab_physx/app/kit_launcher.py`. What its experiences say is compared in `test_app_files.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT, Kit

SPECIFICATION = importlib.util.find_spec("isaaclab_physx")
assert SPECIFICATION is not None
assert SPECIFICATION.submodule_search_locations
SOURCE = ast.parse(Path(SPECIFICATION.submodule_search_locations[0], "app", "kit_launcher.py").read_text())

WINDOW, HEADLESS, STREAMING = (
    (PROJECT / "config" / f"mimicgen.datagen.isaacsim{name}.kit").read_text()
    for name in ("", ".headless", ".streaming")
)

SETTINGS = {
    "/isaaclab/has_gui": "not self._headless or self._livestream >= 1 or self._xr",
    "/isaaclab/render/offscreen": "self._offscreen_render",
    "/isaaclab/xr/enabled": "self._xr",
    "/isaaclab/xr/auto_start": "self._headless and self._xr",
    "/isaaclab/video/enabled": "self._video_enabled",
    "/isaaclab/render/deterministic": "self._deterministic_rendering",
    "/app/player/useFixedTimeStepping": "False",
    "/isaaclab/anim_recording/enabled": "True",
    "/isaaclab/anim_recording/start_time": "self._anim_recording[0]",
    "/isaaclab/anim_recording/stop_time": "self._anim_recording[1]",
}
"""Settings that the launcher makes once Kit runs; `kit/isaacsim.py` makes them during a run, but for the animations."""

ARGUMENTS = {
    "--/exts/isaacsim.core.simulation_manager/enable_default_callbacks": "the app files",
    "--/rtx/scenePartitioning/showAllPartitionsByDefault": "the app files with a window",
    "--/exts/omni.kit.livestream.app/primaryStream/signalPort": "the app file that streams",
    "--/exts/omni.kit.livestream.app/primaryStream/streamPort": "the same",
    "--/exts/omni.kit.livestream.app/primaryStream/allowDynamicResize": "the same",
    "--/exts/omni.kit.livestream.app/primaryStream/streamType": "the same",
    "--/exts/omni.kit.livestream.app/primaryStream/publicIp": "docker/launch.sh, from PUBLIC_IP",
    "--enable": "the app file that streams depends on the extension",
    "--/physics/fabricUseGPUInterop": "only for a variable of Isaac Lab's; the experience's value is right",
    "--/renderer/multiGpu/activeCudaGpus": "only for several processes; the experiences use one GPU",
    "--/plugins/carb.tasking.plugin/threadCount": "only for several processes",
}
"""Arguments that the launcher gives Kit, and where they are made here or why they are not."""

STEPS = {
    "_config_resolution": "the app file that is started decides",
    "_initialize_preloaded_torch_cuda": "torch is imported when Kit has long started",
    "_create_app": "Kit is there",
    "set_backend": "kit/isaacsim.py",
    "subscribe_to_extension_enable": "kit/isaacsim.py: Isaac Sim's helpers get the stage of the run",
    "set_cuda_device": "SimulationContext does it, too",
    "_load_extensions": "SETTINGS",
    "_deprioritize_prebundle_paths": "importing isaaclab does it",
    "_set_toolbar_button_visible": "the buttons stay; kit/ maps them to the session's pause and stop",
}
"""What the launcher does, in order, and who does it here."""


def function(name: str) -> ast.FunctionDef:
    return next(node for node in ast.walk(SOURCE) if isinstance(node, ast.FunctionDef) and node.name == name)


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (call for call in ast.walk(node) if isinstance(call, ast.Call))


def arguments(node: ast.AST) -> set[str]:
    """The names of Kit's arguments in strings of a piece of source."""
    found = set()
    for own in ast.walk(node):
        if isinstance(own, ast.JoinedStr):
            text = ast.unparse(own)[2:-1].replace(
                "{ISAAC_RTX_SHOW_ALL_PARTITIONS_BY_DEFAULT_SETTING}", show_all_partitions()
            )
        elif isinstance(own, ast.Constant) and isinstance(own.value, str):
            text = own.value
        else:
            continue
        if re.match(r"--(/|enable$)", text):
            found.add(text.partition("=")[0])
    return found


def show_all_partitions() -> str:
    from isaaclab.utils.renderers import ISAAC_RTX_SHOW_ALL_PARTITIONS_BY_DEFAULT_SETTING

    return str(ISAAC_RTX_SHOW_ALL_PARTITIONS_BY_DEFAULT_SETTING)


def test_its_settings_are_known() -> None:
    made = {
        ast.literal_eval(call.args[0]): ast.unparse(call.args[1])
        for call in calls(function("_load_extensions"))
        if ast.unparse(call.func) == "settings.set"
    }
    assert made == SETTINGS


def test_its_arguments_for_kit_are_known() -> None:
    launcher = next(node for node in ast.walk(SOURCE) if isinstance(node, ast.ClassDef) and node.name == "KitLauncher")
    bodies = [node for node in launcher.body if isinstance(node, ast.FunctionDef) and node.name.startswith("_resolve")]
    found = set().union(*map(arguments, bodies))
    assert found == set(ARGUMENTS)


@pytest.mark.parametrize("name", [name for name, where in ARGUMENTS.items() if "primaryStream" in name])
def test_streaming_has_its_arguments(name: str) -> None:
    key = name.rpartition("/")[2]
    if key == "publicIp":
        assert f"{name}=$PUBLIC_IP" in (PROJECT / "docker" / "launch.sh").read_text()
        return
    told = next(
        own.value
        for own in ast.walk(function("_resolve_livestream_settings"))
        if isinstance(own, ast.Constant) and str(own.value).startswith(f"{name}=")
    )
    assert isinstance(told, str)
    value = told.partition("=")[2]
    assert re.search(rf'^{key} = "?{value}"?$', STREAMING, re.M)


def test_it_streams_with_the_extension_that_we_look_for(kit: Kit) -> None:
    from mimicgen.datagen.kit.viewer import STREAM

    named = [own.value for own in ast.walk(function("_resolve_livestream_settings")) if isinstance(own, ast.Constant)]
    assert named[named.index("--enable") + 1] == STREAM
    assert f'"{STREAM}" = {{}}' in STREAMING


def test_it_chooses_the_experiences_that_ours_are_based_on() -> None:
    chosen = {
        own.value
        for own in ast.walk(function("_resolve_experience_file"))
        if isinstance(own, ast.Constant) and str(own.value).endswith(".kit")
    }
    assert {name for name in chosen if "rendering" in str(name)} == {
        "isaaclab.python.rendering.kit",
        "isaaclab.python.headless.rendering.kit",
    }
    assert '"isaaclab.python.rendering" = {}' in WINDOW
    assert '"isaaclab.python.headless.rendering" = {}' in HEADLESS
    assert '"mimicgen.datagen.isaacsim" = {}' in STREAMING


def test_nothing_of_ours_is_what_it_refuses_to_stream() -> None:
    """The launcher looks for an application that is known to hang."""
    pattern = next(
        ast.literal_eval(call.args[0])
        for call in calls(function("_resolve_experience_file"))
        if ast.unparse(call.func) == "re.search"
    )
    assert re.search(pattern, '"isaacsim.exp.full" = {}', re.M)
    assert not any(re.search(pattern, app, re.M) for app in (WINDOW, HEADLESS, STREAMING))


def test_its_steps_are_known() -> None:
    init = next(
        node
        for node in ast.walk(SOURCE)
        if isinstance(node, ast.FunctionDef) and node.name == "__init__" and "SimulationApp" in ast.unparse(node)
    )
    told = [call.func for call in calls(init)]
    named = {func.attr if isinstance(func, ast.Attribute) else ast.unparse(func) for func in told}
    plain = {"has_kit", "isinstance", "getLogger", "getEffectiveLevel", "print", "register", "close", "getattr"}
    plain |= {"signal", "int", "_ensure_isaac_sim_available", "get_settings_manager", "get_settings", "get_app"}
    plain |= {"get_extension_manager", "_share_stage_context", "get_timeline_interface", "get_timeline_event_stream"}
    plain |= {"create_subscription_to_pop_by_type"}
    assert named - plain == set(STEPS)


def test_what_it_hands_on_to_isaac_sim_is_known() -> None:
    keys = next(
        node.value
        for node in ast.walk(SOURCE)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_SIM_APP_CONFIG_KEYS"
    )
    assert isinstance(keys, ast.Call)
    assert set(ast.literal_eval(keys.args[0])) == {
        *("headless", "hide_ui", "width", "height"),  # the app file that is started
        "physics_gpu",  # `/physics/cudaDevice` in kit/isaacsim.py
        *("multi_gpu", "limit_cpu_threads"),  # for several processes
    }
