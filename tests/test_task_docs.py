"""What docs/tasks.md and docs/robots.md say: their commands, and their files, which are the truth."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import h5py
import pytest
from scripts.write_schemas import documents

from mimicgen.datagen.robots.catalogue import load_robot
from mimicgen.datagen.robots.checking import check_against_model
from mimicgen.datagen.robots.models import read_model
from mimicgen.datagen.tasks.catalogue import load_task
from mimicgen.datagen.tasks.checks.scene import RESERVED
from tests.conftest import PROJECT
from tests.generation.running import datagen

TASKS = (PROJECT / "docs" / "tasks.md").read_text()
ROBOTS = (PROJECT / "docs" / "robots.md").read_text()
TUTORIAL, _, LATER = TASKS.partition("## More than the tutorial")
NO_SIMULATION = re.compile(r"^\./scripts/datagen\.sh (task (?!.*--look).*?)(?:\s+#.*)?$", re.M)
SIMULATION = re.compile(r"^\./scripts/datagen\.sh ((?:task .*--look|record|generate).*?)(?:\s+#.*)?$", re.M)

JOINTS = (
    ("shoulder", "revolute", "base", "upper", -1, 1),
    ("elbow", "revolute", "upper", "lower", -2, 0),
    ("finger_1", "prismatic", "lower", "left_tip", 0, 0.04),
    ("finger_2", "prismatic", "lower", "right_tip", 0, 0.04),
)
SMALL_ARM = '<robot name="small_arm"><link name="base"/>' + "".join(
    f'<link name="{child}"/><joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
    f'<limit lower="{low}" upper="{high}"/></joint>'
    for name, kind, parent, child, low, high in JOINTS
)
SMALL_ARM += "</robot>"


def blocks(text: str, kind: str) -> list[str]:
    """Return the code blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)


def tutorial_file(folder: Path) -> Path:
    """Write the task of the tutorial, which is what it says from its first piece to its last."""
    path = folder / "can_on_coaster.toml"
    path.write_text("\n".join(blocks(TUTORIAL, "toml")))
    return path


def test_its_commands_do_what_they_say(tmp_path: Path) -> None:
    """All but those that start a simulation."""
    commands = NO_SIMULATION.findall("\n".join(blocks(TASKS, "bash")))
    assert [shlex.split(command)[1] for command in commands] == ["list", "new", "check", "new", "check"]
    told = {}
    for command in commands:
        if command == "task check can_on_coaster.toml":
            tutorial_file(tmp_path)
        arguments = [str(PROJECT / "scripts" / "datagen.sh"), *shlex.split(command)]
        result = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        told[command] = result.stdout
    assert told["task check can_on_coaster.toml"] in blocks(TUTORIAL, "text")


def test_its_task_goes_from_a_file_to_data(tmp_path: Path) -> None:
    """As it says, with fewer attempts and without their images; not a line of Python."""
    tutorial_file(tmp_path)
    text = "\n".join(blocks(TUTORIAL, "bash")).replace("\\\n", " ")
    look, record, generate = (shlex.split(command) for command in SIMULATION.findall(text))
    generate[generate.index("100")] = "12"
    for command in (look, record, [*generate, "--set", "render.when=never"]):
        ended = datagen(*command, folder=tmp_path).wait()
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(list((tmp_path / "look").glob("can_on_coaster_d?_front.png"))) == 2
    with h5py.File(tmp_path / "can_demos.hdf5") as recorded, h5py.File(tmp_path / "cans.hdf5") as generated:
        assert len(recorded["data"]) == 10
        assert len(generated["data"]) >= 10, "at least five of six attempts"
        assert json.loads(generated["data"].attrs["env_args"])["env_name"] == "can_on_coaster-d0-Mimic-v0"
    told = json.loads((tmp_path / "generated" / "run.json").read_text())
    assert told["task_file"]["file"] == "can_on_coaster.toml"


def test_what_is_wrong_is_told_as_it_says(tmp_path: Path) -> None:
    path = tutorial_file(tmp_path)
    path.write_text(
        path.read_text()
        .replace('object_ref = "can"', 'object_ref = "cann"')
        .replace("x = [0.40, 0.50]", "x = [0.50, 0.40]")
    )
    command = [str(PROJECT / "scripts" / "datagen.sh"), "task", "check", path.name]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    (shown,) = (block for block in blocks(TUTORIAL, "text") if block.startswith("error"))
    assert sorted(line.rpartition("toml': ")[2].strip() for line in shown.splitlines()) == sorted(
        line.rpartition("toml': ")[2].strip() for line in result.stderr.splitlines()
    )


def test_what_it_adds_is_sound(tmp_path: Path) -> None:
    path = tutorial_file(tmp_path)
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "handle.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\n")
    path.write_text("\n".join([path.read_text(), *blocks(LATER, "toml")]))
    assert {"tray", "chest"} <= set(load_task(path).task.objects)


def test_its_robot_is_sound(tmp_path: Path) -> None:
    (block,) = blocks(ROBOTS.partition("## Your own arm")[0], "toml")
    (tmp_path / "small_arm.toml").write_text(block)
    (tmp_path / "small_arm.urdf").write_text(SMALL_ARM)
    model = read_model(tmp_path / "small_arm.urdf", "urdf")
    robot = load_robot(tmp_path / "small_arm.toml")
    check_against_model(robot, model, "small_arm.toml")
    assert list(robot.arms) == ["arm"]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.stem)
def test_its_tables_are_up_to_date(path: Path) -> None:
    """`./scripts/python.sh scripts/write_schemas.py` writes them."""
    assert path.read_text() == documents()[path]


def test_the_names_that_are_taken_are_there() -> None:
    (section,) = re.findall(r"### Names that are taken\n(.*?)\n## ", TASKS, re.S)
    assert set(re.findall(r"`(\w+)`", section)) == {name for name in RESERVED if "_" not in name}


@pytest.mark.parametrize("text", [TASKS, ROBOTS], ids=["tasks", "robots"])
def test_its_links_lead_somewhere(text: str) -> None:
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        assert path.startswith("https://") or (PROJECT / "docs" / path).exists()
        assert path or anchor in anchors, link
