"""The settings of the last run that was started in the panel, as TOML in the user's data folder.

A file of our own instead of Kit's persistent settings: it has the format of a preset, it is written when a run starts
(Kit writes its settings when it ends in good order), and it is the same one in every application.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from mimicgen.datagen.config.jobs import JOBS, Job
from mimicgen.datagen.config.keys import parse
from mimicgen.datagen.config.layers import read_toml
from mimicgen.datagen.config.values import Flat
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import BadInputError, OutputError
from mimicgen.datagen.tasks.defaults import build

log = logging.getLogger(__name__)


def location() -> Path:
    """Return the file: `$XDG_DATA_HOME/mimicgen.datagen/last_run.toml`, in `~/.local/share` by default."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "mimicgen.datagen" / "last_run.toml"


def remember(config: Job) -> None:
    """Write the settings of a run. Where that is impossible, they are not remembered, and the log says so."""
    path = location()
    try:
        with explained(path), new_file(path, replace=Path.is_file) as scratch:
            scratch.write_text(config.to_toml(), encoding="utf-8")
    except OutputError as error:
        log.warning("these settings will not be remembered: %s", error)


def recall() -> Flat:
    """Return the settings by dotted key; nothing where none are remembered.

    A file of another version, or one that is damaged, is not used, and the log says so: the next run replaces it.
    """
    path = location()
    if not os.path.lexists(path):
        return {}
    if path.exists() and not path.is_file():  # reading a pipe would wait for a writer
        log.warning("the last settings are not used: '%s' is no regular file", path)
        return {}
    try:
        flat = read_toml(path)
        build(flat, kind=JOBS[parse("mode", flat.get("mode", "generate"))])
    except BadInputError as error:
        log.warning("the last settings are not used: %s", error)
        return {}
    return flat
