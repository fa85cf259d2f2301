"""The scene that is drawn, as a model of its own, and where its shapes are in some states."""

from __future__ import annotations

from collections.abc import Sequence

import newton
import warp as wp
from newton._src.sim.ik.ik_common import eval_fk_batched  # `newton.eval_fk` takes one state at a time
from pxr import Usd, UsdSemantics

from mimicgen.datagen.dataset.images.pixels import UNLABELLED
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.embedded.images.dressing import add_spares
from mimicgen.datagen.embedded.images.kernels.scene import Placed, place_shapes
from mimicgen.datagen.errors import SetupError

ENVIRONMENT = "/World/envs/env_0"
"""The environment that is drawn; all of them look alike."""

BASE_JOINT = "FixedJoint"
"""What Isaac Lab calls the joint that fixes a robot's base."""


def model_of(stage: Usd.Stage, origin: Sequence[float], device: str, spares: int = 0) -> newton.Model:
    """Return a model of the first environment of a stage, at the origin.

    Args:
        stage: The stage of an open environment.
        origin: Where the environment stands in it, x, y, z [m].
        device: Where the model is.
        spares: How many shapes to add that are not seen, and may become things that stand about.
    """
    builder = newton.ModelBuilder()
    others = [
        p.GetPath().pathString for p in stage.GetPrimAtPath("/World/envs").GetChildren() if p.GetName() != "env_0"
    ]
    # PhysX wants a joint that holds a robot's base (`physx.py`); Newton's importer holds it without one.
    others += [f"{ENVIRONMENT}/.*/{BASE_JOINT}"]
    place = wp.transform(-wp.vec3(*origin), wp.quat(0.0, 0.0, 0.0, 1.0))
    builder.add_usd(stage, xform=place, ignore_paths=others, load_sites=False)  # whose marks would be seen
    add_spares(builder, spares)
    return builder.finalize(device=device)


def bodies_in(model: newton.Model, coordinates: wp.array) -> wp.array:
    """Return `world_from_body` in some states, shape (states, bodies).

    Args:
        model: The model.
        coordinates: Its joint coordinates, a row a state, on its device.
    """
    count, device = len(coordinates), model.device
    bodies = wp.empty((count, model.body_count), dtype=wp.transform, device=device)
    speeds = wp.zeros((count, model.joint_dof_count), dtype=wp.float32, device=device)
    moved = wp.empty((count, model.body_count), dtype=wp.spatial_vector, device=device)
    eval_fk_batched(model, coordinates, speeds, bodies, moved)
    return bodies


def placed(model: newton.Model, balls: wp.array, coordinates: wp.array) -> Placed:
    """Return where everything is in some states.

    Args:
        model: The model.
        balls: `Surfaces.balls`.
        coordinates: As in `bodies_in`.
    """
    found = room(len(coordinates), model.shape_count, model.device)
    found.bodies = bodies_in(model, coordinates)
    wp.launch(
        place_shapes,
        dim=(len(coordinates), model.shape_count),
        inputs=[model.shape_body, model.shape_transform, balls, found],
        device=model.device,
    )
    return found


def room(frames: int, shapes: int, device: wp.Device) -> Placed:
    """Return room for where shapes are in some frames."""
    found = Placed()
    found.poses = wp.empty((frames, shapes), dtype=wp.transform, device=device)
    found.inverses = wp.empty((frames, shapes), dtype=wp.transform, device=device)
    found.balls = wp.empty((frames, shapes), dtype=wp.vec4, device=device)
    return found


def some(everything: Placed, begin: int, end: int) -> Placed:
    """Return where things are in some of the frames."""
    found = Placed()
    found.bodies, found.poses = everything.bodies[begin:end], everything.poses[begin:end]
    found.inverses, found.balls = everything.inverses[begin:end], everything.balls[begin:end]
    return found


def mount_of(model: newton.Model, view: View) -> int:
    """Return the number of the body that a view is mounted on.

    Raises:
        SetupError: The scene has no such body, or several.
    """
    asset, _, name = (view.camera.mount or "").rpartition("/")
    paths = [path.removeprefix(f"{ENVIRONMENT}/").split("/") for path in model.body_label]
    found = [number for number, path in enumerate(paths) if path[-1] == name and asset.lower() in ("", path[0].lower())]
    if len(found) != 1:
        known = ", ".join(sorted(f"{path[0].lower()}/{path[-1]}" for path in paths))
        raise SetupError(
            f"camera '{view.name}': mount = '{view.camera.mount}': expected one of the scene's bodies: {known}"
        )
    return found[0]


def label_of(stage: Usd.Stage, path: str) -> str:
    """Return the class of the nearest labelled prim, upwards from a shape."""
    prim = stage.GetPrimAtPath(path)
    while prim and not prim.IsPseudoRoot():
        if prim.HasAPI(UsdSemantics.LabelsAPI, "class"):
            labels = UsdSemantics.LabelsAPI(prim, "class").GetLabelsAttr().Get()
            if labels:
                return str(labels[0])
        prim = prim.GetParent()
    return UNLABELLED
