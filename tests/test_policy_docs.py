"""What docs/policies.md says of training: its commands, with tiny numbers, its tables and its files."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mimicgen.datagen.cli.policies.training import PRESETS, PYTHON
from mimicgen.datagen.policies.training.presets import read_preset
from tests.conftest import PROJECT
from tests.dataset.formats.making import some_demos

TEXT = (PROJECT / "docs" / "policies.md").read_text().partition("\n## Train\n")[2].partition("\n## ")[0]
COMMAND = re.compile(r"^\./scripts/datagen\.sh ((?:.*\\\n)*.*)$", re.M)


def run(folder: Path, command: list[str], *more: str) -> str:
    words = [sys.executable, "-m", "mimicgen.datagen.cli", *command, *more]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not PYTHON.is_file(), reason="not installed; ./scripts/setup.sh --with train")
def test_its_commands_do_what_they_say(tmp_path: Path) -> None:
    """On two demonstrations that the project ships, with robomimic's network, which takes the shortest to import."""
    (tmp_path / "datasets").mkdir()
    some_demos(tmp_path / "datasets" / "generated_dataset.hdf5", 3)
    commands = [shlex.split(command.replace("\\\n", " ")) for command in COMMAND.findall(TEXT)]
    assert [command[0] for command in commands] == ["train", "dataset", "train", "train", "train"]
    train, sample, turned, large, half = commands
    sample[sample.index("--count") + 1] = "2"
    assert "2 demonstrations" in run(tmp_path, sample)
    train[train.index("--preset") + 1] = "bc_rnn_gmm"
    train[train.index("--dataset") + 1] = "datasets/200.hdf5"
    tiny = [
        "--set",
        "network.algo.rnn.hidden_dim=8",
        "--set",
        "training.batch_size=8",
        "--set",
        "training.save_every=10",
    ]
    tiny += ["--steps", "20", "--evaluate-every", "0"]
    said = run(tmp_path, train, *tiny)
    assert "training bc of robomimic on 2 demonstrations" in said
    assert "done: all steps were taken" in said
    folder = tmp_path / "output" / "policy"
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["step_000010.pth", "step_000020.pth"]
    for name in ("policy.pth", "training.json", "preset.toml", "training.jsonl", "train.html", "train.log"):
        assert (folder / name).is_file()
        assert f"`{name}`" in TEXT
    assert json.loads((folder / "training.json").read_text())["policy"] == "checkpoints/step_000020.pth"
    lines = [json.loads(line) for line in run(tmp_path, train, *tiny, "--json").splitlines()]
    task = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
    assert lines == [{"event": "end", "why": "done", "policy": str(folder / "policy.pth"), "task": task}], (
        "there is nothing left to do"
    )
    few = ["--set", "training.batch_size=8", "--set", "network.down_dims=[8, 16, 24]"]
    said = run(tmp_path, turned, *few, "--steps", "2", "--evaluate-every", "0")
    assert "training diffusion of lerobot on 2 demonstrations" in said
    assert "done: all steps were taken" in said
    assert "not turned" not in said
    for own in (large, half):
        own[own.index("--dataset") + 1] = "datasets/200.hdf5"
        said = run(tmp_path, own, *few, "--steps", "2", "--evaluate-every", "0")
        assert "training diffusion of lerobot on 2 demonstrations" in said
        assert "done: all steps were taken" in said


def test_its_table_is_complete() -> None:
    for path in PRESETS.glob("*.toml"):
        assert f"[`{path.stem}`](../config/train/{path.name})" in TEXT
        observed = read_preset(path).observations
        assert all(f"`{name}`" in TEXT for name in (*observed.numbers, *observed.images))
