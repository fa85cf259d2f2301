"""Where things may stand in a demonstration, in Isaac Sim: its states are restored, and boxes around links followed.

Boxes are larger than what is in them, so what stands clear of them stands clear of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom, UsdPhysics

from mimicgen.datagen.dataset.images.room import Room, near_to, placed, within_box
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.kit.looks.dressing import shown
from mimicgen.datagen.kit.views import ENVIRONMENTS

Floats = NDArray[np.float64]

EVERY = 2
"""States of which one is restored."""


def room_of(env: Any, stage: Any, labels: Sequence[str], states: States, restore: Callable[[States], None]) -> Room:
    """Return the room of a demonstration.

    Args:
        env: Isaac Lab's environment.
        stage: Its stage.
        labels: The classes.
        states: The demonstration's states.
        restore: Puts the first environment into a state.
    """
    origin = env.scene.env_origins[0].cpu().numpy().astype(np.float64)
    root = stage.GetPrimAtPath(ENVIRONMENTS.format(0))
    cache = UsdGeom.BBoxCache(Usd.TimeCode.Default(), [UsdGeom.Tokens.default_, UsdGeom.Tokens.render])
    bodies = [prim for prim in Usd.PrimRange(root) if prim.HasAPI(UsdPhysics.RigidBodyAPI)]
    boxes = {str(prim.GetPath()): _points_of(prim, cache) for prim in bodies}
    owned = {name: _below(root, boxes, name) for name in (*env.scene.articulations, *env.scene.rigid_objects)}
    moving = {name: rows["root_pose"].astype(np.float64) for name, rows in states.get("rigid_object", {}).items()}
    targets = np.concatenate([np.zeros((0, 3)), *(poses[:, :3] for poses in moving.values())])
    met = [np.zeros((0, 3))]
    for name, poses in moving.items():
        met += [placed(points, poses) for points in owned.get(name, {}).values()]
    count = len(next(rows for own in states.values() for asset in own.values() for rows in asset.values()))
    for step in range(0, count if env.scene.articulations else 0, EVERY):
        restore(_at(states, step))
        for name, asset in env.scene.articulations.items():
            poses = asset.data.body_link_pose_w.torch[0].cpu().numpy().astype(np.float64)
            poses[:, :3] -= origin
            numbers = {body: index for index, body in enumerate(asset.body_names)}
            met += [
                placed(points, poses[numbers[body]][None]) for body, points in owned[name].items() if body in numbers
            ]
    least, most = _surface(stage, cache, origin, targets)
    return Room.over(tuple(labels), least, most, np.concatenate(met), targets)


def _below(root: Any, boxes: Mapping[str, Floats], asset: str) -> dict[str, Floats]:
    """Return the points of an asset's bodies by the name of the body."""
    start = f"{root.GetPath()}/{asset}".lower()
    return {
        path.rpartition("/")[2]: points
        for path, points in boxes.items()
        if path.lower() == start or path.lower().startswith(f"{start}/")
    }


def _at(states: States, step: int) -> States:
    return {
        kind: {asset: {name: rows[step : step + 1] for name, rows in own.items()} for asset, own in assets.items()}
        for kind, assets in states.items()
    }


def _points_of(body: Any, cache: Any) -> Floats:
    """Return points all over the boxes around a body's shapes, in its frame; not those of bodies below it."""
    found = [np.zeros((0, 3))]
    prims = iter(Usd.PrimRange(body, Usd.TraverseInstanceProxies()))
    for prim in prims:
        if prim != body and prim.HasAPI(UsdPhysics.RigidBodyAPI):
            prims.PruneChildren()
        elif prim.IsA(UsdGeom.Gprim):
            box = cache.ComputeRelativeBound(prim, body).ComputeAlignedRange()
            if not box.IsEmpty():
                found.append(within_box(np.array(box.GetMin()), np.array(box.GetMax())))
    return np.concatenate(found)


def _surface(stage: Any, cache: Any, origin: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return smallest and largest x, y and z of the table, or else of the ground, near the task's objects."""
    surfaces = {label: prim for prim, label in shown(stage) if label in ("table", "ground")}
    prim = surfaces.get("table", surfaces.get("ground"))
    if prim is None:
        return near_to(np.full(3, -np.inf), np.array([np.inf, np.inf, 0.0]), targets)
    box = cache.ComputeWorldBound(prim).ComputeAlignedRange()
    return near_to(np.array(box.GetMin()) - origin, np.array(box.GetMax()) - origin, targets)
