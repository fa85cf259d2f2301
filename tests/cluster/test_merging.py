"""A run in shards gives what one process gives: the same attempts, the same demonstrations, up to the same target."""

from __future__ import annotations

import json
import random
from pathlib import Path

import h5py
import pytest
from msgspec import structs

from mimicgen.datagen.cluster.results import whole_shards
from mimicgen.datagen.cluster.shards import Shard, folder_of, shard_of, shards_folder
from mimicgen.datagen.errors import ConfigError, OutputError, SetupError
from tests.cluster.alike import attempts, digests
from tests.cluster.made import in_folder, make, merge
from tests.session.known import early_failures, run

FATE = early_failures(0.6)


def made_in_shards(folder: Path, size: int, count: int, **values: object) -> None:
    config = in_folder(folder, **values)
    order = list(range(count))
    random.Random(size).shuffle(order)
    for index in order:
        make(config, FATE, index, size)


@pytest.mark.parametrize("size", [7, 40])
def test_the_merged_dataset_is_that_of_one_process(tmp_path: Path, size: int) -> None:
    told = {"num_trials": 12, "num_envs": 4, "keep_failed": True}
    plain = in_folder(tmp_path / "plain", **told)
    assert run(plain, FATE)[0].exit_code == 0
    made_in_shards(tmp_path / "shards", size, -(-28 // size), **told)
    merged = merge(in_folder(tmp_path / "shards", **told))
    assert (merged.end.reason, merged.end.exit_code) == ("target reached", 0)
    assert merged.counts.successes == 12
    for name in ("g.hdf5", "g_failed.hdf5"):
        assert digests(tmp_path / "shards" / name) == digests(tmp_path / "plain" / name)
    logs = [attempts(tmp_path / kind / "o" / "attempts.jsonl") for kind in ("plain", "shards")]
    assert logs[0] == logs[1]
    merge(in_folder(tmp_path / "shards", **told))
    assert digests(tmp_path / "shards" / "g.hdf5") == digests(tmp_path / "plain" / "g.hdf5"), "again is the same"


def test_a_plain_run_continues_what_was_merged(tmp_path: Path) -> None:
    told = {"num_trials": 6, "num_envs": 2}
    made_in_shards(tmp_path / "r", 10, 2, **told)
    merge(in_folder(tmp_path / "r", **told))
    end, progress = run(in_folder(tmp_path / "r", **told | {"num_trials": 15}), FATE)
    assert (end.reason, progress.successes) == ("target reached", 15)
    run(in_folder(tmp_path / "plain", **told | {"num_trials": 15}), FATE)
    assert digests(tmp_path / "r" / "g.hdf5") == digests(tmp_path / "plain" / "g.hdf5")


def test_exactly_so_many_attempts_are_cut_without_a_rest(tmp_path: Path) -> None:
    told = {"num_trials": 10, "guarantee": False}
    made_in_shards(tmp_path / "r", 4, 3, **told)
    merged = merge(in_folder(tmp_path / "r", **told))
    assert (merged.counts.attempts, merged.end.reason) == (10, "target reached")
    names = [path.name for path in sorted(shards_folder(tmp_path / "r" / "g.hdf5").iterdir())]
    assert names[-1] == "attempts_00000009_00000010"


def test_what_is_missing_is_told_and_what_there_is_before_it_is_merged(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=20)
    for index in (0, 2):
        make(config, FATE, index, 5)
    merged = merge(config)
    assert merged.end.exit_code == 3
    assert "attempt 6 and those after it are missing" in merged.end.reason
    assert "1 shards wait behind a gap" in merged.end.reason
    kept = sum(FATE(number)[0] for number in range(1, 6))
    assert len(digests(config.output_dataset)) == merged.counts.successes == kept
    assert json.loads((tmp_path / "r" / "o" / "run.json").read_text())["end"]["exit_code"] == 3


def test_what_was_left_out_is_no_gap(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=4)
    for index in (0, 2):
        make(config, FATE, index, 5)
    merged = merge(config, without={Shard(6, 10)})
    assert merged.end.reason == "target reached"
    assert merged.facts["shards"]["left_out"] == [[6, 10]]
    numbers = [one["number"] for one in attempts(tmp_path / "r" / "o" / "attempts.jsonl")]
    assert not set(numbers) & set(range(6, 11))


def test_a_shard_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=20)
    shard = make(config, FATE, 0, 5)
    record = folder_of(config.output_dataset, shard) / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"end": None}))
    assert whole_shards(config) == {}
    make(config, FATE, 0, 5, copy=2)
    assert [made.folder.name for made in whole_shards(config).values()] == ["attempts_00000001_00000005_copy_2"]


