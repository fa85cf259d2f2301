"""Policies in the panel, used like a person uses it: one is trained, and evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimicgen.datagen.cli.policies.training import PYTHON
from tests.dataset.formats.making import some_demos
from tests.kit.test_panel import at_the_panel


@pytest.mark.skipif(not PYTHON.is_file(), reason="not installed; ./scripts/setup.sh --with train")
def test_a_policy_is_trained_and_evaluated(display: str, tmp_path: Path) -> None:
    some_demos(tmp_path / "d.hdf5", 2)
    code = """
    import os
    os.chdir(folder)  # names are short to type
    person = Person(source=source, **outputs)
    person.click("work_train")
    person.wait(lambda: person.text("dataset"))
    seen["missing"] = [person.text("dataset"), person.text("dataset.note"), person.find("start").enabled]
    person.type("dataset", "d.hdf5")
    person.type("output", "policy")
    person.choose("preset", 1)
    person.type("steps", "20")
    person.type("evaluate_every", "20")
    person.type("set", "training.batch_size=8 evaluation.episodes=2 evaluation.num_envs=2")
    person.wait(lambda: person.find("start").enabled)  # the window shows changes ten times a second
    seen["right"] = person.text("why")
    person.click("start")
    person.wait(lambda: person.text("state") == "Running" and not person.find("seed").enabled)
    seen["running"] = [person.find(name).enabled for name in ("start", "pause", "stop", "seed")]
    person.click("work_generate")  # what goes on goes on
    person.wait(lambda: person.text("source"))
    seen["beside"] = [person.text("state"), person.find("start").enabled]
    person.click("work_train")
    person.wait(lambda: person.text("state") == "Done", seconds=240)  # processes that import what theirs need
    person.wait(lambda: person.text("success.20"))  # which is made with the next frame
    seen["trained"] = [person.text("end"), person.text("written"), person.text("count"), person.text("success.20")]

    person.click("evaluate_it")
    person.wait(lambda: person.text("policy"))
    seen["policy"] = [person.text("task.chosen"), person.text("policy"), person.text("output_dir")]
    person.type("output_dir", "evaluated")
    person.type("num_trials", "2")
    person.type("max_steps", "200")
    person.click("start")
    person.wait(lambda: person.session.progress.steps > 5)
    person.click("pause")
    person.wait(lambda: person.text("state") == "Paused")
    person.click("pause")
    person.wait(lambda: person.text("state") == "Done")
    seen["evaluated"] = [person.text("end"), person.text("count"), person.text("success_rate")]
    seen["record"] = json.loads((folder / "evaluated" / "run.json").read_text())

    person.type("policy", "none.pth")
    person.click("start")
    person.wait(lambda: person.text("state") == "Failed")
    seen["wrong"] = person.text("end")
    """
    seen = at_the_panel(code, display, tmp_path)
    dataset, note, enabled = seen["missing"]
    assert (dataset, enabled) == (str(tmp_path / "g.hdf5"), False), "what Generate writes"
    assert "does not exist; generate one, or choose another" in note
    assert seen["right"] == ""
    assert seen["running"] == [False, False, True, False]
    assert seen["beside"] == ["Idle", True]
    policy = str(tmp_path / "policy" / "policy.pth")
    assert seen["trained"] == ["All steps were taken", policy, "20 of 20 gradient steps", "0 of 2, 0% (0 to 66)"]
    task = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
    assert seen["policy"] == [task, policy, "output/evaluate_policy"]
    assert seen["evaluated"] == ["Target reached", "2 of 2 attempts made", "0% (0 to 66)"]
    assert seen["wrong"] == "Policy = 'none.pth' cannot be read: No such file or directory"
    assert (seen["record"]["config"]["mode"], seen["record"]["counts"]["attempts"]) == ("evaluate", 2)
    remembered = (tmp_path / "data" / "mimicgen.datagen" / "last_run.toml").read_text()
    assert 'mode = "evaluate"' in remembered
