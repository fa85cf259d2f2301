"""Merging, splitting, filtering and describing datasets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.files import datasets_in, demo_names
from mimicgen.datagen.dataset.formats.language import LANGUAGE, language_of
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.tools import filter as filtering
from mimicgen.datagen.dataset.tools import split as splitting
from mimicgen.datagen.dataset.tools.copying import read_masks, written
from mimicgen.datagen.dataset.tools.info import info
from mimicgen.datagen.dataset.tools.merge import MERGED, merge
from mimicgen.datagen.dataset.tools.validate import joined, validate
from mimicgen.datagen.errors import ConfigError, OutputError, SourceError
from mimicgen.datagen.tasks.language import language_of_task
from mimicgen.datagen.tasks.motion import motion_of
from mimicgen.datagen.tasks.predicates.reasons import success_rule
from tests.conftest import PROJECT

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Twelve demonstrations with attributes of every kind, lists, and something of another tool's."""
    path = tmp_path / "dataset.hdf5"
    with h5py.File(SHIPPED) as shipped, h5py.File(path, "w") as file:
        file.attrs.update(shipped.attrs)
        data = file.create_group("data")
        data.attrs.update(shipped["data"].attrs)
        for index in range(12):
            shipped.copy(shipped[f"data/demo_{index % 10}"], data, name=f"demo_{index}")
            demo = data[f"demo_{index}"]
            demo.attrs["seed"] = index
            demo.attrs["stack_offsets"] = json.dumps({"cube_2": [0.001 * index, 0.002], "cube_3": 0.003})
            demo.attrs["segments"] = json.dumps([{"eef": "franka", "demo": f"demo_{index % 3}"}, {"demo": "demo_7"}])
            demo["obs"].attrs["frame"] = "environment"
            demo["actions"].attrs["range"] = [-1.0, 1.0]
        data.attrs["total"] = sum(len(demo["actions"]) for demo in data.values())
        file["mask/mine"] = np.array(["demo_1", "demo_10", "demo_2"], dtype="S")
    return path


def copy(source: Path, target: Path, change: Callable[[h5py.File], Any]) -> Path:
    target.write_bytes(source.read_bytes())
    with h5py.File(target, "r+") as file:
        change(file)
    return target


def content(demo: h5py.Group) -> Iterator[tuple[str, Any]]:
    """Everything in a demonstration, as it is stored."""
    yield "attributes", {name: value for name, value in demo.attrs.items() if name != MERGED}
    yield "obs", dict(demo["obs"].attrs)
    for key, array in datasets_in(demo):
        yield key, (array.dtype, array.chunks, array.compression, array[()].tobytes(), repr(dict(array.attrs)))


def same(one: h5py.Group, other: h5py.Group) -> bool:
    return list(content(one)) == list(content(other))


