"""AutoData's task files: what they say of a run, what is refused, and that they fit the task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.cli import runs
from mimicgen.datagen.config.layers import from_assignments, read_toml
from mimicgen.datagen.errors import ConfigError, TaskError
from mimicgen.datagen.session.registered import subtasks_of
from mimicgen.datagen.tasks.autodata import check_fits, read_descriptor, settings
from mimicgen.datagen.tasks.defaults import TASK, build
from tests.conftest import PROJECT
from tests.tasks.descriptors import changed, rope, stack, stack_by_skillgen, subtask, two_hands, write

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
HANDS = "Isaac-PickPlace-GR1T2-Abs-Mimic-v0"

IN_TOML = """
seed = 1
num_trials = 10
guarantee = true
keep_failed = false
[mimic]
action_noise = 0.03
num_interpolation_steps = 5
num_fixed_steps = 0
selection_strategy = "nearest_neighbor_object"
nn_k = 3
pos_weight = 1.0
rot_weight = 1.0
apply_noise_during_interpolation = false
select_source_per_subtask = false
select_source_per_arm = false
transform_first_robot_pose = false
interpolate_from_last_target_pose = true
[mimic.subtasks.grasp_1]
term_offset_low = 10
term_offset_high = 20
[mimic.subtasks.stack_1]
term_offset_low = 10
term_offset_high = 20
[mimic.subtasks.grasp_2]
term_offset_low = 10
term_offset_high = 20
"""
"""What the stack's file says, as a configuration of ours."""


def test_the_stacks_file_gives_the_job_that_the_same_settings_in_toml_give(tmp_path: Path) -> None:
    file = write(tmp_path / "stack.yaml", stack())
    (tmp_path / "run.toml").write_text(IN_TOML)
    job = build({"task_file": file})
    assert structs.replace(job, task_file=None) == build(read_toml(tmp_path / "run.toml"))


def test_a_file_holds_where_nothing_else_is_said(tmp_path: Path) -> None:
    file = write(tmp_path / "stack.yaml", stack())
    (tmp_path / "run.toml").write_text("num_trials = 4\n[mimic.subtasks.stack_1]\naction_noise = 0.02\n")
    options = from_assignments(["mimic.action_noise=0.01", "seed=7"])
    job = build(read_toml(tmp_path / "run.toml"), options, {"task_file": file})
    assert (job.num_trials, job.seed, job.mimic.num_interpolation_steps) == (4, 7, 5)
    assert [job.mimic.of(name, "action_noise") for name in ("grasp_1", "stack_1")] == [0.01, 0.02]


def test_what_differs_between_subtasks_is_said_of_each_by_its_arm_where_signals_do_not_tell(tmp_path: Path) -> None:
    said = settings(read_descriptor(write(tmp_path / "two.yaml", two_hands())))
    steps = {key: value for key, value in said.items() if key.endswith("num_interpolation_steps")}
    assert steps == {
        "mimic.subtasks.idle_right.num_interpolation_steps": 0,
        "mimic.subtasks.right_final.num_interpolation_steps": 3,
        "mimic.subtasks.left_final.num_interpolation_steps": 0,
    }
    assert (said["mimic.action_noise"], said["num_trials"]) == (0.003, 1000)
    assert said["mimic.subtasks.idle_right.term_offset_high"] == 0
    assert not said["mimic.select_source_per_arm"]


def test_what_is_left_out_has_autodatas_defaults(tmp_path: Path) -> None:
    least = {"name": "n", "algo": "mimicgen", "subtasks": {"franka": [{"subtask_term_signal": "grasp_1"}, {}]}}
    said = settings(read_descriptor(write(tmp_path / "least.yaml", least)))
    expected = {"action_noise": 0.0, "num_interpolation_steps": 0, "num_fixed_steps": 0, "selection_strategy": "random"}
    assert {key: said[f"mimic.{key}"] for key in expected} == expected
    assert (said["seed"], said["num_trials"], said["guarantee"]) == (1, 10, True)
    assert "mimic.nn_k" not in said


