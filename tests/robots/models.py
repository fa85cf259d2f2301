"""A small robot with two arms in URDF, MJCF and USD, and the robot file of it."""

from __future__ import annotations

from pathlib import Path

ARM = """
[arms.{arm}]
joints = ["{arm}_(shoulder|elbow)"]
links = ["{arm}_upper", "{arm}_lower"]
body = "{arm}_lower"
tool = [0.0, 0.0, 0.1]
speeds = [1.0, 1.0]

[arms.{arm}.gripper]
joints = ["{arm}_finger"]
open = 0.04
closed = 0.0
fingers = {{ {arm}_tip = [0.0, 0.0, 0.02] }}
"""

ROBOT = (
    """description = "Two arms of two joints each"
base = "base"

[model]
format = "urdf"
path = "two_arms.urdf"

[home]
".*_shoulder" = 0.2
".*_elbow" = -0.4
".*_finger" = 0.04

[drives.arms]
joints = [".*_shoulder", ".*_elbow"]
stiffness = 400.0
damping = 80.0
effort = { ".*_shoulder" = 80.0, ".*_elbow" = 40.0 }

[drives.hands]
joints = [".*_finger"]
stiffness = 1000.0
damping = 50.0

[colliders]
left_tip = [{ shape = "box", size = [0.02, 0.01, 0.02] }]
"""
    + ARM.format(arm="left")
    + ARM.format(arm="right")
)


def _urdf_joint(name: str, kind: str, parent: str, child: str, low: float, high: float) -> str:
    return f"""<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/><axis xyz="0 0 1"/>
<limit lower="{low}" upper="{high}" effort="10" velocity="1"/></joint>"""


def write_robot(folder: Path, text: str = ROBOT) -> Path:
    """Write the robot file and its model in every format."""
    links = ["base", *(f"{arm}_{link}" for arm in ("left", "right") for link in ("upper", "lower", "tip"))]
    joints = [
        _urdf_joint(f"{arm}_{joint}", kind, parent, f"{arm}_{child}", low, high)
        for arm in ("left", "right")
        for joint, kind, parent, child, low, high in (
            ("shoulder", "revolute", "base", "upper", -1.0, 1.0),
            ("elbow", "revolute", f"{arm}_upper", "lower", -2.0, 0.0),
            ("finger", "prismatic", f"{arm}_lower", "tip", 0.0, 0.04),
        )
    ]
    bodies = "\n".join(f'<link name="{link}"/>' for link in links)
    (folder / "two_arms.urdf").write_text(f'<robot name="two">{bodies}{"".join(joints)}</robot>')
    inertia = '<inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>'
    arms = "".join(
        f'<body name="{arm}_upper">{inertia}<joint name="{arm}_shoulder" range="-57.29578 57.29578"/>'
        f'<body name="{arm}_lower">{inertia}<joint name="{arm}_elbow" range="-114.59156 0"/>'
        f'<body name="{arm}_tip">{inertia}<joint name="{arm}_finger" type="slide" range="0 0.04"/></body></body></body>'
        for arm in ("left", "right")
    )
    (folder / "two_arms.xml").write_text(
        f'<mujoco><worldbody><body name="base">{inertia}{arms}</body></worldbody></mujoco>'
    )
    _write_usd(folder / "two_arms.usda", links)
    path = folder / "two_arms.toml"
    path.write_text(text)
    return path


def _write_usd(path: Path, links: list[str]) -> None:
    from pxr import Usd, UsdGeom, UsdPhysics

    stage = Usd.Stage.CreateNew(str(path))
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/two").GetPrim())
    for link in links:
        UsdPhysics.RigidBodyAPI.Apply(UsdGeom.Xform.Define(stage, f"/two/{link}").GetPrim())
    for arm in ("left", "right"):
        for joint, low, high in (("shoulder", -57.29578, 57.29578), ("elbow", -114.59156, 0.0)):
            made = UsdPhysics.RevoluteJoint.Define(stage, f"/two/{arm}_{joint}")
            made.CreateLowerLimitAttr(low)
            made.CreateUpperLimitAttr(high)
        slide = UsdPhysics.PrismaticJoint.Define(stage, f"/two/{arm}_finger")
        slide.CreateLowerLimitAttr(0.0)
        slide.CreateUpperLimitAttr(0.04)
    stage.Save()
