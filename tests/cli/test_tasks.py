"""`datagen.sh task`: through the real command line, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mimicgen.datagen.tasks.beginning import BEGINNING
from tests.hostile import acts, snapshot
from tests.tasks.hostile_files import KEYS_AND_VALUES, NAMES, SENSE, SOUND
from tests.tasks.hostile_paths import FILES, OUTSIDE

SAMPLE = (
    *((KEYS_AND_VALUES, name) for name in ("unknown key", "nan", "name read backwards", "nested too deep", "no TOML")),
    *((NAMES, name) for name in ("no such object in a condition", "object called table")),
    *((SENSE, name) for name in ("parts in a circle", "ranges too near for the separation")),
    *((FILES, name) for name in ("mesh outside by ..", "robot that is not there")),
    *((OUTSIDE, name) for name in ("home beyond a limit", "module that is not there")),
)


def task(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `datagen.sh task` as its script does."""
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "task", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


@pytest.fixture
def beginning(tmp_path: Path) -> Path:
    """A task file as `task new` writes it."""
    result = task("new", "my_task", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    return tmp_path / "my_task.toml"


def test_a_new_one_is_sound_and_has_its_schema(beginning: Path) -> None:
    text = beginning.read_text()
    schema = text.splitlines()[0].removeprefix("#:schema ")
    assert (beginning.parent / schema).resolve() == BEGINNING.with_name("task.schema.json")
    assert text.partition("\n")[2] == BEGINNING.read_text().partition("\n")[2]
    began = time.monotonic()
    result = task("check", "my_task.toml", folder=beginning.parent)
    assert (result.returncode, result.stderr) == (0, "")
    assert "my_task.toml: nothing is wrong; 0 warnings" in result.stdout
    assert time.monotonic() - began < 10  # about a second; other tests may run beside


def test_a_new_one_replaces_nothing(beginning: Path) -> None:
    before = snapshot(beginning.parent)
    result = task("new", "my_task", folder=beginning.parent)
    assert result.returncode == 2
    assert "exists" in result.stderr
    assert snapshot(beginning.parent) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("my-task",), "name = 'my-task'"),
        (("../x",), "name = '../x'"),
        (("\x1b[2J",), r"name = '\x1b[2J'"),
        (("x" * 65,), "at most 64"),
        (("stack_three",), "give another name"),
        (("my_task", "--output", "other.toml"), "'my_task.toml'"),
        (("my_task", "--output", "no/such/my_task.toml"), "no/such"),
        (("my_task", "--output", f"{'x' * 300}/my_task.toml"), "too long"),
    ],
)
def test_names_that_are_none(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "no").touch()
    before = snapshot(tmp_path)
    result = task("new", *arguments, folder=tmp_path)
    assert result.returncode == 2
    assert said in result.stderr
    assert acts(result.stderr) == ""
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(("table", "name"), SAMPLE, ids=[name for _, name in SAMPLE])
def test_what_is_wrong_is_told(table: dict[str, tuple[str, str, tuple[str, ...]]], name: str, tmp_path: Path) -> None:
    old, new, words = table[name]
    (tmp_path / "wrong.toml").write_text(SOUND.replace(old, new))
    before = snapshot(tmp_path)
    result = task("check", "wrong.toml", folder=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert all(word in result.stderr for word in words)
    assert acts(result.stderr) == ""
    assert snapshot(tmp_path) == before


def test_programs_get_all_that_is_wrong(tmp_path: Path) -> None:
    text = SOUND.replace('object = "block"', 'object = "blok"').replace("[0.45, 0.55]", "[0.55, 0.45]")
    (tmp_path / "wrong.toml").write_text(text)
    result = task("check", "wrong.toml", "--json", folder=tmp_path)
    told = json.loads(result.stdout)
    assert (result.returncode, result.stderr) == (2, "")
    assert told["file"] == str(tmp_path / "wrong.toml")
    assert len(told["errors"]) == 5
    assert "variants.d0.start.block.x = [0.55, 0.45]" in told["errors"][0]


def test_warnings_are_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "high.toml").write_text(SOUND.replace("-0.15, 0.02]", "-0.15, 0.12]"))
    result = task("check", "high.toml", folder=tmp_path)
    assert result.returncode == 0
    assert "warning: variants.d0: 'block' starts 100 mm above the table" in result.stdout
    assert json.loads(task("check", "high.toml", "--json", folder=tmp_path).stdout)["warnings"]


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    for name, said in (("pipe.toml", "no regular file"), ("folder.toml", "no regular file"), ("none", "stack_three")):
        result = task("check", name, folder=tmp_path)
        assert result.returncode == 2
        assert said in result.stderr


ODD = """<robot name="odd"><link name="a&#10;error: forged"/><link name="b&#x9b;31m"/>
<joint name="j&#x202e;k" type="revolute"><limit lower="-1" upper="1"/></joint></robot>"""


def test_models_with_names_that_nobody_should_give(tmp_path: Path) -> None:
    (tmp_path / "odd.urdf").write_text(ODD)
    for options in ((), ("--json",)):
        result = task("robot", "odd.urdf", *options, folder=tmp_path)
        assert (result.returncode, result.stderr) == (0, "")
        assert acts(result.stdout) == ""
        assert "\nerror: forged" not in result.stdout
        assert "forged" in result.stdout


def test_models_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.urdf")
    (tmp_path / "folder.usd").mkdir()
    (tmp_path / "limits.urdf").write_text(ODD.replace("-1", "\u202e"))
    wrong = {
        "pipe.urdf": "there is no such file",
        "folder.usd": "there is no such file",
        "limits.urdf": "cannot be read as URDF",
        "none": "known: franka_panda",
        "none.toml": "none.toml",
    }
    before = snapshot(tmp_path)
    for name, said in wrong.items():
        result = task("robot", name, folder=tmp_path)
        assert (result.returncode, result.stdout) == (2, ""), name
        assert said in result.stderr
        assert acts(result.stderr) == ""
    assert snapshot(tmp_path) == before


def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.toml"
    path.write_text(SOUND)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read everything")
    result = task("check", path, folder=tmp_path)
    assert result.returncode == 2
    assert "Permission denied" in result.stderr


def test_the_list_has_what_is_shipped(tmp_path: Path) -> None:
    told = json.loads(task("list", "--json", folder=tmp_path).stdout)
    assert told["tasks"]["stack_three"]["variants"] == ["d0", "d1"]
    assert told["tasks"]["stack_three"]["robots"] == ["franka_panda"]
    assert "seven joints" in told["robots"]["franka_panda"]
    text = task("list", folder=tmp_path).stdout
    assert "stack_three: Stack the red cube" in text
    assert "generate --list-tasks" in text


def test_nothing_heavy_is_loaded(beginning: Path) -> None:
    code = f"""
import sys
from mimicgen.datagen.cli.commands import main
assert main(["task", "check", {str(beginning)!r}]) == 0
print(sorted({{"omni", "carb", "isaaclab", "torch", "newton", "mujoco", "gymnasium", "warp"}} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
