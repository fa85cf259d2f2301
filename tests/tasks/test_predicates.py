"""Every condition, by hand: in an environment's tensors and in recorded arrays, in several rows at once."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.conditions import AnyCondition
from mimicgen.datagen.tasks.predicates.evaluation import Evaluated, Predicates, Trees
from mimicgen.datagen.tasks.predicates.scenes import LiveScene, Scene
from tests.tasks.things import SCENES, Row, described_in, environment, evaluated, recorded, turned


@pytest.fixture
def task(tmp_path: Path) -> Described:
    return described_in(tmp_path)


CASES: dict[str, tuple[dict[str, Any], Row, Row, str]] = {
    "grasped": (
        {"is": "grasped", "object": "box", "point": [0, 0, 0.05], "near": 0.03},
        Row(tool=[0.5, 0.02, 0.1], fingers=[0.02, 0.02]),
        Row(tool=[0.5, 0.05, 0.1], fingers=[0.02, 0.02]),
        "box is 50 mm from the tool of robot, 30 mm are allowed (20 mm too far)",
    ),
    "grasped by one finger": (
        {"is": "grasped", "object": "box"},
        Row(tool=[0.5, 0.0, 0.06], fingers=[0.034, 0.02]),
        Row(tool=[0.5, 0.0, 0.06], fingers=[0.038, 0.02]),
        "the fingers of robot are 2.0 mm from open, at least 5.0 mm are wanted (3.0 mm too little)",
    ),
    "grasped nothing": (
        {"is": "grasped", "object": "box"},
        Row(tool=[0.5, 0.0, 0.06], fingers=[0.002, 0.002]),
        Row(tool=[0.5, 0.0, 0.06], fingers=[0.0, 0.0]),
        "the fingers of robot are 0 mm from shut, at least 1.0 mm are wanted (1.0 mm too little)",
    ),
    "on top": (
        {"is": "on_top", "object": "box", "of": "plate", "beside": 0.04},
        Row(box=[0.53, 0.0, 0.07]),
        Row(box=[0.5, 0.053, 0.07]),
        "box is 53 mm beside plate, 40 mm are allowed (13 mm too far)",
    ),
    "on top, lying": (
        {"is": "on_top", "object": "box", "of": "plate"},
        Row(box=[0.5, 0.0, 0.04], box_turn=turned("x", math.pi / 2)),
        Row(box=[0.5, 0.0, 0.07], box_turn=turned("x", math.pi / 2)),
        "box is 30 mm above where it stands on plate, 6.0 mm are allowed (24 mm too high)",
    ),
    "on top by height": (
        {"is": "on_top", "object": "box", "of": "plate", "height": 0.05, "below": 0.02},
        Row(box=[0.5, 0.0, 0.045]),
        Row(box=[0.5, 0.0, 0.03]),
        "box is 30 mm below where it stands on plate, 20 mm are allowed (10 mm too low)",
    ),
    "inside the shapes": (  # the bin is turned by a quarter: 0.3 along x
        {"is": "inside", "object": "box", "of": "bin"},
        Row(box=[1.14, 0.0, 0.05]),
        Row(box=[1.0, 0.12, 0.05]),
        "box is 120 mm from the middle of bin along its x, 100 mm are allowed (20 mm too far)",
    ),
    "inside a space": (
        {"is": "inside", "object": "box", "of": "bin", "size": [0.1, 0.1, 0.1], "centre": [0, 0.1, 0]},
        Row(box=[0.91, 0.0, 0.0]),
        Row(box=[1.09, 0.0, 0.0]),
        "box is 190 mm from the middle of bin along its y, 50 mm are allowed (140 mm too far)",
    ),
    "inserted": (
        {
            "is": "inserted",
            "object": "box",
            "into": "plate",
            "tip": [0, 0, -0.05],
            "opening": [0, 0, 0.01],
            "depth": 0.01,
        },
        Row(box=[0.505, 0.0, 0.055]),
        Row(box=[0.5, 0.0, 0.065]),
        "the tip of box is 5.0 mm deep in plate, at least 10 mm are wanted (5.0 mm too high)",
    ),
    "inserted, turned": (
        {"is": "inserted", "object": "box", "into": "plate", "depth": 0.01},
        Row(box=[0.48, 0.0, 0.01], plate_turn=turned("y", math.pi / 2)),
        Row(box=[0.52, 0.0, 0.01], plate_turn=turned("y", math.pi / 2)),
        "the tip of box is 20 mm in front of plate, at least 10 mm are wanted (30 mm too high)",
    ),
    "aligned": (
        {"is": "aligned", "object": "box", "of": "plate"},
        Row(box_turn=turned("z", 0.1)),
        Row(box_turn=turned("z", math.pi / 6)),
        "the x of box is 30° from that of plate, 8.6° are allowed (21° too much)",
    ),
    "aligned as a square": (
        {"is": "aligned", "object": "box", "of": "plate", "axis": "y", "symmetry": 4},
        Row(box_turn=turned("z", math.pi / 2 + 0.1)),
        Row(box_turn=turned("z", math.pi / 4)),
        "the y of box is 45° from that of plate, 8.6° are allowed (36° too much)",
    ),
    "aligned upwards": (
        {"is": "aligned", "object": "box", "of": "plate", "axis": "z"},
        Row(box_turn=turned("x", 0.5), plate_turn=turned("x", 0.6)),
        Row(box_turn=turned("x", math.pi / 2)),
        "the z of box is 90° from that of plate, 8.6° are allowed (81° too much)",
    ),
    "near": (
        {"is": "near", "object": "box", "of": "plate", "point": [0.1, 0, 0], "within": 0.05},
        Row(box=[0.5, 0.11, 0.01], plate_turn=turned("z", math.pi / 2)),
        Row(box=[0.61, 0.0, 0.01], plate_turn=turned("z", math.pi / 2)),
        "box is 149 mm from plate, 50 mm are allowed (99 mm too far)",
    ),
    "hand near a point": (
        {"is": "near", "arm": "robot", "point": [0.5, 0, 0.2], "within": 0.05},
        Row(tool=[0.5, 0.03, 0.2]),
        Row(tool=[0.5, 0.0, 0.3]),
        "the tool of robot is 100 mm from the point (0.5, 0, 0.2), 50 mm are allowed (50 mm too far)",
    ),
    "upright": (
        {"is": "upright", "object": "box"},
        Row(box_turn=turned("x", 0.1)),
        Row(box_turn=turned("y", -math.pi)),
        "box is 180° from upright, 11° are allowed (169° too much)",
    ),
    "drawer open": (
        {"is": "joint_beyond", "object": "cabinet", "part": "drawer", "above": 0.15},
        Row(drawer=0.2),
        Row(drawer=0.031),
        "drawer of cabinet is open by 31 mm, at least 150 mm are wanted (119 mm too little)",
    ),
    "lid shut": (
        {"is": "joint_beyond", "object": "cabinet", "part": "lid", "below": math.pi / 18},
        Row(lid=0.1),
        Row(lid=math.pi / 6),
        "lid of cabinet is at 30°, 10° are allowed (20° too far)",
    ),
    "gripper open": (
        {"is": "gripper_open", "within": 1e-4},
        Row(fingers=[0.04, 0.03995]),
        Row(fingers=[0.04, 0.028]),
        "the fingers of robot are 12 mm from open",
    ),
    "at rest": (
        {"is": "at_rest", "object": "box"},
        Row(box_velocity=[0.03, 0.0, 0.03]),
        Row(box_velocity=[0.05, 0.0, 0.05]),
        "box moves at 0.07 m/s, 0.05 m/s are allowed (0.02 m/s too fast)",
    ),
    "all": (
        {"is": "all", "of": [{"is": "gripper_open"}, {"is": "upright", "object": "box"}]},
        Row(),
        Row(box_turn=turned("x", math.pi / 2), fingers=[0.0, 0.0]),
        "box is 90° from upright, 11° are allowed (79° too much), "
        "and the fingers of robot are 40 mm from open, 1.0 mm are allowed (39 mm too far)",
    ),
    "any, of which the nearest": (
        {
            "is": "any",
            "of": [
                {"is": "near", "object": "box", "of": "bin", "within": 0.05},
                {"is": "near", "object": "box", "of": "plate", "within": 0.05},
            ],
        },
        Row(box=[1.0, 0.0, 0.0]),
        Row(box=[0.6, 0.0, 0.01]),
        "box is 100 mm from plate, 50 mm are allowed (50 mm too far)",
    ),
    "not": (
        {"is": "not", "condition": {"is": "near", "object": "box", "of": "plate", "within": 0.05}},
        Row(box=[0.7, 0.0, 0.01]),
        Row(box=[0.52, 0.0, 0.01]),
        "box is 20 mm from plate, which must not be",
    ),
    "not all": (
        {"is": "not", "condition": {"is": "all", "of": [{"is": "gripper_open"}, {"is": "upright", "object": "box"}]}},
        Row(fingers=[0.0, 0.0]),
        Row(fingers=[0.0396, 0.04]),
        "the fingers of robot are 0.40 mm from open, which must not be",
    ),
}


@pytest.mark.parametrize("make", SCENES)
@pytest.mark.parametrize("name", CASES)
def test_a_condition_holds_where_it_should_and_says_what_is_wrong(
    name: str, make: Callable[[list[Row], Described], Scene], task: Described
) -> None:
    condition, right, wrong, words = CASES[name]
    found = evaluated(make([right, wrong, right], task), task, condition)
    assert found.true("it")[:3].tolist() == [True, False, True]
    distance = found.distance("it")[:3].tolist()
    assert (distance[0], distance[2]) == (0, 0)
    assert distance[1] > 0
    assert (found.wrong("it", 0), found.wrong("it", 1)) == (None, words)


@pytest.mark.parametrize("make", SCENES)
def test_lifted_is_from_where_the_attempt_began(make: Callable[[list[Row], Described], Scene], task: Described) -> None:
    condition = {"is": "lifted", "object": "box", "by": 0.03}
    rows = [Row(), Row(box=[0.5, 0.0, 0.09]), Row(box=[0.5, 0.0, 0.06])]
    scene = make(rows, task)
    if isinstance(scene, LiveScene):
        began = environment([Row()] * 3)
        there, scene._env = scene._env, began
        scene._origins = began.scene.env_origins
        scene.start_height("box")
        scene._env = there
        scene.forget()
    found = evaluated(scene, task, condition)
    assert found.true("it")[:3].tolist() == [False, True, False]
    assert found.wrong("it", 2) == "box is 10 mm higher than it began, at least 30 mm are wanted (20 mm too low)"


@pytest.mark.parametrize("make", SCENES)
@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(
    ("condition", "row"),
    [
        ({"is": "at_rest", "object": "box"}, Row(box_velocity=[math.nan, 0.0, 0.0])),
        ({"is": "upright", "object": "box"}, Row(box_turn=[math.nan] * 4)),
        ({"is": "near", "object": "box", "of": "plate", "within": 1.0}, Row(box=[math.nan, 0.0, 0.0])),
        ({"is": "gripper_open"}, Row(fingers=[math.nan, 0.04])),
        ({"is": "joint_beyond", "object": "cabinet", "part": "lid", "below": 1.0}, Row(lid=math.nan)),
    ],
)
def test_not_a_number_is_never_true(
    condition: dict[str, Any],
    row: Row,
    negated: bool,
    make: Callable[[list[Row], Described], Scene],
    task: Described,
) -> None:
    found = evaluated(make([row], task), task, {"is": "not", "condition": condition} if negated else condition)
    assert not found.true("it")[0]
    assert found.wrong("it", 0)
    if not negated:
        assert math.isinf(found.distance("it")[0])
        assert "unknown" in str(found.wrong("it", 0))


@pytest.mark.parametrize("negated", [False, True])
def test_not_a_number_is_not_held(negated: bool, task: Described) -> None:
    held = {"is": "held", "steps": 1, "condition": {"is": "at_rest", "object": "box"}}
    rows = [Row(box_velocity=[math.nan, 0.0, 0.0])]
    found = evaluated(recorded(rows, task), task, {"is": "not", "condition": held} if negated else held)
    assert not found.true("it").any()


def test_held_counts_along_a_recording(task: Described) -> None:
    opened, shut = Row(), Row(fingers=[0.0, 0.0])
    scene = recorded([opened, opened, shut, opened, opened, opened], task)
    found = evaluated(scene, task, {"is": "held", "steps": 3, "condition": {"is": "gripper_open"}})
    assert found.true("it")[:6].tolist() == [False, False, False, False, False, True]
    assert found.wrong("it", 4) == "the fingers of robot from open was as wanted for 2 steps, at least 3 are wanted"
    assert found.wrong("it", 2) == "the fingers of robot are 40 mm from open, 1.0 mm are allowed (39 mm too far)"
    assert np.argmin(found.distance("it")[:5]) in (1, 4), "the longer it has held, the nearer it is"


def test_held_counts_steps_of_an_environment_and_begins_anew_with_an_attempt(task: Described) -> None:
    held = {"is": "held", "steps": 2, "condition": {"is": "gripper_open"}}
    signals = {"settled": msgspec.convert(held, AnyCondition)}
    described = Described(
        name=task.name,
        path=task.path,
        text=task.text,
        task=msgspec.structs.replace(task.task, signals=signals, success=signals["settled"]),
        robots=task.robots,
        robot_files=task.robot_files,
    )
    env = environment([Row(), Row(), Row()])
    predicates = Predicates(env, described)
    told = []
    for step in range(4):
        if step == 2:
            predicates.reset([1])
        env.scene.articulations["robot"].data.joint_pos.torch[2, 7] = 0.04 if step else 0.0
        predicates.stepped()
        assert predicates.success().tolist() == predicates.signals()["settled"].tolist()
        told.append(predicates.success().tolist())
    assert told == [[False, False, False], [True, True, False], [True, False, True], [True, True, True]]


def test_what_is_asked_for_is_read_once_a_step(task: Described, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = LiveScene._position

    def reading(self: LiveScene, name: str) -> Any:
        read.append(name)
        return original(self, name)

    monkeypatch.setattr(LiveScene, "_position", reading)
    env = environment([Row(), Row()])
    near = {"is": "near", "object": "box", "of": "plate", "within": 0.05}
    both = {"is": "all", "of": [near, {"is": "on_top", "object": "box", "of": "plate"}]}
    trees = Trees({name: msgspec.convert(both, AnyCondition) for name in "ab"}, task)
    scene = LiveScene(env, task)
    for _ in range(2):
        Evaluated(scene, trees)
    assert sorted(read) == ["box", "plate"]
    scene.forget()
    Evaluated(scene, trees)
    assert sorted(read) == ["box", "box", "plate", "plate"]


CUSTOM = """
def right_of(scene, *, y):
    return scene.position("box")[:, 1] < y

