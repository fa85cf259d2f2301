"""The panel in a real Kit application with real widgets, on an X display in memory, used like a person uses it."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import h5py

from tests.conftest import PROJECT
from tests.generation.running import Fork

SOURCE = PROJECT / "datasets" / "source_demos.hdf5"


def at_the_panel(code: str, display: str, folder: Path) -> dict[str, Any]:
    """Run code at a panel of its own, as `person`, and return what it puts into `seen`."""
    start = f"""
import json, sys
sys.path[:0] = [{str(PROJECT)!r}, {str(PROJECT / "exts" / "mimicgen.datagen")!r}]
from pathlib import Path
from urllib.request import urlopen
from tests.person import Person
folder, source = Path({str(folder)!r}), {str(SOURCE)!r}
outputs = {{"output_dataset": folder / "g.hdf5", "output_dir": folder / "records", "render.when": "never"}}
seen = {{}}
"""
    end = """
(folder / "seen.json").write_text(json.dumps(seen))
person.leave()
"""
    environment = os.environ | {
        "DISPLAY": display,
        "OMNI_KIT_ACCEPT_EULA": "YES",
        "OMNI_KIT_ALLOW_ROOT": "1",
        "XDG_DATA_HOME": str(folder / "data"),
    }
    result = Fork(start + textwrap.dedent(code) + end, environ=environment, folder=folder).wait()
    assert (folder / "seen.json").exists(), result.stdout[-1500:] + result.stderr[-3000:]
    assert result.returncode == 0
    seen: dict[str, Any] = json.loads((folder / "seen.json").read_text())
    return seen


def test_a_person_configures_runs_pauses_and_stops(display: str, tmp_path: Path) -> None:
    code = """
    person = Person(**outputs)
    seen["first"] = [person.text("why"), person.find("start").enabled]
    person.type("source", "/nowhere/demos.hdf5")
    seen["wrong"] = [person.text("source.note"), person.find("start").enabled]
    for nowhere in ("/", "~nosuchuser/x.hdf5"):
        person.type("source", nowhere)
        seen[nowhere] = person.text("source.note")
    person.type("source", source)
    person.type("num_trials", "2")
    person.type("live_port", "0")
    seen["right"] = [person.text("why"), person.find("start").enabled, person.text("num_trials")]
    person.wait(lambda: person.text("source.verdict").startswith("10 of 10"))

    person.click("start")
    person.wait(lambda: not person.find("start").enabled)  # the window shows changes ten times a second
    seen["editable"] = person.find("num_trials").enabled
    person.wait(lambda: person.session.progress.steps > 30)
    person.wait(lambda: person.find("live").visible)
    address = person.find("live").text.split()[-1]
    with urlopen(address + "records?known=0", timeout=10) as answer:
        seen["live"] = [answer.status, sorted(json.loads(answer.read()))]
    person.click("pause")
    person.wait(lambda: person.text("state") == "Paused")
    steps = person.session.progress.steps
    person.click("section_randomization")  # the window still reacts
    person.update(40)
    seen["paused"] = [person.session.progress.steps - steps, person.find("section_randomization").collapsed]
    person.click("pause")
    person.wait(lambda: person.session.progress.steps > steps)

    # A click is answered within one step: the button is released, and the state follows.
    x, y = person.reach("pause")
    person.point(x, y)
    person.press()
    person.update(3)
    steps = person.session.progress.steps
    person.release()
    person.wait(lambda: person.session.state == "paused")
    seen["answered_after_steps"] = person.session.progress.steps - steps
    person.click("pause")

    def bottom(identifier):
        widget = person.find(identifier)
        return widget.screen_position_y + widget.computed_height

    shares = []
    def watch():
        shares.append(person.text("count"))
        return person.session.progress.end is not None
    person.wait(watch, seconds=150)
    person.wait(lambda: person.text("state") == "Done")
    seen["counts"] = list(dict.fromkeys(shares + [person.text("count")]))
    seen["end"] = [person.text("end"), person.text("written"), person.text("reached.success")]
    seen["records"] = person.text("written.1")
    seen["banner"] = bottom("banner") - bottom("written.1")
    seen["live_at_the_end"] = person.find("live").visible

    person.click("fresh")
    person.type("num_trials", "3")
    person.click("start")
    person.wait(lambda: person.session.progress.steps > 20)
    person.click("stop")
    person.wait(lambda: person.text("state") == "Done")
    seen["stopped"] = [person.text("end"), person.session.progress.target]
    """
    seen = at_the_panel(code, display, tmp_path)
    assert seen["first"] == ["Not ready to start. Source: Choose an HDF5 file with annotated demonstrations", False]
    assert "'/nowhere/demos.hdf5' does not exist" in seen["wrong"][0]
    assert seen["wrong"][1] is False
    assert "pass an HDF5 file" in seen["/"]
    assert "there is no user 'nosuchuser'" in seen["~nosuchuser/x.hdf5"].replace("There", "there")
    assert seen["right"] == ["", True, "2"]
    assert seen["editable"] is False
    status, told = seen["live"]
    assert status == 200
    assert {"attempts", "demos", "funnel"} <= set(told)
    assert seen["live_at_the_end"] is False
    assert seen["paused"] == [0, False]
    assert seen["answered_after_steps"] <= 1
    assert [count for count in seen["counts"] if "of 2" in count][-1] == "2 of 2 demonstrations kept"
    assert "1 of 2 demonstrations kept" in seen["counts"], "the bar moves"
    reason, written, reached = seen["end"]
    assert reason == "Target reached"
    assert written == f"{tmp_path}: g.hdf5"
    assert reached.startswith("2 ")
    assert seen["records"] == f"{tmp_path / 'records'}: run.json, attempts.jsonl, report.html"
    assert seen["banner"] > 0, "the text ends inside its box"
    assert seen["stopped"] == ["Stopped by the user", 3]
    (first,) = tmp_path.glob("g.2*.hdf5")
    with h5py.File(first) as file:
        assert sorted(file["data"]) == ["demo_0", "demo_1"]
        assert all(len(demo["actions"]) == demo.attrs["num_samples"] for demo in file["data"].values())
    record = json.loads((tmp_path / "records" / "run.json").read_text())
    assert record["end"]["reason"] == "stopped by the user"
    assert (tmp_path / "data" / "mimicgen.datagen" / "last_run.toml").exists()


def test_opening_and_closing_during_a_run_leaks_nothing_and_changes_nothing(display: str, tmp_path: Path) -> None:
    code = """
    person = Person(size=(360, 700), source=source, num_trials=1, guarantee=False, seed=5, **outputs)
    import carb.settings
    store = carb.settings.get_settings()

    def attempt():
        return json.loads((folder / "records" / "attempts.jsonl").read_text())

    person.click("start")
    person.wait(lambda: person.session.progress.steps > 5)
    before = len(person.session._observers)
    for turn in range(200):
        store.set("/exts/mimicgen.datagen/window", bool(turn % 2))
        person.update(1)
    seen["visible"] = person.window.visible
    seen["observers"] = len(person.session._observers) - before
    seen["during"] = person.session.state
    person.wait(lambda: person.session.progress.end is not None)
    seen["disturbed"] = attempt()
    person.click("tab_setup")
    person.click("fresh")
    store.set("/exts/mimicgen.datagen/window", False)
    from mimicgen.datagen.tasks.defaults import build
    values = {"source": source, "num_trials": 1, "guarantee": False, "seed": 5, "fresh": True}
    person.session.start(build(values | outputs))
    person.wait(lambda: person.session.progress.end is not None)
    seen["undisturbed"] = attempt()
    """
    seen = at_the_panel(code, display, tmp_path)
    assert seen["visible"] is True
    assert seen["observers"] == 0
    assert seen["during"] == "running", "the run went on all the time"
    for attempt in (seen["disturbed"], seen["undisturbed"]):
        del attempt["seconds"]
    assert seen["disturbed"] == seen["undisturbed"]


def test_hidden_at_the_start_and_used_through_menu_and_actions(display: str, tmp_path: Path) -> None:
    """Kit's menus, actions and notifications are not in the bare kernel: small stand-ins record what they are told."""
    code = """
    from types import ModuleType, SimpleNamespace
    told = []

    class Registry:
        def __init__(self):
            self.actions = {}
        def register_action(self, extension, name, function, **about):
            self.actions[name] = function
        def deregister_all_actions_for_extension(self, extension):
            told.append(["deregistered", extension])

    registry, menus = Registry(), []
    def stand_in(name, **members):
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(members)
    def extend():
        stand_in("omni.kit.actions.core", get_action_registry=lambda: registry)
        stand_in(
            "omni.kit.menu.utils",
            MenuItemDescription=SimpleNamespace,
            add_menu_items=lambda items, menu: menus.append((menu, items[0])),
            remove_menu_items=lambda items, menu: told.append(["removed from", menu]),
        )
        stand_in(
            "omni.kit.notification_manager",
            NotificationStatus=SimpleNamespace(INFO="info", WARNING="warning"),
            post_notification=lambda text, status: told.append([text, status]),
        )
    person = Person(before=extend, window=False, source=source, **outputs)
    seen["hidden"] = [person.window.visible, person.session.state]
    (menu, item), = menus
    item.onclick_fn()
    person.update(10)
    seen["menu"] = [menu, item.name, item.ticked_fn(), person.window.visible, bool(person.find("start").enabled)]
    Path(outputs["output_dir"]).mkdir()
    (outputs["output_dir"] / "run.json").write_text("an older run")
    registry.actions["start"]()
    person.wait(lambda: person.session.state == "failed")
    person.wait(lambda: person.text("state") == "Failed")
    seen["failed"] = [person.text("end"), person.find("start").enabled]
    manager = person.app.get_extension_manager()
    manager.set_extension_enabled_immediate(manager.get_enabled_extension_id("mimicgen.datagen"), False)
    seen["told"] = told
    """
    seen = at_the_panel(code, display, tmp_path)
    assert seen["hidden"] == [False, "idle"]
    assert seen["menu"] == ["Tools", "MimicGen data generation", True, True, True]
    reason, startable = seen["failed"]
    assert "run.json" in reason
    assert startable, "the panel stays usable"
    notification, removed, deregistered = seen["told"]
    assert "run.json" in notification[0]
    assert notification[1] == "warning"
    assert removed == ["removed from", "Tools"]
    assert deregistered == ["deregistered", "mimicgen.datagen"]
