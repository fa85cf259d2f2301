"""The errors of the project. Every message says what is wrong, names the value, and says what to do."""

from __future__ import annotations

from mimicgen.datagen.text import shown


class DatagenError(Exception):
    """Base of every error that the project raises on purpose.

    As text it is one line, and a line for each detail, in which nothing of what a name holds acts on a terminal.

    Attributes:
        exit_code: What a command line run ends with when this error ends it.

    Args:
        message: What is wrong, the value, and what to do.
        details: Lines that follow, indented.
    """

    exit_code = 1

    def __init__(self, message: str, *details: object):
        super().__init__(message, *map(str, details))

    def __str__(self) -> str:
        return "\n  ".join(map(shown, self.args))


class BadInputError(DatagenError):
    """Base of everything that the user can put right by passing something else."""

    exit_code = 2


class ConfigError(BadInputError):
    """A configuration key is unknown, or its value has the wrong type or is out of range."""


class SourceError(BadInputError):
    """The source demonstrations cannot be read or do not serve the task."""


class OutputError(BadInputError):
    """An output file or folder cannot be written, is in use, or would be overwritten."""


class TaskError(BadInputError):
    """The task is unknown or cannot run in this runtime."""


class SetupError(BadInputError):
    """Something that the project needs is not installed or not available on this machine."""


class StateError(DatagenError):
    """The session was asked for something that its state does not allow."""


class RunError(DatagenError):
    """A run failed: a generator, the environment or the application raised."""


class RenderError(DatagenError):
    """What was rendered of a demonstration is not what it should be."""


class PolicyError(DatagenError):
    """A learned policy cannot be reached any more, or gives what is no action."""
