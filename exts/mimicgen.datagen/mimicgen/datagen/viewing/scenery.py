"""What a recording shows in 3D: robots, objects and table, moved as recorded, and the ways of the hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import rerun as rr

from mimicgen.datagen.report.meshes import shaded
from mimicgen.datagen.viewing.colours import GREY, PALETTE
from mimicgen.datagen.viewing.demonstrations import Demonstration, Motion, Part
from mimicgen.datagen.viewing.kinematics import moved_links
from mimicgen.datagen.viewing.moments import Moments

WORLD = "world"
"""Entity of the environment's frame, which everything in 3D is below."""

EDGE = 0.04
"""Of the box that stands for an object of which nobody knows what it looks like [m]."""

HANDS, AXIS = "hands", 0.08
"""Entity of what stands for hands, below the world's, and the length of its axes [m]."""

WAY = 0.002
"""Radius of the line that is a hand's way [m]."""


class Scenery:
    """Robots, objects and table of a task.

    Args:
        scene: See `mimicgen.datagen.report.scene.scene`.
    """

    def __init__(self, scene: Mapping[str, Any]):
        self._assets: dict[str, Any] = scene["assets"]
        self._table = scene["table"]
        self._meshes = {
            asset: {link["name"]: [_mesh(told) for told in link["meshes"]] for link in own["links"]}
            for asset, own in self._assets.items()
        }

    def path_of(self, body: str) -> list[str] | None:
        """Return the entity of a body, as its parts: the only one of that name, or 'ASSET/NAME'; None without it."""
        asset, _, name = body.rpartition("/")
        found = [
            [WORLD, key, *_chain(own["links"], link["name"])]
            for key, own in self._assets.items()
            if asset.lower() in ("", key.lower())
            for link in own["links"]
            if link["name"] == name
        ]
        return found[0] if len(found) == 1 else None

    def show(self, recording: rr.RecordingStream, demo: Demonstration, moments: Moments) -> None:
        """Write what is to be seen of a demonstration in 3D, but for the ways of its hands."""
        recording.log(WORLD, rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        if self._table:
            self._show_table(recording)
        shown = [name for name in self._assets if name in demo.poses or name in demo.joints]
        for index, name in enumerate(dict.fromkeys([*shown, *demo.poses])):
            root = rr.new_entity_path([WORLD, name])
            if name in demo.poses:
                _move(recording, root, demo.poses[name], moments)
            elif name in self._assets:
                place = self._assets[name]["place"]
                recording.log(root, rr.Transform3D(translation=place[:3], quaternion=place[3:]), static=True)
            if name in self._assets:
                self._show_links(recording, name, demo.joints.get(name), moments)
            elif name not in demo.joints:
                box = rr.Boxes3D(sizes=[EDGE] * 3, colors=PALETTE[index % len(PALETTE)], fill_mode="solid")
                recording.log(root, box, static=True)

        for name, motion in demo.frames.items():
            path = rr.new_entity_path([WORLD, HANDS, name])
            _move(recording, path, motion, moments)
            recording.log(path, rr.TransformAxes3D(axis_length=AXIS), static=True)

    def _show_table(self, recording: rr.RecordingStream) -> None:
        x, y, top = self._table["position"]
        size = self._table["size"]
        box = rr.Boxes3D(
            sizes=[size], centers=[[x, y, top - size[2] / 2]], colors=_rgba(self._table["colour"]), fill_mode="solid"
        )
        recording.log(f"{WORLD}/table", box, static=True)

    def _show_links(self, recording: rr.RecordingStream, asset: str, joints: Motion | None, moments: Moments) -> None:
        links = self._assets[asset]["links"]
        paths = {link["name"]: rr.new_entity_path([WORLD, asset, *_chain(links, link["name"])]) for link in links}
        still = {link["name"] for link in links}
        for name, places, quaternions in moved_links(links, joints.values) if joints is not None else ():
            assert joints is not None
            columns = rr.Transform3D.columns(translation=places, quaternion=quaternions)
            recording.send_columns(paths[name], moments.of(joints), columns)
            still.remove(name)
        for link in links:
            path, origin = paths[link["name"]], link["origin"]
            if link["name"] in still:  # what is static hides what is not
                place = rr.Transform3D(translation=origin["position"], quaternion=origin["quaternion"])
                recording.log(path, place, static=True)
            for number, mesh in enumerate(self._meshes[asset][link["name"]]):
                recording.log(f"{path}/shape_{number}", mesh, static=True)


def show_ways(recording: rr.RecordingStream, demo: Demonstration, colours: Mapping[Part, int]) -> None:
    """Write the way of each hand as lines in the colours of its subtasks."""
    for eef, parts in demo.lanes.items():
        ways = {eef: demo.hands[eef]} if eef in demo.hands else demo.hands
        for hand, way in ways.items():
            pieces = [(way[part.begin : part.end + 1], colours[part]) for part in parts]
            seen = [(piece, colour) for piece, colour in pieces if len(piece) > 1]
            if seen:
                tints = np.array([colour for _, colour in seen], np.uint32)
                lines = rr.LineStrips3D([piece for piece, _ in seen], colors=tints, radii=WAY)
                recording.log(rr.new_entity_path([WORLD, "ways", hand or eef or "hand"]), lines, static=True)


def _move(recording: rr.RecordingStream, path: str, motion: Motion, moments: Moments) -> None:
    columns = rr.Transform3D.columns(translation=motion.values[:, :3], quaternion=motion.values[:, 3:])
    recording.send_columns(path, moments.of(motion), columns)


def _chain(links: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """Return the names of a link's parents from the root, and its own."""
    parents = {link["name"]: link["parent"] for link in links}
    found: list[str] = []
    at: str | None = name
    while at is not None:
        found.insert(0, at)
        at = parents[at]
    return found


def _mesh(told: Mapping[str, Any]) -> rr.Mesh3D:
    vertices, faces, normals = shaded(told)
    return rr.Mesh3D(
        vertex_positions=vertices.astype(np.float32),
        triangle_indices=faces.astype(np.uint32),
        vertex_normals=normals.astype(np.float32),
        albedo_factor=_rgba(told["colour"]),
    )


def _rgba(colour: str) -> int:
    """Return a colour of HTML's as rerun has it."""
    return int(colour[1:] + "ff", 16) if colour.startswith("#") else GREY
