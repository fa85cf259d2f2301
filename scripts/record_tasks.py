"""Records what Isaac Lab says of its Mimic tasks, so that `check` and `--list-tasks` need not ask it.

./scripts/python.sh scripts/record_tasks.py

Run it when `requirements.lock` has another Isaac Lab, or when the embedded runtime can run other tasks.
"""

from __future__ import annotations

import dataclasses

from mimicgen.datagen.config import build
from mimicgen.datagen.simulation import kitless, registered, runtime


def ask() -> registered.Registered:
    """Return what Isaac Lab says: of every task whether it can run, and of those that can, what they need."""
    kitless.teach_isaaclab()
    from mimicgen.datagen.simulation.live_check import live_needs, opened
    from mimicgen.datagen.simulation.randomization import task_randomization
    from mimicgen.datagen.simulation.reachability import arm_of
    from mimicgen.datagen.simulation.tasks import runnable_tasks

    tasks = runnable_tasks(runtime.detect())
    known = {}
    for task, reason in tasks.items():
        if reason is None:
            config = build({"task": task})
            # Without the offsets that this project has for the task: a run's configuration brings them.
            plain = dataclasses.replace(config, mimic=dataclasses.replace(config.mimic, subtasks={}))
            with opened(plain) as environment:
                arm = arm_of(environment.env)
                assert arm is not None
                known[task] = registered.KnownTask(
                    needs=live_needs(environment), arm=arm, randomization=task_randomization(environment.env.cfg)
                )
    return registered.Registered(tasks=tasks, known=known)


if __name__ == "__main__":
    registered.write(ask())
    print(f"wrote {registered.RECORD}")
