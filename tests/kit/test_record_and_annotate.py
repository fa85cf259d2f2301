"""The scripted expert, and raw demonstrations annotated by replay, in a real Kit application."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.sources.sources import check_sources
from mimicgen.datagen.progress import State
from tests.conftest import PROJECT, Kit
from tests.dataset.sources.test_sources import STACK
from tests.kit.runs import MakeConfig, records, run_record, run_to_end

Edit = Callable[[Callable[[h5py.File], None]], Path]


def strip(file: h5py.File, *, keep: int) -> None:
    """Leave the first demonstrations, without their annotation."""
    for index in range(10):
        if index < keep:
            del file[f"data/demo_{index}/obs/datagen_info"]
        else:
            del file[f"data/demo_{index}"]


def test_the_expert_records_sources_that_mimic_can_use(kit: Kit, make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(mode="record", source=None, num_trials=3, num_envs=3)
    assert run_to_end(kit, config).exit_code == 0
    counts = run_record(config)["counts"]
    assert counts["successes"] >= 2, "the expert is not perfect, but nearly"
    sources = check_sources(config.output_dataset, STACK)
    assert len(sources.usable) == counts["successes"]
    assert sources.quaternion_order == "xyzw"
    with h5py.File(config.output_dataset) as file:
        provenance = json.loads(file.attrs["provenance"])
        assert provenance["config"]["mode"] == "record"
        assert "isaaclab" in provenance["versions"]
        lengths = {len(demo["actions"]) for demo in file["data"].values()}
        assert len(lengths) > 1, "style varies"
        assert all(150 < length < 320 for length in lengths), "about as long as people take"

    again = make_config(
        source=config.output_dataset, output_dir=tmp_path / "2", output_dataset=tmp_path / "2.hdf5", num_trials=1
    )
    assert run_to_end(kit, again).exit_code == 0
    assert records(again)[0]["segments"][0]["demo"].startswith("demo_")


def test_raw_human_demonstrations_are_annotated_as_they_were(
    kit: Kit, make_config: MakeConfig, edited_human_demos: Edit, human_demos: Path
) -> None:
    raw = edited_human_demos(lambda file: strip(file, keep=2))
    config = make_config(mode="annotate", source=raw, num_trials=2, num_envs=3, settle_steps=0)
    assert run_to_end(kit, config).exit_code == 0
    assert [attempt["outcome"] for attempt in records(config)] == ["success", "success"], "the third one only waited"
    with h5py.File(config.output_dataset) as annotated, h5py.File(human_demos) as original:
        for attempt in records(config):
            name = attempt["segments"][0]["demo"]
            ours = annotated[f"data/{attempt['demo']}/obs/datagen_info/subtask_term_signals"]
            theirs = original[f"data/{name}/obs/datagen_info/subtask_term_signals"]
            for signal in ("grasp_1", "stack_1", "grasp_2"):
                assert abs(int(np.argmax(ours[signal][:])) - int(np.argmax(theirs[signal][:]))) <= 10
    assert check_sources(config.output_dataset, STACK).findings == ()


def test_what_blocked_an_annotation_is_said_with_how_near_it_came(
    kit: Kit, make_config: MakeConfig, edited_human_demos: Edit
) -> None:
    def never_close(file: h5py.File) -> None:
        strip(file, keep=2)
        file["data/demo_0/actions"][:, 6] = 1.0  # the gripper stays open
        steps = len(file["data/demo_1/actions"])
        file["data/demo_1/actions"][75:steps, :3] = 0.0  # the hand stays where it lifted the cube

    config = make_config(
        mode="annotate", source=edited_human_demos(never_close), num_trials=2, num_envs=2, settle_steps=0, plots=True
    )
    run_to_end(kit, config)
    first, second = sorted(records(config), key=lambda attempt: int(attempt["number"]))
    assert first["missing_signal"] == "grasp_1"
    assert "demo_0: signal 'grasp_1' never came in 236 steps: nearest at step " in first["reason"]
    assert "the fingers of robot are under 0.01 mm from open, at least 5.0 mm are wanted" in first["reason"]
    assert second["missing_signal"] == "stack_1"
    assert "nearest at step " in second["reason"]
    assert "mm beside cube_1, 50 mm are allowed (" in second["reason"]
    for name in ("demo_0", "demo_1"):
        with Image.open(config.output_dir / "plots" / f"{name}.png") as plot:
            assert plot.size == (840, 384)  # all of it are lengths, in one diagram


def test_a_replay_that_is_longer_than_its_file_is_refused(kit: Kit, make_config: MakeConfig, human_demos: Path) -> None:
    config: Generate = make_config(mode="annotate", source=human_demos, num_trials=11)
    end = run_to_end(kit, config)
    assert (end.exit_code, kit.session.state) == (2, State.FAILED)
    assert "set num_trials = 10 and guarantee = false" in end.reason


@pytest.mark.parametrize("by_states", [False, True])
def test_demonstrations_succeed_again_when_replayed(
    kit: Kit, make_config: MakeConfig, tmp_path: Path, by_states: bool
) -> None:
    few = tmp_path / "few.hdf5"
    with h5py.File(PROJECT / "tests" / "data" / "source_demos.hdf5") as shipped, h5py.File(few, "w") as file:
        file.attrs["format_version"] = 1
        for name in ("demo_0", "demo_1"):
            shipped.copy(f"data/{name}", file.require_group("data"))
        # Never grasped, unless the states say so.
        file["data/demo_1/actions"][:, 6] = 1.0
    config = make_config(mode="replay", source=few, num_trials=2, num_envs=2, settle_steps=0, replay_states=by_states)
    assert run_to_end(kit, config).exit_code == 0
    ended = {attempt["segments"][0]["demo"]: attempt["outcome"] for attempt in records(config)}
    assert ended == {"demo_0": "success", "demo_1": "success" if by_states else "failure"}
    assert not config.output_dataset.exists(), "a replay writes no demonstrations"
