"""What the cards of LeRobot's and GR00T's datasets say of their formats."""

from __future__ import annotations

from collections.abc import Iterator

from mimicgen.datagen.dataset.formats.card import Camera
from mimicgen.datagen.dataset.formats.demonstrations import Plan
from mimicgen.datagen.dataset.formats.describing import SHOWN, About, numbers_of
from mimicgen.datagen.dataset.formats.lerobot.features import image_key
from mimicgen.datagen.dataset.formats.lerobot.layout import ACTION, OBJECTS, STATE

DATA_FILES = "data/*/*.parquet"
"""What the hub's viewer shows of either."""

LOADING = """
from lerobot.datasets.lerobot_dataset import LeRobotDataset

dataset = LeRobotDataset("YOUR_NAME/YOUR_DATASET", root="PATH_OF_THIS_FOLDER")
"""

LOADING_GR00T = """
import pyarrow.parquet

steps = pyarrow.parquet.read_table("data/chunk-000/episode_000000.parquet")  # meta/modality.json says what is what
"""

BEFORE = "of a step, the state is that before it, and the images show the same moment"


def about_lerobot(plan: Plan, name: str) -> About:
    """Return what the card of a LeRobot dataset says of its format.

    Args:
        plan: What is exported.
        name: Of the format.
    """
    words = (
        ("task_index", "what is to be done: meta/tasks.parquet has the words"),
        ("subtask_index", "what is being done at the step: meta/subtasks.parquet has the words"),
    )
    return About(
        format=name,
        tags=("LeRobot",),
        data_files=DATA_FILES,
        contents=(*_vectors(plan), *words),
        cameras=tuple(_cameras(plan)),
        notes=(BEFORE,),
        loading=LOADING,
    )


def about_gr00t(plan: Plan, name: str) -> About:
    """Return what the card of a dataset for GR00T says of its format; see `about_lerobot`."""
    words = (
        ("annotation.human.action.task_description", "what is to be done: meta/tasks.jsonl has the words"),
        ("annotation.human.action.subtask", "what is being done at the step, likewise"),
        ("annotation.human.validity", "whether the demonstration succeeded, or why it failed, likewise"),
    )
    return About(
        format=name,
        tags=("LeRobot", "GR00T"),
        data_files=DATA_FILES,
        contents=(*_vectors(plan), *words),
        cameras=tuple(_cameras(plan)),
        notes=(BEFORE,),
        loading=LOADING_GR00T,
    )


def _vectors(plan: Plan) -> Iterator[tuple[str, str]]:
    yield from numbers_of(STATE, plan.state)
    yield from numbers_of(OBJECTS, plan.objects)
    yield from numbers_of(ACTION, plan.action)


def _cameras(plan: Plan) -> Iterator[Camera]:
    for image in plan.cameras:
        yield Camera(name=image_key(image), width=image.width, height=image.height, about=SHOWN[image.modality])
