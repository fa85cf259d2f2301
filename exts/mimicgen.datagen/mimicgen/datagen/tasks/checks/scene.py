"""What has to hold between the robots, the objects and the cameras of a task file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.robots.catalogue import inside
from mimicgen.datagen.robots.checking import label_fault, patterns_of_home
from mimicgen.datagen.tasks.meshes import read_mesh
from mimicgen.datagen.tasks.objects import Mesh, Object
from mimicgen.datagen.tasks.schema import Camera

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described

RESERVED = (
    *("table", "ground", "floor", "light", "world", "success"),
    *("num_envs", "env_spacing", "lazy_sensor_update", "replicate_physics", "filter_collisions", "clone_in_fabric"),
    *("class_type", "clone_cfg"),
)
"""Names of a scene that are taken: by what every scene has, and by Isaac Lab's `InteractiveSceneCfg`."""

USD_BYTES = 200_000_000
"""Size of a USD file at most [bytes]."""

_BESIDE = 0.05
"""Distance of two robots' bases at least [m]."""

_TURN = 2 * math.pi
_UNIT = 0.01
"""By how much the length of a quaternion that a file rounds may be away from 1."""


def faults_of_names(described: Described) -> Iterator[str]:
    """Yield what is wrong with names: of the scene's things, which are prims and keys beside each other."""
    task = described.task
    named = {f"robots.{name}": name for name in task.robots}
    named |= {f"objects.{name}": name for name in task.objects}
    named |= {f"cameras.{name}": name for name in task.cameras}
    taken = dict.fromkeys(RESERVED, "that name is reserved")
    taken |= {
        ("robot" if len(task.robots) == 1 else f"robot_{name}").lower(): f"robots.{name} is drawn under that name"
        for name in task.robots
    }
    for key, name in named.items():
        said = taken.get(name.lower())
        if said and not (key.startswith("robots.") and said.startswith(key)):
            yield f"{key}: {said}; give another one"
        taken.setdefault(name.lower(), f"{key} has it, up to capital letters")
    for key, names in (("variants", task.variants), ("signals", task.signals)):
        yield from _alike(key, names)
    for name in task.signals:
        if name.lower() in ("success", "failure"):
            yield f"signals.{name}: that name is reserved; give another one"
    eefs = [
        key if len(robot.arms) == 1 else f"{key}_{arm}" for key, robot in described.robots.items() for arm in robot.arms
    ]
    for eef in {eef for eef in eefs if eefs.count(eef) > 1}:
        yield f"robots: two end effectors would be called '{eef}'; name a robot otherwise"
    if "d0" not in task.variants:
        there = ", ".join(task.variants)
        yield f"variants: 'd0' is missing, which is taken unless another is asked for; there: {there}"


def faults_of_robots(described: Described) -> Iterator[str]:
    """Yield what is wrong with where robots stand, and how."""
    for name, placed in described.task.robots.items():
        yield from patterns_of_home(f"robots.{name}.home", placed.home)
    for one, other in combinations(described.task.robots.items(), 2):
        if math.dist(one[1].position, other[1].position) < _BESIDE:
            yield f"robots.{other[0]}.position: robots.{one[0]} stands there; place them apart"


def faults_of_objects(described: Described) -> Iterator[str]:
    """Yield what is wrong with objects, their parts, joints and files."""
    colours: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name, content in described.task.objects.items():
        key = f"objects.{name}"
        if bool(content.shapes) == (content.usd is not None):
            said = "both are there; leave one out" if content.shapes else "neither is there; give one"
            yield f"{key}: expected either shapes or usd: {said}"
        if content.parts and content.usd is not None:
            yield f"{key}.parts: an object from a USD file has its own; leave them out"
        label = content.label or name
        yield from label_fault(f"{key}.label", label)
        if label in [robot.label for robot in described.robots.values()]:
            yield f"{key}.label = {quoted(label)}: that is a robot's class; give another one"
        if content.class_colour is not None:
            other, colour = colours.setdefault(label, (name, content.class_colour))
            if colour != content.class_colour:
                yield f"{key}.class_colour: objects.{other} has the same class and another colour; give both the same"
        yield from _faults_of_files(key, content, described.path.parent)
        yield from _alike(f"{key}.parts", content.parts)
        yield from _faults_of_parts(f"{key}.parts", content)


