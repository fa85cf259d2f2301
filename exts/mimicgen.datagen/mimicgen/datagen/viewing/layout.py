"""What the viewer shows where, when a recording is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import rerun.blueprint as rrb
from numpy.typing import NDArray

from mimicgen.datagen.viewing.moments import STEP
from mimicgen.datagen.viewing.scenery import WORLD
from mimicgen.datagen.viewing.telling import ABOUT, ACTIONS, EVENTS, HAND, JOINTS, OUTCOME, SIGNAL

FIRST = ("rgb", "segmentation", "normals")
"""Modalities in the order in which they are looked for: the first that there is is on top, and at its place in 3D."""

SPAN = 0.76
"""Of what one robot has around it [m]: seen from nearer than that needs, it would not fit into the view."""

EYE = (1.12, -1.06, 0.62)
"""From where one robot is seen, from the middle of everything [m]."""


def layout(
    images: Mapping[str, Sequence[str]],
    paths: Mapping[str, str],
    places: Sequence[Sequence[float]],
    step_seconds: float,
    *,
    joints: bool,
    several: bool,
) -> rrb.Blueprint:
    """Return the layout: the scene with the lanes below it, beside images, numbers and texts.

    Args:
        images: The modalities of each camera that has images.
        paths: Entity of each camera.
        places: Where robots and objects stand at first [m].
        step_seconds: Length of a step [s].
        joints: Whether the positions of joints are recorded.
        several: Whether there are several recordings, of which one is chosen in the panel on the left.
    """
    modalities = sorted(
        {one for own in images.values() for one in own}, key=lambda one: ((*FIRST, one).index(one), one)
    )
    hidden = [
        f"- {paths[camera]}/{modality}/**"
        for camera, own in images.items()
        for modality in own
        if modality != next((one for one in FIRST if one in own), None)
    ]
    middle, distance = _around(places)
    scene = rrb.Spatial3DView(
        name="Scene",
        origin=WORLD,
        contents=["$origin/**", *hidden],
        eye_controls=rrb.EyeControls3D(
            position=middle + distance * np.array(EYE), look_target=middle, eye_up=(0.0, 0.0, 1.0)
        ),
        line_grid=rrb.LineGrid3D(spacing=0.1),
    )
    seen = [
        rrb.Horizontal(
            *(
                rrb.Spatial2DView(name=f"{camera} {modality}", origin=path, contents=f"{path}/{modality}/**")
                for camera, path in paths.items()
                if modality in images[camera]
            ),
            name=modality,
        )
        for modality in modalities
    ]
    lanes = rrb.StateTimelineView(
        name="Subtasks and signals", contents=[f"/{HAND}/**", f"/{OUTCOME}/**", f"/{SIGNAL}/**"]
    )
    numbers = [
        rrb.TimeSeriesView(name=name, origin=origin, plot_legend=rrb.PlotLegend(rrb.Corner2D.LeftTop))
        for name, origin in (("Actions", ACTIONS), *([("Joint positions", JOINTS)] if joints else []))
    ]
    texts = [rrb.TextDocumentView(name="About", origin=ABOUT), rrb.TextLogView(name="Events", origin=EVENTS)]
    right = [rrb.Tabs(*seen), rrb.Tabs(*numbers), rrb.Tabs(*texts)] if seen else [*numbers, rrb.Tabs(*texts)]
    return rrb.Blueprint(
        rrb.Horizontal(
            rrb.Vertical(scene, lanes, row_shares=[5, 2]),
            rrb.Vertical(*right),
            column_shares=[3, 2],
        ),
        rrb.BlueprintPanel(state="expanded" if several else "collapsed"),
        rrb.SelectionPanel(state="collapsed"),
        rrb.TimePanel(state="collapsed", timeline=STEP, fps=1 / step_seconds),
        auto_views=False,
        auto_layout=False,
    )


def _around(places: Sequence[Sequence[float]]) -> tuple[NDArray[np.float64], float]:
    """Return the middle of some places, raised to where hands are, and how far off all of them are seen: 1 for one."""
    points = np.array([place[:3] for place in places] or [(0.0, 0.0, 0.0), (SPAN, 0.0, 0.0)])
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    middle[2] = 0.2
    return middle, max(1.0, float(np.hypot(*(high - low)[:2])) / SPAN)
