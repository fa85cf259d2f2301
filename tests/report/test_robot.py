"""The robot's description for the page, against the packaged meshes."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import numpy as np

from mimicgen.datagen.report.robot import UNIT, robot, simplified


def test_links_are_told_parents_first_with_meshes_in_reach(tmp_path: Path) -> None:
    found = robot(tmp_path)
    names = [link["name"] for link in found["links"]]
    assert names.index("panda_hand") < names.index("panda_leftfinger")
    seen: set[str | None] = {None}
    triangles = 0
    for link in found["links"]:
        assert link["parent"] in seen
        seen.add(link["name"])
        for mesh in link["meshes"]:
            vertices = np.frombuffer(zlib.decompress(base64.b64decode(mesh["vertices"])), "<i2").reshape(-1, 3) * UNIT
            faces = np.frombuffer(zlib.decompress(base64.b64decode(mesh["faces"])), "<u2").reshape(-1, 3)
            assert np.abs(vertices).max() < 0.3
            assert len(faces) == 0 or faces.max() < len(vertices)
            triangles += len(faces)
    joints = [link["joint"]["name"] for link in found["links"] if link["joint"]]
    assert joints == [f"panda_joint{index}" for index in range(1, 8)] + ["panda_finger_joint1", "panda_finger_joint2"]
    assert 20_000 < triangles < 80_000
    assert len(json.dumps(found)) < 1_000_000
    (kept,) = tmp_path.iterdir()
    before = kept.stat().st_mtime_ns
    assert robot(tmp_path) == found
    assert kept.stat().st_mtime_ns == before


def test_a_simplified_mesh_keeps_its_shape() -> None:
    turn = np.linspace(0.0, 2 * np.pi, 200)
    height = np.linspace(-0.05, 0.05, 60)
    around, up = np.meshgrid(turn, height)
    points = np.stack([0.05 * np.cos(around), 0.05 * np.sin(around), up], axis=-1)
    triangles = np.stack([points[:-1, :-1], points[:-1, 1:], points[1:, :-1]], axis=2).reshape(-1, 3, 3)
    vertices, faces = simplified(triangles, 0.01)
    assert len(faces) < len(triangles) / 4
    radius = np.hypot(vertices[:, 0], vertices[:, 1])
    assert np.abs(radius - 0.05).max() < 0.002
    assert faces.max() < len(vertices)
    assert (faces[:, 0] != faces[:, 1]).all()
