"""The app files for Isaac Sim are Isaac Lab's experiences, to the setting, as the real kernel merges them.

Isaac Sim's own extensions are empty here (`experiences.py`): that they are found, excluded and started in order is
tried, not what they do.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.kit.experiences import APPS, Started, start

WITH_WINDOW, HEADLESS = "isaaclab.python.rendering", "isaaclab.python.headless.rendering"
EXPERIENCES = {"": WITH_WINDOW, ".headless": HEADLESS, ".streaming": WITH_WINDOW}
"""Isaac Lab's experience of each of our app files."""

OTHERWISE = {
    "/app/name": "what Kit calls its folders by",
    "/app/version": "the same",
    "/app/versionFile": "the same",
    "/app/folder": "the same",
    "/app/userConfigPath": "the same",
    "/app/profilerBackend": "nobody profiles",
}
"""Settings of Isaac Lab's experiences that ours do not have to share, and why."""

OF_THE_PLACE = (
    *("/app/tokens", "/app/exts", "/app/extensions/registryCache", "/app/python/scriptFolders"),
    *("/app/hangDetector/alwaysEnabled", "/plugins", "/exts/omni.kit.async_engine", "/crashreporter", "/log"),
    *("/privacy", "/persistent/structuredLog"),
)
"""Settings of the machine, and those that the kernel and its plugins fill in."""

OURS = "/exts/mimicgen.datagen/"

CALLBACKS = "/exts/isaacsim.core.simulation_manager/enable_default_callbacks"
PARTITIONS = "/rtx/scenePartitioning/showAllPartitionsByDefault"
STREAM = "/exts/omni.kit.livestream.app/primaryStream"
STREAMED = {
    f"{STREAM}/signalPort": 49100,
    f"{STREAM}/streamPort": 47998,
    f"{STREAM}/allowDynamicResize": True,
    f"{STREAM}/streamType": "webrtc",
}
ADDED = {
    "": {CALLBACKS: False, PARTITIONS: True},
    ".headless": {CALLBACKS: False, "/app/window/enabled": False},
    ".streaming": {CALLBACKS: False, PARTITIONS: True, "/app/window/enabled": False} | STREAMED,
}
"""What each of our app files adds to its experience."""

RELIED_ON = {
    # Images are of the state that was put there.
    "/app/asyncRendering": False,
    "/app/asyncRenderingLowLatency": False,
    "/app/hydraEngine/waitIdle": True,
    "/app/renderer/waitIdle": True,
    "/app/updateOrder/checkForHydraRenderComplete": 1000,
    "/omni/replicator/asyncRendering": False,
    # `kit/replicator.py` turns it on for its frames.
    "/exts/omni.replicator.core/Orchestrator/enabled": False,
    # Environments can be kept out of each other's images.
    "/renderer/scenePartitioning/enabled": True,
    # Isaac Lab's cameras ask for it.
    "/isaaclab/cameras_enabled": True,
    # Poses go by Fabric, not by USD.
    "/app/useFabricSceneDelegate": True,
    "/rtx/hydra/readTransformsFromFabricInRenderDelegate": True,
    "/physics/fabricUseGPUInterop": True,
    "/physics/updateToUsd": False,
    "/physics/updateVelocitiesToUsd": False,
    "/persistent/app/stage/upAxis": "Z",
    "/persistent/simulation/defaultMetersPerUnit": 1.0,
}
"""Settings of Isaac Lab's experiences that a run counts on."""

PREBUNDLE = """
[dependencies]
"omni.warp.core" = {}

[[python.module]]
path = "pip_prebundle"

[[python.module]]
name = "prebundle_started"
"""
"""An extension that brings Python packages, and needs one that is excluded, as many of Isaac Sim's do."""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Started]:
    more = {"omni.kit.livestream.app": "", "omni.warp.core": ""}
    folder = tmp_path_factory.mktemp("ours")
    return {
        name: start(PROJECT / "config" / f"mimicgen.datagen.isaacsim{name}.kit", folder / f"app{name}", extensions=more)
        for name in EXPERIENCES
    }


