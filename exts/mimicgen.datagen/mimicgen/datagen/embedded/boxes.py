"""Where two boxes touch, in MuJoCo Warp.

Its algorithm for two boxes (`box_box` in `mujoco_warp/_src/collision_primitive_core.py`) looks for the axis of least
overlap. Where two faces rest on each other, products of their edges point where the faces do, and as axes they overlap
as little as the face's own. MuJoCo prefers the face unless an edge's axis has less by a part in 1e12. In float32 that
is nothing at all, so rounding decides, and the branch for edges, which is not made for faces, adds a contact that is
up to a whole table deep: by 0.85 m, in 12% of the states in which a box rested on the table (`docs/throughput.md`).
https://github.com/google-deepmind/mujoco_warp/pull/1597 reports it.
"""

from __future__ import annotations

import warp as wp
from mujoco_warp._src import collision_primitive

TIE = "separation * (1.0 - 1e-12)"
"""What an edge's axis has to be less than, as upstream has it."""

PRECISION = 2e-6
"""By how much less it has to be [m]; ten times what rounding makes of the largest box, the table."""


def prefer_faces() -> None:
    """Let a face's axis win where an edge's is better by rounding only. Takes effect for kernels built afterwards.

    Does nothing where it has been done, or where upstream has another criterion.
    """
    upstream = collision_primitive.box_box
    if TIE not in upstream.adj.source:
        return
    collision_primitive.box_box = wp.Function(
        func=upstream.func,
        key="box_box_preferring_faces",
        namespace="",
        module=upstream.module,
        source=upstream.adj.source.replace(TIE, f"separation - {PRECISION}"),
    )
