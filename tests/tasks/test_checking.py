"""Task files that are wrong: the message names file, key, value and what is valid, and nothing else happens."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.tasks.catalogue import TASKS, load_task
from mimicgen.datagen.tasks.checks.checking import check_outside, likely_mistakes
from tests.hostile import acts, snapshot
from tests.tasks.hostile_files import BLOCK, KEYS_AND_VALUES, NAMES, PAD, SENSE, SHAPES, SOUND
from tests.tasks.hostile_paths import FILES, OUTSIDE

WRONG = KEYS_AND_VALUES | NAMES | SENSE | FILES


def written(folder: Path, text: str) -> Path:
    """Write a task file, with what some of them name beside it."""
    (folder.parent / "outside.obj").write_text("v 0 0 0\n")
    (folder / "link.obj").symlink_to(folder.parent / "outside.obj")
    (folder / "text.stl").write_text("no mesh")
    (folder / "a.fbx").write_text("no mesh")
    (folder / "damaged.usda").write_text("no USD")
    (folder / "still.usda").write_text('#usda 1.0\n(\n    defaultPrim = "kettle"\n)\ndef Xform "kettle"\n{\n}\n')
    os.mkfifo(folder / "pipe.obj")
    (folder / "raising_module.py").write_text("1 / 0\n")
    (folder / "sound_module.py").write_text("def grasped(scene):\n    raise AssertionError('called')\n")
    path = folder / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a task file, alone in the test's own."""
    (tmp_path / "task").mkdir()
    return tmp_path / "task"


def test_the_sound_file_is(folder: Path) -> None:
    path = written(folder, SOUND)
    found = load_task(path)
    check_outside(found, str(path))
    assert likely_mistakes(found) == []


def test_there_are_many_kinds() -> None:
    assert len(WRONG | OUTSIDE) >= 100
    tables = (KEYS_AND_VALUES, NAMES, SENSE, FILES, OUTSIDE)
    assert sum(map(len, tables)) == len({name for table in tables for name in table})


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_told(kind: str, folder: Path) -> None:
    old, new, words = WRONG[kind]
    assert old in SOUND
    path = written(folder, SOUND.replace(old, new))
    before = snapshot(folder.parent)
    began = time.process_time()
    with pytest.raises(BadInputError) as raised:
        load_task(path)
    message = str(raised.value)
    assert time.process_time() - began < 5
    assert raised.value.exit_code == 2
    assert "wrong.toml" in message or "r.toml" in message
    for word in words:
        assert word in message
    assert acts(message) == ""
    assert len(message) < 20_000
    assert snapshot(folder.parent) == before


@pytest.mark.parametrize("kind", OUTSIDE)
def test_what_is_wrong_outside_is_told(kind: str, folder: Path) -> None:
    old, new, words = OUTSIDE[kind]
    path = written(folder, SOUND.replace(old, new))
    found = load_task(path)
    with pytest.raises(BadInputError) as raised:
        check_outside(found, f"task file '{path}'")
    assert all(word in str(raised.value) for word in words), str(raised.value)
    assert str(path) in str(raised.value)
    assert str(folder) not in sys.path


def test_all_that_is_wrong_is_told_at_once(folder: Path) -> None:
    text = SOUND.replace("mass = 0.1", 'mas = "heavy"').replace("movable = false", "movable = 3").replace("[0.45", "[x")
    with pytest.raises(BadInputError, match="not valid TOML"):
        load_task(written(folder, text))
    (folder / "wrong.toml").write_text(text.replace("[x", "[0.45"))
    with pytest.raises(BadInputError) as raised:
        load_task(folder / "wrong.toml")
    assert len(raised.value.args) == 3
    assert "objects.chest.movable = 3" in raised.value.args[2]


