"""The Franka Panda of the embedded runtime, built from the packaged URDF.

Isaac Lab's own Franka USD lives on Isaac's asset server. The `isaacsim-asset` package carries the manufacturer's URDF
and meshes with the same link and joint names, so the robot is converted from it, once, into the user's cache.

Four things are changed on the way, each for a reason that `docs/physics.md` explains with measurements:

- the finger meshes are replaced as colliders by boxes, because a convex hull of a finger squirts a cube out;
- the hand's mesh is replaced as a collider by a capsule, which meets a box ten times as fast as a mesh does on CUDA;
- the arm's links lose their colliders: nothing in the task touches them, and they only cost time;
- the mimic tag of the second finger is dropped: the task commands both fingers.
"""

from __future__ import annotations

import hashlib
import importlib.util
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from mimicgen.datagen.dataset.replacing import name_folder
from mimicgen.datagen.errors import SetupError

URDF_IN_PACKAGE = Path(
    "exts/isaacsim.asset.importer.urdf/data/urdf/robots/franka_description/robots/panda_arm_hand.urdf"
)
"""The robot's description inside the `isaacsim` namespace of the `isaacsim-asset` package."""

FINGERS = {"panda_leftfinger": 1.0, "panda_rightfinger": -1.0}
"""The links that get boxes, and the direction in which y points outwards."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """An axis-aligned box in the frame of the left finger (y points outwards, z to the fingertip).

    Attributes:
        size: Edge lengths along x, y and z [m].
        centre: Position of the centre [m].
    """

    size: tuple[float, float, float]
    centre: tuple[float, float, float]


FINGER_BOXES = (Box(size=(0.020, 0.010, 0.019), centre=(0.0, 0.005, 0.0445)),)
"""Colliders of the left finger; the right finger gets them mirrored in y."""


@dataclass(frozen=True, kw_only=True)
class Capsule:
    """A capsule along y in the frame of the hand (y points along the fingers' way, z to the fingertips).

    Attributes:
        radius: Of the cylinder and its two half spheres [m].
        length: Of the cylinder without the half spheres [m].
        centre: Position of the centre [m].
    """

    radius: float
    length: float
    centre: tuple[float, float, float]


PALM = Capsule(radius=0.0316, length=0.14, centre=(0.0, -0.002, 0.0344))
"""Collider of the hand: as wide as its mesh, and like it ending at z = 0.066, where the fingers come out."""


def find_urdf() -> Path:
    """Return the packaged Franka URDF.

    Raises:
        SetupError: The package `isaacsim-asset` is not installed.
    """
    spec = importlib.util.find_spec("isaacsim")
    for root in spec.submodule_search_locations or () if spec else ():
        urdf = Path(root) / URDF_IN_PACKAGE
        if urdf.is_file():
            return urdf
    raise SetupError(
        f"the Franka URDF ({URDF_IN_PACKAGE}) is not installed; run scripts/setup.sh, which installs 'isaacsim-asset'"
    )


def simplified_urdf(urdf: Path) -> bytes:
    """Return the URDF with box fingertips, no other colliders and two independent fingers."""
    robot = ElementTree.parse(urdf)
    for link in robot.iterfind("link"):
        for collision in link.findall("collision"):
            link.remove(collision)
        outwards = FINGERS.get(link.get("name", ""))
        if outwards is not None:
            for box in FINGER_BOXES:
                collision = ElementTree.SubElement(link, "collision")
                x, y, z = box.centre
                ElementTree.SubElement(collision, "origin", xyz=f"{x} {outwards * y} {z}", rpy="0 0 0")
                geometry = ElementTree.SubElement(collision, "geometry")
                ElementTree.SubElement(geometry, "box", size=" ".join(map(str, box.size)))
    for joint in robot.iterfind("joint"):
        for mimic in joint.findall("mimic"):
            joint.remove(mimic)
    return ElementTree.tostring(robot.getroot(), encoding="utf-8")


def add_palm(usd: Path) -> None:
    """Add the hand's collider to the converted robot, in place; URDF has no capsules."""
    from pxr import Usd, UsdGeom, UsdPhysics

    stage = Usd.Stage.Open(str(usd))
    hand = next(prim for prim in stage.Traverse() if prim.GetName() == "panda_hand")
    palm = UsdGeom.Capsule.Define(stage, hand.GetPath().AppendChild("palm"))
    palm.CreateAxisAttr(UsdGeom.Tokens.y)
    palm.CreateRadiusAttr(PALM.radius)
    palm.CreateHeightAttr(PALM.length)
    palm.CreatePurposeAttr(UsdGeom.Tokens.guide)
    UsdGeom.XformCommonAPI(palm).SetTranslate(PALM.centre)
    UsdPhysics.CollisionAPI.Apply(palm.GetPrim())
    stage.Save()


def franka_usd(cache: Path) -> Path:
    """Return the robot's USD file, converting it first if the cache has none for this URDF.

    Args:
        cache: Folder that holds converted robots; made when missing.

    Raises:
        SetupError: The URDF's package is not installed.
    """
    urdf = find_urdf()
    description = simplified_urdf(urdf)
    folder = cache / f"franka-{hashlib.sha256(description + repr(PALM).encode()).hexdigest()[:12]}"
    usd = folder / "panda.usda"
    if usd.is_file():
        return usd
    from urdf_usd_converter import Converter

    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="franka-", dir=cache, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        source = scratch / "panda.urdf"
        source.write_bytes(description)
        packages = [{"name": "franka_description", "path": str(urdf.parents[1])}]
        Converter(layer_structure=True, scene=False, ros_packages=packages).convert(str(source), str(scratch / "usd"))
        add_palm(scratch / "usd" / usd.name)
        try:
            name_folder(scratch / "usd", folder)
        except OSError:
            if not usd.is_file():  # not simply another process that was first
                raise
    return usd