@pytest.mark.parametrize(("anew", "per_arm"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_source_is_chosen_anew_only_if_it_is_per_arm_as_in_autodata(
    anew: bool, per_arm: bool, tmp_path: Path
) -> None:
    tree = changed(stack(), "generation_policy.select_src_per_subtask", anew)
    tree = changed(tree, "generation_policy.select_src_per_arm", per_arm)
    said = settings(read_descriptor(write(tmp_path / "f.yaml", tree)))
    assert said["mimic.select_source_per_subtask"] is (anew and per_arm)
    assert said["mimic.select_source_per_arm"] is per_arm


S, P = "subtasks.franka.0", "generation_policy"
WRONG: dict[str, tuple[str, Any, str]] = {
    "unknown key": ("algorithm", "mimicgen", "unknown key 'algorithm'; known: name, algo"),
    "unknown key of a subtask": (f"{S}.noise", 0.1, r"unknown key 'subtasks\.franka\[0\]\.noise'; "),
    "unknown key of the policy": (f"{P}.trials", 3, r"unknown key 'generation_policy\.trials'; "),
    "unknown parameter": (f"{S}.selection_strategy_kwargs.k", 3, r"unknown key .*selection_strategy_kwargs\.k'; "),
    "missing key": ("algo", ..., "algo is missing"),
    "text for a number": (f"{S}.action_noise", "much", r"action_noise = 'much': expected a number from 0 to 1"),
    "number for a truth": (f"{P}.keep_failed", 0, r"keep_failed = 0: expected true or false"),
    "list for a table": ("subtasks", [], r"subtasks = \[\]: expected a table"),
    "none for a text": ("name", None, "name = None: expected a text"),
    "three numbers": (f"{S}.subtask_term_offset_range", [1, 2, 3], r"\[1, 2, 3\]: expected a list of 2 numbers"),
    "not finite": (f"{S}.action_noise", float("nan"), "action_noise = nan: expected a finite number"),
    "key that is a number": (f"{P}.5", 1, r"generation_policy\.5: expected a key that is a text"),
    "no arm": ("subtasks", {}, "subtasks = {}: expected a table with 1 to 8 entries"),
    "other strategy": (
        f"{S}.selection_strategy",
        "registration_cost",
        "registration_cost': known: nearest_neighbor_object",
    ),
    "other algorithm": ("algo", "mimigen", r"algo = 'mimigen': did you mean 'mimicgen'\?"),
    "skillgen": ("algo", "skillgen", "algo = 'skillgen': it plans the motions between subtasks with cuRobo"),
    "several arms": ("algo", "dexmimicgen", "algo = 'dexmimicgen': with 1 end effectors; mimicgen is for one"),
    "planned": (f"{P}.use_skillgen", True, "use_skillgen = True: .*; set it to false"),
    "walking": (f"{P}.use_navigation_controller", True, "use_navigation_controller = True: .*; set it to false"),
    "settling": (f"{P}.reset_settling_steps", 10, "reset_settling_steps = 10: .*; set it to 0"),
    "source": (f"{P}.source_dataset_path", "d.hdf5", "source_dataset_path = 'd.hdf5': .*; pass --source"),
    "output": (f"{P}.generation_path", "g.hdf5", "generation_path = 'g.hdf5': .*; pass --output-dataset"),
    "task": (f"{P}.task_name", "T", "task_name = 'T': .*; pass --task"),
    "start signal": (f"{S}.subtask_start_signal", "go", "subtask_start_signal = 'go': it is skillgen's"),
    "of skillgen": (f"{S}.algo_params", {"subtask_start_offset_range": [1, 2]}, r"algo_params\.subtask_start_offset"),
    "start offset": (f"{S}.first_subtask_start_offset_range", [0, 5], r"start_offset_range = \[0, 5\]: .*use \[0, 0\]"),
    "turned range": (f"{S}.subtask_term_offset_range", [9, 2], r"offset_range = \[9, 2\]: expected the smaller number"),
    "offset of the last": ("subtasks.franka.3.subtask_term_offset_range", [0, 2], "the last subtask has none"),
    "no signal": (f"{S}.subtask_term_signal", ..., r"franka\[0\]\.subtask_term_signal is missing: it says when"),
    "no object": (f"{S}.object_ref", ..., "selection_strategy = .*: without an object_ref there is random alone"),
    "constraint of nobody": (
        "constraints",
        [{"constraint_type": "sequential", "eef_subtask_constraint_tuple": [["franka", 0], ["left", 0]]}],
        r"constraints\[0\]\.eef_subtask_constraint_tuple\[1\] = .*: no such end effector; known: franka",
    ),
    "constraint of no kind": (
        "constraints",
        [{"constraint_type": "parallel", "eef_subtask_constraint_tuple": [["franka", 0], ["franka", 1]]}],
        r"constraints\[0\]\.constraint_type = 'parallel': known: coordination, sequential",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_or_not_done_here_is_refused_by_name(name: str, tmp_path: Path) -> None:
    key, value, words = WRONG[name]
    if name == "key that is a number":
        tree = stack()
        tree["generation_policy"][5] = value
    else:
        tree = changed(stack(), key, value)
    with pytest.raises(ConfigError, match=words) as error:
        read_descriptor(write(tmp_path / "f.yaml", tree))
    assert str(error.value).startswith("task_file = ")


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (stack_by_skillgen(), ("algo = 'skillgen'", "use_skillgen = True")),
        (rope(), ("subtasks.franka[0].selection_strategy = 'registration_cost'", "subtasks.franka[1].selection_")),
    ],
)
def test_all_that_a_published_file_asks_for_in_vain_is_told_at_once(
    tree: dict[str, Any], words: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        read_descriptor(write(tmp_path / "f.yaml", tree))
    for word in words:
        assert word in str(error.value)


TEXTS = {
    "no YAML": ("a: [", "is not valid YAML"),
    "a key twice": ("name: a\nname: b\n", "key 'name' twice"),
    "a bomb": (
        "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}' if n else '0'] * 9)}]\n" for n in range(9)),
        "10,000 val",
    ),
    "itself": ("&a [*a]", "10,000 values"),
    "a tag": ("name: !!python/object:os.system x\n", "is not valid YAML"),
    "two documents": ("a: 1\n---\nb: 2\n", "is not valid YAML"),
    "nested deep": ("[" * 2000, "is not valid YAML: it is nested too deep"),
    "nothing": ("", "expected a table"),
    "a text": ("hello", "expected a table"),
    "a date": ("name: 2020-01-01\n", "name = .*: expected a text"),
    "a wrong date": ("name: 2020-99-01\n", "is not valid YAML"),
    "a control character": ("name: \x07\n", "is not valid YAML"),
    "much": ("#" * 100_001, "has more than 100,000 characters"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    text, words = TEXTS[name]
    path = tmp_path / "f.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_descriptor(path)


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "f.yaml", stack())
    assert build({"task_file": path}).seed == 1
    write(path, changed(stack(), "generation_policy.seed", 12345))
    assert build({"task_file": path}).seed == 12345


def to_another(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a file for another arm."""
    return tree | {"subtasks": {"panda": tree["subtasks"]["franka"]}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (to_another, rf"end effectors 'panda'; task '{TASK}' has 'franka': pass the --task"),
        (lambda tree: changed(tree, "subtasks.franka.1", ...), r"subtasks\.franka: 3 subtasks; those of .* are 4"),
        (lambda tree: changed(tree, f"{S}.object_ref", "cube_9"), r"\[0\]\.object_ref = 'cube_9': it is 'cube_2' in"),
        (lambda tree: changed(tree, f"{S}.subtask_term_signal", "taken"), r"'taken': it is 'grasp_1' in task"),
    ],
)
def test_a_file_for_another_task_is_refused_before_anything_starts(
    change: Callable[[dict[str, Any]], dict[str, Any]],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = subtasks_of(TASK)
    assert own is not None
    path = write(tmp_path / "f.yaml", change(stack()))
    with pytest.raises(TaskError, match=words):
        check_fits(read_descriptor(path), path, TASK, own)
    monkeypatch.setattr(runs, "_launch", lambda *_, **__: pytest.fail("a run was started"))
    for command in ("generate", "check"):
        assert cli.main([command, "--task-file", str(path), "--source", str(SHIPPED)]) == 2
        assert capsys.readouterr().err.startswith(f"error: task_file = '{path}': subtasks")


def test_a_file_fits_the_tasks_that_it_is_for() -> None:
    assert subtasks_of("nowhere") is None
    by_file = subtasks_of("stack_three")
    assert by_file is not None
    assert [need.signal for need in by_file["robot"]] == ["grasp_1", "stack_1", "grasp_2", None]
    hands = subtasks_of(HANDS)
    assert hands is not None, "recorded, though what its controller needs is not installed"
    assert {eef: [need.signal for need in own] for eef, own in hands.items()} == {
        "right": ["idle_right", None],
        "left": [None],
    }


def test_the_humanoids_file_fits_and_another_is_refused(tmp_path: Path) -> None:
    hands = subtasks_of(HANDS)
    assert hands is not None
    path = write(tmp_path / "f.yaml", two_hands())
    check_fits(read_descriptor(path), path, HANDS, hands)
    write(path, changed(two_hands(), "subtasks.left", [subtask("cup", action_noise=0.003)]))
    with pytest.raises(TaskError, match=r"subtasks\.left\[0\]\.object_ref = 'cup': it is 'object'"):
        check_fits(read_descriptor(path), path, HANDS, hands)


def test_constraints_are_taken_in_capital_letters_too(tmp_path: Path) -> None:
    tree = two_hands() | {
        "constraints": [
            {
                "constraint_type": "SEQUENTIAL",
                "eef_subtask_constraint_tuple": [["right", 0], ["left", 0]],
                "sequential_min_time_diff": 5,
            }
        ]
    }
    (constraint,) = read_descriptor(write(tmp_path / "f.yaml", tree)).constraints
    assert (constraint.constraint_type, constraint.sequential_min_time_diff) == ("sequential", 5)
