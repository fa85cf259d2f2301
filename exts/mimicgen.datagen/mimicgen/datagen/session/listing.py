"""Which Mimic tasks can run in the runtime at hand."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from mimicgen.datagen.config.sections import ObserveConfig
from mimicgen.datagen.embedded import engines
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.isaaclab import kitless, runtime
from mimicgen.datagen.session import registered
from mimicgen.datagen.session.asking import asking
from mimicgen.datagen.tasks import catalogue
from mimicgen.datagen.tasks.catalogue import described
from mimicgen.datagen.tasks.needs import PLANNER, Needs, needs_of


def list_tasks(*, as_json: bool = False) -> int:
    """Print tasks by file, and every registered Mimic task: why it cannot run here, how it is generated, what it needs.

    Args:
        as_json: Print JSON.

    Returns:
        The exit code.

    Raises:
        SetupError: Isaac Lab is not installed.
    """
    here = runtime.detect()
    if not as_json:
        print(f"runtime: {here}", flush=True)
        if here is runtime.Runtime.EMBEDDED:
            print(f"physics: {engines.listed()}")
        print("tasks by file (task list says what they are):")
        for name in catalogue.names():
            print(f"  {name}")
        print("registered by Isaac Lab:", flush=True)
    known = registered.recorded()
    needs: Mapping[str, Needs] = {}
    ways: Mapping[str, registered.Way] = {}
    observed: Mapping[str, str] = {}
    if known is not None:
        found, needs, ways, observed = known.tasks, known.needs, known.ways, known.observed
    else:
        with asking("its tasks"):
            kitless.teach_isaaclab()
            found = runnable_tasks(here)
            read = configurations(found)
            needs = {task: needs_of(cfg) for task, cfg in read.items()}
            ways = {task: way_of(task, cfg) for task, cfg in read.items()}
            observed = observed_here(read, found) if here is runtime.Runtime.EMBEDDED else {}
    if as_json:
        told = {
            task: {
                "why_not_here": reason,
                "observed_here": observed.get(task),
                "generated": dataclasses.asdict(ways[task]) if task in ways else None,
                "needs": dataclasses.asdict(needs[task]) if task in needs else None,
            }
            for task, reason in found.items()
        }
        print(json.dumps({"runtime": here, "by_file": list(catalogue.names()), "registered": told}, indent=2))
        return 0
    for task, reason in found.items():
        print(f"  {task}" + (f"  -- {reason}" if reason else ""))
        if task in observed:
            print(f"      here: {observed[task]}")
        if task in needs:
            print(f"      in Isaac Sim: {needs[task]}")
        if task in ways:
            print(f"      generated: {ways[task]}")
    return 0


def way_of(task: str, cfg: Any) -> registered.Way:
    """Return how a registered task's attempts are made.

    Args:
        task: Its name.
        cfg: Isaac Lab's configuration of it.
    """
    import gymnasium

    from mimicgen.datagen.generation import planning
    from mimicgen.datagen.tasks import conversions

    if PLANNER in needs_of(cfg).controllers:
        return registered.Way(how="not", why=f"{PLANNER} would lead its hands from subtask to subtask")
    reason = planning.why_not(cfg)
    if reason is not None:
        return registered.Way(how="upstream", why=reason)
    module, name = str(gymnasium.spec(task).entry_point).split(":")
    known = conversions.registered(getattr(importlib.import_module(module), name), cfg.subtask_configs)
    if known is None:
        return registered.Way(how="one by one", why=f"{name} converts poses in a way of its own")
    return registered.Way(how="batched", why=known.words)


def configurations(tasks: Iterable[str]) -> dict[str, Any]:
    """Return Isaac Lab's configurations of tasks, as far as they can be read."""
    from isaaclab_tasks.utils.parse_cfg import parse_env_cfg

    from mimicgen.datagen.isaaclab import absent

    found: dict[str, Any] = {}
    for task in tasks:
        with contextlib.suppress(ImportError), absent.torchvision():  # why a task cannot run says which
            found[task] = parse_env_cfg(task)
            found[task].env_name = task
    return found


def runnable_tasks(here: runtime.Runtime) -> dict[str, str | None]:
    """Return every registered Mimic task with the reason why it cannot run here, None when it can."""
    from isaaclab_tasks.utils.parse_cfg import parse_env_cfg

    from mimicgen.datagen.isaaclab import absent
    from mimicgen.datagen.isaaclab.environment import mimic_tasks

    found: dict[str, str | None] = {}
    logging.disable(logging.WARNING)  # Isaac Lab warns about packages that other tasks would need
    try:
        for task in mimic_tasks():
            try:
                with absent.torchvision():
                    cfg = parse_env_cfg(task)
            except ImportError as error:
                found[task] = f"it needs a package that is not installed: {str(error).partition('. ')[0]}"
                continue
            cfg.env_name = task
            if "Skillgen" in task:
                found[task] = "it needs the cuRobo motion planner"
            else:
                found[task] = _why_not_embedded(task, cfg) if here is runtime.Runtime.EMBEDDED else None
    finally:
        logging.disable(logging.NOTSET)
    return found


def _why_not_embedded(task: str, cfg: Any) -> str | None:
    """Return why the embedded runtime cannot run a task, None when it can; the configuration is changed."""
    from mimicgen.datagen.embedded import scene
    from mimicgen.datagen.isaaclab import cameras

    file = described(task)
    reason = scene.why_not(cfg, file)
    if reason is None:
        try:
            cameras.observed_by(cfg, ObserveConfig())
        except TaskError as error:
            return str(error)
    return reason


def observed_here(configurations: Mapping[str, Any], tasks: Mapping[str, str | None]) -> dict[str, str]:
    """Return what tasks that can run in the embedded runtime observe through cameras there, in words.

    Args:
        configurations: Isaac Lab's configurations of tasks, which are changed.
        tasks: Every task with the reason why it cannot run.
    """
    from mimicgen.datagen.isaaclab import cameras

    able = [task for task in configurations if tasks[task] is None]
    found = {task: cameras.observed_by(configurations[task], ObserveConfig()) for task in able}
    return {task: str(observed) for task, observed in found.items() if observed.views}
