"""The commands `datagen.sh task TOOL`: nothing of them starts a simulation."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.values import argument_path, quoted
from mimicgen.datagen.errors import BadInputError, TaskError
from mimicgen.datagen.robots import catalogue as robots
from mimicgen.datagen.robots.models import SUFFIXES, read_model
from mimicgen.datagen.session.asking import asking
from mimicgen.datagen.session.looking import look
from mimicgen.datagen.tasks import catalogue
from mimicgen.datagen.tasks.beginning import write_beginning
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.checks.checking import check_outside, likely_mistakes
from mimicgen.datagen.text import all_shown, as_json, counted, shown

Command = Callable[[argparse.Namespace], int]

LOOK = Path("output") / "look"
"""Where `check --look` draws to when no folder is given."""


def check(options: argparse.Namespace) -> int:
    """Say what is wrong with a task file, with the robots that it names and with what looks like a mistake.

    Exit code 2 when something is wrong; warnings alone are no reason.
    """
    path = catalogue.task_file(options.task)
    if path is None:
        known = ", ".join(catalogue.names())
        raise TaskError(f"task {quoted(options.task)}: expected a file that ends with .toml, or one of {known}")
    warnings: list[str] = []
    try:
        found = catalogue.load_task(path)
        warnings = likely_mistakes(found)
        check_outside(found, f"task file {quoted(path)}")
    except BadInputError as error:
        if not options.json:
            _print_warnings(warnings)
            raise
        print(as_json(all_shown({"file": path, "errors": list(error.args), "warnings": warnings})))
        return error.exit_code
    if options.json:
        print(as_json(all_shown({"file": path, "errors": [], "warnings": warnings, **_told(found)})))
    else:
        _print_warnings(warnings)
        print(f"{shown(path.name)}: nothing is wrong; {counted(len(warnings), 'warning')}")
        for key, value in _told(found).items():
            print(shown(f"  {key}: {value if isinstance(value, str) else ', '.join(value) or 'none'}"))
    if options.look is not None:
        with asking(f"the scene of '{found.name}'"):
            pictures = look(found, options.look.expanduser().absolute())
        for picture in pictures:
            print(f"drew {shown(picture)}")
    return 0


def new(options: argparse.Namespace) -> int:
    """Write a task file to begin with: small, valid and commented. What is there already stays."""
    path = write_beginning(options.name, options.output)
    print(f"wrote {shown(path)}")
    print(shown(f"next: change it, and see what is wrong with ./scripts/datagen.sh task check {path}"))
    return 0


def list_(options: argparse.Namespace) -> int:
    """List the tasks and the robots that come as files."""
    found = [catalogue.load_task(catalogue.TASKS / f"{name}.toml") for name in catalogue.names()]
    known = {name: robots.load_robot(robots.ROBOTS / f"{name}.toml").description for name in robots.names()}
    if options.json:
        tasks = {task.name: {"file": task.path, **_told(task)} for task in found}
        print(as_json(all_shown({"tasks": tasks, "robots": known})))
        return 0
    print("tasks:")
    for task in found:
        told = _told(task)
        print(f"  {task.name}: {shown(told['instruction'])}")
        print(f"      robots {', '.join(told['robots'])}; variants {', '.join(told['variants'])}")
    print("robots:")
    for name, description in known.items():
        print(f"  {name}: {shown(description)}")
    print("Isaac Lab's registered tasks: ./scripts/datagen.sh generate --list-tasks")
    print("your own: ./scripts/datagen.sh task new NAME")
    return 0


def robot(options: argparse.Namespace) -> int:
    """Say what is wrong with a robot file, held against its model, or else its links and joints; likewise of a model.

    Exit code 2 when something is wrong.
    """
    path = options.robot.expanduser()
    kind = next((kind for kind, endings in SUFFIXES.items() if path.suffix.lower() in endings), None)
    arms: list[str] = []
    if kind is not None:
        model = read_model(path, kind)
    else:
        path = path.absolute() if path.suffix == ".toml" else robots.find_robot(str(path), Path(), "robot")
        found = robots.load_robot(path)
        model, arms = robots.model_of(found, path), list(found.arms)
    if options.json:
        print(as_json(all_shown({"file": path, "links": sorted(model.links), "joints": model.joints, "arms": arms})))
        return 0
    print(shown(f"{path.name}: {counted(len(model.links), 'link')}, {counted(len(model.joints), 'joint')}"))
    print(shown(f"  links: {', '.join(sorted(model.links))}"))
    for name, limits in model.joints.items():
        print(shown(f"  {name}: " + ("no limits" if limits is None else f"from {limits[0]:.4g} to {limits[1]:.4g}")))
    if arms:
        print(f"  arms: {', '.join(arms)}")
    return 0


def add_tools(commands: Any) -> None:
    """Add the tools to the parser of `task`."""
    tool = _add(commands, "check", check)
    tool.add_argument("task", metavar="FILE", help="task file, or the name of a task that comes as one")
    tool.add_argument("--json", action="store_true", help="print JSON")
    about = f"also draw the scene at ten starts into a folder (default: {LOOK})"
    tool.add_argument("--look", type=argument_path, nargs="?", const=LOOK, metavar="FOLDER", help=about)
    tool = _add(commands, "new", new)
    tool.add_argument("name", metavar="NAME", help="the task's name: letters, digits and _")
    about = "file to write, called NAME.toml; must not exist (default: in the current folder)"
    tool.add_argument("--output", type=argument_path, metavar="FILE", help=about)
    tool = _add(commands, "robot", robot)
    about = "robot file, the name of a robot that comes as one, or a model: URDF, MJCF or USD"
    tool.add_argument("robot", type=argument_path, metavar="FILE", help=about)
    tool.add_argument("--json", action="store_true", help="print JSON")
    tool = _add(commands, "list", list_)
    tool.add_argument("--json", action="store_true", help="print JSON")


def _told(found: Described) -> dict[str, Any]:
    """Return what a task consists of, by name."""
    task = found.task
    return {
        "instruction": task.instruction,
        "paraphrases": list(task.paraphrases),
        "robots": [placed.robot for placed in task.robots.values()],
        "end effectors": list(found.eefs),
        "objects": list(task.objects),
        "variants": list(task.variants),
        "signals": list(task.signals),
        "cameras": list(task.cameras),
        "expert": "none" if task.expert is None else counted(sum(map(len, task.expert.poses.values())), "key pose"),
    }


def _print_warnings(warnings: list[str]) -> None:
    for warning in warnings:
        print(f"warning: {shown(warning)}", flush=True)


def _add(commands: Any, name: str, function: Command) -> argparse.ArgumentParser:
    help_line = (function.__doc__ or "").partition("\n")[0]
    tool: argparse.ArgumentParser = commands.add_parser(
        name, help=help_line, description=function.__doc__, allow_abbrev=False
    )
    tool.set_defaults(command=function)
    return tool
