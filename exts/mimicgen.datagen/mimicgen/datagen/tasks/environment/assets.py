"""What a described task's scene consists of, as Isaac Lab's configurations, alike in both runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import isaaclab.sim as sim_utils
from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg, AssetBaseCfg, RigidObjectCfg
from isaaclab.sim.schemas import UsdPhysicsCollisionCfg

from mimicgen.datagen.robots.usd import robot_usd
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.environment.usd import Body, object_usd
from mimicgen.datagen.tasks.geometry import quaternion
from mimicgen.datagen.tasks.schema import Table

FLOOR = -1.06
"""Height of the floor under the table [m]."""


def body_of(described: Described, name: str) -> Body:
    """Return what an object is to the physics engine."""
    content = described.task.objects[name]
    if content.movable:
        return Body.MOVABLE
    placed = any(name in variant.start for variant in described.task.variants.values())
    return Body.PLACED if placed or content.parts else Body.STATIC


def _prim(name: str) -> str:
    """Return the prim of an object or a robot; names that differ in capital letters alone are refused in a file."""
    return f"{{ENV_REGEX_NS}}/{name[0].upper()}{name[1:]}"


def object_cfg(described: Described, name: str, cache: Path) -> Any:
    """Return Isaac Lab's configuration of an object.

    Args:
        described: The task.
        name: The object.
        cache: Folder for what is made.

    Returns:
        Of an articulation where it has parts, of a rigid object where it can be moved or placed, else of a collider.
    """
    content = described.task.objects[name]
    body = body_of(described, name)
    usd = object_usd(name, content, body, described.path.parent, cache)
    spawn = sim_utils.UsdFileCfg(usd_path=str(usd), semantic_tags=[("class", content.label or name)])
    place = {"pos": content.position, "rot": quaternion(content.rotation)}
    path = _prim(name)
    if content.parts:
        spawn.fix_root_link = not content.movable
        state = ArticulationCfg.InitialStateCfg(**place, joint_pos={".*": 0.0})
        return ArticulationCfg(prim_path=path, spawn=spawn, init_state=state, actuators={})
    if body is Body.STATIC:
        return AssetBaseCfg(prim_path=path, spawn=spawn, init_state=AssetBaseCfg.InitialStateCfg(**place))
    return RigidObjectCfg(prim_path=path, spawn=spawn, init_state=RigidObjectCfg.InitialStateCfg(**place))


def robot_cfg(described: Described, key: str, cache: Path) -> ArticulationCfg:
    """Return Isaac Lab's configuration of a robot.

    Args:
        described: The task.
        key: The robot's key.
        cache: Folder for what is made.

    Raises:
        SetupError: The package of its model is not installed.
    """
    placed, robot = described.task.robots[key], described.robots[key]
    spawn = sim_utils.UsdFileCfg(
        usd_path=str(robot_usd(robot, described.robot_files[key], cache)), semantic_tags=[("class", robot.label)]
    )
    state = ArticulationCfg.InitialStateCfg(
        pos=placed.position, rot=quaternion((0.0, 0.0, placed.yaw)), joint_pos={**robot.home, **placed.home}
    )
    return ArticulationCfg(
        prim_path=_prim(key),
        spawn=spawn,
        init_state=state,
        actuators={
            drive: ImplicitActuatorCfg(
                joint_names_expr=list(own.joints),
                joint_effort_limit=own.effort,
                stiffness=own.stiffness,
                damping=own.damping,
            )
            for drive, own in robot.drives.items()
        },
    )


def table_cfg(table: Table) -> AssetBaseCfg:
    """Return Isaac Lab's configuration of the table."""
    x, y, top = table.position
    return AssetBaseCfg(
        prim_path="{ENV_REGEX_NS}/Table",
        init_state=AssetBaseCfg.InitialStateCfg(pos=(x, y, top - table.size[2] / 2)),
        spawn=sim_utils.CuboidCfg(
            size=table.size,
            collision_props=[UsdPhysicsCollisionCfg()],
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=table.colour),
            semantic_tags=[("class", "table")],
        ),
    )


def floor_cfg() -> AssetBaseCfg:
    """Return Isaac Lab's configuration of the floor."""
    return AssetBaseCfg(
        prim_path="/World/GroundPlane",
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, FLOOR)),
        spawn=sim_utils.CuboidCfg(
            size=(100.0, 100.0, 0.02),
            collision_props=[UsdPhysicsCollisionCfg()],
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.2, 0.2, 0.22)),
            semantic_tags=[("class", "ground")],
        ),
    )


def light_cfg() -> AssetBaseCfg:
    """Return Isaac Lab's configuration of the light."""
    return AssetBaseCfg(
        prim_path="/World/light", spawn=sim_utils.DomeLightCfg(color=(0.75, 0.75, 0.75), intensity=3000.0)
    )