@pytest.fixture(scope="module")
def isaac_labs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Started]:
    folder = tmp_path_factory.mktemp("isaac_labs")
    return {name: start(APPS / f"{name}.kit", folder / name) for name in (WITH_WINDOW, HEADLESS)}


def settings_of(started: Started) -> dict[str, object]:
    return {path: value for path, value in started.settings.items() if not path.startswith((*OF_THE_PLACE, OURS))}


@pytest.mark.parametrize("name", EXPERIENCES)
def test_an_app_file_is_isaac_labs_experience(
    name: str, ours: dict[str, Started], isaac_labs: dict[str, Started]
) -> None:
    theirs, own = settings_of(isaac_labs[EXPERIENCES[name]]), settings_of(ours[name])
    assert len(theirs) > 200
    differing = {path: own.get(path) for path in theirs if own.get(path) != theirs[path]}
    assert set(differing) <= set(OTHERWISE), "settings that Isaac Lab's experience makes and ours does not"
    assert {path: value for path, value in own.items() if path not in theirs} == ADDED[name]
    extensions = set(ours[name].extensions)
    assert set(isaac_labs[EXPERIENCES[name]].extensions) <= extensions
    assert "mimicgen.datagen" in extensions
    assert ("omni.kit.livestream.app" in extensions) == (name == ".streaming")
    assert "mimicgen.datagen_extension" in ours[name].modules, ours[name].said


@pytest.mark.parametrize("path", RELIED_ON)
def test_the_experiences_make_what_a_run_counts_on(path: str, ours: dict[str, Started]) -> None:
    assert {name: started.settings.get(path) for name, started in ours.items()} == dict.fromkeys(ours, RELIED_ON[path])


@pytest.mark.parametrize("name", EXPERIENCES)
def test_what_isaac_lab_excludes_is_excluded(name: str, ours: dict[str, Started]) -> None:
    told = re.search(r"^excluded = (\[.*\])", (APPS / "isaaclab.python.kit").read_text(), re.M)
    assert told is not None
    excluded = set(re.findall(r'"([^"]+)"', told[1]))
    assert "omni.warp.core" in excluded
    assert set(ours[name].settings["/app/extensions/excluded"]) == excluded
    assert not excluded & set(ours[name].extensions)


@pytest.mark.parametrize("name", EXPERIENCES)
def test_isaac_sims_folders_are_searched(name: str) -> None:
    folders = re.findall(
        r'"\$\{exe-path\}/(\.\./(?:isaacsim/)?)?(exts\w*)"', (APPS / "isaaclab.python.kit").read_text()
    )
    assert {("", "exts"), ("../", "extscache"), ("../isaacsim/", "extsPhysics")} <= set(folders)
    app = (PROJECT / "config" / f"mimicgen.datagen.isaacsim{name}.kit").read_text()
    for above, folder in folders:
        assert f'"${{kit}}/{above}{folder}"' in app
    assert 'python/lib/python3.12/site-packages/isaaclab/apps"' in app


def test_the_extension_starts_after_those_that_bring_packages(tmp_path: Path) -> None:
    """What is missing is looked for when it starts; an application starts what has no order by name."""
    last = "omni.pip.packages"
    folder = tmp_path / "extensions" / last / "pip_prebundle"
    folder.mkdir(parents=True)
    (folder / "prebundle_started.py").touch()
    app = tmp_path / "application.kit"
    app.write_text(f'[dependencies]\n"mimicgen.datagen" = {{}}\n"{last}" = {{}}\n')
    arguments = ("--ext-folder", str(PROJECT / "exts"), "--/app/extensions/excluded/0=omni.warp.core")
    started = start(app, tmp_path, *arguments, extensions={last: PREBUNDLE})
    assert last in started.extensions
    assert "omni.warp.core" not in started.extensions
    modules = started.modules
    assert modules.index("prebundle_started") < modules.index("mimicgen.datagen_extension")
