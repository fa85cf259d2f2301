"""The robot for the page's replay: the packaged Franka's links, joints and visual meshes, simplified.

The meshes are the manufacturer's. Vertices that fall into one cell of a grid become one, which leaves a shape to look
at with a twentieth of the triangles.
"""

from __future__ import annotations

import base64
import json
import math
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.robots.franka import find_urdf

CELL = 0.005
"""Edge of a cell of the grid [m]."""

UNIT = 1e-5
"""Of a vertex's coordinates [m]: 16 bits reach a third of a metre, and links are smaller."""

TOOL = ("panda_hand", [0.0, 0.0, 0.1034])
"""Link and point in its frame [m] whose position the stack tasks record as the hand's (`ee_frame` in Isaac Lab)."""

_VERSION = 1
"""Of the cached description; another one is made anew."""

Array = np.ndarray[Any, Any]


def packed(values: Array) -> str:
    """Return numbers compressed (zlib) and as text (base64)."""
    return base64.b64encode(zlib.compress(values.tobytes(), 9)).decode()


def robot(cache: Path) -> dict[str, Any]:
    """Return the robot's links as JSON has them: parents first, with their joint, their meshes and the tool.

    Args:
        cache: Folder that keeps the result, made when missing.

    Raises:
        SetupError: The URDF's package, or what reads its meshes, is not installed.
    """
    urdf = find_urdf()
    kept = cache / f"report-robot-{_VERSION}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    found = {"links": list(_links(urdf)), "unit": UNIT, "tool": {"link": TOOL[0], "point": TOOL[1]}}
    with explained(kept), new_file(kept, replace=Path.is_file) as scratch:  # another process may have made it meanwhile
        scratch.write_text(json.dumps(found), encoding="utf-8")
    return found


def _links(urdf: Path) -> Iterator[dict[str, Any]]:
    description = ElementTree.parse(urdf)
    joints = {joint.find("child").get("link"): joint for joint in description.iterfind("joint")}  # type: ignore[union-attr]
    for link in description.iterfind("link"):
        name = link.get("name", "")
        joint = joints.get(name)
        told: dict[str, Any] = {"name": name, "parent": None, "origin": _origin(None), "joint": None, "meshes": []}
        if joint is not None:
            told["parent"] = joint.find("parent").get("link")  # type: ignore[union-attr]
            told["origin"] = _origin(joint.find("origin"))
            if joint.get("type") in ("revolute", "prismatic"):
                axis = joint.find("axis").get("xyz", "").split()  # type: ignore[union-attr]
                told["joint"] = {"name": joint.get("name"), "type": joint.get("type"), "axis": [*map(float, axis)]}
        for visual in link.iterfind("visual"):
            mesh = visual.find("geometry/mesh").get("filename", "")  # type: ignore[union-attr]
            path = urdf.parents[2] / mesh.removeprefix("package://")
            origin = _origin(visual.find("origin"))
            told["meshes"] += [part | {"origin": origin} for part in _parts(path)]
        yield told


def _origin(element: ElementTree.Element | None) -> dict[str, list[float]]:
    """Return position [m] and quaternion (x, y, z, w) of an `origin`: roll, pitch and yaw about fixed axes."""
    values = element.attrib if element is not None else {}
    roll, pitch, yaw = (float(value) / 2 for value in values.get("rpy", "0 0 0").split())
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(angle), math.sin(angle)) for angle in (roll, pitch, yaw))
    quaternion = [
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    ]
    return {"position": [*map(float, values.get("xyz", "0 0 0").split())], "quaternion": quaternion}


def _parts(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the simplified parts of a mesh, by colour.

    Raises:
        SetupError: The package that reads the mesh is not installed: Isaac Sim does not bring it.
    """
    try:
        import collada
        from collada.polylist import BoundPolylist
        from collada.triangleset import BoundTriangleSet
    except ImportError as error:
        raise SetupError("report: the package 'pycollada' is not installed; install it with pip, at 0.9.3") from error
    scene = collada.Collada(str(path)).scene
    by_colour: dict[str, list[Array]] = {}
    for geometry in scene.objects("geometry"):
        for primitive in geometry.primitives():
            diffuse = getattr(getattr(primitive.material, "effect", None), "diffuse", None)
            rgb = diffuse[:3] if isinstance(diffuse, (tuple, list)) else (0.8, 0.8, 0.8)
            shade = "#" + "".join(f"{round(255 * min(1.0, part)):02x}" for part in rgb)
            faces = primitive.triangleset() if isinstance(primitive, BoundPolylist) else primitive
            if isinstance(faces, BoundTriangleSet):  # there are lines, too
                by_colour.setdefault(shade, []).append(faces.vertex[faces.vertex_index])
    for colour, triangles in by_colour.items():
        vertices, faces = simplified(np.concatenate(triangles))
        yield {
            "colour": colour,
            "vertices": packed(np.round(vertices / UNIT).astype("<i2")),
            "faces": packed(faces.astype("<u2")),
        }


def simplified(triangles: Array, cell: float = CELL) -> tuple[Array, Array]:
    """Return vertices, shape (n, 3), and the faces that are left, shape (m, 3), of triangles, shape (k, 3, 3)."""
    corners = triangles.reshape(-1, 3)
    _, which = np.unique(np.floor(corners / cell).astype(np.int64), axis=0, return_inverse=True)
    which = which.reshape(-1)
    counts = np.bincount(which)
    vertices = np.stack([np.bincount(which, corners[:, axis]) / counts for axis in range(3)], axis=1)
    faces = which.reshape(-1, 3)
    flat = (faces[:, 0] == faces[:, 1]) | (faces[:, 1] == faces[:, 2]) | (faces[:, 2] == faces[:, 0])
    # The same face may be left several times; turned so that the smallest index is first, they are alike.
    turned = np.stack([np.roll(face, -face.argmin()) for face in faces[~flat]]) if (~flat).any() else faces[:0]
    return vertices, np.unique(turned, axis=0)