def test_other_versions_are_refused_by_name(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=20)
    make(config, FATE, 0, 5)
    record = folder_of(config.output_dataset, make(config, FATE, 1, 5)) / "run.json"
    told = json.loads(record.read_text())
    told["versions"]["isaaclab"] = "2.3.0"
    record.write_text(json.dumps(told))
    with pytest.raises(SetupError, match=r"isaaclab is missing there and 2\.3\.0 here"):
        whole_shards(config)


def test_a_shard_of_another_configuration_is_refused_by_name(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=20)
    make(config, FATE, 0, 5)
    with pytest.raises(OutputError, match=r"attempts_00000001_00000005.*seed was 1 and is 2"):
        whole_shards(structs.replace(config, seed=2))


@pytest.mark.parametrize("damage", ["cut", "twice", "no lines"])
def test_a_damaged_log_is_refused_by_name_and_nothing_is_written(tmp_path: Path, damage: str) -> None:
    config = in_folder(tmp_path / "r", num_trials=20)
    log = folder_of(config.output_dataset, make(config, FATE, 0, 5)) / "attempts.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join({"cut": [*lines[:-1], lines[-1][:40]], "twice": [*lines, lines[0]], "no lines": []}[damage]))
    with pytest.raises(OutputError, match=r"attempts_00000001_00000005.*attempts\.jsonl"):
        merge(config)
    assert not config.output_dataset.exists()


def test_a_dataset_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=2)
    dataset = folder_of(config.output_dataset, make(config, FATE, 0, 5)) / "dataset.hdf5"
    with h5py.File(tmp_path / "secret.hdf5", "w") as file:
        file["salary"] = [1.0]
    with h5py.File(dataset, "r+") as file:
        file["data/demo_0/obs/salary"] = h5py.ExternalLink(str(tmp_path / "secret.hdf5"), "salary")
    with pytest.raises(OutputError, match="salary is not in the shard"):
        merge(config)
    assert not config.output_dataset.exists()


def test_shards_cut_in_two_ways_are_refused(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=20)
    make(config, FATE, 0, 5)
    make(config, FATE, 0, 7)
    with pytest.raises(OutputError, match="cut in different ways: attempts 1 to 7"):
        merge(config)


def test_demonstrations_that_wait_to_be_folded_are_not_replaced(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=3)
    make(config, FATE, 0, 10)
    waiting = tmp_path / "r" / "g.hdf5.parts" / "demo_0.hdf5"
    run(config, FATE)
    waiting.parent.mkdir()
    with h5py.File(config.output_dataset) as file, h5py.File(waiting, "w") as part:
        file.copy("data/demo_0", part.create_group("data"))
    before = waiting.read_bytes(), digests(config.output_dataset)
    with pytest.raises(OutputError, match="demonstrations wait"):
        merge(config)
    assert before == (waiting.read_bytes(), digests(config.output_dataset))


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "a/b", "1/0", "-1/3", "1/2/3"])
def test_no_shard(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected K/N"):
        shard_of(text, in_folder(tmp_path / "r"))


def test_shards_by_name(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=100)
    assert shard_of("3/64", config) == Shard(5, 6)
    assert shard_of("3/64", in_folder(tmp_path / "r", cluster__shard_attempts=50)) == Shard(101, 150)
    exact = in_folder(tmp_path / "r", num_trials=100, guarantee=False, cluster__shard_attempts=30)
    assert shard_of("4/4", exact) == Shard(91, 100)
    with pytest.raises(ConfigError, match=r"the last shard is 4"):
        shard_of("5/5", exact)
