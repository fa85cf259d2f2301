"""Robot files that are wrong: the message names file, key, value and what is valid."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.robots.catalogue import ROBOTS, load_robot, model_file
from mimicgen.datagen.robots.checking import check_against_model
from mimicgen.datagen.robots.models import read_model
from tests.hostile import acts, snapshot
from tests.robots.models import ROBOT, write_robot

Wrong = dict[str, tuple[str, str, tuple[str, ...]]]

ALONE: Wrong = {
    "unknown key": ("base =", "bas =", ("'bas'", "did you mean 'base'?")),
    "no arms": ("[arms.", "[drives.", ("arms",)),
    "no such format": ('format = "urdf"', 'format = "urfd"', ("model.format = 'urfd'", "did you mean 'urdf'?")),
    "no such controller": ("speeds = [1.0, 1.0]", 'controller = { kind = "osc" }', ("controller.kind", "relative_ik")),
    "huge gain": ("stiffness = 400.0", "stiffness = 1e300", ("drives.arms.stiffness = 1e+300", "10,000,000")),
    "nan": ("damping = 80.0", "damping = nan", ("drives.arms.damping = nan", "finite")),
    "negative effort": ('".*_elbow" = 40.0 }', '".*_elbow" = -4.0 }', ("drives.arms.effort",)),
    "negative speed": ("speeds = [1.0, 1.0]", "speeds = [1.0, -1.0]", ("speeds[1] = -1.0", "0 to 100")),
    "one link": ('links = ["left_upper", "left_lower"]', 'links = ["left_upper"]', ("arms.left.links",)),
    "link twice": ('["left_upper", "left_lower"]', '["left_lower", "left_lower"]', ("arms.left.links[1]", "twice")),
    "gripper that never closes": ("closed = 0.0", "closed = 0.04", ("arms.left.gripper.closed = 0.04", "open there")),
    "no pattern": ('".*_finger" = 0.04', '"[" = 0.04', ("home.'['", "no regular expression")),
    "pattern that takes for ever": ('".*_finger" = 0.04', '"(.*)*x" = 0.04', ("home.'(.*)*x'", "repeated group")),
    "class that is taken": ("base =", 'label = "ground"\nbase =', ("label = 'ground'", "taken")),
    "class that is no name": ("base =", 'label = "a b"\nbase =', ("label = 'a b'", "letters, digits")),
    "arm with a slash": ("[arms.left]", '[arms."../x"]', ("arms.'../x'", "letters, digits")),
    "packages of nothing": ('format = "urdf"', 'format = "usd"\nros_packages = { a = "b" }', ("model.ros_packages",)),
    "no such shape": ('shape = "box"', 'shape = "mesh"', ("colliders.left_tip[0].shape = 'mesh'", "box")),
    "long link": ('base = "base"', f'base = "{"b" * 300}"', ("base = 'bbb", "a text")),
    "escape in a link": ("left_tip = [{", '"\\u001b[2J" = 3\nleft_tip = [{', (r"colliders.'\x1b[2J'",)),
    "no TOML": ("[home]", "[home", ("not valid TOML",)),
}
"""What shows without the model."""

PALM = '[links.palm]\non = "left_lower"\nshapes = [{ shape = "box", size = [0.1, 0.1, 0.1] }]\n'
SLIDE = 'joint = {{ kind = "slide", axis = "y", low = {}, high = {} }}\n'

OWN_LINKS: Wrong = {
    "link on nothing": ("[home]", "[links.palm]\nmass = 1.0\n[home]", ("links.palm.on is missing",)),
    "link without a weight": ("[home]", PALM + "mass = 0\n[home]", ("links.palm.mass = 0", "0.0001")),
    "link with a mesh": ("[home]", PALM.replace('"box"', '"mesh"') + "[home]", ("shape = 'mesh'", "capsule")),
    "name that is no name": ("[home]", PALM.replace("links.palm", "links.'a b'") + "[home]", ("a b",)),
    "joint that does not move": ("[home]", PALM + SLIDE.format(0.1, 0.1) + "[home]", ("joint.low = 0.1",)),
    "joint without zero": (
        "[home]",
        PALM + SLIDE.format(0.1, 0.2) + "[home]",
        ("links.palm.joint: zero", "high = 0.2"),
    ),
    "joint of many turns": (
        "[home]",
        PALM + SLIDE.format(0, 9).replace("slide", "hinge") + "[home]",
        ("links.palm.joint", "at most a turn"),
    ),
    "links in a circle": (
        "[home]",
        '[links.a]\non = "b"\n[links.b]\non = "a"\n[home]',
        ("links.a.on = 'b'", "circle"),
    ),
    "collider of a link of its own": (
        "[colliders]",
        PALM + '[colliders]\npalm = [{ shape = "sphere", radius = 0.1 }]',
        ("colliders: 'palm'", "leave it out"),
    ),
}
"""What is wrong with links that the file adds, without a look at the model."""

OWN_LINKS_WITH_MODEL: Wrong = {
    "link on no link": (
        "[home]",
        PALM.replace("left_lower", "left_lowr") + "[home]",
        ("'left_lower'?",),
    ),
    "link of the model": ("[home]", PALM.replace("palm", "right_tip") + "[home]", ("links.right_tip: the model has",)),
    "joint that nobody drives": (
        '"left_finger"]',
        '"left_finger", "palm_joint"]',
        ("arms.left.gripper.joints[1] = 'palm_joint'", "no joint"),
    ),
}

WITH_MODEL: Wrong = {
    "no such base": ('base = "base"', 'base = "bas"', ("base = 'bas'", "did you mean 'base'?")),
    "no such link of an arm": ('["left_upper", ', '["left_uper", ', ("arms.left.links[0] = 'left_uper'", "left_upper")),
    "no such body": ('body = "left_lower"', 'body = "hand"', ("arms.left.body = 'hand'", "no such link")),
    "no such finger": (
        "left_tip = [0.0",
        "left_top = [0.0",
        ("gripper.fingers.'left_top'", "did you mean 'left_tip'?"),
    ),
    "no such link that collides": ("left_tip = [{", "tip = [{", ("colliders.'tip'", "no such link")),
    "no such link that keeps its colliders": (
        'base = "base"',
        'base = "base"\nmodel_colliders = ["x"]',
        ("model_colliders[0] = 'x'",),
    ),
    "no such independent joint": ('base = "base"', 'base = "base"\nindependent = ["x"]', ("independent[0] = 'x'",)),
    "home of no joint": ('".*_finger" = 0.04', '"finger" = 0.04', ("home.'finger'", "no joint of the model")),
    "home beyond a limit": ('".*_elbow" = -0.4', '".*_elbow" = 0.4', ("home.'.*_elbow' = 0.4", "from -2 to 0")),
    "home said twice": ("[home]", '[home]\n"left.*" = 0.0', ("home.'.*_shoulder'", "'left.*' says")),
    "drive of no joint": ('joints = [".*_finger"]', 'joints = [".*_fingers"]', ("drives.hands.joints[0]", "no joint")),
    "joint of two drives": ('joints = [".*_finger"]', 'joints = [".*"]', ("drives.hands", "'arms' drives the joint")),
    "joint that nothing drives": (
        '".*_shoulder", ".*_elbow"',
        '".*_elbow"',
        ("arms.left", "nothing drives", "shoulder"),
    ),
    "effort of no joint": ('".*_elbow" = 40.0', '"elbow" = 40.0', ("drives.arms.effort.'elbow'", "no joint")),
    "joints of no arm": ('"left_(shoulder|elbow)"', '"left_(hip|knee)"', ("arms.left.joints[0]", "no joint")),
    "joint of two arms": ('"right_(shoulder|elbow)"', '".*_(shoulder|elbow)"', ("arms.right", "'left' moves")),
    "speeds of other joints": ("speeds = [1.0, 1.0]", "speeds = [1.0]", ("arms.left.speeds", "each of the 2 joints")),
    "gripper beyond a limit": ("open = 0.04", "open = 4.0", ("arms.left.gripper.open = 4", "from 0 to 0.04")),
    "model of the root": ('path = "two_arms.urdf"', 'path = "/etc/passwd"', ("model.path = '/etc/passwd'", "inside")),
    "model above": ('path = "two_arms.urdf"', 'path = "../two_arms.urdf"', ("model.path = '../two_arms.urdf'",)),
    "model by a link": ('path = "two_arms.urdf"', 'path = "link.urdf"', ("model.path = 'link.urdf'", "a link leads")),
    "model that is not there": ('path = "two_arms.urdf"', 'path = "x.urdf"', ("model.path = 'x.urdf'", "no such file")),
    "model that is a pipe": (
        'path = "two_arms.urdf"',
        'path = "pipe.urdf"',
        ("model.path = 'pipe.urdf'", "no such file"),
    ),
    "model that is a folder": ('path = "two_arms.urdf"', 'path = "."', ("model.path = '.'", "no such file")),
    "model of another format": ('path = "two_arms.urdf"', 'path = "two_arms.usda"', ("ends with .urdf", "'urdf'")),
    "model in xacro": ('path = "two_arms.urdf"', 'path = "two_arms.xacro"', ("expand it first",)),
    "model that is damaged": ('path = "two_arms.urdf"', 'path = "damaged.urdf"', ("cannot be read as URDF",)),
    "model that is none": ('path = "two_arms.urdf"', 'path = "two_arms.xml"', ("its root is 'mujoco'",)),
    "model without joints": ('path = "two_arms.urdf"', 'path = "bare.urdf"', ("has no joints",)),
    "package that is not installed": (
        'path = "two_arms.urdf"',
        'path = "a.urdf"\npackage = "no_such_package"\ninstall = "pip install it"',
        ("'no_such_package'", "run: pip install it"),
    ),
    "way out of a package": (
        'path = "two_arms.urdf"',
        'path = "../../a.urdf"\npackage = "numpy"',
        ("model.path = '../../a.urdf'",),
    ),
}
"""What shows against the model, or is wrong with it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the robot's models, and with what some files name beside them."""
    folder = tmp_path / "robot"
    folder.mkdir()
    write_robot(folder)
    (tmp_path / "outside.urdf").write_text("<robot/>")
    (folder / "link.urdf").symlink_to(tmp_path / "outside.urdf")
    os.mkfifo(folder / "pipe.urdf")
    (folder / "damaged.urdf").write_text('<robot><link name="a">')
    (folder / "bare.urdf").write_text('<robot><link name="a"/></robot>')
    (folder / "two_arms.xacro").write_text("<robot/>")
    return folder


