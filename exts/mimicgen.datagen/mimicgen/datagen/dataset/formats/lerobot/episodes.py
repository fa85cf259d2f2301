"""One episode of a LeRobot dataset: its rows, its videos and its statistics, as files of its own until all are there.

The files of an episode are in a folder of its own, `.parts/000012`, each whole or not there at all. The last one says
what they are, so an export that was ended goes on with the first episode that has none.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import open_source
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.formats.demonstrations import Plan
from mimicgen.datagen.dataset.formats.language import subtask_texts
from mimicgen.datagen.dataset.formats.lerobot.encoded import Looker, encoded
from mimicgen.datagen.dataset.formats.lerobot.features import features_of, image_key, schema_of
from mimicgen.datagen.dataset.formats.lerobot.layout import ACTION, OBJECTS, STATE
from mimicgen.datagen.dataset.formats.lerobot.statistics import Statistics, of_rows
from mimicgen.datagen.dataset.formats.videos import write_video
from mimicgen.datagen.dataset.ours import PARTS, read_json
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.errors import SourceError

ROWS, ABOUT = "rows.parquet", "about.json"

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Words:
    """The texts of an export, by which they are numbered.

    Attributes:
        tasks: What policies are told.
        subtasks: What is done during subtasks.
    """

    tasks: tuple[str, ...]
    subtasks: tuple[str, ...]


def words_of(dataset: Path, plan: Plan) -> Words:
    """Return the texts of an export, in the order in which they come.

    Args:
        dataset: The dataset that the plan is of.
        plan: What is exported.
    """
    subtasks: dict[str, None] = {}
    with open_source(dataset, demos={episode.demo for episode in plan.episodes}) as file:
        for demo in dict.fromkeys(episode.demo for episode in plan.episodes):
            alive()
            subtasks |= dict.fromkeys(subtask_texts(plan.language, file["data"][demo]))
    return Words(tuple(dict.fromkeys(episode.task for episode in plan.episodes)), tuple(subtasks))


def part_folder(output: Path, number: int) -> Path:
    """Return where the files of an episode are until all are there."""
    return output / PARTS / f"{number:06d}"


def write_episodes(
    dataset: Path, plan: Plan, words: Words, output: Path, parent: int, part: int = 0, parts: int = 1
) -> None:
    """Write the files of every `parts`-th episode from the `part`-th on, unless they are there.

    Args:
        dataset: The dataset that the plan is of.
        plan: What is exported.
        words: Its texts.
        output: Folder of the export.
        parent: The process whose end ends this, too.
        part: The first episode.
        parts: How many processes share them.

    Raises:
        SourceError: The dataset or its images cannot be read, or are others by now.
        OutputError: A file cannot be written.
    """
    begins = np.cumsum([0, *(episode.steps for episode in plan.episodes)])
    mine = [*range(part, len(plan.episodes), parts)]
    wanted = [number for number in mine if not (part_folder(output, number) / ABOUT).exists()]
    if not wanted:
        return
    with open_source(dataset, demos={plan.episodes[number].demo for number in wanted}) as file:
        for number in wanted:
            if parent not in (os.getpid(), os.getppid()):
                return
            writer = _Writer(plan, words, number, int(begins[number]), file["data"][plan.episodes[number].demo])
            writer.write(part_folder(output, number))


class _Writer:
    """Writes the files of an episode."""

    def __init__(self, plan: Plan, words: Words, number: int, begin: int, demo: h5py.Group):
        self._plan = plan
        self._words = words
        self._number = number
        self._begin = begin
        self._demo = demo
        self._episode = plan.episodes[number]

    def write(self, folder: Path) -> None:
        """Write them."""
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        columns = self._columns()
        statistics = {name: of_rows(values) for name, values in columns.items()}
        sizes = {}
        for image in self._episode.images:
            path = folder / f"{image.name}.mp4"
            there = encoded(image, self._plan.encoding, self._plan.fps, self._episode.steps)
            if there is not None:
                if not path.exists():
                    with new_file(path) as scratch, explained(path):
                        shutil.copyfile(there.video, scratch)
                statistics[image_key(image)], sizes[image.name] = there.statistics, path.stat().st_size
                continue
            looked = Looker(image.modality == "depth", self._episode.steps)
            if path.exists():  # from before it was ended: whole, and its statistics are wanted
                for index, pixels in enumerate(image.frames(self._demo)):
                    looked(index, pixels)
            else:
                with new_file(path) as scratch:
                    count = write_video(scratch, image, self._demo, self._plan.encoding, self._plan.fps, looked)
                    if count != self._episode.steps:
                        raise SourceError(
                            f"images of {self._episode.name} in {image.name}: {count} of {self._episode.steps}; render "
                            "them again"
                        )
            statistics[image_key(image)] = looked.statistics.result()
            sizes[image.name] = path.stat().st_size
        rows = folder / ROWS
        if not rows.exists():
            with new_file(rows) as scratch, explained(rows):
                pq.write_table(table_of(self._plan, columns), scratch, compression="snappy")
        about = {
            "rows": rows.stat().st_size,
            "videos": sizes,
            "statistics": {
                key: {name: values.tolist() for name, values in own.items()} for key, own in statistics.items()
            },
        }
        with new_file(folder / ABOUT) as scratch, explained(folder):
            scratch.write_text(json.dumps(about), encoding="utf-8")

    def _columns(self) -> Columns:
        """Return the numbers of every step, by feature."""
        plan, episode, demo = self._plan, self._episode, self._demo
        make, steps = plan.representations, self._episode.steps
        assert plan.wanted.state is not None, "it is of another format"
        state, action = make.state(demo, plan.wanted.state), make.action(demo, plan.wanted.action)
        objects = make.objects(demo) if plan.objects else None
        told = (state.parts, action.parts, objects.parts if objects is not None else ())
        if told != (plan.state, plan.action, plan.objects) or len(state.rows) != steps:
            raise SourceError(f"source '{plan.dataset}' is another one than when the export began; begin anew")
        found: Columns = {STATE: state.rows}
        if objects is not None:
            found[OBJECTS] = objects.rows
        last = np.zeros(steps, bool)
        last[-1] = True
        subtasks = {text: index for index, text in enumerate(self._words.subtasks)}
        return found | {
            ACTION: action.rows,
            "next.reward": _rewards(demo, last & bool(episode.success)),
            "next.done": last,
            "next.success": last & bool(episode.success),
            "subtask_index": np.array([subtasks[text] for text in subtask_texts(plan.language, demo)], np.int64),
            "timestamp": (np.arange(steps) / plan.fps).astype(np.float32),
            "frame_index": np.arange(steps),
            "episode_index": np.full(steps, self._number),
            "index": np.arange(self._begin, self._begin + steps),
            "task_index": np.full(steps, self._words.tasks.index(episode.task)),
        }


def table_of(plan: Plan, columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    """Return the rows of an episode as a table."""
    schema = schema_of(features_of(plan))
    return pa.table([_array(columns[field.name], field.type) for field in schema], schema=schema)


def read_about(output: Path, count: int) -> Iterator[tuple[int, dict[str, int], dict[str, Statistics]]]:
    """Yield the size of the rows, the sizes of the videos and the statistics of every episode, in order."""
    for number in range(count):
        told = read_json(part_folder(output, number) / ABOUT)
        statistics = {
            key: {name: np.asarray(values) for name, values in own.items()} for key, own in told["statistics"].items()
        }
        yield told["rows"], told["videos"], statistics


def _array(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), kind.value_type), kind.list_size)
    return pa.array(values.reshape(-1), kind)


def _rewards(demo: h5py.Group, otherwise: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the rewards as they were recorded; else 1 at the last step of a success."""
    recorded = demo.get("rewards")
    if isinstance(recorded, h5py.Dataset) and recorded.shape == otherwise.shape and recorded.dtype.kind in "fiu":
        rewards = np.asarray(recorded[()], np.float32)
        if np.isfinite(rewards).all():
            return rewards
    return otherwise.astype(np.float32)
