"""Asking Isaac Lab something on the command line, which takes a while and is loud."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def asking(what: str) -> Iterator[None]:
    """Say that Isaac Lab is asked, and keep what it and its libraries print meanwhile away from the terminal.

    Args:
        what: What it is asked about.
    """
    print(f"asking Isaac Lab about {what}, which takes about ten seconds...", file=sys.stderr, flush=True)
    sys.stdout.flush()
    streams = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    with open(os.devnull, "wb") as nowhere:
        for descriptor in streams:  # some of them print past Python
            os.dup2(nowhere.fileno(), descriptor)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, stream in streams.items():
            os.dup2(stream, descriptor)
            os.close(stream)
