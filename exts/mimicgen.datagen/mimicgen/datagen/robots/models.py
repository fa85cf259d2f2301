"""What a robot's model consists of: its links, and its joints with their limits. Nothing is converted or simulated."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import TaskError

MODEL_BYTES = 200_000_000
"""Size of a model's file at most [bytes]."""

SUFFIXES = {"mjcf": (".xml", ".mjcf"), "urdf": (".urdf", ".xml"), "usd": (".usd", ".usda", ".usdc", ".usdz")}
"""How files of each format end."""

Limits = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a model consists of.

    Attributes:
        links: Names of the links.
        joints: Smallest and largest position [rad or m] of each joint that moves, None where there are none, by name.
    """

    links: frozenset[str]
    joints: dict[str, Limits | None]


def read_model(path: Path, kind: str) -> Model:
    """Return what a model consists of.

    Args:
        path: Its file.
        kind: 'urdf', 'mjcf' or 'usd'.

    Raises:
        TaskError: It cannot be read, or is no such model.
    """
    if path.suffix.lower() == ".xacro":
        raise TaskError(f"model.path = {quoted(path)}: expand it first: xacro {path.name} > {path.stem}")
    if path.suffix.lower() not in SUFFIXES[kind]:
        expected = " or ".join(SUFFIXES[kind])
        raise TaskError(
            f"model.path = {quoted(path)}: expected a file that ends with {expected}, as format is '{kind}'"
        )
    if not path.is_file():  # of a pipe, nothing would ever come
        raise TaskError(f"model.path = {quoted(path)}: there is no such file")
    try:
        if path.stat().st_size > MODEL_BYTES:
            raise TaskError(f"model.path = {quoted(path)}: the file has more than {MODEL_BYTES:,} bytes")
        model = {"urdf": _urdf, "mjcf": _mjcf, "usd": _usd}[kind](path)
    except (OSError, ValueError, SyntaxError, RuntimeError) as failed:  # SyntaxError: ElementTree's ParseError is one
        told = str(failed).strip().partition("\n")[0]
        raise TaskError(f"model.path = {quoted(path)} cannot be read as {kind.upper()}: {told}") from failed
    if not model.links or not model.joints:
        raise TaskError(
            f"model.path = {quoted(path)}: the {kind.upper()} has no {'joints' if model.links else 'links'}"
        )
    return model


def _urdf(path: Path) -> Model:
    robot = ElementTree.parse(path).getroot()
    if robot.tag != "robot":
        raise ValueError(f"its root is '{robot.tag}', and not 'robot'")
    joints: dict[str, Limits | None] = {}
    for joint in robot.iterfind("joint"):
        if joint.get("type") not in ("fixed", "floating"):
            limit = None if joint.get("type") == "continuous" else joint.find("limit")
            limits = None if limit is None else (float(limit.get("lower", 0)), float(limit.get("upper", 0)))
            joints[joint.get("name", "")] = limits
    return Model(links=frozenset(link.get("name", "") for link in robot.iterfind("link")), joints=joints)


def _mjcf(path: Path) -> Model:
    import mujoco

    model = mujoco.MjModel.from_xml_path(str(path))
    joints = {}
    moving = [int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtJoint.mjJNT_HINGE)]
    for index in range(model.njnt):
        joint = model.joint(index)
        if model.jnt_type[index] in moving:
            low, high = map(float, model.jnt_range[index])
            joints[joint.name] = (low, high) if model.jnt_limited[index] else None
    return Model(links=frozenset(model.body(index).name for index in range(1, model.nbody)), joints=joints)


def _usd(path: Path) -> Model:
    from pxr import Sdf, Tf, Usd, UsdPhysics

    if Sdf.FileFormat.FindByExtension(path.suffix) is None:
        raise ValueError("it is no USD file")
    try:
        stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException as failed:
        raise ValueError("it is no USD file, or a damaged one") from failed
    links, joints = set(), {}
    for prim in Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies()):
        if prim.HasAPI(UsdPhysics.RigidBodyAPI):
            links.add(prim.GetName())
        turns = prim.IsA(UsdPhysics.RevoluteJoint)
        if turns or prim.IsA(UsdPhysics.PrismaticJoint):
            joints[prim.GetName()] = _limits(UsdPhysics, prim, turns)
    return Model(links=frozenset(links), joints=joints)


def _limits(physics: Any, prim: Any, turns: bool) -> Limits | None:
    import math

    joint = (physics.RevoluteJoint if turns else physics.PrismaticJoint)(prim)
    low, high = joint.GetLowerLimitAttr().Get(), joint.GetUpperLimitAttr().Get()
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    return (math.radians(low), math.radians(high)) if turns else (low, high)
