"""Shards at an address: each is there as a whole, or not, and what others put there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mimicgen.datagen.cluster.sending.packing import pack
from mimicgen.datagen.cluster.sending.storage import Storage
from mimicgen.datagen.cluster.shards import Shard
from mimicgen.datagen.cluster.tasks import Told
from mimicgen.datagen.errors import SetupError

NAME = "attempts_00000001_00000003"
TOLD = Told(Shard(1, 3), bytes([1, 0, 1]), {"grasp": 3, "success": 2})


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path}/bucket", "g_shards")


def put(storage: Storage, folder: Path, name: str = NAME) -> None:
    made = folder / "made"
    made.mkdir(exist_ok=True)
    (made / "dataset.hdf5").write_bytes(b"demonstrations")
    packed = pack(made, {"end": {"exit_code": 0}, "timings": 1}, folder / "a.tar")
    storage.put(name, folder / "a.tar", packed, TOLD, {"end": {"exit_code": 0}, "timings": 1})


def test_what_was_put_is_there(storage: Storage, tmp_path: Path) -> None:
    assert storage.shards() == []
    assert storage.shard(NAME) is None
    put(storage, tmp_path)
    put(storage, tmp_path, f"{NAME}_copy_2")
    first, second = storage.shards()
    assert storage.shard(NAME) == first
    assert (first.told, first.copy, second.copy) == (TOLD, 1, 2)
    assert first.record == {"end": {"exit_code": 0}}
    assert b"".join(storage.pieces(second)) == (tmp_path / "a.tar").read_bytes()


def test_without_its_lines_it_is_not_there(storage: Storage, tmp_path: Path) -> None:
    put(storage, tmp_path)
    lines = tmp_path / "bucket" / "g_shards" / f"{NAME}.json"
    whole = lines.read_text()
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        lines.write_text(whole[:cut])
        assert storage.shards() == []
    lines.unlink()
    assert storage.shards() == []
    put(storage, tmp_path)
    assert len(storage.shards()) == 1, "another try is not mixed with what the first one left"


@pytest.mark.parametrize(
    "odd",
    [
        {"file": "../../secret.tar"},
        {"file": "/etc/passwd"},
        {"file": f"{NAME}.12345678.tar/../x"},
        {"outcomes": "11"},
        {"outcomes": "112"},
        {"outcomes": 3},
        {"size": "large"},
        {"reached": []},
        {"record": None},
    ],
)
def test_lines_that_tell_of_something_else_are_no_shard(storage: Storage, tmp_path: Path, odd: dict[str, str]) -> None:
    put(storage, tmp_path)
    lines = tmp_path / "bucket" / "g_shards" / f"{NAME}.json"
    lines.write_text(json.dumps(json.loads(lines.read_text()) | odd))
    (lines.parent / "readme.json").write_text("{}")
    assert storage.shards() == []


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s3://bucket/a", r"install s3fs==\S+ on every machine"),
        ("gs://bucket/a", r"install gcsfs==\S+ on every machine"),
        ("nowhere://bucket/a", "nowhere"),
    ],
)
def test_what_an_address_wants_is_told(address: str, told: str) -> None:
    with pytest.raises(SetupError, match=told):
        Storage(address, "g_shards")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "bucket").write_text("a file")
    storage = Storage(str(tmp_path / "bucket"), "g_shards")
    with pytest.raises(SetupError, match=r"bucket/g_shards' cannot be used"):
        put(storage, tmp_path)