def test_a_merged_file_has_everything_of_its_parts_in_natural_order(dataset: Path, tmp_path: Path) -> None:
    other = copy(dataset, tmp_path / "other.hdf5", lambda file: file.attrs.update({"host": "b", "format_version": 1}))
    with h5py.File(dataset, "r+") as file:
        file.attrs["host"], file.attrs["licence"] = "a", "CC0"
    with h5py.File(other, "r+") as file:
        file.attrs["licence"] = "CC0"
        del file["data/demo_3"]
    merged = tmp_path / "merged.hdf5"
    assert merge([dataset, other], merged) == 23
    with h5py.File(merged) as file, h5py.File(dataset) as first, h5py.File(other) as second:
        assert list(file["data"]) == [f"demo_{index}" for index in range(23)], "also for who lists them as stored"
        for index in range(12):
            assert same(file[f"data/demo_{index}"], first[f"data/demo_{index}"])
        assert same(file["data/demo_15"], second["data/demo_4"]), "numbered on, over the gap"
        where = json.loads(file["data/demo_15"].attrs[MERGED])
        assert (where["file"], where["demo"]) == ("other.hdf5", "demo_4")
        assert file["data"].attrs["total"] == sum(len(demo["actions"]) for demo in file["data"].values())
        assert file["data"].attrs["env_args"] == first["data"].attrs["env_args"]
        assert read_masks(file) == {"mine": ["demo_1", "demo_10", "demo_2", "demo_13", "demo_21", "demo_14"]}
        assert (file.attrs["licence"], file.attrs["format_version"], "host" in file.attrs) == ("CC0", 1, False)
        parts = json.loads(file.attrs["provenance"])["merged"]
        assert [(part["file"], part["attributes"]["host"]) for part in parts] == [
            ("dataset.hdf5", "a"),
            ("other.hdf5", "b"),
        ]
        assert parts[1]["demos"] == [f"demo_{index}" for index in range(12, 23)]
        assert parts[0]["attributes"]["provenance"] == json.loads(first.attrs["provenance"])
    again = tmp_path / "again.hdf5"
    merge([merged, dataset], again)
    with h5py.File(again) as file:
        assert json.loads(file["data/demo_15"].attrs[MERGED])["before"]["file"] == "other.hdf5"


def _other_actions(file: h5py.File) -> None:
    for demo in file["data"].values():
        values = demo["actions"][:, :6]
        del demo["actions"]
        demo["actions"] = values


def _env_args(**new: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file["data"].attrs["env_args"] = json.dumps(json.loads(file["data"].attrs["env_args"]) | new)

    return change


def _camera(file: h5py.File) -> None:
    for demo in file["data"].values():
        demo["obs/table_rgb"] = np.zeros((len(demo["actions"]), 4, 6, 3), np.uint8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_env_args(env_name="Isaac-Lift-Cube-Franka-Mimic-v0"), "their task differ: Stack-Cube-.* and Lift-Cube"),
        (_other_actions, "their arrays of a step differ: actions 7 against actions 6"),
        (lambda f: f.attrs.__setitem__("format_version", 0), "their format_version differ: 1 and 0"),
        (_env_args(sim_args={"dt": 0.01, "decimation": 2}), "decimation differ: 0.01 and 5 and 0.01 and 2"),
        (_camera, "differ: nothing against obs/table_rgb 4 x 6 x 3 images"),
        (lambda f: f.__setitem__("extra", 1), "'/extra' is no demonstration, and nobody knows how to merge it"),
        (lambda f: f["data/demo_2"].pop("actions"), "demo_0 and demo_2 differ: actions 7 against nothing"),
    ],
)
def test_files_that_do_not_fit_are_not_merged(
    dataset: Path, tmp_path: Path, change: Callable[[h5py.File], Any], words: str
) -> None:
    other = copy(dataset, tmp_path / "other.hdf5", change)
    with pytest.raises(SourceError, match=words):
        merge([dataset, other], tmp_path / "merged.hdf5")
    assert not (tmp_path / "merged.hdf5").exists()


def test_what_a_dataset_says_in_words_stays_with_it(dataset: Path, tmp_path: Path) -> None:
    """What merged files say differently, none of them says any more; the task of their name does."""
    told = language_of_task("stack")
    assert told is not None
    other = tmp_path / "other.hdf5"
    other.write_bytes(dataset.read_bytes())
    with h5py.File(dataset, "r+") as file:
        file["data"].attrs[LANGUAGE] = json.dumps(told.plain())
    filtering.filter_demos(dataset, tmp_path / "few.hdf5", ["demo_1"])
    merge([dataset, tmp_path / "few.hdf5"], tmp_path / "alike.hdf5")
    merge([dataset, other], tmp_path / "mixed.hdf5")
    found = {}
    for name in ("few", "alike", "mixed"):
        with h5py.File(tmp_path / f"{name}.hdf5") as file:
            found[name] = language_of(file["data"], language_of_task)
    assert found == {"few": told, "alike": told, "mixed": language_of_task("stack_three")}


