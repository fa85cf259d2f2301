"""Meshes that a task file names: OBJ and STL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import SetupError, TaskError

MOST = 200_000
"""Triangles of a mesh at most."""

MESH_BYTES = 100_000_000
"""Size of a mesh's file at most."""


def read_mesh(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return a mesh's vertices, shape (n, 3) [m], and triangles, shape (m, 3).

    Raises:
        TaskError: There is no such file, or it is no mesh.
        SetupError: The package that reads it is not installed.
    """
    if not path.is_file():
        raise TaskError(f"mesh {quoted(path)}: there is no such file")
    readers = {".obj": _obj, ".stl": _stl}
    if path.suffix.lower() not in readers:
        raise TaskError(f"mesh {quoted(path)}: expected a file that ends with .obj or .stl")
    if path.stat().st_size > MESH_BYTES:
        raise TaskError(f"mesh {quoted(path)} has more than {MESH_BYTES:,} bytes; make it coarser")
    try:
        vertices, faces = readers[path.suffix.lower()](path)
    except ImportError as error:
        raise SetupError(f"mesh {quoted(path)}: the package '{error.name}' is not installed") from error
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        raise TaskError(f"mesh {quoted(path)} cannot be read: {error}") from error
    if not 0 < len(faces) <= MOST or not np.isfinite(vertices).all():
        raise TaskError(f"mesh {quoted(path)} has {len(faces)} triangles; expected 1 to {MOST:,}, with finite vertices")
    return vertices, faces


def _obj(path: Path) -> tuple[Any, Any]:
    import tinyobjloader

    reader = tinyobjloader.ObjReader()
    if not reader.ParseFromFile(str(path)):
        raise ValueError(reader.Error() or "it is no OBJ file")
    vertices = np.array(reader.GetAttrib().vertices, dtype=float).reshape(-1, 3)
    indices = [index.vertex_index for shape in reader.GetShapes() for index in shape.mesh.indices]
    return vertices, np.array(indices, dtype=np.int64).reshape(-1, 3)


def _stl(path: Path) -> tuple[Any, Any]:
    from stl import mesh

    corners = np.asarray(mesh.Mesh.from_file(str(path)).vectors, dtype=float).reshape(-1, 3)
    vertices, which = np.unique(corners, axis=0, return_inverse=True)
    return vertices, which.reshape(-1, 3)
