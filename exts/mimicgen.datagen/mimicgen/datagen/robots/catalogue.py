"""Robot files, by name or path, and the models that they name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from mimicgen.datagen.config.reading import meant, read_file
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import SetupError, TaskError
from mimicgen.datagen.installed import DATA
from mimicgen.datagen.robots.schema import Packaged, Robot

ROBOTS = DATA / "robots"
"""Robots that come with the extension."""


def names() -> list[str]:
    """Return the names of the robots that come with the extension."""
    return sorted(path.stem for path in ROBOTS.glob("*.toml"))


def find_robot(robot: str, beside: Path) -> Path:
    """Return the file of a robot.

    Args:
        robot: A name, or the path of a robot file relative to a folder.
        beside: That folder.

    Raises:
        TaskError: There is none, or the path leads out of the folder.
    """
    if robot.endswith(".toml"):
        return inside(beside, robot, "robot file")
    if robot not in names():
        raise TaskError(f"robot {quoted(robot)} is not known; {meant(robot, names())}")
    return ROBOTS / f"{robot}.toml"


def load_robot(path: Path) -> Robot:
    """Return what a robot file says.

    Raises:
        TaskError: It cannot be read, or says something that is not valid.
    """
    return read_file(path, Robot, "robot file", TaskError)


def model_file(model: Packaged, beside: Path) -> Path:
    """Return the file that holds a robot's model.

    Args:
        model: Where it comes from.
        beside: Folder of the robot file.

    Raises:
        SetupError: Its package is not installed.
        TaskError: There is no such file, or the path leads out of the package or the folder.
    """
    found = _in_package(model, model.path) if model.package else inside(beside, model.path, "model.path")
    if not found.is_file():
        raise TaskError(f"model.path = {quoted(model.path)}: there is no such file")
    return found


def ros_packages(model: Packaged) -> dict[str, Path]:
    """Return the folders that `package://NAME/` stands for.

    Raises:
        SetupError: The model's package is not installed.
    """
    return {name: _in_package(model, path) for name, path in model.ros_packages.items()}


def inside(folder: Path, path: str, key: str) -> Path:
    """Return a path that a file names relative to its own folder.

    Raises:
        TaskError: It leads out of the folder.
    """
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise TaskError(f"{key} = {quoted(path)}: expected a path inside the folder of the file that names it")
    return folder / path


def _in_package(model: Packaged, path: str) -> Path:
    assert model.package is not None
    spec = importlib.util.find_spec(model.package) if model.package.isidentifier() else None
    for root in (spec.submodule_search_locations or ()) if spec else ():
        found = inside(Path(root), path, "model.path")
        if found.exists():
            return found
    raise SetupError(
        f"the robot's model ({path} in the package {quoted(model.package)}) is not installed; run: {model.install}"
    )
