"""URDF files as they are converted: without what the robot file takes away, with meshes that can be found."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.robots.schema import Robot

PACKAGE = "package://"


def simplified_urdf(urdf: Path, robot: Robot) -> bytes:
    """Return a URDF without the colliders that the robot file does not keep, and with its independent joints."""
    description = ElementTree.parse(urdf)
    for link in description.iterfind("link"):
        if link.get("name") not in robot.model_colliders:
            for collision in link.findall("collision"):
                link.remove(collision)
    for joint in description.iterfind("joint"):
        if joint.get("name") in robot.independent:
            for mimic in joint.findall("mimic"):
                joint.remove(mimic)
    return ElementTree.tostring(description.getroot(), encoding="utf-8")


def with_found_meshes(description: bytes, urdf: Path, packages: dict[str, Path]) -> bytes:
    """Return a URDF that can be read from anywhere: its meshes' paths are whole.

    Args:
        description: The URDF.
        urdf: The file that it comes from, which paths of meshes are relative to.
        packages: Folders that `package://NAME/` stands for.

    Raises:
        TaskError: A mesh is not there.
    """
    root = ElementTree.fromstring(description)
    for mesh in root.iter("mesh"):
        named = mesh.get("filename", "")
        found = _found(named, urdf, packages)
        if not found.is_file():
            raise TaskError(f"model.path = {quoted(urdf)}: its mesh {quoted(named)} is not there: {quoted(found)}")
        mesh.set("filename", str(found))
    return ElementTree.tostring(root, encoding="utf-8")


def _found(named: str, urdf: Path, packages: dict[str, Path]) -> Path:
    if not named.startswith(PACKAGE):
        return (urdf.parent / named.removeprefix("file://")).resolve()
    package, _, inside = named.removeprefix(PACKAGE).partition("/")
    if package not in packages:
        said = f"model.ros_packages: {quoted(urdf)} has meshes in {PACKAGE}{package}/"
        raise TaskError(f"{said}; say in which folder that is ({meant(package, packages)})")
    return packages[package] / inside
