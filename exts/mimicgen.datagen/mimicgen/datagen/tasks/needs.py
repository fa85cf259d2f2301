"""What a Mimic task needs in Isaac Sim beyond PhysX, as its configuration says: controllers, cameras, packages, device.

`docs/isaac_sim.md` has the table of all registered tasks.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, fields
from typing import Any

from mimicgen.datagen.errors import TaskError

INSTALL = "./python.sh -m pip install"
"""How a package gets into Isaac Sim's Python."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a task needs in Isaac Sim.

    Attributes:
        controllers: Of its arms, hands and legs, as people call them.
        packages: Python packages that Isaac Lab's installation brings and a leaner one may lack.
        extensions: Extensions of Isaac Sim that Isaac Lab enables for it.
        cameras: Cameras of its own scene, which its observations contain.
        cpu_only: Whether it runs with `device = "cpu"` alone.
    """

    controllers: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    cpu_only: bool = False

    def __add__(self, other: Needs) -> Needs:
        """Return what both need."""

        def both(name: str) -> Any:
            own, more = getattr(self, name), getattr(other, name)
            return own or more if isinstance(own, bool) else tuple(dict.fromkeys(own + more))

        return Needs(**{field.name: both(field.name) for field in fields(self)})

    def __str__(self) -> str:
        """Say it in a line."""
        parts = [
            ", ".join(self.controllers),
            _listed("cameras", self.cameras),
            _listed("packages", self.packages),
            _listed("extensions", self.extensions),
            "device cpu only" if self.cpu_only else "",
        ]
        return "; ".join(part for part in parts if part)


ACTIONS = {
    "BinaryJointPositionActionCfg": Needs(),
    "DifferentialInverseKinematicsActionCfg": Needs(controllers=("differential inverse kinematics",)),
    "RMPFlowActionCfg": Needs(controllers=("RMPflow",), extensions=("isaacsim.robot_motion.lula",)),
    "SurfaceGripperBinaryActionCfg": Needs(
        controllers=("surface gripper",), extensions=("isaacsim.robot.surface_gripper",), cpu_only=True
    ),
    "PinkInverseKinematicsActionCfg": Needs(
        controllers=("Pink inverse kinematics",), packages=("pin", "pin-pink", "daqp")
    ),
    "AgileBasedLowerBodyActionCfg": Needs(controllers=("walking policy of the asset server",)),
}
"""What Isaac Lab's actions need, by the class of their configuration."""

PLANNER = "cuRobo's motion planner"
"""Which this project does not use."""

CONFIGURATIONS = {
    "FrankaCubeStackIKRelSkillgenEnvCfg": Needs(controllers=(PLANNER,)),
}
"""What the configurations of single tasks need, by their class."""

MODULES = {"pin": "pinocchio", "pin-pink": "pink", "daqp": "daqp"}
"""What the packages are imported as."""


def needs_of(cfg: Any) -> Needs:
    """Return what a task needs, by Isaac Lab's configuration of its environment."""
    cameras = (name for name, part in vars(cfg.scene).items() if "CameraCfg" in type(part).__name__)
    found = Needs(cameras=tuple(cameras)) + CONFIGURATIONS.get(type(cfg).__name__, Needs())
    for action in filter(None, vars(cfg.actions).values()):
        name = type(action).__name__
        found += ACTIONS.get(name, Needs(controllers=(name.removesuffix("ActionCfg"),)))
    return found


def check(needs: Needs, task: str, device: str) -> None:
    """Check what can be checked before a task's environment is made.

    Args:
        needs: What the task needs.
        task: Its name.
        device: The run's device.

    Raises:
        TaskError: Something is missing.
    """
    if PLANNER in needs.controllers:
        raise TaskError(f"task '{task}' needs {needs}; {PLANNER} is not used here: pass another --task")
    lacking = [name for name in needs.packages if importlib.util.find_spec(MODULES[name]) is None]
    if lacking:
        packages = " ".join(lacking)
        raise TaskError(f"task '{task}' needs {needs}; this Python lacks {packages}: {INSTALL} {packages}")
    if needs.cpu_only and device != "cpu":
        raise TaskError(f"task '{task}' needs {needs}; device = '{device}': pass --device cpu")


def _listed(what: str, names: tuple[str, ...]) -> str:
    return f"{what} {', '.join(names)}" if names else ""
