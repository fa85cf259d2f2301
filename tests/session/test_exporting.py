"""What a run has kept is exported at its end, and what goes wrong with that does no harm to the run."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.session.exporting import export_kept
from tests.dataset.formats.making import rendered, some_demos

frames = 0


async def next_frame() -> None:
    global frames
    frames += 1
    await asyncio.sleep(0.01)


def exported(config: Any, *, drawn: bool = False, stopped: Callable[[], bool] = bool) -> Path | None:
    outputs = Outputs(config)
    asyncio.run(export_kept(config, outputs, next_frame, drawn=drawn, stopped=stopped))
    return outputs.exported


def test_exported_beside_the_loop(make_config: Callable[..., Any]) -> None:
    config = make_config(export="lerobot")
    some_demos(config.output_dataset, 2)
    rendered(config.output_dir, config.output_dataset, cameras=("front",))
    before = frames
    folder = exported(config, drawn=True)
    assert folder is not None
    assert folder == config.output_dataset.with_name("generated_lerobot")
    info = json.loads((folder / "meta/info.json").read_text())
    assert info["total_episodes"] == 2
    assert "observation.images.front" in info["features"]
    assert frames > before + 10, "the application goes on meanwhile"


def test_a_run_that_is_stopped_does_not_wait_for_it(
    make_config: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    config = make_config(export="lerobot")
    some_demos(config.output_dataset, 2)
    begin = frames
    with caplog.at_level(logging.WARNING):
        folder = exported(config, stopped=lambda: frames > begin + 5)
    assert folder is not None
    assert not (folder / "meta/info.json").exists()
    assert "the run was stopped; this goes on: ./scripts/datagen.sh export lerobot" in caplog.text
    assert exported(config) == folder
    assert json.loads((folder / "meta/info.json").read_text())["total_episodes"] == 2


def test_what_goes_wrong_is_told(
    make_config: Callable[..., Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(export="gr00t")
    folder = exported(config)
    assert folder is not None
    assert not folder.exists(), "nothing was kept"
    some_demos(config.output_dataset, 1)
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with caplog.at_level(logging.WARNING):
        exported(config)
    assert "generated_gr00t was not exported: output" in caplog.text
    assert "exists; remove it" in caplog.text
    monkeypatch.setattr(sys, "executable", "/opt/kit/kit")
    with caplog.at_level(logging.WARNING):
        exported(config)
    assert "here a run cannot start processes; run: ./scripts/datagen.sh export gr00t" in caplog.text


def test_nothing_is_exported_unless_it_is_wanted(make_config: Callable[..., Any]) -> None:
    config = make_config()
    some_demos(config.output_dataset, 1)
    assert exported(config) is None
    assert sorted(path.name for path in config.output_dataset.parent.iterdir()) == ["generated.hdf5"]
