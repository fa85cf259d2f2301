"""How a file, or a folder of frames, says that this project wrote it: by what is in it, not by its name."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

MARK = "mimicgen.datagen"
"""What pages, documents and pictures say of who made them."""

JOB_MARK = f"# {MARK}"
"""Begins the file that says what a run was started with."""

CARD_MARK = f"---\n# {MARK}\n"
"""Begins the card of an exported dataset."""

MANIFEST = "manifest.json"
"""In a folder of frames: which file is which step. Written last, so it marks completeness."""

VIDEO = "frames.mkv"
"""In a folder of frames: all of them without loss, instead of a file each."""

UNFINISHED = ".mimicgen.datagen-unfinished"
"""In a folder of frames from its beginning until its manifest is written."""

PARTS = ".parts"
"""In the folder of an export until it is finished: its episodes, before they are joined."""

_BEGINNING = 4096
"""Bytes of a page or a picture within which the mark stands."""


def is_ours(path: Path) -> bool:
    """Return whether a file may be replaced: it is a plain file that this project wrote, or that is empty.

    Args:
        path: A page, a Word document, a picture, a dataset's card, records in JSON, or a job in TOML; of other kinds
            none is ours.
    """
    if path.is_symlink() or not path.is_file():
        return False
    if path.stat().st_size == 0:
        return True
    match path.suffix:
        case ".html":
            return f'<meta name="generator" content="{MARK}">'.encode() in _beginning(path)
        case ".png":
            return f"tEXtSoftware\0{MARK}".encode() in _beginning(path)
        case ".docx":
            return _creator(path)
        case ".json":
            told = read_json(path)
            return isinstance(told.get("config"), dict) or _tells_frames(told)
        case ".toml":
            return _beginning(path).startswith(JOB_MARK.encode())
        case ".md":
            return _beginning(path).startswith(CARD_MARK.encode())
        case ".jsonl":
            return _beginning(path).startswith(b'{"number": ')
    return False


def is_frames(folder: Path) -> bool:
    """Return whether a folder was made by a rendering, finished or not."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return (folder / UNFINISHED).is_file() or _tells_frames(read_json(folder / MANIFEST))


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file says; nothing where it is missing, damaged, or no table."""
    if not path.is_file():
        return {}
    try:
        told = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _tells_frames(told: dict[str, Any]) -> bool:
    return {"demo", "view", "modality", "frames"} <= told.keys()


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def _creator(path: Path) -> bool:
    """Return whether a Word document names this project as its author."""
    try:
        with zipfile.ZipFile(path) as parts, parts.open("docProps/core.xml") as part:
            return f"<dc:creator>{MARK}</dc:creator>".encode() in part.read(_BEGINNING)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):  # no zip, no Word, packed oddly, locked
        return False
