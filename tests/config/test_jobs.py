from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.attempts import Outcome
from mimicgen.datagen.config import layers
from mimicgen.datagen.config.jobs import JOBS, Annotate, Evaluate, Generate, Record, Render, Replay
from mimicgen.datagen.config.keys import keys, parse
from mimicgen.datagen.config.sections import MimicConfig, SubtaskConfig
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.tasks.defaults import TASK, build
from tests.conftest import PROJECT


def test_layers_win_over_earlier_ones(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("num_trials = 2\nnum_envs = 2\nseed = 2\n[mimic]\naction_noise = 0.02\n")
    environment = layers.from_environment({"NUM_TRIALS": "3", "NUM_ENVS": "3", "MIMICGEN_DATAGEN_SEED": ""})
    options = layers.from_assignments(["num_trials=4", "mimic.num_fixed_steps = 7"])
    run = build(layers.read_toml(file), environment, options)
    assert (run.num_trials, run.num_envs, run.seed) == (4, 3, 2)
    assert (run.mimic.action_noise, run.mimic.num_fixed_steps) == (0.02, 7)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_envs": 0}, ["num_envs = 0", "from 1"]),
        ({"num_trials": "five"}, ["num_trials = 'five'", "a whole number"]),
        ({"num_trials": 1.5}, ["num_trials = 1.5", "a whole number"]),
        ({"num_trials": True}, ["num_trials = True", "a whole number"]),
        ({"guarantee": "maybe"}, ["guarantee = 'maybe'", "true or false"]),
        ({"guarantee": 1}, ["guarantee = 1", "true or false"]),
        ({"task": ""}, ["task = ''", "a text"]),
        ({"task": 3}, ["task = 3", "a text"]),
        ({"mimic.action_noise": "nan"}, ["mimic.action_noise = nan", "a finite number"]),
        ({"mimic.selection_strategy": "best"}, ["'best'", "nearest_neighbor_object"]),
        ({"device": "gpu"}, ["device = 'gpu'", "cuda:N"]),
        ({"device": "cpu:0"}, ["device = 'cpu:0'"]),
        ({"output_dataset": "data.zip"}, ["data.zip", ".hdf5"]),
        ({"randomization.x": "0.4"}, ["randomization.x", "a list of 2 numbers"]),
        ({"randomization.yaw": "1, -1"}, ["randomization.yaw", "the smaller number first"]),
        ({"randomization.joint_noise_std": -1}, ["randomization.joint_noise_std = -1", "from 0"]),
        ({"num_trails": 5}, ["unknown key 'num_trails'; did you mean 'num_trials'?"]),
        ({"action_noise": 0.1}, ["unknown key 'action_noise'; did you mean 'mimic.action_noise'?"]),
        ({"mimic.subtasks.grasp_1.nnk": 1}, ["did you mean 'mimic.subtasks.<signal>.nn_k'?"]),
    ],
)
def test_a_bad_value_is_refused_by_name_with_what_is_valid(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        build(values)
    for word in words:
        assert word in str(error.value)


def test_a_file_with_an_unknown_key_or_bad_toml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[mimic]\nstrength = 0.1\n")
    with pytest.raises(ConfigError, match=r"unknown key 'mimic\.strength'; keys of \[mimic\]: action_noise") as error:
        layers.read_toml(file)
    assert "randomization" not in str(error.value), "only the section's keys"
    file.write_text("num_trials = = 3")
    with pytest.raises(ConfigError, match="not valid TOML"):
        layers.read_toml(file)
    with pytest.raises(ConfigError, match="No such file"):
        layers.read_toml(tmp_path / "missing.toml")


def test_an_assignment_needs_an_equals_sign() -> None:
    with pytest.raises(ConfigError, match="expected key=value"):
        layers.from_assignments(["num_trials"])


def test_a_subtask_can_differ() -> None:
    run = build({"mimic.action_noise": 0.02, "mimic.subtasks.grasp_1.action_noise": 0.005})
    assert run.mimic.of("grasp_1", "action_noise") == 0.005
    assert run.mimic.of("stack_1", "action_noise") == 0.02
    assert run.mimic.of("grasp_1", "nn_k") is None, "the task's own"
    assert run.mimic.of("stack_1", "term_offset_high") is None
    with pytest.raises(ConfigError, match=r"unknown key 'mimic\.subtasks\.grasp_1\.noise'"):
        build({"mimic.subtasks.grasp_1.noise": 0.1})
    with pytest.raises(ConfigError, match="give both"):
        build({"mimic.subtasks.stack_1.term_offset_low": 9})


@pytest.mark.parametrize("key", ["retry_start", "perturb"])
def test_what_isaac_labs_own_generator_does_not_know_is_refused_with_it(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"mimic\.{key} = 1.* with mimic\.reference: .*; leave one of the two out"):
        build({f"mimic.{key}": 1, "mimic.reference": True})


@pytest.mark.parametrize("key", ["mimic.leave_out", "mimic.subtasks.stack_1.leave_out"])
def test_nor_does_it_leave_demonstrations_out(key: str) -> None:
    assert build({key: "demo_1,demo_4"}).mimic.of("stack_1", "leave_out") == ("demo_1", "demo_4")
    with pytest.raises(ConfigError, match=r"mimic\.leave_out with mimic\.reference: .*; leave one of the two out"):
        build({key: "demo_1", "mimic.reference": True})


def test_observed_cameras_are_some_of_the_runs_and_written_once() -> None:
    run = build({"observe.cameras": "table_cam", "observe.modalities": "rgb,depth"})
    assert run.observe.written() == {"table_cam_rgb", "table_cam_depth"}
    with pytest.raises(ConfigError, match=r"observe\.cameras = 'front': .*; cameras: table_cam, table_high_cam"):
        build({"observe.cameras": "front"})
    twice = {"observe.cameras": "table_cam", "observe.modalities": "normals", "render.in_dataset": True}
    with pytest.raises(ConfigError, match="would both write obs/table_cam_normals"):
        build(twice)
    assert not build(twice | {"observe.record": False}).observe.written()
    assert not build({}, kind=Replay).observe.cameras


def test_toml_out_reads_back_the_same(tmp_path: Path) -> None:
    own = {"stack_1": SubtaskConfig(nn_k=1, term_offset_low=0, term_offset_high=4)}
    mimic = MimicConfig(action_noise=0.25, subtasks=own)
    run = Generate(task=TASK, source=Path("a b.hdf5"), num_trials=7, mimic=mimic, render=build().render)
    file = tmp_path / "run.toml"
    file.write_text(run.to_toml())
    assert build(layers.read_toml(file)) == run


def test_the_default_preset_is_the_defaults_and_the_upstream_one_is_upstreams() -> None:
    assert build(layers.read_toml(PROJECT / "config" / "default.toml")) == build()
    upstream = build(layers.read_toml(PROJECT / "config" / "upstream.toml")).mimic
    assert (upstream.action_noise, upstream.num_interpolation_steps, upstream.num_fixed_steps) == (0.03, 5, 0)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(b"\xef\xbb\xbfseed = 4\n")
    assert layers.read_toml(file) == {"seed": 4}


def test_every_field_has_a_doc_and_a_variable_with_a_prefix_if_it_is_not_nested() -> None:
    examples = {bool: "true", int: "16", float: "0.1", str: "cpu", Path: "a.hdf5"}
    for key, about in keys().items():
        assert about.doc, key
        if "." not in key and key != "mode":
            text = next(iter(about.choices), examples[about.plain])
            told = {key: parse(key, text)}
            assert layers.from_environment({f"MIMICGEN_DATAGEN_{key.upper()}": text}) == told
            assert layers.from_environment({key.upper(): text}) == (told if key in ("num_trials", "num_envs") else {})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NUM_TRIALS", "many", "NUM_TRIALS: num_trials = 'many': expected a whole number"),
        ("MIMICGEN_DATAGEN_SEED", "-1", "MIMICGEN_DATAGEN_SEED: seed = -1: expected a whole number from 0"),
        ("MIMICGEN_DATAGEN_SEDE", "1", "MIMICGEN_DATAGEN_SEDE: unknown key 'sede'; did you mean 'seed'"),
        ("MIMICGEN_DATAGEN_MODE", "render", "MIMICGEN_DATAGEN_MODE: what a run does is said by the command"),
    ],
)
def test_a_value_of_a_variable_is_named_as_such(name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"^environment variable {words}"):
        layers.from_environment({name: value})


