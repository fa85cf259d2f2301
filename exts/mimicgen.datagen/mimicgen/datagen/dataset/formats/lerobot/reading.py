"""A LeRobot dataset that this project has written, back as raw demonstrations.

Its rows have what was done, and `meta/initial_states.hdf5` where that began. So datasets that come from elsewhere are
refused: nothing of them says where the objects were.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from h5py import h5o
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import open_source
from mimicgen.datagen.dataset.formats.lerobot import layout
from mimicgen.datagen.dataset.formats.lerobot.layout import ACTION, OBJECTS, STATE
from mimicgen.datagen.dataset.ours import read_json
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.tools.copying import copy_attributes, written
from mimicgen.datagen.errors import SourceError

VECTORS = {ACTION: "actions", STATE: "obs/state", OBJECTS: "obs/environment_state"}
"""Where the columns of a dataset go in a demonstration."""

IMPORTED = "imported_from"
"""Attribute of a demonstration: the folder, and what it was called there."""

_ROWS = 4096
"""Rows that are read at once."""

Rows = dict[str, NDArray[np.float32]]


def read_back(folder: Path, target: Path) -> int:
    """Write the demonstrations of a dataset to a file; of several looks of one, the first.

    Args:
        folder: The dataset.
        target: File to write; see `mimicgen.datagen.dataset.replacing.new_file`.

    Returns:
        How many there are.

    Raises:
        SourceError: The dataset was not written by this project, is damaged, or cannot be replayed.
        OutputError: The file cannot be written.
    """
    record = _record(folder)
    first: dict[str, int] = {}
    for number, episode in enumerate(record):
        first.setdefault(episode["of"], number)
    wanted = {number: name for name, number in first.items()}
    total = 0
    starts = {number: layout.START_DEMO.format(number) for number in wanted}
    with (
        open_source(folder / layout.START, demos=[*starts.values()]) as file,
        written(target, folder / layout.START) as made,
    ):
        copy_attributes(file, made)
        data = made.create_group("data")
        copy_attributes(file["data"], data)
        for number, rows in _episodes(folder):
            if number not in wanted:
                continue
            steps = len(rows[ACTION])
            if starts[number] not in file["data"] or record[number]["steps"] != steps:
                raise SourceError(
                    f"source '{folder}': episode {number} has {steps} rows, and {layout.RECORD} says otherwise; "
                    "copy it again"
                )
            _write(data, f"demo_{len(data)}", rows, file["data"][starts[number]])
            demo = data[f"demo_{len(data) - 1}"]
            demo.attrs[IMPORTED] = json.dumps({"folder": folder.name, "demo": wanted.pop(number)})
            if record[number]["success"] is not None:
                demo.attrs["success"] = bool(record[number]["success"])
            total += steps
        data.attrs["total"] = total
        count = len(data)
    if wanted:
        raise SourceError(f"source '{folder}': episode {min(wanted)} has no rows in 'data'; copy the dataset again")
    return count


def _record(folder: Path) -> list[dict[str, Any]]:
    """Return what the export said of its episodes.

    Raises:
        SourceError: There is no export that can be replayed.
    """
    if not folder.is_dir():
        raise SourceError(f"source '{folder}': there is no such folder; pass the folder of a LeRobot dataset")
    told = read_json(folder / layout.RECORD)
    episodes, action = told.get("episodes"), told.get("action")
    if not told or not (folder / layout.START).is_file():
        raise SourceError(
            f"source '{folder}': has no {layout.RECORD} and {layout.START}, which say where each episode begins; only "
            "a dataset that this project exported can be replayed"
        )
    kind = action.get("representation") if isinstance(action, dict) else None
    if kind != "recorded":
        raise SourceError(
            f"source '{folder}': its actions are represented as '{kind}', and only recorded ones can be replayed; "
            "export it with --action recorded"
        )
    if not isinstance(episodes, list) or not all(map(_is_episode, episodes)):
        raise SourceError(f"source '{folder}': {layout.RECORD} is damaged; copy the dataset again")
    return episodes


def _is_episode(told: Any) -> bool:
    return (
        isinstance(told, dict)
        and isinstance(told.get("of"), str)
        and type(told.get("steps")) is int
        and (told.get("success") is None or isinstance(told["success"], bool))
    )


def _episodes(folder: Path) -> Iterator[tuple[int, Rows]]:
    """Yield number and vectors of every episode, one at a time.

    Raises:
        SourceError: A file is no table of episodes.
    """
    number, pieces = -1, list[Rows]()
    for path in sorted((folder / "data").glob("*/*.parquet")):
        if path.is_symlink() or not path.is_file():
            raise SourceError(f"source '{path}' is a link, or no file; copy the dataset again")
        try:
            for own, rows in _pieces(path):
                if own != number and pieces:
                    yield number, _joined(pieces)
                    pieces = []
                number = own
                pieces.append(rows)
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise SourceError(f"source '{path}' is no table of episodes ({error}); copy the dataset again") from error
    if pieces:
        yield number, _joined(pieces)


def _pieces(path: Path) -> Iterator[tuple[int, Rows]]:
    """Yield the rows of a file, as many of an episode as lie together."""
    with pq.ParquetFile(path) as file:
        names = [name for name in VECTORS if name in file.schema_arrow.names]
        if ACTION not in names:
            raise ValueError("it has no actions")
        for batch in file.iter_batches(_ROWS, columns=[*names, "episode_index"]):
            alive(batch.nbytes)
            numbers = batch["episode_index"].to_numpy()
            vectors = {name: _vectors(batch[name]) for name in names}
            begins = [0, *(np.flatnonzero(np.diff(numbers)) + 1), len(numbers)]
            for begin, end in itertools.pairwise(begins):
                if end > begin:
                    yield int(numbers[begin]), {name: rows[begin:end] for name, rows in vectors.items()}


def _vectors(column: pa.Array) -> NDArray[np.float32]:
    """Return a column of lists, shape (rows, width); of numbers, shape (rows, 1)."""
    if pa.types.is_fixed_size_list(column.type):
        flat = column.flatten().to_numpy(zero_copy_only=False)
        rows = flat.reshape(len(column), column.type.list_size)
    else:
        rows = column.to_numpy(zero_copy_only=False)[:, None]
    if rows.dtype != np.float32 or not np.isfinite(rows).all():
        raise ValueError("a vector has other numbers than finite ones of 32 bits")
    return np.asarray(rows)


def _joined(pieces: list[Rows]) -> Rows:
    return {name: np.concatenate([rows[name] for rows in pieces]) for name in pieces[0]}


def _write(data: h5py.Group, name: str, rows: Rows, start: h5py.Group) -> None:
    demo = data.create_group(name)
    for column, values in rows.items():
        demo.create_dataset(VECTORS[column], data=values, compression="gzip", shuffle=True)
    demo.attrs["num_samples"] = len(rows[ACTION])
    h5o.copy(start.id, b"initial_state", demo.id, b"initial_state")
