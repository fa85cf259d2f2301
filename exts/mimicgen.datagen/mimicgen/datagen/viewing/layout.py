"""What the viewer shows where, when a recording is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import rerun.blueprint as rrb

from mimicgen.datagen.viewing.moments import STEP
from mimicgen.datagen.viewing.scenery import WORLD
from mimicgen.datagen.viewing.telling import ABOUT, ACTIONS, EVENTS, JOINTS, LANES

FIRST = ("rgb", "normals", "segmentation")
"""Modalities of which the first one that a camera has is shown in 3D, at its place."""

TABS = 4
"""More images than so many stand behind each other, and not beside each other."""


def layout(images: Mapping[str, Sequence[str]], paths: Mapping[str, str], step_seconds: float) -> rrb.Blueprint:
    """Return the layout: the scene with the lanes below it, beside images, numbers and texts.

    Args:
        images: The modalities of each camera that has images.
        paths: Entity of each camera.
        step_seconds: Length of a step [s].
    """
    hidden = [
        f"- {paths[camera]}/{modality}/**"
        for camera, modalities in images.items()
        for modality in modalities
        if modality != next((one for one in FIRST if one in modalities), None)
    ]
    scene = rrb.Spatial3DView(
        name="Scene",
        origin=WORLD,
        contents=["$origin/**", *hidden],
        eye_controls=rrb.EyeControls3D(position=(1.75, -1.25, 0.95), look_target=(0.4, 0.0, 0.2), eye_up=(0, 0, 1)),
        line_grid=rrb.LineGrid3D(visible=True, spacing=0.1),
    )
    views = [
        rrb.Spatial2DView(name=f"{camera} {modality}", origin=paths[camera], contents=f"{paths[camera]}/{modality}/**")
        for camera, modalities in images.items()
        for modality in sorted(modalities, key=lambda one: (one not in FIRST, one != "rgb", one))
    ]
    seen = [rrb.Tabs(*views) if len(views) > TABS else rrb.Grid(*views)] if views else []
    lanes = rrb.StateTimelineView(name="Subtasks and signals", origin=LANES)
    numbers = [
        rrb.TimeSeriesView(name="Actions", origin=ACTIONS, contents=f"{ACTIONS}/**"),
        rrb.TimeSeriesView(name="Joint positions", origin=JOINTS, contents=f"{JOINTS}/**"),
    ]
    texts = rrb.Tabs(rrb.TextDocumentView(name="About", origin=ABOUT), rrb.TextLogView(name="Events", origin=EVENTS))
    right = [*seen, *(numbers if not seen else [rrb.Tabs(*numbers)]), texts]
    return rrb.Blueprint(
        rrb.Horizontal(
            rrb.Vertical(scene, lanes, row_shares=[3, 1]),
            rrb.Vertical(*right),
            column_shares=[3, 2],
        ),
        rrb.BlueprintPanel(state="expanded"),
        rrb.SelectionPanel(state="collapsed"),
        rrb.TimePanel(state="collapsed", timeline=STEP, fps=1 / step_seconds),
        auto_views=False,
        auto_layout=False,
    )