def test_a_job_has_what_it_needs_and_answers_for_what_it_has_no_key_for() -> None:
    of_all = {"num_trials": 3, "mimic.action_noise": 0.2, "replay_states": True, "randomization.x": (0.4, 0.5)}
    assert not {"mimic.action_noise", "source"} & keys(Record).keys()
    assert build(of_all, kind=Record).randomization.x == (0.4, 0.5)
    replay = build(of_all, kind=Replay)
    assert (replay.replay_states, replay.num_trials, replay.guarantee, replay.report) == (True, 3, False, False)
    assert "mimic.action_noise" not in replay.flat()
    assert (build(kind=Annotate).settle_steps, build(kind=Generate).settle_steps) == (0, 10)
    with pytest.raises(ConfigError, match=r"mimic\.action_noise = 2: expected a number from 0 to 1"):
        build({"mimic.action_noise": 2}, kind=Replay)
    with pytest.raises(ConfigError, match="source: is missing; expected a path"):
        build(kind=Render)


def test_what_is_written_and_what_is_looked_at() -> None:
    made = {mode: (job.makes_attempts, job.makes_dataset, job.record_name) for mode, job in JOBS.items()}
    writing = (True, True, "run.json")
    assert made == {
        "generate": writing,
        "record": writing,
        "annotate": writing,
        "replay": (True, False, "run.json"),
        "render": (False, False, "render.json"),
        "evaluate": (True, False, "run.json"),
    }
    render = build({"source": "d.hdf5"}, kind=Render)
    assert (render.output_dataset, render.mode, render.flat()["mode"]) == (Path("d.hdf5"), "render", "render")


def test_an_evaluation_says_what_it_cannot_do() -> None:
    job = build({"policy": "zeros", "record_failures": True}, kind=Evaluate)
    assert (job.fresh, job.num_trials, job.hold_steps, job.draws, job.keep_failed) == (True, 100, 10, True, True)
    assert job.kept == {Outcome.FAILURE}
    plain = build({"policy": "zeros"}, kind=Evaluate)
    assert (plain.kept, plain.draws) == (frozenset(), False)
    with pytest.raises(ConfigError, match="policy: is missing; expected a text"):
        build(kind=Evaluate)
    with pytest.raises(ConfigError, match=r"vary\.look = 2: nothing is observed that has looks"):
        build({"policy": "zeros", "vary.look": 2}, kind=Evaluate)
    with pytest.raises(ConfigError, match="policy_device = 'gpu': expected cpu, cuda or cuda:N"):
        build({"policy": "zeros", "policy_device": "gpu"}, kind=Evaluate)
    with pytest.raises(ConfigError, match=r"vary\.action_delay = -1: expected a whole number from 0"):
        build({"policy": "zeros", "vary.action_delay": -1}, kind=Evaluate)
