"""A LeRobot dataset from the files of its episodes: they are joined as they are, and nothing is encoded again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from h5py import h5o

from mimicgen.datagen.dataset.files import open_source
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.formats.demonstrations import Plan
from mimicgen.datagen.dataset.formats.lerobot import layout
from mimicgen.datagen.dataset.formats.lerobot.episodes import ROWS, Words, part_folder, read_about
from mimicgen.datagen.dataset.formats.lerobot.features import features_of, image_key, schema_of
from mimicgen.datagen.dataset.formats.lerobot.statistics import Statistics, together
from mimicgen.datagen.dataset.formats.record import as_json, facts_of
from mimicgen.datagen.dataset.formats.videos import join
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.tools.copying import copy_attributes, written

_AT_A_TIME = 500
"""Episodes whose rows of `meta/episodes` are written together."""


def assemble(dataset: Path, plan: Plan, words: Words, output: Path) -> None:
    """Write the files of a dataset whose episodes are all there; those that are there already stay.

    Args:
        dataset: The dataset that the plan is of.
        plan: What is exported.
        words: Its texts.
        output: Folder of the export.

    Raises:
        OutputError: A file cannot be written.
    """
    _Assembly(dataset, plan, words, output).write()


class _Assembly:
    def __init__(self, dataset: Path, plan: Plan, words: Words, output: Path):
        self._dataset = dataset
        self._plan = plan
        self._words = words
        self._output = output
        self._features = features_of(plan)
        self._steps = [episode.steps for episode in plan.episodes]
        self._begins = np.cumsum([0, *self._steps]).tolist()

    def write(self) -> None:
        """Write everything, and last of all what says that it is there."""
        count = len(self._plan.episodes)
        sizes, videos, statistics = zip(*read_about(self._output, count), strict=True)
        data = layout.files_of(sizes, layout.DATA_MB)
        shown = {
            image: layout.files_of([own[image] for own in videos], layout.VIDEO_MB)
            for image in (one.name for one in self._plan.cameras)
        }
        self._write_data(data)
        for image, files in shown.items():
            self._write_videos(image, files)
        self._write_episodes(data, shown, statistics)
        write_text(self._output / layout.STATS, as_json(listed(together(statistics))))
        self._write_words(layout.TASKS, "task", self._words.tasks)
        self._write_words(layout.SUBTASKS, "subtask", self._words.subtasks)
        write_start(self._dataset, self._plan, self._output / layout.START)
        write_text(self._output / layout.INFO, as_json(self._info()))
        write_text(self._output / layout.RECORD, as_json(facts_of(self._plan, f"LeRobot {layout.VERSION}")))

    def _write_data(self, files: Sequence[int]) -> None:
        schema = schema_of(self._features)
        for file, numbers in groupby(range(len(files)), files.__getitem__):
            path = self._output / layout.DATA_PATH.format(**layout.place(file))
            if path.exists():
                continue
            with new_file(path) as scratch, explained(path), pq.ParquetWriter(scratch, schema) as writer:
                for number in numbers:  # an episode a row group, so that one can be read alone
                    alive(10**7)
                    writer.write_table(pq.read_table(part_folder(self._output, number) / ROWS, schema=schema))

    def _write_videos(self, image: str, files: Sequence[int]) -> None:
        key = f"observation.images.{image}"
        for file, numbers in groupby(range(len(files)), files.__getitem__):
            path = self._output / layout.VIDEO_PATH.format(video_key=key, **layout.place(file))
            parts = [(part_folder(self._output, number) / f"{image}.mp4", self._steps[number]) for number in numbers]
            write_video(path, parts, self._plan.fps)

    def _write_episodes(
        self, data: Sequence[int], shown: Mapping[str, Sequence[int]], statistics: Sequence[dict[str, Statistics]]
    ) -> None:
        for begin in range(0, len(data), layout.EPISODES_A_FILE):
            numbers = range(begin, min(begin + layout.EPISODES_A_FILE, len(data)))
            where = layout.place(begin // layout.EPISODES_A_FILE)
            path = self._output / layout.EPISODES_PATH.format(**where)
            if path.exists():
                continue
            writer: Any = None
            with new_file(path) as scratch, explained(path):
                for first in range(numbers.start, numbers.stop, _AT_A_TIME):
                    alive(10**8)
                    some = range(first, min(first + _AT_A_TIME, numbers.stop))
                    rows = [self._row(number, data, shown, statistics[number], where) for number in some]
                    table = pa.Table.from_pylist(rows, schema=writer.schema if writer else None)
                    writer = writer or pq.ParquetWriter(scratch, table.schema)
                    writer.write_table(table)
                writer.close()

    def _row(
        self,
        number: int,
        data: Sequence[int],
        shown: Mapping[str, Sequence[int]],
        statistics: Mapping[str, Statistics],
        where: Mapping[str, int],
    ) -> dict[str, Any]:
        episode = self._plan.episodes[number]
        row: dict[str, Any] = {
            "episode_index": number,
            "tasks": [episode.task],
            "length": episode.steps,
            "demonstration": episode.name,
            "outcome": episode.outcome,
            **{f"data/{name}": value for name, value in layout.place(data[number]).items()},
            "dataset_from_index": self._begins[number],
            "dataset_to_index": self._begins[number + 1],
        }
        for image in self._plan.cameras:
            key, files = image_key(image), shown[image.name]
            begin = self._begins[number] - self._begins[files.index(files[number])]
            row |= {f"videos/{key}/{name}": value for name, value in layout.place(files[number]).items()}
            row[f"videos/{key}/from_timestamp"] = begin / self._plan.fps
            row[f"videos/{key}/to_timestamp"] = (begin + episode.steps) / self._plan.fps
        for key, own in statistics.items():
            row |= {f"stats/{key}/{name}": values.tolist() for name, values in own.items()}
        return row | {f"meta/episodes/{name}": value for name, value in where.items()}

    def _write_words(self, name: str, kind: str, texts: Sequence[str]) -> None:
        """Write numbered texts as pandas does it, with the texts as the index."""
        columns = [
            (f"{kind}_index", pa.array(range(len(texts)), pa.int64()), "int64", "int64"),
            (kind, pa.array(texts, pa.string()), "unicode", "object"),
        ]
        about = {
            "index_columns": [kind],
            "column_indexes": [
                {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
            ],
            "columns": [
                {"name": column, "field_name": column, "pandas_type": own, "numpy_type": numpy, "metadata": None}
                for column, _, own, numpy in columns
            ],
            "creator": {"library": "pyarrow", "version": pa.__version__},
            "pandas_version": "2.3.3",
        }
        table = pa.table({column: values for column, values, _, _ in columns})
        path = self._output / name
        if not path.exists():
            with new_file(path) as scratch, explained(path):
                pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(about)}), scratch)

    def _info(self) -> dict[str, Any]:
        return {
            "codebase_version": layout.VERSION,
            "fps": self._plan.fps,
            "features": self._features,
            "total_episodes": len(self._steps),
            "total_frames": sum(self._steps),
            "total_tasks": len(self._words.tasks),
            "chunks_size": layout.CHUNK,
            "data_files_size_in_mb": layout.DATA_MB,
            "video_files_size_in_mb": layout.VIDEO_MB,
            "data_path": layout.DATA_PATH,
            "video_path": layout.VIDEO_PATH if self._plan.cameras else None,
            "robot_type": self._plan.body.robot_type or None,
            "splits": {name: f"{begin}:{end}" for name, (begin, end) in self._plan.splits.items()},
        }


def write_start(dataset: Path, plan: Plan, path: Path) -> None:
    """Write the initial state of every episode, in the layout of demonstrations, under its number, unless it is there.

    Raises:
        OutputError: It cannot be written.
    """
    if path.exists():
        return
    with (
        open_source(dataset, demos={episode.demo for episode in plan.episodes}) as file,
        new_file(path) as scratch,
        written(scratch, dataset) as starts,
    ):
        copy_attributes(file, starts)
        data = starts.create_group("data")
        copy_attributes(file["data"], data)
        data.attrs["total"] = sum(episode.steps for episode in plan.episodes)
        for number, episode in enumerate(plan.episodes):
            alive(10**6)
            own = data.create_group(layout.START_DEMO.format(number))
            own.attrs["num_samples"] = episode.steps
            h5o.copy(file["data"][episode.demo].id, b"initial_state", own.id, b"initial_state")


def write_text(path: Path, text: str) -> None:
    """Write a text, unless it is there.

    Raises:
        OutputError: It cannot be written.
    """
    if not path.exists():
        with new_file(path) as scratch, explained(path):
            scratch.write_text(text, encoding="utf-8")


def write_video(path: Path, videos: Sequence[tuple[Path, int]], fps: int) -> None:
    """Write a video that joins others, unless it is there; see `videos.join`.

    Raises:
        OutputError: It cannot be written.
    """
    if not path.exists():
        with new_file(path) as scratch:
            join(scratch, videos, fps)


def listed(statistics: Mapping[str, Statistics]) -> dict[str, dict[str, Any]]:
    """Return statistics as JSON has them."""
    return {key: {name: values.tolist() for name, values in own.items()} for key, own in statistics.items()}