def test_a_split_is_a_copy_with_robomimics_lists(dataset: Path, tmp_path: Path) -> None:
    lists = splitting.choose(dataset, 0.25, seed=1)
    assert lists == splitting.choose(dataset, 0.25, seed=1)
    assert lists != splitting.choose(dataset, 0.25, seed=2)
    assert [len(lists["train"]), len(lists["valid"])] == [9, 3]
    assert not set(lists["train"]) & set(lists["valid"])
    splitting.split(dataset, tmp_path / "split.hdf5", lists)
    with h5py.File(dataset) as before, h5py.File(tmp_path / "split.hdf5") as after:
        assert read_masks(after) == read_masks(before) | lists
        assert after["mask/valid"].dtype.kind == "S", "as robomimic decodes them"
        assert dict(after.attrs) == dict(before.attrs)
        assert dict(after["data"].attrs) == dict(before["data"].attrs)
        assert all(same(after["data"][name], before["data"][name]) for name in demo_names(before))
    from robomimic.utils.dataset import SequenceDataset

    valid = SequenceDataset(
        str(tmp_path / "split.hdf5"),
        obs_keys=["eef_pos"],
        dataset_keys=["actions"],
        hdf5_cache_mode=None,
        load_next_obs=False,
        filter_by_attribute="valid",
    )
    assert valid.n_demos == 3
    for ratio in (0.0, 1.0, float("nan")):
        with pytest.raises(ConfigError, match="expected a number between 0 and 1"):
            splitting.choose(dataset, ratio, seed=1)
    assert len(splitting.choose(dataset, 0.001, seed=1)["valid"]) == 1


