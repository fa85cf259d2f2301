"""A packed shard is the folder again, or nothing is there; what was packed by somebody else leads nowhere."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mimicgen.datagen.cluster.sending.packing import PIECE, Packed, pack, packed_as, unpack
from mimicgen.datagen.errors import OutputError

LARGE = b"\1\2\3" * (PIECE // 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "cam_rgb" / "demo_000000").mkdir(parents=True)
    (made / "dataset.hdf5").write_bytes(LARGE)
    (made / "cam_rgb" / "demo_000000" / "manifest.json").write_text("{}")
    (made / "run.json").write_text("as it was here")
    (made / "run.lock").write_text("ours")
    (made / "secret").symlink_to("/etc/passwd")
    return made


def pieces(file: Path, size: int = PIECE) -> list[bytes]:
    content = file.read_bytes()
    return [content[begin : begin + size] for begin in range(0, len(content), size)]


@pytest.mark.parametrize("size", [PIECE, 999_983])
def test_what_arrives_is_what_was_packed(folder: Path, tmp_path: Path, size: int) -> None:
    packed = pack(folder, {"end": 1}, tmp_path / "a.tar")
    assert packed == packed_as(tmp_path / "a.tar")
    unpack(pieces(tmp_path / "a.tar", size), packed, tmp_path / "to" / "there", "here")
    there = tmp_path / "to" / "there"
    found = {path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()}
    assert found == {"dataset.hdf5", "cam_rgb/demo_000000/manifest.json", "run.json"}
    assert (there / "dataset.hdf5").read_bytes() == LARGE
    assert json.loads((there / "run.json").read_text()) == {"end": 1}, "it says what the run says of it"
    assert [path.name for path in there.parent.iterdir()] == ["there"]


DAMAGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "cut": lambda all_: all_[:1],
    "cut in a file's head": lambda all_: [all_[0][:100]],
    "nothing": lambda all_: [],
    "another byte": lambda all_: [all_[0][:5000] + b"x" + all_[0][5001:], *all_[1:]],
    "no archive": lambda all_: [b"years of work" * 1000],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_not_there(folder: Path, tmp_path: Path, damage: str) -> None:
    packed = pack(folder, {}, tmp_path / "a.tar")
    with pytest.raises(OutputError, match="the shard from worker_1 is damaged"):
        unpack(DAMAGES[damage](pieces(tmp_path / "a.tar")), packed, tmp_path / "to" / "there", "worker_1")
    assert list((tmp_path / "to").iterdir()) == []


def odd(name: str, kind: bytes = tarfile.REGTYPE, leads: str = "") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as packed:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, leads
        packed.addfile(member)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        odd("../outside"),
        odd("/outside"),
        odd("a/../../outside"),
        odd("link", tarfile.SYMTYPE, "/etc/passwd"),
        odd("link", tarfile.LNKTYPE, "../../made/dataset.hdf5"),
        odd("pipe", tarfile.FIFOTYPE),
        odd("\033[2Jname", tarfile.CHRTYPE),
    ],
)
def test_nothing_leads_out_of_a_shard(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(OutputError, match="which is no file of a shard") as told:
        unpack([content], packed_as(tmp_path / "a.tar"), tmp_path / "to" / "there", "here")
    assert "\033" not in str(told.value)
    assert list((tmp_path / "to").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "disk", "to"]


def test_what_is_there_stays(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("years of work")
    with pytest.raises(OutputError, match=r"there' is in the way"):
        unpack([], Packed(0, ""), tmp_path / "there", "here")
    assert (tmp_path / "there" / "mine").read_text() == "years of work"
