"""Synthetic robot demonstrations with Isaac Lab Mimic, on Omniverse Kit's own event loop."""

from mimicgen.datagen.attempts import Attempt, Counts, Outcome
from mimicgen.datagen.config.jobs import Annotate, Generate, Job, Record, Render, Replay
from mimicgen.datagen.config.sections import MimicConfig
from mimicgen.datagen.errors import (
    BadInputError,
    ConfigError,
    DatagenError,
    OutputError,
    RunError,
    SetupError,
    SourceError,
    StateError,
    TaskError,
)
from mimicgen.datagen.version import __version__

__all__ = [
    "Annotate",
    "Attempt",
    "BadInputError",
    "ConfigError",
    "Counts",
    "DatagenError",
    "Generate",
    "Job",
    "MimicConfig",
    "Outcome",
    "OutputError",
    "Record",
    "Render",
    "Replay",
    "RunError",
    "SetupError",
    "SourceError",
    "StateError",
    "TaskError",
    "__version__",
]
