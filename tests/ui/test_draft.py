from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mimicgen.datagen.cli.runs import shipped_source
from mimicgen.datagen.config import layers
from mimicgen.datagen.config.jobs import Evaluate, Generate
from mimicgen.datagen.config.keys import key_of
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.tasks.defaults import TASK, build
from mimicgen.datagen.ui.draft import Draft
from tests.conftest import PROJECT
from tests.hostile_values import NO_FILES, NUMBERS, PATHS

SOURCE = PROJECT / "datasets" / "source_demos.hdf5"


def test_what_is_typed_becomes_a_configuration() -> None:
    draft = Draft({"source": SOURCE})
    for key, typed in {
        "num_trials": "7",
        "mimic.action_noise": "0.02",
        "randomization.x": ("0.45", "0.5"),
        "mimic.subtasks.grasp_1.action_noise": "0.001",
        "mimic.subtasks.grasp_1.leave_out": "demo_4, demo_7",
        "guarantee": False,
    }.items():
        draft.put(key, typed)
    assert isinstance(draft.config, Generate)
    assert (draft.config.num_trials, draft.config.guarantee, draft.config.mimic.action_noise) == (7, False, 0.02)
    assert draft.config.randomization.x == (0.45, 0.5)
    assert draft.config.mimic.of("grasp_1", "action_noise") == 0.001
    assert draft.config.mimic.of("grasp_1", "leave_out") == ("demo_4", "demo_7")
    draft.put("mimic.subtasks.grasp_1.leave_out", "")
    assert draft.config.mimic.of("grasp_1", "leave_out") is None
    draft.put("randomization.x", ("", ""))
    assert draft.config.randomization.x is None, "an empty range is the task's own"


def test_every_problem_stands_at_its_key_and_goes_when_it_is_put_right() -> None:
    draft = Draft({})
    assert set(draft.problems) == {"source"}
    draft.put("source", "/nowhere/demos.hdf5")
    assert "does not exist" in draft.problems["source"]
    draft.put("source", str(SOURCE))
    assert draft.config is not None
    draft.put("num_trials", "many")
    draft.put("device", "gpu")
    draft.put("randomization.y", ("0.1", ""))
    assert draft.problems["num_trials"] == "Expected a whole number from 1 to 10,000,000"
    assert draft.problems["device"] == "Expected cpu, cuda or cuda:N"
    assert draft.problems["randomization.y"] == "Expected a list of 2 numbers from -2 to 2"
    assert draft.config is None
    for key, typed in (("num_trials", "2"), ("device", "cpu"), ("randomization.y", ("0", "0.1"))):
        draft.put(key, typed)
    assert not draft.problems
    assert draft.config is not None


@pytest.mark.parametrize("key", ["num_trials", "seed", "mimic.action_noise", "randomization.min_separation"])
def test_a_number_that_is_none_stands_at_its_field(key: str) -> None:
    for number in NUMBERS:
        draft = Draft({"source": SOURCE, key: number})
        draft.put("num_envs", "2")
        assert set(draft.problems) == {key}
        draft.put(key, key_of(key).default or "0")
        assert draft.config is not None


@pytest.mark.parametrize("path", [*PATHS, *NO_FILES])
def test_a_path_that_leads_to_no_demonstrations_stands_at_its_field(path: str) -> None:
    draft = Draft({"source": SOURCE})
    draft.put("source", path)
    assert set(draft.problems) == {"source"}
    assert "Choose" not in draft.problems["source"] or not path, "it says what is wrong"


def test_the_panel_generates_unless_a_file_was_written_to_evaluate() -> None:
    draft = Draft({"source": SOURCE, "mode": "render"})
    assert draft.config is not None
    assert draft.config.mode == "generate"
    draft.load({"mode": "evaluate", "policy": "zeros"})
    assert draft.config is not None
    assert draft.config.mode == "evaluate"


