"""Robots as USD, made once from what their files name, in the user's cache.

Colliders are changed on the way as the robot file says, for reasons that `docs/physics.md` explains with measurements:
the links lose those of the model, unless the file keeps them, and get the file's own.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from mimicgen.datagen.dataset.replacing import name_folder
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.robots.catalogue import model_file, ros_packages
from mimicgen.datagen.robots.links import add_links
from mimicgen.datagen.robots.mjcf import robot_alone
from mimicgen.datagen.robots.schema import Robot
from mimicgen.datagen.robots.shapes import add_shape
from mimicgen.datagen.robots.urdf import simplified_urdf, with_found_meshes

_FORMAT = 8
"""Of what is made here; another number makes everything anew."""

_COLLIDES = ("PhysicsCollisionAPI", "PhysicsMeshCollisionAPI", "NewtonCollisionAPI", "MjcCollisionAPI")
"""Schemas of colliders: those of the engines bring the first one with them where they are known."""


def robot_usd(robot: Robot, file: Path, cache: Path) -> Path:
    """Return a robot's USD file, made first if the cache has none of this description.

    Args:
        robot: The robot.
        file: Its robot file.
        cache: Folder that holds converted robots; made when missing.

    Raises:
        SetupError: The package of its model is not installed.
        TaskError: The model cannot be converted, or has no such links.
    """
    source = model_file(robot.model, file.parent)
    description = simplified_urdf(source, robot) if robot.model.format == "urdf" else source.read_bytes()
    said = (_FORMAT, robot.colliders, robot.model_colliders, robot.model, robot.links, robot.fixed)
    told = description + msgspec.json.encode(said)
    folder = cache / f"{file.stem}-{hashlib.sha256(told).hexdigest()[:12]}"
    usd = _usd_in(folder)
    if usd is not None:
        return usd
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{file.stem}-", dir=cache, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        made = _converted(robot, file, source, description, scratch)
        _change(made, robot)
        try:
            name_folder(made.parent, folder)
        except OSError:
            if _usd_in(folder) is None:  # not simply another process that was first
                raise
    return folder / made.name


def _usd_in(folder: Path) -> Path | None:
    """Return the robot in a folder of the cache: the one USD file that is not in a folder below."""
    return next(iter(sorted(folder.glob("*.usd*"))), None)


def _converted(robot: Robot, file: Path, source: Path, description: bytes, scratch: Path) -> Path:
    """Convert a model. Returns the USD file, alone in its folder with what it refers to."""
    target, name = scratch / "usd", file.stem
    if robot.model.format == "usd":
        shutil.copytree(source.parent, target)
        return target / source.name
    if robot.model.format == "mjcf":
        from mujoco_usd_converter import Converter as FromMjcf

        mjcf = scratch / f"{name}.xml"
        mjcf.write_text(robot_alone(source, fixed=robot.fixed))
        made = FromMjcf(layer_structure=True, scene=False).convert(str(mjcf), str(target))
    else:
        from urdf_usd_converter import Converter as FromUrdf

        urdf = scratch / f"{name}.urdf"
        urdf.write_bytes(with_found_meshes(description, source, ros_packages(robot.model, file.parent)))
        made = FromUrdf(layer_structure=True, scene=False).convert(str(urdf), str(target))
    return Path(made.path if hasattr(made, "path") else str(made))


def _change(usd: Path, robot: Robot) -> None:
    """Take away colliders that the robot file does not keep, and add its own and its links, in place.

    Raises:
        TaskError: A link has colliders in the robot file, and is none of the model's.
    """
    from pxr import Usd, UsdPhysics

    stage = Usd.Stage.Open(str(usd))
    links = {prim.GetName(): prim for prim in stage.Traverse() if prim.HasAPI(UsdPhysics.RigidBodyAPI)}
    if robot.model.format != "urdf":
        for prim in stage.Traverse():
            if prim.HasAPI(UsdPhysics.CollisionAPI) and _link_of(prim) not in robot.model_colliders:
                for schema in _COLLIDES:
                    prim.RemoveAppliedSchema(schema)
    for name, shapes in robot.colliders.items():
        if name not in links:
            raise TaskError(f"robot file: colliders.{name}: the model has no such link; links: {', '.join(links)}")
        for index, shape in enumerate(shapes):
            add_shape(stage, links[name].GetPath().AppendChild(f"collider_{index}"), shape, seen=False)
    add_links(stage, robot.links)
    _forget_mobility(stage)
    stage.Save()


def _forget_mobility(stage: Any) -> None:
    """Take away a property of the articulation that no engine reads here, and that stops PhysX from holding the base.

    `modify_articulation_root_properties` of Isaac Lab 3.0.0 moves it to another prim, and cannot remove it where it is:
    in a file that the scene refers to.
    """
    for prim in stage.Traverse():
        attribute = prim.GetAttribute("newton:jointsAddMobility")
        for spec in attribute.GetPropertyStack() if attribute else ():
            del spec.owner.properties[spec.name]


def _link_of(prim: Any) -> str:
    from pxr import UsdPhysics

    while prim and not prim.HasAPI(UsdPhysics.RigidBodyAPI):
        prim = prim.GetParent()
    return str(prim.GetName()) if prim else ""
