"""Following a training: its process and the evaluations are small scripts here, which say and write what those do."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.cli.policies.training import PRESETS
from mimicgen.datagen.errors import BadInputError, OutputError, RunError
from mimicgen.datagen.policies.training import page
from mimicgen.datagen.policies.training.folder import Folder
from mimicgen.datagen.policies.training.following import Evaluate, Follower, Outcome, evaluation_command
from mimicgen.datagen.policies.training.presets import Evaluating, Preset, read_preset

TRAINER = """
import json, pathlib, signal, sys, time
folder, steps, every, pause, ending = pathlib.Path(sys.argv[1]), *map(float, sys.argv[2:5]), sys.argv[5]
stopped = []
signal.signal(signal.SIGTERM, lambda *told: stopped.append(told))
def tell(**values):
    print(json.dumps(values), flush=True)
done = max((int(path.name[5:11]) for path in folder.glob("checkpoints/step_*")), default=0)
tell(event="begin", step=done, steps=steps, parameters=1, samples=1, device="cpu", torch="2", seconds=0.1)
print("library speaking", file=sys.stderr)
for step in range(done + 1, int(steps) + 1):
    time.sleep(pause)
    tell(event="step", step=step, loss=1 / step, steps_per_second=1.0, eta=steps - step)
    if step % every == 0 or stopped or step == steps:
        (folder / "checkpoints" / f"step_{step:06d}").mkdir(parents=True)
        tell(event="checkpoint", step=step, path=str(folder / "checkpoints" / f"step_{step:06d}"))
    if stopped:
        tell(event="end", why="stopped")
        sys.exit(130)
    if step == 3 and ending == "crash":
        sys.exit("out of luck")
    if step == 3 and ending == "refuse":
        tell(event="error", message="the loss is nan", code=2)
        sys.exit(2)