def checked(path: Path) -> None:
    """Do all that `task check` does with a robot file."""
    robot = load_robot(path)
    model = read_model(model_file(robot.model, path.parent), robot.model.format)
    check_against_model(robot, model, f"robot file '{path}'")


@pytest.mark.parametrize(
    ("kind", "name"), [("urdf", "two_arms.urdf"), ("mjcf", "two_arms.xml"), ("usd", "two_arms.usda")]
)
def test_models_of_every_format_say_the_same(kind: str, name: str, folder: Path) -> None:
    model = read_model(folder / name, kind)
    assert {"base", "left_upper", "right_tip"} <= model.links
    assert len(model.joints) == 6
    assert model.joints["right_elbow"] == pytest.approx((-2.0, 0.0))
    assert model.joints["left_finger"] == pytest.approx((0.0, 0.04))
    text = ROBOT.replace('"urdf"', f'"{kind}"').replace("two_arms.urdf", name)
    checked(write_robot(folder, text))


@pytest.mark.parametrize("path", sorted(ROBOTS.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_shipped_is_sound(path: Path) -> None:
    model = load_robot(path).model
    if importlib.util.find_spec(str(model.package)) is None:
        pytest.skip(f"its model is not installed; {model.install}")
    checked(path)


@pytest.mark.parametrize("kind", ALONE | OWN_LINKS | WITH_MODEL | OWN_LINKS_WITH_MODEL)
def test_what_is_wrong_is_told(kind: str, folder: Path) -> None:
    old, new, words = (ALONE | OWN_LINKS | WITH_MODEL | OWN_LINKS_WITH_MODEL)[kind]
    assert old in ROBOT
    path = folder / "two_arms.toml"
    path.write_text(ROBOT.replace(old, new))
    before = snapshot(folder.parent)
    with pytest.raises(BadInputError) as raised:
        (load_robot if kind in ALONE | OWN_LINKS else checked)(path)
    message = str(raised.value)
    assert all(word in message for word in words), message
    assert raised.value.exit_code == 2
    assert acts(message) == ""
    assert snapshot(folder.parent) == before


def test_damaged_models_of_the_other_formats(folder: Path) -> None:
    (folder / "damaged.usda").write_text("no USD")
    (folder / "damaged.xml").write_text("<mujoco><worldbody>")
    for kind, name in (("usd", "damaged.usda"), ("mjcf", "damaged.xml")):
        with pytest.raises(BadInputError, match=f"cannot be read as {kind.upper()}"):
            read_model(folder / name, kind)


def test_a_robot_of_ones_own_becomes_usd(folder: Path, tmp_path: Path) -> None:
    """In a process of its own: USD takes the converter's schemas only before it has opened the first stage."""
    code = """
import sys
from pathlib import Path
from mimicgen.datagen.robots.catalogue import load_robot
from mimicgen.datagen.robots.usd import robot_usd
path = Path(sys.argv[1])
usd = robot_usd(load_robot(path), path, Path(sys.argv[2]))
from pxr import Usd, UsdPhysics
stage = Usd.Stage.Open(str(usd))
links = [prim for prim in stage.Traverse() if prim.HasAPI(UsdPhysics.RigidBodyAPI)]
print("RESULT", *sorted(prim.GetName() for prim in links))
"""
    arguments = [sys.executable, "-c", code, str(folder / "two_arms.toml"), str(tmp_path / "cache")]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True)
    assert "RESULT left_lower left_tip left_upper right_lower right_tip right_upper" in result.stdout
