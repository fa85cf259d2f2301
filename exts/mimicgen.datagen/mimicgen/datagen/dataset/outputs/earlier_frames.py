"""Whether the frames that are in an output folder are such as a run would render into it.

Rendering may change when a run is continued, but not the frames of one folder: a policy would train on both sorts.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.sections import CameraConfig, RenderConfig
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.dataset.names import rendered_as
from mimicgen.datagen.errors import OutputError

MANIFEST = "manifest.json"


def refuse_other_frames(folder: Path, render: RenderConfig, dataset: str) -> None:
    """Check that what a run would render belongs to the frames that are there, by one demonstration of each folder.

    Args:
        folder: The run's output folder.
        render: What the run renders.
        dataset: Name of the dataset whose demonstrations it renders.

    Raises:
        OutputError: There are frames of another dataset, size, step or camera; the message has both values.
    """
    for name, camera in render.used().items():
        for modality in render.drawn():
            frames = folder / f"{name}_{modality}"
            told = next(filter(None, map(_told, sorted(frames.glob(f"*/{MANIFEST}")))), None)
            if told is None:
                continue
            if told["dataset"] != dataset:
                raise OutputError(
                    f"output '{frames}' has frames of {quoted(told['dataset'])}, and these would be of '{dataset}'; "
                    "start afresh (--fresh) to move them aside, or choose another --output-dir"
                )
            for key, now in _expected(name, camera, render, is_look=told["look"]).items():
                before = told[key.rpartition(".")[2]]
                if before != now:
                    raise OutputError(
                        f"{key} = {now}: '{frames}' has frames with {quoted(before)}; pass --set {key}="
                        f"{_spelled(before)}, start afresh (--fresh) to move them aside, or choose another --output-dir"
                    )


def are_there(folder: Path, render: RenderConfig, demos: Collection[str]) -> bool:
    """Return whether every image that a run would render of demonstrations is in its output folder.

    Args:
        folder: The run's output folder.
        render: What the run renders.
        demos: Names of the demonstrations.
    """
    if render.when == "never":
        return True
    wanted = {f"{name}_{modality}" for name in render.used() for modality in render.drawn()}
    found: dict[str, set[str]] = {view: set() for view in wanted}
    for view in wanted:
        for path in (folder / view).glob(f"*/{MANIFEST}"):
            told = _told(path)
            if told is not None and all(_is_image(path.parent / file) for file in told["files"]):
                found[view].add(told["demo"])
    names = {name for demo in demos for name in rendered_as(demo, render.looks.count)}
    return not render.in_dataset and all(names <= whole for whole in found.values())


def _is_image(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _expected(name: str, camera: CameraConfig, render: RenderConfig, *, is_look: bool) -> dict[str, Any]:
    """Return what a manifest says of a camera's frames, by the configuration's key; looks move cameras."""
    own = render.cameras[name]
    prefix = f"render.cameras.{name}."
    always = {
        f"{prefix if own.width else 'render.'}width": camera.width,
        f"{prefix if own.height else 'render.'}height": camera.height,
        "render.every": render.every,
        "render.format": render.format,
    }
    if is_look:
        return always
    return always | {
        f"{prefix}position": list(camera.position),
        f"{prefix}orientation": list(camera.orientation),
        f"{prefix}mount": camera.mount,
        f"{prefix}focal_length": camera.focal_length,
        f"{prefix}aperture": camera.aperture,
    }


def _told(manifest: Path) -> dict[str, Any] | None:
    """Return what a manifest says by the name of the key, None when it is damaged, and its frames rendered anew."""
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
        camera = told["camera"]
        return {
            "demo": str(told["demo"]),
            "look": "look" in told,
            "files": [str(frame["file"]) for frame in told["frames"]],
            "dataset": told["dataset"],
            "width": told["width"],
            "height": told["height"],
            "every": told["every"],
            "format": told.get("format", "png"),
            "position": camera["position"],
            "orientation": camera["orientation_xyzw"],
            "mount": camera.get("mount"),
            "focal_length": camera["focal_length_mm"],
            "aperture": camera["aperture_mm"],
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _spelled(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
