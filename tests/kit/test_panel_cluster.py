"""A run on Ray's workers from the panel: chosen, watched, paused and stopped as a person does, with two real workers.

Attempts are known beforehand, which leaves out the simulation: session, Ray, merging and the window are the real ones.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from tests.conftest import PROJECT
from tests.kit.test_panel import at_the_panel

pytest.importorskip("ray")


def test_a_person_chooses_workers_watches_pauses_and_stops(display: str, tmp_path: Path) -> None:
    code = f"""
    import os
    os.environ["PYTHONPATH"] = {str(PROJECT)!r}  # for the workers
    os.environ["RAY_worker_niceness"] = "0"
    from mimicgen.datagen.ui import checker
    checker.QUIET = 1e9  # importing Isaac Lab would take the cores from Ray
    from tests.cluster.workers import FATE, steady
    from tests.session.known import opening
    from mimicgen.datagen.cluster.run import ClusterRun
    person = Person(source=source, num_trials=400, **{{"cluster.shard_attempts": 3}}, **outputs)
    person.session._make_run = lambda config, host, _: ClusterRun(config, host, opening(FATE), steady)
    """
    code += """
    person.reach("where")
    seen["here"] = [person.find("cluster.address").computed_width, person.text("why")]
    person.choose("where", 2)
    person.wait(lambda: person.text("cluster.address") == "auto")
    person.type("cluster.address", "h")
    seen["wrong"] = [person.text("cluster.address.note"), person.find("start").enabled]
    person.type("cluster.address", "h:1")
    seen["right"] = [person.text("cluster.address.note"), person.find("start").enabled]
    person.choose("where", 1)
    person.type("cluster.workers", "2")
    seen["local"] = [person.text("cluster.workers.note"), person.find("start").enabled]
    person.choose("where", 2)
    person.wait(lambda: person.text("cluster.address") == "h:1")  # it is there again
    person.choose("where", 1)

    person.click("start")
    seen["shown"] = []
    def look():
        seen["shown"].append([person.text(f"worker.{number}.doing") for number in range(2)])
        return seen["shown"][-1]
    person.wait(lambda: look() and person.text("worker.0.figures") and person.text("worker.1.figures"))
    seen["editable"] = person.find("where").enabled
    person.click("pause")
    person.wait(lambda: person.text("workers").startswith("2 workers: 2 idle"))
    seen["figures"] = [person.text("worker.0"), person.text("worker.0.node"), person.text("worker.0.figures")]
    before = person.session.progress.attempts
    begun = sorted(path.name for path in folder.glob("g_shards/*"))
    for _ in range(40):
        person.update()
    seen["paused"] = [
        person.text("state"),
        person.session.progress.attempts - before,
        sorted(path.name for path in folder.glob("g_shards/*")) == begun,
    ]
    person.click("pause")
    person.wait(lambda: person.session.progress.attempts > before)
    person.click("stop")
    person.wait(lambda: person.text("state") == "Done")
    seen["stopped"] = [person.text("end"), person.session.progress.successes, person.text("workers")]
    seen["kept"] = json.loads((outputs["output_dir"] / "run.json").read_text())["counts"]["successes"]
    seen["remembered"] = (folder / "data" / "mimicgen.datagen" / "last_run.toml").read_text()

    from mimicgen.datagen.progress import Doing, WorkerProgress
    many = [WorkerProgress(name=f"node_{number}", doing=Doing.WORKING, shard="some") for number in range(999)]
    lost = WorkerProgress(name="node_999", doing=Doing.LOST, last_failure="it was killed")
    person.session.publish(workers=(*many, lost))
    person.wait(lambda: person.text("workers").startswith("999"))
    seen["many"] = [person.text(name) for name in ("workers", "worker.0", "worker.0.failure", "worker.23", "worker.24")]
    seen["others"] = person.text("workers.others")
    """
    seen = at_the_panel(code, display, tmp_path)
    assert seen["here"][1] == ""
    assert seen["wrong"] == ["Expected none, local, auto, HOST:PORT or ray://HOST:PORT", False]
    assert seen["right"] == ["auto, HOST:PORT, or ray://HOST:PORT", True]
    assert seen["local"] == ["0: one for every two cores; cpu uses no GPU", True]
    assert ["starting", "starting"] in seen["shown"]
    assert any("attempts " in one for pair in seen["shown"] for one in pair)
    assert seen["editable"] is False
    name, node, figures = seen["figures"]
    assert (name, bool(node)) == ("worker_1", True)
    assert "demonstrations an hour" in figures
    assert " succeeded, " in figures
    assert seen["paused"] == ["Paused", 0, True]
    reason, successes, workers = seen["stopped"]
    assert (reason, workers) == ("Stopped by the user", "2 workers: 2 ended")
    assert 0 < successes < 400
    assert successes == seen["kept"]
    assert '[cluster]\naddress = "local"\nworkers = 2\n' in seen["remembered"]
    with h5py.File(tmp_path / "g.hdf5") as file:
        assert len(file["data"]) == successes
    assert seen["many"] == ["999 workers: 999 at work; 1 lost", "node_999", "it was killed", "node_22", ""]
    assert seen["others"] == "and 976 at work"
