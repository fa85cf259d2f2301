"""The export to robomimic, read by robomimic itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.dataset.names import PARENT
from mimicgen.datagen.dataset.ours import UNFINISHED
from mimicgen.datagen.dataset.sources.raw import read_states
from mimicgen.datagen.dataset.states import StateSequence
from tests.dataset.writing import SHIPPED

SIZE = (24, 32)
"""Height and width of the images of the tests."""


def pictures(steps: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (steps, *SIZE, 3), np.uint8)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three demonstrations with images in them, a look of one, lists, and a failure."""
    path = tmp_path_factory.mktemp("shipped") / "demos.hdf5"
    with h5py.File(SHIPPED) as source, h5py.File(path, "w") as file:
        file.attrs.update(source.attrs)
        data = file.create_group("data")
        data.attrs.update(source["data"].attrs)
        names = {"demo_0": "demo_0", "demo_2": "demo_2", "demo_10": "demo_3", "demo_10_look_1": "demo_3"}
        for seed, (name, own) in enumerate(names.items()):
            source.copy(source["data"][own], data, name=name)
            steps = len(data[name]["actions"])
            data[name]["obs/front_rgb"] = pictures(steps, seed)
            data[name]["obs/front_depth"] = np.full((steps, *SIZE), 900, np.uint16)
        data["demo_10_look_1"].attrs[PARENT] = "demo_10"
        data["demo_2"].attrs["success"] = False
        data["demo_2"].attrs["record"] = json.dumps({"reason": "the red cube fell"})
        data.attrs["total"] = sum(len(demo["actions"]) for demo in data.values())
        file["mask/mine"] = np.array([b"demo_10", b"demo_2"])
    return path


def export(*arguments: object) -> int:
    return cli.main(["export", "robomimic", *map(str, arguments)])


@pytest.fixture(scope="module")
def exported(shipped: Path) -> Path:
    folder = shipped.with_name("exported")
    assert export(shipped, "--output", folder) == 0
    return folder


def configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the configuration that the card's code makes."""
    _, code, _ = (folder / "README.md").read_text().split("```", 2)
    told: dict[str, Any] = {}
    monkeypatch.chdir(folder)
    exec(code.removeprefix("python"), told)
    return told["config"]


def observed_as(config: Any) -> None:
    """Tell robomimic the kinds of observations; what else of it knows them needs torchvision, which is not here."""
    from robomimic.utils import obs_utils

    kinds = config.observation.modalities.obs
    obs_utils.initialize_obs_utils_with_obs_specs({"obs": {"low_dim": kinds.low_dim, "rgb": kinds.rgb}})


def opened(config: Any) -> Any:
    from robomimic.utils.dataset import SequenceDataset

    observed_as(config)
    return SequenceDataset(
        config.train.data,
        obs_keys=config.all_obs_keys,
        dataset_keys=["actions", "rewards", "dones"],
        hdf5_cache_mode="low_dim",
        load_next_obs=False,
    )


