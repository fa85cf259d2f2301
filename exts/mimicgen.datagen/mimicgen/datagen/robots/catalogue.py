"""Robot files, by name or path, and the models that they name."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from mimicgen.datagen.config.reading import meant, read_file
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import SetupError, TaskError
from mimicgen.datagen.installed import DATA
from mimicgen.datagen.robots.checking import check_against_model, check_robot
from mimicgen.datagen.robots.models import Model, read_model
from mimicgen.datagen.robots.schema import Packaged, Robot
from mimicgen.datagen.robots.urdf import with_found_meshes

ROBOTS = DATA / "robots"
"""Robots that come with the extension."""


def names() -> list[str]:
    """Return the names of the robots that come with the extension."""
    return sorted(path.stem for path in ROBOTS.glob("*.toml"))


def find_robot(robot: str, beside: Path, key: str) -> Path:
    """Return the file of a robot.

    Args:
        robot: A name, or the path of a robot file relative to a folder.
        beside: That folder.
        key: What messages call it.

    Raises:
        TaskError: There is none, or the path leads out of the folder.
    """
    if robot.endswith(".toml"):
        return inside(beside, robot, key)
    if robot not in names():
        raise TaskError(f"{key} = {quoted(robot)}: neither a robot nor a path with .toml; {meant(robot, names())}")
    return ROBOTS / f"{robot}.toml"


def load_robot(path: Path) -> Robot:
    """Return what a robot file says.

    Raises:
        TaskError: It cannot be read, or says something that is not valid.
    """
    robot = read_file(path, Robot, "robot file", TaskError)
    check_robot(robot, f"robot file {quoted(path)}")
    return robot


def model_of(robot: Robot, file: Path) -> Model:
    """Return what a robot consists of, its own model and the links that its file adds; a second at most.

    Args:
        robot: The robot.
        file: Its robot file.

    Raises:
        SetupError: The package of its model is not installed.
        TaskError: The model or one of its meshes is not there or cannot be read, or the file does not fit it.
    """
    source = model_file(robot.model, file.parent)
    whole = check_against_model(robot, read_model(source, robot.model.format), f"robot file {quoted(file)}")
    if robot.model.format == "urdf":
        with_found_meshes(source.read_bytes(), source, ros_packages(robot.model, file.parent))
    return whole


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


def ros_packages(model: Packaged, beside: Path) -> dict[str, Path]:
    """Return the folders that `package://NAME/` stands for.

    Args:
        model: The robot's model.
        beside: Folder of the robot file.

    Raises:
        SetupError: The model's package is not installed.
        TaskError: A path leads out of the package or the folder.
    """
    return {
        name: _in_package(model, path) if model.package else inside(beside, path, f"model.ros_packages.{name}")
        for name, path in model.ros_packages.items()
    }


def inside(folder: Path, path: str, key: str) -> Path:
    """Return a path that a file names relative to its own folder.

    Raises:
        TaskError: It leads out of the folder, by itself or through a link.
    """
    _check_relative(path, key)
    found = folder / path
    try:
        within = found.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as failed:
        raise TaskError(f"{key} = {quoted(path)}: {failed}") from failed
    if not within:
        raise TaskError(f"{key} = {quoted(path)}: a link leads out of the folder {quoted(folder)}; copy the file there")
    return found


def _check_relative(path: str, key: str) -> None:
    parts = Path(path).parts
    too_long = any(len(os.fsencode(part)) > 255 for part in parts)
    if Path(path).is_absolute() or ".." in parts or not path.isprintable() or too_long:
        raise TaskError(f"{key} = {quoted(path)}: expected a path inside the folder of the file that names it")


def _in_package(model: Packaged, path: str) -> Path:
    assert model.package is not None
    _check_relative(path, "model.path")
    spec = importlib.util.find_spec(model.package) if model.package.isidentifier() else None
    for root in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(root) / path
        if found.exists():
            return found
    raise SetupError(
        f"the robot's model ({path} in the package {quoted(model.package)}) is not installed; run: {model.install}"
    )