def faults_of_cameras(cameras: Mapping[str, Camera]) -> Iterator[str]:
    """Yield what is wrong with cameras."""
    for name, camera in cameras.items():
        key = f"cameras.{name}"
        if (camera.look_at is None) == (camera.orientation is None):
            said = "neither is there; give one" if camera.look_at is None else "both are there; leave one out"
            yield f"{key}: expected either look_at or orientation: {said}"
        if camera.orientation is not None and abs(math.hypot(*camera.orientation) - 1) > _UNIT:
            yield (
                f"{key}.orientation = {quoted(list(camera.orientation))}: expected a unit quaternion x, y, z, w; "
                f"its length is {math.hypot(*camera.orientation):.3g}"
            )
        if camera.look_at is not None:
            way = np.subtract(camera.look_at, camera.position)
            if np.linalg.norm(way) < 1e-3:
                yield f"{key}.look_at = {quoted(list(camera.look_at))}: that is the camera's own position"
            elif np.linalg.norm(way[:2]) < 1e-6:
                yield (
                    f"{key}.look_at = {quoted(list(camera.look_at))}: straight below or above the camera, where z "
                    "cannot be up in the image; move one of them by a millimetre, or give orientation"
                )
        if camera.near >= camera.far:
            yield f"{key}.near = {camera.near:g}: expected less than far, which is {camera.far:g}"


def _alike(key: str, names: Iterable[str]) -> Iterator[str]:
    """Yield names that differ in capital letters alone: files and prims of the same name would meet."""
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            yield f"{key}.{name}: '{seen[name.lower()]}' differs from it in capital letters alone; give another name"
        seen.setdefault(name.lower(), name)


def _faults_of_files(key: str, content: Object, folder: Path) -> Iterator[str]:
    files = [(f"{key}.shapes[{index}].file", shape) for index, shape in enumerate(content.shapes)]
    for name, part in content.parts.items():
        files += [(f"{key}.parts.{name}.shapes[{index}].file", shape) for index, shape in enumerate(part.shapes)]
    for where, shape in files:
        if isinstance(shape, Mesh):
            try:
                inside(folder, shape.file, where)
                read_mesh(folder / shape.file)
            except TaskError as error:
                yield str(error) if str(error).startswith(where) else f"{where}: {error}"
    if content.usd is None:
        return
    where = f"{key}.usd"
    try:
        path = inside(folder, content.usd, where)
    except TaskError as error:
        yield str(error)
        return
    if not path.is_file():
        yield f"{where} = {quoted(content.usd)}: there is no such file in {quoted(folder)}"
    elif path.suffix.lower() not in (".usd", ".usda", ".usdc", ".usdz"):
        yield f"{where} = {quoted(content.usd)}: expected a file that ends with .usd, .usda, .usdc or .usdz"
    elif path.stat().st_size > USD_BYTES:
        yield f"{where} = {quoted(content.usd)}: the file has more than {USD_BYTES:,} bytes"


def _faults_of_parts(key: str, content: Object) -> Iterator[str]:
    for name, part in content.parts.items():
        joint, where = part.joint, f"{key}.{name}.joint"
        if name.lower() == "base" or (name.endswith("_joint") and name.removesuffix("_joint") in content.parts):
            yield f"{key}.{name}: that name is reserved; give another one"
        if joint.parent is not None and joint.parent not in content.parts:
            said = f"{where}.parent = {quoted(joint.parent)}"
            yield f"{said}: there is no such part; {meant(joint.parent, content.parts)}"
        if joint.low > joint.high:
            yield f"{where}.low = {joint.low:g}: expected at most high, which is {joint.high:g}"
        elif not joint.low <= 0 <= joint.high:
            limits = f"low = {joint.low:g} and high = {joint.high:g}"
            yield f"{where}: zero, where the part is drawn, is not between {limits}"
        if joint.kind == "hinge" and max(-joint.low, joint.high) > _TURN + 1e-3:
            yield f"{where}: low = {joint.low:g} and high = {joint.high:g}: expected angles of at most a turn, in rad"
    for cycle in cycles({name: part.joint.parent for name, part in content.parts.items()}):
        yield f"{key}.{cycle[0]}.joint.parent: parts hang on each other in a circle: {' on '.join(cycle)}"


def cycles(above: Mapping[str, str | None]) -> Iterator[list[str]]:
    """Yield the circles of what names what is above it, each once, as names of which the last is the first."""
    told: set[str] = set()
    for start in above:
        way: list[str] = []
        at: str | None = start
        while at is not None and at in above and at not in way:
            way.append(at)
            at = above[at]
        if at in way and at not in told:
            circle = way[way.index(at) :]
            told.update(circle)
            yield [*circle, circle[0]]