def test_robomimic_reads_it_as_its_card_says(exported: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = opened(configured(exported, monkeypatch))
    with h5py.File(shipped) as file:
        own = [file["data"][name] for name in ("demo_0", "demo_10", "demo_10_look_1")]
        steps = [len(demo["actions"]) for demo in own]
        assert dataset.n_demos == 3
        assert len(dataset) == sum(steps)
        begin = 0
        for demo, count in zip(own, steps, strict=True):
            for step in (0, 1, count // 2, count - 1):
                item = dataset[begin + step]
                np.testing.assert_array_equal(item["obs"]["front_image"][0], demo["obs/front_rgb"][step])
                np.testing.assert_array_equal(item["obs"]["eef_pos"][0], demo["obs/eef_pos"][step])
                np.testing.assert_array_equal(item["actions"][0], demo["actions"][step])
                assert item["dones"][0] == item["rewards"][0] == (step == count - 1)
            begin += count


def test_all_observations_are_some_that_a_policy_may_have(
    exported: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from robomimic.utils import obs_utils

    observed_as(configured(exported, monkeypatch))
    with h5py.File(shipped) as file:
        observed = file["data/demo_0/obs"]
        kept = {name for name, own in observed.items() if isinstance(own, h5py.Dataset) and own.ndim == 2}
        np.testing.assert_array_equal(observed["actions"][1:], file["data/demo_0/actions"][:-1])
    with h5py.File("image.hdf5") as file:
        shapes = {
            name: obs_utils.get_processed_shape(obs_utils.OBS_KEYS_TO_MODALITIES[name], own.shape[1:])
            for name, own in file["data/demo_0/obs"].items()
        }
        meta = json.loads(file["data"].attrs["env_args"])
    assert set(shapes) == kept - {"actions"} | {"front_image"}
    assert shapes["front_image"] == [3, *SIZE]
    assert meta["env_name"] == "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
    assert meta["env_kwargs"] == {"camera_names": ["front"], "camera_heights": 24, "camera_widths": 32}
    card = (exported / "README.md").read_text()
    assert r"obs/actions of the dataset is left out: it is the action of the step before" in card
    assert r"obs/datagen\_info of the dataset is left out" in card
    assert r"obs/front\_depth of the dataset is left out: robomimic takes depth from 0 to 1" in card
    assert r"| demo\_2 | is a failure: the red cube fell; --failed exports it |" in card


def test_demonstrations_are_numbered_and_say_which_they_were(exported: Path) -> None:
    with h5py.File(exported / "image.hdf5") as file:
        data = file["data"]
        assert {name: demo.attrs["demonstration"] for name, demo in data.items()} == {
            "demo_0": "demo_0",
            "demo_1": "demo_10",
            "demo_2": "demo_10_look_1",
        }
        assert [name.decode() for name in file["mask/mine"]] == ["demo_1"]
        assert data.attrs["total"] == sum(demo.attrs["num_samples"] for demo in data.values())
        assert json.loads(data["demo_0"].attrs["ep_meta"]) == {
            "lang": "Stack the red cube on the blue cube, and the green cube on the red one."
        }
        assert json.loads(data.attrs["language"])["subtasks"]["robot"][0]["text"] == "Grasp the red cube"
        assert json.loads(file.attrs["export"])["format"] == "robomimic 0.3"
    assert not (exported / UNFINISHED).exists()
    assert sorted(path.name for path in exported.iterdir()) == ["README.md", "contact_sheet.png", "image.hdf5"]


def test_images_that_a_rendering_wrote_are_the_same_to_the_pixel(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another size, too; classes keep their colours."""
    with h5py.File(shipped) as file:
        demo = file["data/demo_0"]
        steps = len(demo["actions"])
        recorded = StateSequence.of(read_states(demo["initial_state"]), read_states(demo["states"]))
    drawn = pictures(steps, 7)
    red, green = (np.array(colour, np.uint8) for colour in ((255, 36, 66), (55, 255, 139)))
    classes = np.where(drawn[..., :1] > 127, red, green)
    for modality, images in (("rgb", drawn), ("segmentation", classes)):
        folder = tmp_path / "drawn" / f"side_{modality}" / "demo_000000"
        folder.mkdir(parents=True)
        for step, image in enumerate(images):
            PIL.Image.fromarray(image).save(folder / f"{step:04d}.png")
        frames = [{"file": f"{step:04d}.png", "step": step} for step in range(steps)]
        told = {"demo": "demo_0", "view": "side", "modality": modality, "height": SIZE[0], "width": SIZE[1]}
        (folder / "manifest.json").write_text(json.dumps(told | {"states": recorded.digest(), "frames": frames}))
    assert export(shipped, "--images", tmp_path / "drawn", "--output", tmp_path / "whole") == 0
    dataset = opened(configured(tmp_path / "whole", monkeypatch))
    assert dataset.n_demos == 1, "the others were not rendered"
    for step in range(0, steps, 40):
        seen = dataset[step]["obs"]
        np.testing.assert_array_equal(seen["side_image"][0], drawn[step])
        np.testing.assert_array_equal(seen["side_segmentation_image"][0], classes[step])
    small = tmp_path / "small"
    assert export(shipped, "--images", tmp_path / "drawn", "--size", "16x20", "--output", small) == 0
    with h5py.File(small / "image.hdf5") as file:
        images = file["data/demo_0/obs"]
        assert images["side_image"].shape == (steps, 20, 16, 3)
        colours = images["side_segmentation_image"][:].reshape(-1, 3)
        assert {tuple(colour) for colour in np.unique(colours, axis=0).tolist()} == {(255, 36, 66), (55, 255, 139)}
        assert json.loads(file["data"].attrs["env_args"])["env_kwargs"]["camera_widths"] == 16
    assert r"| side\_image | 16 x 20 | colour |" in (small / "README.md").read_text()


def test_failures_and_files_without_images(shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = tmp_path / "bare.hdf5"
    with h5py.File(shipped) as source, h5py.File(bare, "w") as file:
        file.attrs.update(source.attrs)
        data = file.create_group("data")
        data.attrs.update(source["data"].attrs)
        for name in ("demo_0", "demo_2"):
            source.copy(source["data"][name], data, name=name)
            for left in ("obs/front_rgb", "obs/front_depth", "rewards", "dones"):
                if left in data[name]:
                    del data[name][left]
    assert export(bare, "--failed", "--output", tmp_path / "out") == 0
    assert "no images" in capsys.readouterr().out
    with h5py.File(tmp_path / "out" / "low_dim.hdf5") as file:
        kept, failed = file["data/demo_0"], file["data/demo_1"]
        assert (kept["rewards"][-1], failed["rewards"][-1]) == (1, 0)
        assert failed["dones"][:].tolist() == [0] * (len(failed["actions"]) - 1) + [1]
        assert failed.attrs["outcome"] == "failure: the red cube fell"
        assert "failure: the red cube fell" in json.loads(failed.attrs["ep_meta"])["lang"]
    assert r"| demo\_2 | failure: the red cube fell |" in (tmp_path / "out" / "README.md").read_text()
    with h5py.File(bare, "r+") as file:
        file["data/demo_2"].attrs["success"] = True
        del file["data/demo_2/obs/eef_pos"]
    assert export(bare, "--output", tmp_path / "other") == 2
    assert "demo_2: has no 'obs/eef_pos' of 3 numbers, which demo_0 has" in capsys.readouterr().err
    assert not list((tmp_path / "other").glob("*.hdf5"))


def test_what_is_there_stays_and_what_was_ended_is_begun_again(
    exported: Path, shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    assert export(shipped, "--output", exported) == 2
    assert "exists; remove it, or choose another name" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before
    folder = tmp_path / "ended"
    folder.mkdir()
    (folder / UNFINISHED).write_text("")
    (folder / ".image.01234567.part.hdf5").write_bytes(b"half")
    assert export(shipped, "--output", folder) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(before)


@pytest.mark.parametrize("size", ["84", "84x", "0x84", "84x99999", "84X84", "-84x84", "1e2x1e2"])
def test_a_size_that_is_none_is_refused(size: str, shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        export(shipped, f"--size={size}", "--output", shipped.with_name("never"))
    assert ended.value.code == 2
    assert f"'{size}' is no size of images; give WIDTHxHEIGHT, each from 16 to 8192" in capsys.readouterr().err
    assert not shipped.with_name("never").exists()
