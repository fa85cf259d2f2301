"""What this project did not write stays where it is, as it is."""

from __future__ import annotations

import ast
import os
import socket
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from PIL import Image

import mimicgen.datagen
from mimicgen.datagen.dataset.ours import MANIFEST, UNFINISHED, is_frames, is_ours
from mimicgen.datagen.dataset.replacing import begin_frames, finish_frames, lead, move_aside, new_file
from mimicgen.datagen.errors import OutputError
from tests.hostile import snapshot

PACKAGE = Path(mimicgen.datagen.__path__[0])
REMOVING = {"rmtree", "unlink", "rename", "renames", "rmdir", "remove", "removedirs", "move", "truncate"}


def removes(call: ast.Call) -> bool:
    """Whether a call removes, replaces or renames a file; texts and dataclasses are replaced with more arguments."""
    if not isinstance(call.func, ast.Attribute):
        return isinstance(call.func, ast.Name) and call.func.id in {"rmtree", "unlink", "rename", "rmdir"}
    name, owner = call.func.attr, ast.unparse(call.func.value)
    if name == "replace":
        return owner == "os" or (len(call.args) == 1 and not call.keywords)
    if name in {"remove", "move"}:
        return owner in {"os", "shutil"}
    return name in REMOVING and not owner.endswith("_file")  # a lock's own open file


def test_one_module_removes_and_replaces() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}: {ast.unparse(node)}"
        for path in PACKAGE.rglob("*.py")
        if "node_modules" not in path.parts and path.name != "replacing.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and removes(node)
    }
    assert not found
    ours = ast.parse((PACKAGE / "dataset" / "replacing.py").read_text())
    assert sum(isinstance(node, ast.Call) and removes(node) for node in ast.walk(ours)) >= 5, "the test sees them"


def page(path: Path) -> None:
    path.write_text('<html><meta name="generator" content="mimicgen.datagen">')


def document(path: Path) -> None:
    written = docx.Document()
    written.core_properties.author = "mimicgen.datagen"
    written.save(str(path))


@pytest.mark.parametrize(
    ("name", "write", "expected"),
    [
        ("a.html", page, True),
        ("a.html", lambda path: path.write_text("<html>mine"), False),
        ("a.hdf5", page, False),
        ("a.docx", document, True),
        ("a.docx", lambda path: docx.Document().save(str(path)), False),
        ("a.docx", lambda path: path.write_bytes(b"PK\3\4 no zip"), False),
        ("a.png", lambda path: Image.new("L", (2, 2)).save(path), False),
        ("a.json", lambda path: path.write_text('{"config": {"mode": "generate"}, "end": null}'), True),
        ("a.json", lambda path: path.write_text('{"name": "a web page"}'), False),
        ("a.json", lambda path: path.write_text("[" * 100_000), False),
        ("a.jsonl", lambda path: path.write_text('{"number": 1, "env": 0'), True),
        ("a.jsonl", lambda path: path.write_text('{"text": "mine"}'), False),
        ("a.html", lambda path: path.touch(), True),
        ("a.html", lambda path: path.mkdir(), False),
        ("a.html", os.mkfifo, False),
    ],
)
def test_a_file_says_itself_who_wrote_it(
    tmp_path: Path, name: str, write: Callable[[Path], object], expected: bool
) -> None:
    path = tmp_path / name
    write(path)
    assert is_ours(path) is expected
    link = tmp_path / f"link{path.suffix}"
    link.symlink_to(path)
    assert not is_ours(link), "a link is somebody's, wherever it leads"
    before = snapshot(tmp_path)
    if not expected:
        with (
            pytest.raises(OutputError, match=r"this project did not write it; move it away"),
            new_file(path, replace=is_ours),
        ):
            pass
    with pytest.raises(OutputError, match=r"exists; remove it"), new_file(path):
        pass
    assert snapshot(tmp_path) == before


def test_a_new_file_never_takes_a_name_that_came_to_be_taken(tmp_path: Path) -> None:
    path = tmp_path / "new.hdf5"
    with pytest.raises(OutputError, match=r"new\.hdf5' exists"), new_file(path):
        path.symlink_to("nowhere")
    assert os.readlink(path) == "nowhere"
    assert [entry.name for entry in tmp_path.iterdir()] == ["new.hdf5"]


def test_new_files_may_be_read_by_whom_the_user_lets(tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    reference.touch()
    with new_file(tmp_path / "new.hdf5"):
        pass
    assert (tmp_path / "new.hdf5").stat().st_mode == reference.stat().st_mode


def test_of_a_folder_of_frames_only_frames_go(tmp_path: Path) -> None:
    folder = tmp_path / "table_cam_normals" / "demo_000000"
    begin_frames(folder)
    (folder / "0000.png").write_bytes(b"frame")
    assert is_frames(folder)
    finish_frames(folder, '{"demo": "demo_0", "view": "table_cam", "modality": "normals", "frames": []}')
    assert is_frames(folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "0000.png.txt").write_text("mine")
    begin_frames(folder)
    assert {path.name for path in folder.iterdir()} == {UNFINISHED, "notes.txt", "0000.png.txt"}


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: (folder.mkdir(), (folder / "0000.png").write_bytes(b"holiday"))[0],
        lambda folder: (folder.mkdir(), (folder / MANIFEST).write_text('{"name": "a web page"}'))[0],
        lambda folder: folder.write_text("a file"),
        lambda folder: folder.symlink_to(folder.parent),
        os.mkfifo,
    ],
)
def test_a_folder_that_no_rendering_made_stays(tmp_path: Path, make: Callable[[Path], object]) -> None:
    folder = tmp_path / "demo_000000"
    make(folder)
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=r"no rendering made it; move it away"):
        begin_frames(folder)
    assert snapshot(tmp_path) == before


def test_what_is_moved_aside_twice_in_a_second_is_there_twice(tmp_path: Path) -> None:
    for content in ("first", "second", "third"):
        (tmp_path / "d.hdf5").write_text(content)
        move_aside(tmp_path / "d.hdf5", "20260101-000000")
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["first", "second", "third"]
    move_aside(tmp_path / "d.hdf5", "20260101-000000")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_socket_is_no_output(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "a.html"))
        with pytest.raises(OutputError, match="move it away"), new_file(tmp_path / "a.html", replace=is_ours):
            pass


def test_a_link_is_replaced_by_one_into_the_same_folder_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "kept" / name).mkdir(parents=True)
    for name in ("one", "two"):
        lead(tmp_path / "best", tmp_path / "kept" / name)
        assert (tmp_path / "best").readlink() == Path("kept", name)
    (tmp_path / "theirs").symlink_to("kept")
    (tmp_path / "file").write_text("years of work")
    (tmp_path / "folder").mkdir()
    before = snapshot(tmp_path)
    for name in ("theirs", "file", "folder"):
        with pytest.raises(OutputError, match="this project did not write it"):
            lead(tmp_path / name, tmp_path / "kept" / "one")
    assert snapshot(tmp_path) == before
