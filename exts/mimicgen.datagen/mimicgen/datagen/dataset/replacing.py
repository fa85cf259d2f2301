"""The one module that removes, replaces or renames files and folders.

The rule: what this project did not write stays where it is, as it is. So

- a new file gets its name only if nothing has it, and only when all of it is on the disk;
- a file is replaced only if its content says whose it is (`ours.is_ours`), never a link, a folder or a pipe;
- of a folder, only a rendering's own files go, one by one and by their names, and only where the folder carries the
  rendering's manifest, or the mark of one that was not finished (`ours.is_frames`);
- of the folder of an export, only what such an export makes on its way goes, and only while the folder carries the mark
  of one that was not finished;
- a link is replaced only if it led to what the new one could lead to (`lead`);
- `discard` and `discard_scratch` are for what the caller itself has made: a scratch file, a lock, a part that is in the
  dataset by now, a shard on a worker's own disk that was sent;
- whatever else is in the way is moved aside, to a name that nothing has, if the user said so.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mimicgen.datagen.dataset.folders import explained, sync_folder, writable_folder
from mimicgen.datagen.dataset.ours import MANIFEST, UNFINISHED, is_frames, is_ours
from mimicgen.datagen.errors import OutputError

_FRAMES = re.compile(
    r"[0-9]{4,}\.png|frames\.mkv|\.frames\.[0-9a-f]{8}\.part\.mkv|labels\.json|manifest\.json|"
    r"(av1|h264)\.(mp4|json)|\.(av1|h264)\.[0-9a-f]{8}\.part\.(mp4|json)"
)
"""Files of a rendering in the folder of a demonstration, with what was encoded of it; unfinished ones included."""

_SCRATCH = re.compile(r"\..{1,40}\.[0-9a-f]{8}\.part(\..{1,15})?", re.DOTALL)
"""Files that `new_file` had not finished when its process was killed."""

_PARTS = re.compile(r"rows\.parquet|about\.json|[A-Za-z0-9_-]+\.mp4")
"""Files of an episode whose export goes on."""


@contextlib.contextmanager
def new_file(path: Path, *, replace: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """Give the name of a file to write, which becomes `path` when it was written without an error.

    The file is written beside `path`, is on the disk before it gets its name, and is removed when something fails, the
    process that writes it included, if that is a child.

    Args:
        path: The file.
        replace: Tells of a plain file that is there already whether it may be replaced; None: it must not be there.

    Raises:
        OutputError: `path` exists and may not be replaced, or cannot be written.
    """
    refuse_foreign(path, replace)
    folder = writable_folder(path.absolute().parent)
    scratch = folder / f".{path.stem[:40]}.{secrets.token_hex(4)}.part{path.suffix[-16:]}"
    with explained(path):
        descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        yield scratch
        refuse_foreign(path, replace)
        with explained(path):
            os.fsync(descriptor)
            if replace is None:
                name_file(scratch, path)
            else:
                os.replace(scratch, path)
            sync_folder(folder)
    finally:
        os.close(descriptor)
        discard(scratch)


def refuse_foreign(path: Path, replace: Callable[[Path], bool] | None = is_ours) -> None:
    """Check that a file may be written: nothing is there, or what may be replaced.

    Args:
        path: The file.
        replace: As in `new_file`.

    Raises:
        OutputError: It may not be written.
    """
    with explained(path):
        if not os.path.lexists(path):
            return
        if replace is None:
            raise OutputError(f"output '{path}' exists; remove it, or choose another name")
        if path.is_symlink() or not path.is_file() or not replace(path):
            raise OutputError(
                f"output '{path}' exists, and this project did not write it; move it away, or choose another name"
            )


def discard(path: Path) -> None:
    """Remove a file that the caller has made; nothing happens when it is not there."""
    path.unlink(missing_ok=True)


def discard_folder(folder: Path) -> None:
    """Remove a folder that the caller has made, if nothing is in it."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def discard_scratch(folder: Path) -> None:
    """Remove a folder that the caller has made where nobody else writes, with what is in it."""
    if not folder.is_symlink() and folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)


def name_file(scratch: Path, path: Path) -> None:
    """Give a file that the caller has made its name, if nothing has it, also when something comes to have it just now.

    Raises:
        OutputError: Something has the name.
        OSError: It cannot be given.
    """
    try:
        os.link(scratch, path)
    except FileExistsError as error:
        raise OutputError(f"output '{path}' exists; remove it, or choose another name") from error
    except OSError:  # a file system without hard links
        refuse_foreign(path, None)
        scratch.rename(path)
    discard(scratch)


def name_folder(scratch: Path, path: Path) -> None:
    """Give a folder that the caller has made its name.

    Raises:
        OSError: Something has the name, or it cannot be given.
    """
    scratch.rename(path)


