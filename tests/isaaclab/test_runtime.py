"""Which Warp is loaded decides whether Isaac Lab works, and Isaac Sim may bring its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import warp
from packaging.version import Version

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.isaaclab import runtime
from mimicgen.datagen.session.opening import open_simulation


def loaded(version: str, folder: str) -> Any:
    """Stands in for another Warp: only its version and place are asked."""
    other: Any = types.ModuleType("warp")
    other.__version__, other.__file__ = version, f"{folder}/warp/__init__.py"
    return other


def test_what_isaac_lab_pins_is_read() -> None:
    assert runtime.pinned_version("isaaclab", "warp-lang") == Version(warp.__version__)
    assert runtime.pinned_version("isaaclab", "psutil") is None
    assert runtime.pinned_version("no-such-package", "warp-lang") is None
    runtime.check_warp()


@pytest.mark.parametrize(
    ("folder", "remedy"),
    [
        (
            "/isaac-sim/extscache/omni.warp.core-1.13.0",
            "mimicgen.datagen.isaacsim.kit, which leaves omni.warp.core out",
        ),
        ("/isaac-sim/kit/python/lib/python3.12/site-packages", "-m pip install warp-lang==1.17"),
    ],
)
def test_a_run_with_another_warp_is_refused_before_it_begins(
    folder: str, remedy: str, make_config: Callable[..., Generate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "warp", loaded("1.13.0", folder))
    config = make_config()

    @contextlib.asynccontextmanager
    async def stage(name: str) -> Any:
        assert name == "Isaac Lab", "nothing later is reached"
        yield lambda note: None

    async def run() -> None:
        with contextlib.closing(Outputs(config)) as outputs:
            async with open_simulation(config, outputs, stage):
                pass

    with pytest.raises(SetupError, match=r"Warp 1\.13\.0 of '.*' is loaded, and Isaac Lab needs Warp 1\.17") as caught:
        asyncio.run(run())
    assert remedy in str(caught.value)
    assert str(Path(folder)) in str(caught.value)


def test_a_fix_of_the_same_version_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = Version(warp.__version__)
    monkeypatch.setitem(sys.modules, "warp", loaded(f"{pinned.major}.{pinned.minor}.99", "/anywhere"))
    runtime.check_warp()
