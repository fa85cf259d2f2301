"""Whether two datasets have the same demonstrations, content by content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

OF_THE_PROCESS = {"env", "seconds"}
"""What an attempt's record says of where and how fast it was made."""


def digests(dataset: Path) -> dict[str, str]:
    """Return a digest of each demonstration's arrays and attributes by its name."""
    with h5py.File(dataset) as file:
        assert file["data"].attrs["total"] == sum(len(demo["actions"]) for demo in file["data"].values())
        return {name: _digest(demo) for name, demo in file["data"].items()}


def _digest(demo: h5py.Group) -> str:
    told = hashlib.sha256()

    def visit(name: str, item: Any) -> None:
        told.update(name.encode())
        if isinstance(item, h5py.Dataset):
            told.update(f"{item.dtype} {item.shape}".encode() + np.ascontiguousarray(item[()]).tobytes())

    demo.visititems(visit)
    for key, value in sorted(demo.attrs.items()):
        if key == "record":
            value = json.dumps({k: v for k, v in json.loads(value).items() if k not in OF_THE_PROCESS})
        told.update(f"{key}={value}".encode())
    return told.hexdigest()


def attempts(log: Path) -> list[dict[str, Any]]:
    """Return the records of the attempts that count."""
    found = [json.loads(line) for line in log.read_text().splitlines()]
    return [
        {key: value for key, value in one.items() if key not in OF_THE_PROCESS}
        for one in found
        if one["outcome"] != "abandoned"
    ]
