"""Where things are in a LeRobot dataset, v3.0, and how large its files get: what lerobot 0.6 reads and writes.

https://github.com/huggingface/lerobot, `src/lerobot/datasets/utils.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

VERSION = "v3.0"

CHUNK = 1000
"""Files in a folder at most."""

DATA_MB, VIDEO_MB = 100, 200
"""Size of a file at most [MiB]."""

DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
INFO, STATS, TASKS, SUBTASKS = "meta/info.json", "meta/stats.json", "meta/tasks.parquet", "meta/subtasks.parquet"
RECORD = "meta/mimicgen.datagen.json"
"""What this project says of an export; written last of all."""

START = "meta/initial_states.hdf5"
"""The initial states, with which recorded actions can be replayed, as demonstrations: `import lerobot` takes them."""

START_DEMO = "demo_{}"
"""What an episode is called there, by its number."""

EPISODES_A_FILE = 10_000
"""Rows of a file in `meta/episodes`: 5 kB each."""


STATE, OBJECTS, ACTION, IMAGES = "observation.state", "observation.environment_state", "action", "observation.images."
"""Features of a step; what the last one begins with is followed by what the images are called."""


def place(number: int) -> dict[str, int]:
    """Return chunk and file of the `number`-th file."""
    return {"chunk_index": number // CHUNK, "file_index": number % CHUNK}


def files_of(sizes: Iterable[int], largest: float) -> list[int]:
    """Return in which file each episode lies, if as many as fit go into a file.

    Args:
        sizes: Of the episodes [bytes].
        largest: Of a file [MiB].
    """
    found, number, filled = [], 0, 0
    for size in sizes:
        if filled and filled + size > largest * 2**20:
            number, filled = number + 1, 0
        filled += size
        found.append(number)
    return found
