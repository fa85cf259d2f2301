"""What a task file names that lies outside of it, and that takes a look inside to check: USD files, and functions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.tasks.checks.conditions import all_conditions
from mimicgen.datagen.tasks.conditions import Custom

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described


def faults_of_usd(described: Described) -> Iterator[str]:
    """Yield which USD files of objects cannot be read, or cannot be moved though the object can."""
    for name, content in described.task.objects.items():
        if content.usd is not None:
            said = f"objects.{name}.usd = {quoted(content.usd)}"
            yield from _faults_of_stage(said, described.path.parent / content.usd, movable=content.movable)


def _faults_of_stage(said: str, path: Path, *, movable: bool) -> Iterator[str]:
    from pxr import Tf, Usd, UsdPhysics

    try:
        stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException:
        yield f"{said}: it is no USD file, or a damaged one"
        return
    if not stage.GetDefaultPrim():
        yield f"{said}: it has no default prim, which is what a scene takes of it; set one"
    if movable and not any(prim.HasAPI(UsdPhysics.RigidBodyAPI) for prim in stage.Traverse()):
        yield f"{said}: it has no rigid body, and the object is to be moved; add one, or set movable = false"


def faults_of_functions(described: Described) -> Iterator[str]:
    """Yield which functions of Python do not exist; their modules are imported for that, and none is called."""
    folder = str(described.path.parent)
    sys.path.insert(0, folder)
    try:
        for key, condition in all_conditions(described):
            if isinstance(condition, Custom):
                yield from _faults_of_function(f"{key}.function", condition.function)
    finally:
        sys.path.remove(folder)


def _faults_of_function(key: str, function: str) -> Iterator[str]:
    module, _, name = function.partition(":")
    said = f"{key} = {quoted(function)}"
    try:
        found = importlib.import_module(module)
    except Exception as failed:  # noqa: BLE001 - whatever the module of somebody else raises is what is told
        yield f"{said}: the module cannot be imported: {type(failed).__name__}: {failed}"
        return
    if not callable(getattr(found, name, None)):
        functions = [one for one, value in vars(found).items() if callable(value) and not one.startswith("_")]
        yield f"{said}: the module has no such function; {meant(name, functions)}"