def lead(link: Path, target: Path) -> None:
    """Have a link lead to something in a folder beside it; one that led to something in that folder is replaced.

    Raises:
        OutputError: Something else has the name, or it cannot be written.
    """
    place = target.relative_to(link.parent)
    with explained(link):
        if os.path.lexists(link) and not (link.is_symlink() and link.readlink().parent == place.parent):
            raise OutputError(f"output '{link}' exists, and this project did not write it; move it away")
        scratch = link.with_name(f".{link.name}.{secrets.token_hex(4)}.part")
        scratch.symlink_to(place)
        os.replace(scratch, link)


def begin_frames(folder: Path) -> None:
    """Make the folder of a demonstration's frames, marked as unfinished, without frames of an earlier rendering.

    Raises:
        OutputError: What is there was not made by a rendering, or the folder cannot be written.
    """
    with explained(folder):
        empty = not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir()))
        if folder.is_symlink() or not (empty or is_frames(folder)):
            raise OutputError(
                f"output '{folder}' exists, and no rendering made it; move it away, or choose another --output-dir"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / UNFINISHED).touch()
        discard(folder / MANIFEST)  # first: it says that the others are there
        for path in folder.iterdir():
            if _FRAMES.fullmatch(path.name) and not path.is_dir():
                discard(path)


def finish_frames(folder: Path, manifest: str) -> None:
    """Put the manifest where the mark of an unfinished rendering is, whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    with explained(folder):
        (folder / UNFINISHED).write_text(manifest, encoding="utf-8")
        os.replace(folder / UNFINISHED, folder / MANIFEST)


def begin_export(folder: Path, mark: str) -> None:
    """Make the folder of an export, marked as unfinished; what a kill left unfinished in it goes.

    Args:
        folder: The folder.
        mark: What the mark says: of the export that goes on in the folder, the same.

    Raises:
        OutputError: Something else is there, or the folder cannot be written.
    """
    with explained(folder):
        if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir()):
            raise OutputError(f"output '{folder}' exists, and is no folder; remove it, or choose another name")
        if not folder.is_dir() or not any(folder.iterdir()):
            writable_folder(folder)
            (folder / UNFINISHED).write_text(mark, encoding="utf-8")
            return
        place = folder / UNFINISHED
        if place.is_symlink() or not place.is_file():
            raise OutputError(f"output '{folder}' exists; remove it, or choose another name")
        told = place.read_text(encoding="utf-8", errors="replace")
        if told not in ("", mark):
            raise OutputError(
                f"output '{folder}' has an export of something else, which was not finished; remove it, or choose "
                "another name"
            )
        place.write_text(mark, encoding="utf-8")
        _discard_matching(folder, _SCRATCH)


def end_export(folder: Path, parts: str) -> None:
    """Remove the files of an export's episodes, which are joined by now, and its mark.

    Args:
        folder: The export's folder.
        parts: Name of the folder in it that has those files.

    Raises:
        OutputError: They cannot be removed.
    """
    with explained(folder):
        if not (folder / UNFINISHED).is_file():
            return
        if not (folder / parts).is_symlink():
            _discard_matching(folder / parts, _PARTS)
            for place in sorted((folder / parts).glob("*")):
                if not place.is_symlink():
                    discard_folder(place)
            discard_folder(folder / parts)
        discard(folder / UNFINISHED)


def _discard_matching(folder: Path, names: re.Pattern[str]) -> None:
    """Remove plain files in a folder and those below that are called so; no link is followed."""
    for place, _, files in os.walk(folder):
        for name in files:
            path = Path(place, name)
            if names.fullmatch(name) and not path.is_symlink() and path.is_file():
                discard(path)


def rotate(logs: Sequence[Path]) -> None:
    """Give every log of earlier runs the name after its own; the last one goes. The names are this project's alone.

    Args:
        logs: The names, the one of the next log first.

    Raises:
        OutputError: One is no regular file, or cannot be renamed.
    """
    for earlier, later in reversed(list(itertools.pairwise(logs))):
        if os.path.lexists(earlier):
            refuse_foreign(later, Path.is_file)
            refuse_foreign(earlier, Path.is_file)
            with explained(earlier):
                earlier.replace(later)


def move_aside(path: Path, stamp: str) -> None:
    """Rename a file or a folder, if it is there, to a name with a stamp in it that nothing has.

    Raises:
        OutputError: It cannot be renamed.
    """
    if not os.path.lexists(path):
        return
    aside, count = path.with_name(f"{path.stem}.{stamp}{path.suffix}"), 1
    while os.path.lexists(aside):
        count += 1
        aside = path.with_name(f"{path.stem}.{stamp}-{count}{path.suffix}")
    with explained(path):
        path.rename(aside)
