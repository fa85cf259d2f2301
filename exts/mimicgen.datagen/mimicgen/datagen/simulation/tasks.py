"""Which Mimic tasks can run in the runtime at hand."""

from __future__ import annotations

import logging

from mimicgen.datagen.simulation import kitless, registered, runtime
from mimicgen.datagen.simulation.asking import asking


def list_tasks() -> int:
    """Print every registered Mimic task with whether, or why not, it can run here. Returns the exit code.

    Raises:
        SetupError: Isaac Lab is not installed.
    """
    here = runtime.detect()
    print(f"runtime: {here}", flush=True)
    known = registered.recorded()
    if known is not None:
        found = known.tasks
    else:
        with asking("its tasks"):
            kitless.teach_isaaclab()
            found = runnable_tasks(here)
    for task, reason in found.items():
        print(f"  {task}" + (f"  -- {reason}" if reason else ""))
    return 0


def runnable_tasks(here: runtime.Runtime) -> dict[str, str | None]:
    """Return every registered Mimic task with the reason why it cannot run here, None when it can."""
    from isaaclab_tasks.utils.parse_cfg import parse_env_cfg

    from mimicgen.datagen.simulation import embedded
    from mimicgen.datagen.simulation.environment import mimic_tasks

    found: dict[str, str | None] = {}
    logging.disable(logging.WARNING)  # Isaac Lab warns about packages that other tasks would need
    try:
        for task in mimic_tasks():
            try:
                cfg = parse_env_cfg(task)
            except ImportError as error:
                found[task] = f"it needs a package that is not installed: {str(error).partition('. ')[0]}"
                continue
            if "Skillgen" in task:
                found[task] = "it needs the cuRobo motion planner"
            else:
                found[task] = embedded.why_not(cfg) if here is runtime.Runtime.EMBEDDED else None
    finally:
        logging.disable(logging.NOTSET)
    return found