tell(event="end", why="done")
"""

EVALUATION = """
import json, pathlib, sys
step = int(pathlib.Path(sys.argv[1]).name[5:])
counts = {"attempts": 10, "successes": json.loads(sys.argv[3])[str(step)]}
pathlib.Path(sys.argv[2], "run.json").write_text(json.dumps({"counts": counts}))
"""


def preset(*assignments: str) -> Preset:
    return read_preset(PRESETS / "diffusion.toml", ["training.steps=8", *assignments])


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "demos.hdf5"
    path.write_bytes(b"some")
    return path


@pytest.fixture
def folder(tmp_path: Path, dataset: Path) -> Folder:
    made = Folder(tmp_path / "policy", preset(), dataset, 1, "cpu")
    made.open(fresh=False, stamp="then")
    return made


def follower(
    folder: Folder,
    told: list[dict[str, Any]],
    *,
    successes: Sequence[int] = (),
    patience: int = 0,
    pause: float = 0.0,
    ending: str = "well",
    evaluate: Evaluate | None = None,
) -> Follower:
    command = [sys.executable, "-c", TRAINER, str(folder.path), "8", "2", str(pause), ending]
    rates = str({f"{2 * index + 2}": own for index, own in enumerate(successes)}).replace("'", '"')

    def usual(checkpoint: Path, place: Path, how: Evaluating) -> Sequence[str]:
        return [sys.executable, "-c", EVALUATION, str(checkpoint), str(place), rates]

    evaluating = Evaluating(every=2 if successes or evaluate else 0, episodes=10, patience=patience)
    return Follower(command, folder, 8, evaluating, evaluate or usual, told.append)


def run(folder: Folder, **options: Any) -> tuple[Outcome, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    return follower(folder, told, **options).run(), told


def test_without_evaluations_the_last_checkpoint_is_the_policy(folder: Folder) -> None:
    outcome, told = run(folder)
    assert (outcome.why, outcome.evaluated) == ("done", ())
    assert outcome.best == folder.path / "checkpoints/step_000008"
    assert [line["event"] for line in told] == [
        *("begin", "step", "step", "checkpoint"),
        *(["step"] * 2 + ["checkpoint"]) * 3,
    ]
    assert [*folder.lines()] == told
    assert "library speaking" in (folder.path / "train.log").read_text()
    link = folder.lead_to(outcome.best)
    assert (link.is_symlink(), link.resolve()) == (True, outcome.best)


def test_the_best_checkpoint_is_the_policy(folder: Folder) -> None:
    outcome, told = run(folder, successes=(3, 9, 8, 7))
    assert [(one.step, one.successes) for one in outcome.evaluated] == [(2, 3), (4, 9), (6, 8), (8, 7)]
    assert outcome.best == folder.path / "checkpoints/step_000004"
    evaluations = [line for line in told if line["event"] == "evaluation"]
    assert [line["best"] for line in evaluations] == [True, True, False, False]
    page.write(folder.path / "train.html", {"task": "<b>"}, folder.lines(), over=True)
    text = (folder.path / "train.html").read_text()
    assert "9 of 10, 90.0% (60 to 98), the best" in text
    assert "&lt;b&gt;" in text
    assert text.count("<circle") == 4
    assert "http-equiv" not in text


def test_training_stops_when_success_stands_still(folder: Folder) -> None:
    outcome, _ = run(folder, successes=(5, 4, 4, 4), patience=1, pause=0.7)
    assert outcome.why == "still"
    assert outcome.best == folder.path / "checkpoints/step_000002"
    assert max(one.step for one in outcome.evaluated) < 8


def test_a_checkpoint_that_cannot_be_evaluated_stops_nothing(folder: Folder) -> None:
    outcome, told = run(folder, evaluate=lambda *given: [sys.executable, "-c", "raise SystemExit(2)"])
    assert outcome.why == "done"
    notes = [line["message"] for line in told if line["event"] == "note"]
    assert len(notes) == 4
    assert "step 2 could not be evaluated (exit code 2)" in notes[0]


def test_ctrl_c_ends_it_with_a_checkpoint_and_the_same_goes_on(folder: Folder) -> None:
    told: list[dict[str, Any]] = []
    begun = follower(folder, told, successes=(1, 2, 3, 4), pause=0.3)

    def interrupt() -> None:
        while not any(line["event"] == "step" for line in told):
            time.sleep(0.02)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    outcome = begun.run()
    thread.join()
    assert outcome.why == "stopped"
    step = told[-1]["step"]
    assert told[-1]["event"] == "checkpoint"
    assert step < 8
    outcome, again = run(folder, successes=(1, 2, 3, 4))
    assert again[0]["step"] == step
    assert outcome.why == "done"
    assert {one.step for one in outcome.evaluated} >= {4, 6, 8}
    outcome, nothing = run(folder, successes=(1, 2, 3, 4))
    assert not nothing, "all of it is there"
    assert outcome.best == folder.path / "checkpoints/step_000008"


def test_what_the_process_refuses_and_how_it_fails(folder: Folder) -> None:
    with pytest.raises(BadInputError, match="the loss is nan"):
        run(folder, ending="refuse")
    with pytest.raises(RunError, match=r"ended with exit code 1; its log is '.*train\.log'") as caught:
        run(folder, ending="crash")
    assert "out of luck" in str(caught.value)
    assert (folder.path / "train.1.log").is_file()


def test_the_command_that_evaluates() -> None:
    how = Evaluating(every=1, episodes=7, num_envs=3, seed=5)
    command = evaluation_command("pick_place", ["variant=d1"])(Path("c/step_000002"), Path("e"), how)
    assert [*command[2:5], *command[5:]] == [
        *("mimicgen.datagen.cli", "evaluate", "--policy", "c/step_000002", "--task", "pick_place"),
        *("--num-trials", "7", "--num-envs", "3", "--seed", "5", "--set", "variant=d1", "--output-dir", "e"),
    ]


def test_another_training_is_not_gone_on_with(tmp_path: Path, folder: Folder, dataset: Path) -> None:
    def reopen(own: Preset, seed: int = 1, *, fresh: bool = False) -> None:
        Folder(folder.path, own, dataset, seed, "cpu").open(fresh=fresh, stamp="then")

    reopen(preset())
    reopen(preset("evaluation.every=0"))
    assert read_preset(folder.path / "preset.toml") == preset("evaluation.every=0")
    with pytest.raises(OutputError, match=r"another training, with other training\.steps, network\.down_dims; pass"):
        reopen(preset("training.steps=9", "network.down_dims=[8]"))
    with pytest.raises(OutputError, match="with other seed"):
        reopen(preset(), seed=2)
    dataset.write_bytes(b"some more")
    with pytest.raises(OutputError, match="with other bytes"):
        reopen(preset())
    reopen(preset(), fresh=True)
    assert (tmp_path / "policy.then" / "training.json").is_file()


def test_a_folder_that_is_no_training(tmp_path: Path, dataset: Path) -> None:
    somebodys = tmp_path / "thesis"
    somebodys.mkdir()
    (somebodys / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="exists, and is no training"):
        Folder(somebodys, preset(), dataset, 1, "cpu").open(fresh=False, stamp="then")
    assert [path.name for path in somebodys.iterdir()] == ["thesis.txt"]
