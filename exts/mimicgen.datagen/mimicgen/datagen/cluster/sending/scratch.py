"""Where a worker makes shards that it sends away: a folder on the disk of its machine, the same for the same run."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.errors import OutputError


def scratch_folder(config: Generate, digest: str) -> Path:
    """Return the folder of a run, in `$TMPDIR`: what a worker that was killed left there, the next one continues.

    Args:
        config: The run.
        digest: Tells its files from others.

    Raises:
        OutputError: It belongs to somebody else, or cannot be made.
    """
    place = Path(tempfile.gettempdir(), f"mimicgen.datagen-{os.getuid()}")
    with explained(place):
        place.mkdir(mode=0o700, exist_ok=True)
        told = place.lstat()
    if not stat.S_ISDIR(told.st_mode) or told.st_uid != os.getuid():
        raise OutputError(f"output '{place}' is somebody else's; set TMPDIR to a folder of your own")
    name = hashlib.sha256(f"{config.to_toml()}{digest}".encode()).hexdigest()[:16]
    folder = place / name
    with explained(folder):
        folder.mkdir(exist_ok=True)
    return folder
