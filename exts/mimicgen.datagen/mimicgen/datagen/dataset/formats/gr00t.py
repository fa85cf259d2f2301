"""GR00T's datasets: LeRobot's layout v2.1, with `meta/modality.json` and annotations, from the files of episodes.

https://github.com/NVIDIA/Isaac-GR00T, `getting_started/data_preparation.md`: a table and a video an episode; what is
said of a step, in columns `annotation.human.*`, is the number of a text in `meta/tasks.jsonl`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.formats.demonstrations import Episode, Plan
from mimicgen.datagen.dataset.formats.lerobot import layout
from mimicgen.datagen.dataset.formats.lerobot.assembling import listed, write_start, write_text, write_video
from mimicgen.datagen.dataset.formats.lerobot.episodes import ROWS, Words, part_folder, read_about
from mimicgen.datagen.dataset.formats.lerobot.features import Feature, features_of, image_key, schema_of
from mimicgen.datagen.dataset.formats.lerobot.statistics import of_rows, together
from mimicgen.datagen.dataset.formats.record import as_json, facts_of
from mimicgen.datagen.dataset.formats.representations import Part
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.sources.guard import alive

VERSION = "v2.1"
NAME = f"GR00T (LeRobot {VERSION})"

DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_PATH = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
MODALITY = "meta/modality.json"

TASK = "annotation.human.action.task_description"
SUBTASK = "annotation.human.action.subtask"
VALIDITY = "annotation.human.validity"
"""What is to be done; what is being done; whether it succeeded, or why not."""

VALID = "valid"
"""What is said of every demonstration that is no failure."""

_LEFT_OUT = "subtask_index"
"""LeRobot's column, in whose place an annotation stands."""


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
    texts = _texts(plan, words)
    features = features_of_gr00t(plan)
    count = len(plan.episodes)
    for number in range(count):
        _write_episode(plan, words, texts, features, number, output)
    statistics = []
    for number, (_, _, own) in enumerate(read_about(output, count)):
        rows = pq.read_table(part_folder(output, number) / ROWS, columns=[_LEFT_OUT])
        annotations = _annotations(plan.episodes[number], words, texts, rows[_LEFT_OUT].to_numpy())
        del own[_LEFT_OUT]
        statistics.append(own | {name: of_rows(values) for name, values in annotations.items()})
    write_text(output / "meta/tasks.jsonl", _lines({"task_index": at, "task": text} for at, text in enumerate(texts)))
    write_text(
        output / "meta/episodes.jsonl",
        _lines(
            {"episode_index": at, "tasks": [episode.task], "length": episode.steps}
            for at, episode in enumerate(plan.episodes)
        ),
    )
    write_text(
        output / "meta/episodes_stats.jsonl",
        _lines({"episode_index": at, "stats": listed(own)} for at, own in enumerate(statistics)),
    )
    write_text(output / layout.STATS, as_json(listed(together(statistics))))
    write_text(output / MODALITY, as_json(modality_of(plan)))
    write_start(dataset, plan, output / layout.START)
    write_text(output / layout.INFO, as_json(_info(plan, texts, features)))
    write_text(output / layout.RECORD, as_json(facts_of(plan, NAME)))


def features_of_gr00t(plan: Plan) -> dict[str, Feature]:
    """Return the features of an export: LeRobot's, with annotations in the place of the subtask's number."""
    found = {name: feature for name, feature in features_of(plan).items() if name != _LEFT_OUT}
    return found | {name: {"dtype": "int64", "shape": [1], "names": None} for name in (TASK, SUBTASK, VALIDITY)}


def modality_of(plan: Plan) -> dict[str, Any]:
    """Return what the numbers of state and action are, which videos there are, and which annotations.

    Of a rotation only axis times angle is told by its kind: GR00T takes quaternions for w, x, y, z in one version and
    for x, y, z, w in another, so they are left as they are.
    """
    return {
        "state": _slices(plan.state, "observation.state") | _slices(plan.objects, layout.OBJECTS),
        "action": _slices(plan.action, "action"),
        "video": {image.name: {"original_key": image_key(image)} for image in plan.cameras},
        "annotation": {name.removeprefix("annotation."): {} for name in (TASK, SUBTASK, VALIDITY)},
    }


def _slices(parts: Sequence[Part], column: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    begin = 0
    for part in parts:
        end = begin + len(part.names)
        told = {"start": begin, "end": end, "original_key": column, "absolute": part.absolute}
        found[part.key] = told | ({"rotation_type": part.rotation} if part.rotation == "axis_angle" else {})
        begin = end
    return found


def _texts(plan: Plan, words: Words) -> list[str]:
    """Return all texts that are numbered: tasks, subtasks, and whether an episode succeeded."""
    validity = (_validity(episode) for episode in plan.episodes)
    return [*dict.fromkeys((*words.tasks, *words.subtasks, *validity))]


def _validity(episode: Episode) -> str:
    return episode.outcome if episode.success is False else VALID


def _annotations(episode: Episode, words: Words, texts: list[str], subtasks: Any) -> dict[str, Any]:
    """Return the numbers of the texts at every step, from those of the subtasks among themselves."""
    number = {text: at for at, text in enumerate(texts)}
    steps = len(subtasks)
    return {
        TASK: np.full(steps, number[episode.task]),
        SUBTASK: np.array([number[text] for text in words.subtasks])[subtasks],
        VALIDITY: np.full(steps, number[_validity(episode)]),
    }


def _write_episode(
    plan: Plan, words: Words, texts: list[str], features: dict[str, Feature], number: int, output: Path
) -> None:
    alive(10**7)
    episode, where = plan.episodes[number], {"episode_chunk": number // layout.CHUNK, "episode_index": number}
    folder, path = part_folder(output, number), output / DATA_PATH.format(**where)
    if not path.exists():
        table = pq.read_table(folder / ROWS)
        annotations = _annotations(episode, words, texts, table[_LEFT_OUT].to_numpy())
        schema = schema_of(features)
        columns = {name: pa.array(values) for name, values in annotations.items()}
        with new_file(path) as scratch, explained(path):
            rows = [columns[name] if name in columns else table[name] for name in schema.names]
            pq.write_table(pa.table(rows, schema=schema), scratch, compression="snappy")
    for image in plan.cameras:
        path = output / VIDEO_PATH.format(video_key=image_key(image), **where)
        write_video(path, [(folder / f"{image.name}.mp4", episode.steps)], plan.fps)


def _info(plan: Plan, texts: list[str], features: dict[str, Feature]) -> dict[str, Any]:
    count = len(plan.episodes)
    return {
        "codebase_version": VERSION,
        "robot_type": plan.body.robot_type or None,
        "total_episodes": count,
        "total_frames": sum(episode.steps for episode in plan.episodes),
        "total_tasks": len(texts),
        "total_videos": count * len(plan.cameras),
        "total_chunks": -(-count // layout.CHUNK),
        "chunks_size": layout.CHUNK,
        "fps": plan.fps,
        "splits": {name: f"{begin}:{end}" for name, (begin, end) in plan.splits.items()},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if plan.cameras else None,
        "features": features,
    }


def _lines(rows: Any) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