def test_not_more_is_told_than_can_be_read(folder: Path) -> None:
    many = "\n".join(f"[cameras.c{index}]\nposition = [{index}, 0, 0]\nlok_at = [0, 0, 0]" for index in range(19))
    with pytest.raises(BadInputError) as raised:
        load_task(written(folder, f"{SOUND}\n{many}\nlok = 3\nlo = 2"))
    assert len(raised.value.args) == 21
    assert raised.value.args[-1] == "... and more"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(range(256)), "not text in UTF-8"),
        (b'instruction = "\xff\xfe"', "not text in UTF-8"),
        (b"\0" * 100, "not valid TOML"),
        (b"", "is missing"),
        (b"#" * 10_000_000, "more than 1,000,000 bytes"),
        (b"a = 1\n" * 3, "not valid TOML"),
        (b"[" * 100_000, "not valid TOML"),
        (b"a." * 400_000 + b"a = 1", "nested too deep"),
        (b"robots = 3", "robots = 3"),
    ],
    ids=["binary", "encoding", "zeros", "empty", "10 MB", "twice", "brackets", "dots", "no table"],
)
def test_files_that_are_no_task_files(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "task.toml"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=said) as raised:
        load_task(path)
    assert "task.toml" in str(raised.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    (tmp_path / "broken.toml").symlink_to("/proc/self/mem")
    for name, said in (
        ("pipe", "no regular file"),
        ("folder", "no regular file"),
        ("loop", "symbolic links"),
        ("none", "No such file"),
        ("broken", "Input/output error"),
    ):
        with pytest.raises(BadInputError, match=said):
            load_task(tmp_path / f"{name}.toml")


def test_a_name_that_is_no_tasks(tmp_path: Path) -> None:
    for name in ("my-task.toml", "3.toml", "a b.toml", "\x1b[2J.toml", ".toml"):
        (tmp_path / name).write_text(SOUND)
        with pytest.raises(BadInputError, match="it is the task's") as raised:
            load_task(tmp_path / name)
        assert acts(str(raised.value)) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("position = [0.5, -0.15, 0.02]", "position = [0.5, -0.15, 0.0]", "20 mm deep in the table"),
        ("position = [0.5, -0.15, 0.02]", "position = [0.5, -0.15, 0.1]", "80 mm above the table, and falls"),
        (BLOCK, BLOCK.replace("[0.45, 0.55]", "[0.45, 1.5]"), "'block' starts beside the table"),
        (PAD, PAD.replace("[0.1, 0.2]", "[-0.2, 0.2]"), "'block' and 'pad' may start in each other"),
        (SHAPES, 'shapes = [{ shape = "sphere", radius = 0.1 }]', "wider than the 80 mm between the fingers"),
    ],
    ids=["in the table", "in the air", "beside the table", "in each other", "too wide"],
)
def test_what_is_likely_a_mistake(old: str, new: str, said: str, folder: Path) -> None:
    warnings = likely_mistakes(load_task(written(folder, SOUND.replace(old, new))))
    assert re.search(said, "\n".join(warnings))


TRAY = """shapes = [
    { shape = "box", size = [0.2, 0.2, 0.01] },
    { shape = "box", size = [0.01, 0.2, 0.08], position = [0.1, 0.0, 0.04] },
]"""


@pytest.mark.parametrize(
    ("height", "said"), [(0.025, "^$"), (0.005, "20 mm deep in 'pad'"), (0.065, "40 mm above 'pad', and falls")]
)
def test_what_stands_in_a_tray_stands_on_its_floor(height: float, said: str, folder: Path) -> None:
    text = re.sub(r"shapes = .*cylinder.*", TRAY, SOUND, count=1)
    text = text.replace(BLOCK, 'block = { x = [-0.02, 0.02], y = [0, 0], on = "pad" }')
    text = text.replace("position = [0.5, -0.15, 0.02]", f"position = [0, 0, {height}]")
    told = [one for one in likely_mistakes(load_task(written(folder, text))) if "'block'" in one]
    assert re.search(said, "\n".join(told))


@pytest.mark.parametrize("path", sorted(TASKS.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_shipped_is_sound(path: Path) -> None:
    found = load_task(path)
    check_outside(found, str(path))
    assert likely_mistakes(found) == []


def test_two_arms_wait_for_each_other(folder: Path) -> None:
    second = SOUND.replace(
        "[table]", '[robots.other]\nrobot = "franka_panda"\nposition = [1.0, 0.0, 0.0]\nyaw = 3.14\n[table]'
    )
    second = second.replace('object = "block" }\n\n', 'object = "block", arm = "robot" }\n\n').replace(
        '{ is = "gripper_open" }', '{ is = "gripper_open", arm = "robot" }'
    )
    second = second.replace(
        "[signals]",
        '[[subtasks.other]]\nsubtask_term_signal = "there"\n[[subtasks.other]]\nobject_ref = "pad"\n'
        '[signals]\nthere = { is = "near", arm = "other", of = "pad", within = 0.1 }',
    )
    second += '[[expert.poses.other]]\nname = "wait"\ngripper = "open"\nwait_for = "grasped"\n'
    second += '[[expert.poses.other]]\nname = "go"\nto = "pad"\ngripper = "open"\n'
    load_task(written(folder, second))
    path = folder / "wrong.toml"
    path.write_text(second.replace('name = "approach the block"', 'name = "wait"\nwait_for = "there"'))
    with pytest.raises(BadInputError, match=r"expert.poses.robot\[0\].wait_for = 'there': it can never come"):
        load_task(path)
    order = '[[constraints]]\nconstraint_type = "sequential"\neef_subtask_constraint_tuple = '
    path.write_text(
        f'{second}{order}[["robot", 1], ["other", 0]]\n{order}[["other", 1], ["robot", 0]]\n',
    )
    with pytest.raises(BadInputError, match="constraints: subtasks wait for each other in a circle"):
        load_task(path)
    path.write_text(second.replace('object = "block", arm = "robot" }\n\n', 'object = "block" }\n\n'))
    with pytest.raises(BadInputError, match=r"signals\.grasped: 'arm' is missing; it says which: robot, other"):
        load_task(path)
