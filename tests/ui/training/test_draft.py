from __future__ import annotations

from pathlib import Path

import pytest

from mimicgen.datagen.cli.policies.training import PYTHON
from mimicgen.datagen.ui.training import draft as drafts
from mimicgen.datagen.ui.training.draft import TrainingDraft
from tests.conftest import PROJECT

DATASET = PROJECT / "datasets" / "stack_three_demos.hdf5"


@pytest.fixture
def draft(monkeypatch: pytest.MonkeyPatch) -> TrainingDraft:
    monkeypatch.setattr(drafts, "PYTHON", Path("/bin/sh"))  # so that it is the same where nothing is installed
    return TrainingDraft(lambda: DATASET)


def test_what_is_typed_becomes_the_options_of_the_command(draft: TrainingDraft) -> None:
    assert draft.problems == {}
    assert draft.value("preset") == "diffusion"
    output = str(Path("output/policy").absolute())
    plain = ["--preset", "diffusion", "--dataset", str(DATASET), "--output", output, "--device", "auto", "--seed", "1"]
    assert draft.options() == plain
    for key, typed in {
        "preset": "diffusion_large",
        "seed": "7",
        "steps": "20",
        "evaluate_every": "0",
        "task": "stack_three",
        "set": "training.batch_size=8 'network.down_dims=[8, 16]'",
        "fresh": True,
    }.items():
        draft.put(key, typed)
    assert draft.problems == {}
    assert draft.options()[1] == "diffusion_large"
    more = ["--seed", "7", "--steps", "20", "--evaluate-every", "0", "--task", "stack_three"]
    assert draft.options()[8:] == [
        *more,
        "--set",
        "training.batch_size=8",
        "--set",
        "network.down_dims=[8, 16]",
        "--fresh",
    ]
    draft.put("steps", "")
    assert "--steps" not in draft.options(), "an empty text is the preset's"


def test_every_problem_stands_at_its_field_and_goes_when_it_is_put_right(draft: TrainingDraft) -> None:
    version = draft.version
    for key, typed, problem in (
        ("dataset", "/nowhere/g.hdf5", "'/nowhere/g.hdf5' does not exist; generate one, or choose another"),
        ("seed", "x", "Expected a whole number from 0"),
        ("steps", "0", "Expected a whole number from 1"),
        ("evaluate_every", "-1", "Expected a whole number from 0"),
        ("output", " ", "Choose a folder"),
        ("set", "training.stepz=3", "did you mean 'steps'?"),
        ("set", "training.steps='3", "expected KEY=VALUE"),
        ("set", "steps", "Expected key=value"),
    ):
        draft.put(key, typed)
        assert set(draft.problems) == {key}
        assert problem in draft.problems[key]
        draft.put(key, drafts.OPTIONS[key].default or (DATASET if key == "dataset" else ""))
        assert draft.problems == {}
    assert draft.version > version


def test_a_dataset_may_come_meanwhile(draft: TrainingDraft, tmp_path: Path) -> None:
    draft.put("dataset", str(tmp_path / "g.hdf5"))
    assert set(draft.problems) == {"dataset"}
    version = draft.version
    draft.look()
    assert draft.version == version, "nothing has changed"
    (tmp_path / "g.hdf5").touch()
    draft.look()
    assert draft.problems == {}
    draft.look()
    assert draft.version == version + 1


def test_without_a_library_it_says_what_to_install(draft: TrainingDraft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "PYTHON", Path("/nowhere/python"))
    draft.check()
    assert draft.problems == {"preset": "No library is installed for training; run: ./scripts/setup.sh --with train"}
    assert PYTHON.name == "python"


def test_every_preset_can_be_chosen(draft: TrainingDraft) -> None:
    assert draft.about("preset").choices == tuple(
        sorted(path.stem for path in (PROJECT / "config/train").glob("*.toml"))
    )
    for preset in draft.about("preset").choices:
        draft.put("preset", preset)
        assert draft.problems == {}
    assert draft.named("evaluate_every") == "Option: --evaluate-every"