def test_an_evaluation_has_values_of_its_own_and_the_same_task(tmp_path: Path) -> None:
    draft = Draft({"source": SOURCE, "num_trials": 4, "task": "stack_three", "device": "cpu"})
    draft.choose(Evaluate)
    assert (draft.value("task"), draft.value("num_trials"), draft.value("fresh")) == ("stack_three", 100, True)
    assert set(draft.problems) == {"policy"}
    assert draft.value("policy") is None
    checkpoint = tmp_path / "model_7.pth"
    checkpoint.touch()
    draft.put("policy", str(checkpoint))
    draft.put("num_trials", "3")
    assert isinstance(draft.config, Evaluate)
    assert draft.config.output_dir == Path("output/evaluate_model_7") == draft.value("output_dir")
    assert (draft.config.policy, draft.config.num_trials, draft.config.render.when) == (str(checkpoint), 3, "never")
    draft.put("record_failures", True)
    assert isinstance(draft.config, Evaluate)
    assert draft.config.render.when == "at_end"
    draft.put("vary.starts", "wide")
    assert set(draft.problems) == {"vary.starts"}
    draft.put("vary.starts", "1.5")
    draft.put("task", "stack")
    draft.save(tmp_path / "evaluation.toml")

    draft.choose(Generate)
    assert isinstance(draft.config, Generate)
    assert (draft.config.task, draft.config.num_trials, draft.config.source) == ("stack", 4, SOURCE)
    draft.choose(Evaluate)
    assert (draft.value("policy"), draft.value("num_trials")) == (str(checkpoint), "3")
    again = Draft(layers.read_toml(tmp_path / "evaluation.toml"))
    assert isinstance(again.config, Evaluate)
    assert again.config == draft.config


def test_a_policy_beside_the_application_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy").mkdir()
    draft = Draft({"mode": "evaluate", "policy": "policy"})
    assert isinstance(draft.config, Evaluate)
    assert draft.config.policy == str(tmp_path / "policy")
    draft.put("policy", "my_module:act")
    assert draft.config.policy == "my_module:act"
    draft.put("policy", "")
    assert set(draft.problems) == {"policy"}


def test_settings_have_a_text_for_a_range() -> None:
    assert Draft({"randomization.x": "0.4,0.6"}).value("randomization.x") == (0.4, 0.6)
    assert Draft({"randomization.x": "wide"}).value("randomization.x") == "wide"


def test_what_others_find_blocks_until_something_changes() -> None:
    draft = Draft({"source": SOURCE})
    draft.report({"task": "It cannot run here"})
    assert draft.config is None
    assert draft.candidate is not None
    draft.put("num_trials", "4")
    assert draft.config is not None


def test_a_preset_is_what_the_command_line_takes_and_is_not_overwritten(tmp_path: Path) -> None:
    draft = Draft({"source": SOURCE, "num_trials": 4})
    path = tmp_path / "preset.toml"
    draft.save(path)
    assert build(layers.read_toml(path)) == draft.config
    with pytest.raises(ConfigError, match="exists already"):
        draft.save(path)
    draft.put("seed", "x")
    with pytest.raises(ConfigError, match="put right what is marked"):
        draft.save(tmp_path / "other.toml")
    draft.load(layers.read_toml(path))
    assert draft.value("num_trials") == 4


def test_another_task_brings_its_own_source_unless_one_was_chosen(tmp_path: Path) -> None:
    draft = Draft({"source": str(shipped_source(TASK))})
    draft.put("task", "stack_three")
    assert str(draft.value("source")).endswith("datasets/stack_three_demos.hdf5")
    bare = tmp_path / "mine.toml"
    draft.put("task", str(bare))
    assert draft.value("source") is None
    draft.put("task", "stack")
    assert str(draft.value("source")).endswith("datasets/stack_demos.hdf5")
    chosen = str(PROJECT / "tests" / "data" / "source_demos.hdf5")
    draft.put("source", chosen)
    draft.put("task", "stack_three")
    assert draft.value("source") == chosen


def test_where_attempts_are_made_is_a_value_like_others(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    draft = Draft({"source": SOURCE})
    assert draft.value("cluster.address") == "none"
    draft.put("cluster.address", "ray://")
    assert draft.problems["cluster.address"] == "Expected none, local, auto, HOST:PORT or ray://HOST:PORT"
    for address in ("auto", "10.0.0.1:6379", "ray://head.example:10001", "local"):
        draft.put("cluster.address", address)
        assert not draft.problems
    draft.put("cluster.workers", "3")
    draft.save(tmp_path / "spread.toml")
    again = Draft(layers.read_toml(tmp_path / "spread.toml"))
    assert isinstance(again.config, Generate)
    assert (again.config.cluster.address, again.config.cluster.workers) == ("local", 3)
    again.put("live_port", "0")
    assert "is not shown while it goes on" in again.problems["live_port"]
    again.put("cluster.address", "none")
    assert again.config is not None


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    draft = Draft({"source": SOURCE})
    assert draft.config is not None
    draft.put("cluster.address", "local")
    assert draft.problems == {"cluster.address": "Ray is not installed; run: ./scripts/setup.sh --with cluster"}
    assert draft.config is None
    draft.put("cluster.address", "none")
    assert draft.config is not None
