"""The toolbar's pause, play and stop in the middle of runs, in an Isaac Sim of stand-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import pytest

from tests.kit.standins.scenario import facts_of

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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("isaacsim")


@pytest.fixture(scope="module")
def toolbar(folder: Path) -> dict[str, Any]:
    return facts_of(TOOLBAR, folder)


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
    with h5py.File(folder / "ended" / "g.hdf5") as file:
        assert len(file["data"]) == toolbar["kept"] >= 1
    assert toolbar["after"] == "target reached"
    assert toolbar["nested"] == toolbar["kit_steps"] == 0


def test_quitting_works_while_the_timeline_is_paused(toolbar: dict[str, Any]) -> None:
    assert toolbar["quit"] == "the application is closing"
