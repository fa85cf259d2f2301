"""A process that encodes images: `python -m` this module.

It takes its work from its standard input, finds the pixels in memory that it shares with the run, answers on what was
its standard output (whatever prints there goes to the standard error), and ends when its input does, so it never
outlives the run.
"""

from __future__ import annotations

import mmap
import os
import pickle
import sys
from typing import BinaryIO

from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.rendering.encoder import Encoder


def serve(encoder: Encoder, work: BinaryIO, answers: BinaryIO) -> None:
    """Do work until there is no more; answer each with what went wrong, or None."""
    try:
        while work.peek(1):  # type: ignore[attr-defined]
            error = None
            try:
                encoder.do(pickle.load(work))
            except (OutputError, MemoryError) as told:
                error = told
            pickle.dump(error, answers)
            answers.flush()
    finally:
        encoder.close()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as told, mmap.mmap(int(sys.argv[1]), 0) as shared:
        os.dup2(2, 1)
        serve(Encoder(shared), sys.stdin.buffer, told)
