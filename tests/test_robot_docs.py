"""What docs/robots.md says of an arm of one's own: its commands, and its files, which are the truth."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import h5py
import pytest

from mimicgen.datagen.robots.catalogue import ROBOTS, load_robot, model_file
from tests.conftest import PROJECT
from tests.generation.running import datagen
from tests.test_task_docs import blocks

_, _, WALK = (PROJECT / "docs" / "robots.md").read_text().partition("## Your own arm")
WALK = WALK.partition("\n## Keys")[0]
LINES = "".join(blocks(WALK, "bash")).replace("\\\n", " ").splitlines()
COMMANDS = [shlex.split(line, comments=True) for line in LINES]
SHIPPED = ROBOTS / "ur10_gripper.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the walk writes and brings along."""
    *robot, task = blocks(WALK, "toml")
    (tmp_path / "my_ur10.toml").write_text("\n".join(robot))
    (tmp_path / "stack_mine.toml").write_text(task)
    model = model_file(load_robot(SHIPPED).model, SHIPPED.parent)
    shutil.copy(model, tmp_path / model.name)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """Return what a command of the walk prints."""
    whole = [str(PROJECT / command[0]), *command[1:]]
    result = subprocess.run(whole, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_its_robot_is_the_one_that_is_shipped(folder: Path) -> None:
    assert load_robot(folder / "my_ur10.toml") == load_robot(SHIPPED)


def test_robots_are_told_as_it_says(folder: Path) -> None:
    of_model, of_robot = (command for command in COMMANDS if command[1:3] == ["task", "robot"])
    assert run(of_model, folder) in blocks(WALK, "text")
    told = run(of_robot, folder)
    assert "my_ur10.toml: 11 links, 8 joints" in told
    assert "left_finger_joint: from 0 to 0.04" in told
    assert json.loads(run([*of_robot, "--json"], folder))["arms"] == ["arm"]


def test_it_goes_from_an_arm_to_data(folder: Path) -> None:
    """As it says, with fewer attempts and without images; that it is drawn is a test of `task check`."""
    _, record, generate = (command for command in COMMANDS if command[1:3] != ["task", "robot"])
    few = {"--num-trials 10 --num-envs 10": "--num-trials 2 --num-envs 2", "--num-trials 100": "--num-trials 4"}
    for command in (record, generate):
        text = shlex.join(command)
        for many, some in few.items():
            text = text.replace(many, some)
        assert text != shlex.join(command)
        script, *arguments = shlex.split(text)
        assert script == "./scripts/datagen.sh"
        ended = datagen(*arguments, "--set", "render.when=never", folder=folder).wait()
        assert ended.returncode == 0, ended.stdout + ended.stderr
    with h5py.File(folder / "mine_demos.hdf5") as recorded, h5py.File(folder / "mine.hdf5") as generated:
        assert len(recorded["data"]) == 2
        assert len(generated["data"]) >= 3
        assert re.match("stack_mine-d0", json.loads(generated["data"].attrs["env_args"])["env_name"])
