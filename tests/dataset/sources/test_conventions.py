from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation  # type: ignore[import-untyped]

from mimicgen.datagen.dataset.files import datasets_in, demo_names
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.sources.conventions import format_version, quaternion_order, rotation_matrices, to_xyzw
from mimicgen.datagen.dataset.tools.convert import CONVERTED, convert_legacy
from mimicgen.datagen.errors import OutputError, SourceError
from mimicgen.datagen.tasks.motion import motion_of

Edit = Callable[[Callable[[h5py.File], None]], Path]
STACK = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
LEGACY_QUATERNIONS = {"root_pose": (3,), "eef_quat": (0,), "cube_orientations": (0, 4, 8), "object": (3, 10, 17)}


def convert(source: Path, target: Path) -> None:
    with new_file(target) as scratch:
        convert_legacy(source, scratch, motion_of)


@pytest.fixture(scope="module")
def converted(human_demos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("converted") / "new" / "demos.hdf5"
    convert(human_demos, path)
    return path


def test_matrices_are_those_of_scipy_whatever_length_and_sign() -> None:
    quaternions = np.random.default_rng(1).normal(size=(5, 7, 4))
    expected = Rotation.from_quat(quaternions.reshape(-1, 4)).as_matrix().reshape(5, 7, 3, 3)
    np.testing.assert_allclose(rotation_matrices(quaternions), expected, atol=1e-12)
    np.testing.assert_allclose(rotation_matrices(-3 * quaternions), expected, atol=1e-12)
    assert to_xyzw(np.array([[1, 2, 3, 4]])).tolist() == [[2, 3, 4, 1]]


def test_every_converted_quaternion_is_the_rotation_of_its_pose(converted: Path) -> None:
    """`obs` is recorded with the poses, before the step; `states` after it, when the next pose holds."""
    compared = 0
    with h5py.File(converted) as file:
        for demo in file["data"].values():
            poses = demo["obs/datagen_info/object_pose"]
            pairs = [(demo["obs/eef_quat"][:], demo["obs/datagen_info/eef_pose/franka"])]
            for index, name in enumerate(("cube_1", "cube_2", "cube_3")):
                pairs += [
                    (demo[f"initial_state/rigid_object/{name}/root_pose"][:, 3:], poses[name][:1]),
                    (demo[f"states/rigid_object/{name}/root_pose"][:-1, 3:], poses[name][1:]),
                    (demo["obs/cube_orientations"][:, 4 * index : 4 * index + 4], poses[name]),
                    (demo["obs/object"][:, 7 * index + 3 : 7 * index + 7], poses[name]),
                ]
            for quaternions, matrices in pairs:
                rotations = Rotation.from_quat(quaternions).as_matrix()  # scipy takes x, y, z, w
                np.testing.assert_allclose(rotations, matrices[:][:, :3, :3], atol=1e-4)
                compared += len(quaternions)
            for kind in ("initial_state", "states"):  # the robot does not move: no pose tells, but the identity does
                root = demo[f"{kind}/articulation/robot/root_pose"][:]
                np.testing.assert_allclose(root[:, 3:], np.tile((0, 0, 0, 1), (len(root), 1)), atol=1e-6)
    assert compared == 2163 * 10


def test_everything_else_is_as_it_was(human_demos: Path, converted: Path) -> None:
    with h5py.File(human_demos) as old, h5py.File(converted) as new:
        assert dict(new["data"].attrs) == dict(old["data"].attrs)
        assert list(new["data"]) == demo_names(old)
        assert dict(datasets_in(new)).keys() == dict(datasets_in(old)).keys()
        assert "from w, x, y, z to x, y, z, w" in new.attrs[CONVERTED]
        for path, dataset in datasets_in(old):
            values = dataset[:]
            for start in LEGACY_QUATERNIONS.get(path.split("/")[-1], ()):
                values[..., start : start + 4] = np.roll(values[..., start : start + 4], -1, axis=-1)
            assert np.array_equal(values, new[path][:]), path
            assert new[path].dtype == dataset.dtype
            assert dict(new[dataset.parent.name].attrs) == dict(dataset.parent.attrs)


def test_orders_are_told(human_demos: Path, converted: Path) -> None:
    with h5py.File(human_demos) as old, h5py.File(converted) as new:
        assert (quaternion_order(old), format_version(old)) == ("wxyz", None)
        assert (quaternion_order(new), format_version(new)) == ("xyzw", 1)
    with pytest.raises(SourceError, match="in x, y, z, w already"):
        convert(converted, converted.with_name("again.hdf5"))


@pytest.mark.parametrize("version", [2, -1, 1.5, np.nan, "1", [1, 1]])
def test_an_unknown_version_is_refused(edited_human_demos: Edit, version: Any) -> None:
    path = edited_human_demos(lambda file: file.attrs.__setitem__("format_version", version))
    with h5py.File(path) as file, pytest.raises(SourceError, match=r"format_version = .* is not known"):
        quaternion_order(file)


def _reorder_root_poses(file: h5py.File) -> None:
    """What Isaac Lab's own converter does."""
    for path, dataset in datasets_in(file):
        if path.endswith("/root_pose"):
            dataset[:] = np.concatenate([dataset[:, :3], to_xyzw(dataset[:, 3:])], axis=1)
    file.attrs["format_version"] = 1


def test_a_file_that_was_reordered_in_part_is_refused_with_what_is_in_which_order(edited_human_demos: Edit) -> None:
    with h5py.File(edited_human_demos(_reorder_root_poses)) as file, pytest.raises(SourceError) as error:
        quaternion_order(file)
    message = str(error.value)
    assert "format_version = 1 means x, y, z, w, but 'obs/cube_orientations', 'obs/eef_quat', 'obs/object'" in message
    assert "(first in demo_0) are in w, x, y, z (while 'initial_state/rigid_object/cube_1/root_pose'" in message
    assert "take the original file" in message


def test_a_stamp_that_is_wrong_or_missing_altogether_is_refused(edited_human_demos: Edit, converted: Path) -> None:
    stamped = edited_human_demos(lambda file: file.attrs.__setitem__("format_version", 1))
    with h5py.File(stamped) as file, pytest.raises(SourceError, match="remove the file's attribute 'format_version'"):
        quaternion_order(file)
    shutil.copy(converted, stamped)
    with h5py.File(stamped, "r+") as file:
        del file.attrs["format_version"]
        with pytest.raises(SourceError, match=r"no format_version means w, x, y, z, but .* set the file's attribute"):
            quaternion_order(file)


def test_without_poses_the_stated_order_counts(edited_human_demos: Edit) -> None:
    def strip(file: h5py.File) -> None:
        for demo in file["data"].values():
            del demo["obs/datagen_info"]

    with h5py.File(edited_human_demos(strip)) as file:
        assert quaternion_order(file) == "wxyz"


def _small(path: Path, task: str, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("data").attrs["env_args"] = f'{{"env_name": "{task}"}}'
        for name, values in arrays.items():
            file[f"data/demo_0/{name.replace('__', '/')}"] = values
    return path


def test_absolute_actions_are_converted_and_relative_ones_are_not(tmp_path: Path) -> None:
    actions = np.arange(16, dtype=np.float32).reshape(2, 8)
    arrays = {"actions": actions, "obs__actions": actions, "processed_actions": np.ones((2, 9)) * np.arange(9)}
    convert(_small(tmp_path / "a.hdf5", "Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0", **arrays), tmp_path / "A")
    convert(_small(tmp_path / "r.hdf5", STACK, **arrays), tmp_path / "R")
    with h5py.File(tmp_path / "A") as absolute, h5py.File(tmp_path / "R") as relative:
        for name in ("actions", "obs/actions"):
            assert absolute["data/demo_0"][name][0].tolist() == [0, 1, 2, 4, 5, 6, 3, 7]
            assert relative["data/demo_0"][name][0].tolist() == list(range(8))
        assert absolute["data/demo_0/processed_actions"][0].tolist() == [0, 1, 2, 4, 5, 6, 3, 7, 8]


@pytest.mark.parametrize(
    ("task", "array", "shape"),
    [
        (STACK, "obs__left_eef_quat", (2, 4)),
        (STACK, "obs__wheel_orientation", (2, 3)),
        (STACK, "obs__cube_orientations", (2, 8)),
        (STACK, "obs__robot_links_state", (2, 5, 13)),
        (STACK, "states__rigid_object__cube_1__root_pose", (2, 13)),
        ("Isaac-PickPlace-GR1T2-Abs-Mimic-v0", "actions", (2, 36)),
        ("Isaac-NutPour-GR1T2-Pink-IK-Abs-Mimic-v0", "actions", (2, 36)),
        ("Isaac-PickPlace-Unknown-IK-Rel-v0", "obs__object", (2, 39)),
        ("", "actions", (2, 7)),
    ],
)
def test_an_array_of_unknown_layout_is_refused(tmp_path: Path, task: str, array: str, shape: tuple[int, ...]) -> None:
    source = _small(tmp_path / "old.hdf5", task, **{array: np.ones(shape)})
    with pytest.raises(SourceError, match=f"demo_0: nobody knows whether '{array.replace('__', '/')}'"):
        convert(source, tmp_path / "new.hdf5")
    assert [path.name for path in tmp_path.iterdir()] == ["old.hdf5"]


@pytest.mark.parametrize("link", [h5py.SoftLink("/data/demo_0"), h5py.ExternalLink("other.hdf5", "/")])
def test_links_are_refused(edited_human_demos: Edit, tmp_path: Path, link: Any) -> None:
    path = edited_human_demos(lambda file: file["data/demo_1"].__setitem__("elsewhere", link))
    with pytest.raises(SourceError, match=r"'/data/demo_1/elsewhere' is (a soft|an external) link"):
        convert(path, tmp_path / "new.hdf5")


def test_an_existing_target_is_kept(human_demos: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.hdf5"
    target.write_text("precious")
    with pytest.raises(OutputError, match=r"mine.hdf5' exists"):
        convert(human_demos, target)
    assert target.read_text() == "precious"


def test_chunks_compression_and_attributes_are_kept(tmp_path: Path) -> None:
    path = _small(tmp_path / "old.hdf5", STACK)
    with h5py.File(path, "r+") as file:
        values = np.arange(800, dtype=np.float32).reshape(200, 4)
        file.create_dataset("data/demo_0/obs/eef_quat", data=values, chunks=(50, 4), compression="gzip")
        file["data/demo_0/obs/eef_quat"].attrs["unit"] = "none"
        file["data/demo_0/obs/camera"] = np.zeros((2, 8, 8, 4), dtype=np.uint8)
    convert(path, tmp_path / "new.hdf5")
    with h5py.File(tmp_path / "new.hdf5") as file:
        kept = file["data/demo_0/obs/eef_quat"]
        assert (kept.chunks, kept.compression, kept.attrs["unit"]) == ((50, 4), "gzip", "none")
        assert kept[0].tolist() == [1, 2, 3, 0]


def test_a_failed_conversion_leaves_nothing_behind(edited_human_demos: Edit, tmp_path: Path) -> None:
    root = "data/demo_5/states/articulation/robot/root_pose"

    def compress(file: h5py.File) -> None:
        del file[root]
        file.create_dataset(root, data=np.ones((185, 7)), chunks=(185, 7), compression="gzip")

    path = edited_human_demos(compress)
    with h5py.File(path) as file:
        chunk = file[root].id.get_chunk_info(0)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(bytes(chunk.size))
    with pytest.raises(OutputError, match=r"edited.hdf5' cannot be copied to a new file in '.*out'"):
        convert(path, tmp_path / "out" / "new.hdf5")
    assert list((tmp_path / "out").iterdir()) == []