def too_far(scene, *, y):
    return scene.position("box")[:, 1] - y

def whole(scene):
    return scene.position("box").sum()
"""


@pytest.mark.parametrize("make", SCENES)
def test_a_function_says_what_the_others_cannot(
    make: Callable[[list[Row], Described], Scene], task: Described, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_conditions.py").write_text(CUSTOM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_conditions", raising=False)
    rows = [Row(box=[0.5, -0.1, 0.05]), Row(box=[0.5, 0.25, 0.05])]
    for function, words in (("right_of", "is 1.0 from true"), ("too_far", "is 0.25 from true")):
        own = {"is": "python", "function": f"own_conditions:{function}", "parameters": {"y": 0.0}}
        found = evaluated(make(rows, task), task, own)
        assert found.true("it")[:2].tolist() == [True, False]
        assert found.wrong("it", 1) == f"own_conditions:{function} {words}"
    for function, message in (
        ("own_conditions:whole", r"expected scene.xp's array of shape \(\d,\), and it returned \w+ of shape \(\)"),
        ("own_conditions:missing", "module 'own_conditions' has no function 'missing'"),
        ("not_there:it", "module 'not_there' cannot be imported"),
    ):
        with pytest.raises(TaskError, match=message):
            evaluated(make(rows, task), task, {"is": "python", "function": function})