@pytest.mark.parametrize(
    ("condition", "seeds"),
    [
        ("seed == 7", [7]),
        ("seed>=10", [10, 11]),
        ("seed != 3.0", [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]),
        ("stack_offsets.max<0.004", [0, 1, 2, 3]),
        ("stack_offsets.cube_2.0 >= 0.009", [9, 10, 11]),
        ("segments.demo has demo_2", [2, 5, 8, 11]),
        ("segments.demo lacks 'demo_0'", [1, 2, 4, 5, 7, 8, 10, 11]),
        ("segments.0.demo == demo_1", [1, 4, 7, 10]),
        ("signals.stack_1 < 80", []),
        ("success == true", list(range(12))),
        ("success != true", []),
        ("name == demo_10", [10]),
        ("steps < 200", [1, 11]),
    ],
)
def test_demonstrations_are_chosen_by_what_is_recorded(dataset: Path, condition: str, seeds: list[int]) -> None:
    names = filtering.choose(dataset, [filtering.parse(condition)])
    with h5py.File(dataset) as file:
        assert [file["data"][name].attrs["seed"] for name in names] == seeds


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("seed", "'seed' is no condition; expected PROPERTY OPERATOR VALUE"),
        ("seed = 7", "is no condition"),
        ("__import__('os') == 1", "is no condition"),
        ("seed..x < 1", "is no condition"),
        ("sed < 1", "no demonstration has 'sed'; there are attempt, name, num_samples, seed"),
        ("segments.demo == demo_1", "'segments.demo' is a list; add one of min, max, mean"),
        ("seed < many", "'seed' is 0, which 'many' is no match for"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(dataset: Path, condition: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
        filtering.choose(dataset, [filtering.parse(condition)])


def test_a_filtered_file_keeps_names_lists_and_everything_else(dataset: Path, tmp_path: Path) -> None:
    with h5py.File(dataset, "r+") as file:
        file["notes/by"], file["data/unit"] = b"me", 1.5
    names = ["demo_1", "demo_2", "demo_11"]
    filtering.filter_demos(dataset, tmp_path / "few.hdf5", names)
    with h5py.File(dataset) as before, h5py.File(tmp_path / "few.hdf5") as after:
        assert demo_names(after) == names
        assert all(same(after["data"][name], before["data"][name]) for name in names)
        assert after["data"].attrs["total"] == sum(len(after["data"][name]["actions"]) for name in names)
        assert read_masks(after) == {"mine": ["demo_1", "demo_2"]}
        assert dict(after.attrs) == dict(before.attrs)
        assert (after["notes/by"][()], after["data/unit"][()]) == (b"me", 1.5)
    with pytest.raises(SourceError, match="no demonstration meets the conditions"):
        filtering.filter_demos(dataset, tmp_path / "none.hdf5", [])


def test_info_tells_what_is_there(dataset: Path, tmp_path: Path) -> None:
    found = info(copy(dataset, tmp_path / "images.hdf5", _camera), language_of_task)
    rows = dict(found.rows())
    assert rows["demonstrations"].startswith("12, 2545 steps, 2.1 min at 0.05 s")
    assert rows["lengths"] == "196 to 231 steps, median 209"
    assert rows["cameras"] == "table_rgb 4 x 6 x 3"
    assert rows["instruction"] == "Stack the red cube on the blue cube, and the green cube on the red one."
    assert rows["success"] == "12 of 12 that say it"
    assert rows["lists"] == "mine 3"
    assert rows["source"] == "scripted, seed 1"
    assert rows["format"] == "version 1, quaternions x, y, z, w"
    assert (found.demos[11].seed, found.demos[11].sources) == (11, ("demo_2", "demo_7"))
    assert found.arrays["obs/datagen_info/eef_pose/franka"] == (4, 4)


def test_a_new_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "new.hdf5"
    with contextlib.suppress(ZeroDivisionError), new_file(path) as scratch:
        scratch.write_text(str(1 / 0))
    assert list(path.parent.iterdir()) == []
    with new_file(path) as scratch, written(scratch) as file:
        file["a"] = 1
    assert [entry.name for entry in path.parent.iterdir()] == ["new.hdf5"]
    with pytest.raises(OutputError, match=r"new.hdf5' exists"), new_file(path):
        pass
    late = tmp_path / "late.hdf5"
    with pytest.raises(OutputError, match=r"late.hdf5' exists"), new_file(late):
        late.write_text("precious")
    assert late.read_text() == "precious"


def test_a_look_stays_one_of_its_parent_through_every_tool(dataset: Path, tmp_path: Path) -> None:
    with h5py.File(dataset, "r+") as file:
        data = file["data"]
        for number in range(2):
            data.copy("demo_3", f"demo_3_look_{number}")
            data[f"demo_3_look_{number}"].attrs["parent"] = "demo_3"
        data.attrs["total"] = sum(len(demo["actions"]) for demo in data.values())
    report = joined(dataset, [validate(dataset, motion_of, success_rule)])
    twins = [finding.demo for finding in report.findings if finding.where == "actions"]
    assert twins == ["demo_10", "demo_11"], "copies, and no looks"
    for seed in range(5):
        lists = splitting.choose(dataset, 0.5, seed)
        sides = [name for name, demos in lists.items() for demo in demos if demo.startswith("demo_3")]
        assert len(sides) == 3
        assert len(set(sides)) == 1
    merge([dataset, dataset], tmp_path / "merged.hdf5")
    with h5py.File(tmp_path / "merged.hdf5") as file:
        before = {name: json.loads(demo.attrs[MERGED])["demo"] for name, demo in file["data"].items()}
        parents = {name: demo.attrs["parent"] for name, demo in file["data"].items() if "parent" in demo.attrs}
    assert len(parents) == 4
    assert {before[name] for name in parents} == {"demo_3_look_0", "demo_3_look_1"}
    assert {before[parent] for parent in parents.values()} == {"demo_3"}
    assert all(abs(int(name[5:]) - int(parent[5:])) <= 2 for name, parent in parents.items()), "of the same file"
