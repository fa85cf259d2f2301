"""What was exported to LeRobot, back as raw demonstrations; and folders that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mimicgen.datagen.dataset.formats.lerobot.reading import read_back
from mimicgen.datagen.dataset.sources.raw import check_demos
from mimicgen.datagen.errors import SourceError
from tests.dataset.formats.making import export, some_demos
from tests.hostile import TASK

ROWS = "data/chunk-000/file-000.parquet"


@pytest.fixture(scope="module", params=["lerobot", "gr00t"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("back")
    dataset = some_demos(folder / "demos.hdf5")
    export(dataset, "--output", folder / "out", "--objects", kind=request.param)
    return folder


def test_there_and_back(exported: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.hdf5"
    assert read_back(exported / "out", back) == 3
    raw = check_demos(back, TASK)
    assert raw.names == ("demo_0", "demo_1", "demo_2")
    with h5py.File(exported / "demos.hdf5") as first, h5py.File(back) as second:
        assert dict(first["data"].attrs) == dict(second["data"].attrs)
        for name in raw.names:
            one, other = first[f"data/{name}"], second[f"data/{name}"]
            np.testing.assert_array_equal(one["actions"], other["actions"])
            poses = np.concatenate([other["obs/environment_state"][:, 7 * i : 7 * i + 3] for i in range(3)], axis=1)
            np.testing.assert_array_equal(one["obs/cube_positions"], poses)
            assert other.attrs["success"]
            start = "initial_state/rigid_object/cube_1/root_pose"
            np.testing.assert_array_equal(one[start], other[start])


def edited(exported: Path, tmp_path: Path) -> Path:
    """Return a copy to damage."""
    folder = tmp_path / "damaged"
    for path in (exported / "out").rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(exported / "out")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder


def test_what_cannot_be_replayed_is_refused(exported: Path, tmp_path: Path) -> None:
    folder = edited(exported, tmp_path)
    target = tmp_path / "new.hdf5"
    rows = next((folder / "data").rglob("*.parquet"))
    whole = rows.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"PAR1" + bytes(200) + b"PAR1"):
        rows.write_bytes(content)
        with pytest.raises(SourceError, match="is no table of episodes"):
            read_back(folder, target)
    table = pq.read_table(pa.BufferReader(whole))
    for broken, message in (
        (table.slice(5), "says otherwise"),
        (table.drop_columns(["action"]), "is no table of episodes"),
        (table.set_column(1, "action", pa.array(["x"] * len(table))), "is no table of episodes"),
    ):
        pq.write_table(broken, rows)
        with pytest.raises(SourceError, match=message):
            read_back(folder, target)
    rows.unlink()
    (tmp_path / "elsewhere.parquet").write_bytes(whole)
    rows.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(SourceError, match="is a link"):
        read_back(folder, target)
    record = folder / "meta/mimicgen.datagen.json"
    told = json.loads(record.read_text())
    told["action"]["representation"] = "joints"
    record.write_text(json.dumps(told))
    with pytest.raises(SourceError, match="only recorded ones can be replayed"):
        read_back(folder, target)
    record.unlink()
    with pytest.raises(SourceError, match="only a dataset that this project exported"):
        read_back(folder, target)
    with pytest.raises(SourceError, match="there is no such folder"):
        read_back(tmp_path / "nothing", target)
