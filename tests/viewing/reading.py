"""Reads recordings back with rerun's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rerun.chunk import RrdReader
from scipy.spatial.transform import Rotation

STEP = "step"


class Recording:
    """A recording in a file.

    Attributes:
        entities: What is told of each entity: columns of rows, with the step of each row; none for what is static.
    """

    def __init__(self, reader: RrdReader, entry: Any):
        self.entities: dict[str, dict[str, tuple[list[int] | None, list[Any]]]] = {}
        for chunk in reader.stream(store=entry):
            batch = chunk.to_record_batch()
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            steps = columns[STEP].to_pylist() if STEP in columns else None
            for name, column in columns.items():
                if name not in chunk.timeline_names and not name.startswith("rerun.controls"):
                    own = self.entities.setdefault(str(chunk.entity_path), {})
                    before = own.get(name, ([], []))
                    own[name] = (
                        None if steps is None else [*(before[0] or ()), *steps],
                        [*before[1], *column.to_pylist()],
                    )

    def at(self, entity: str, column: str, step: int) -> Any:
        """Return what is told of an entity at a step: the latest, or what is static."""
        steps, rows = self.entities[entity][column]
        if steps is None:
            return rows[-1]
        return rows[max((number, index) for index, number in enumerate(steps) if number <= step)[1]]

    def pose(self, entity: str, step: int) -> np.ndarray[Any, Any]:
        """Return where an entity is in the world, as a 4x4 matrix."""
        pose = np.eye(4)
        parts = entity.split("/")[1:]
        for end in range(2, len(parts) + 1):
            path = "/" + "/".join(parts[:end])
            if "Transform3D:translation" not in self.entities.get(path, {}):
                continue
            own = np.eye(4)
            (own[:3, 3],) = self.at(path, "Transform3D:translation", step)
            (turn,) = self.at(path, "Transform3D:quaternion", step)
            own[:3, :3] = Rotation.from_quat(turn).as_matrix()
            pose = pose @ own
        return pose


def recordings(path: Path) -> dict[str, Recording]:
    """Return the recordings in a file, by name."""
    reader = RrdReader(path)
    return {entry.recording_id: Recording(reader, entry) for entry in reader.recordings()}
