"""What a LeRobot dataset has of every step: the features as `meta/info.json` says them, and as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from mimicgen.datagen.dataset.formats.demonstrations import Plan
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.formats.lerobot.layout import ACTION, IMAGES, OBJECTS, STATE
from mimicgen.datagen.dataset.formats.representations import Part
from mimicgen.datagen.dataset.formats.videos import info_of

Feature = dict[str, Any]

_NUMBER: Mapping[str, Feature] = {
    "next.reward": {"dtype": "float32", "shape": [1], "names": None},
    "next.done": {"dtype": "bool", "shape": [1], "names": None},
    "next.success": {"dtype": "bool", "shape": [1], "names": None},
    "subtask_index": {"dtype": "int64", "shape": [1], "names": None},
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    "episode_index": {"dtype": "int64", "shape": [1], "names": None},
    "index": {"dtype": "int64", "shape": [1], "names": None},
    "task_index": {"dtype": "int64", "shape": [1], "names": None},
}
"""Numbers of every step. The last five are lerobot's own."""


def image_key(image: Images) -> str:
    """Return the feature of a camera's images."""
    return f"{IMAGES}{image.name}"


def features_of(plan: Plan) -> dict[str, Feature]:
    """Return the features of an export, in their order."""
    found = {STATE: _vector(plan.state)}
    if plan.objects:
        found[OBJECTS] = _vector(plan.objects)
    found[ACTION] = _vector(plan.action)
    return found | image_features(plan) | {name: dict(feature) for name, feature in _NUMBER.items()}


def image_features(plan: Plan) -> dict[str, Feature]:
    """Return the features of an export's images."""
    found: dict[str, Feature] = {}
    for image in plan.cameras:
        found[image_key(image)] = {
            "dtype": "video",
            "shape": [image.height, image.width, 1 if image.modality == "depth" else 3],
            "names": ["height", "width", "channels"],
            "info": info_of(image, plan.encoding, plan.fps),
        }
    return found


def schema_of(features: Mapping[str, Feature]) -> pa.Schema:
    """Return the schema of the tables in `data`, with what the library `datasets` wants to know."""
    told = {name: feature for name, feature in features.items() if feature["dtype"] != "video"}
    about = {name: _of_datasets(feature) for name, feature in told.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": about}})}
    return pa.schema([(name, _arrow(feature)) for name, feature in told.items()], metadata=metadata)


def _vector(parts: tuple[Part, ...]) -> Feature:
    names = [name for part in parts for name in part.names]
    return {"dtype": "float32", "shape": [len(names)], "names": names}


def _arrow(feature: Feature) -> pa.DataType:
    plain = {"float32": pa.float32(), "int64": pa.int64(), "bool": pa.bool_()}[feature["dtype"]]
    (width,) = feature["shape"]
    return plain if width == 1 else pa.list_(plain, width)


def _of_datasets(feature: Feature) -> dict[str, Any]:
    value = {"dtype": feature["dtype"], "_type": "Value"}
    (width,) = feature["shape"]
    return value if width == 1 else {"feature": value, "length": width, "_type": "List"}
