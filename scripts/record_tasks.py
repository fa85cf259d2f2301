"""Records what Isaac Lab says of its Mimic tasks, so that `check` and `--list-tasks` need not ask it.

./scripts/python.sh scripts/record_tasks.py

Run it when `requirements.lock` has another Isaac Lab, or when the embedded runtime can run other tasks.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from mimicgen.datagen.isaaclab import kitless, runtime
from mimicgen.datagen.session import registered
from mimicgen.datagen.tasks.defaults import build


def ask() -> registered.Registered:
    """Return what Isaac Lab says of every task: whether it can run here, and what it needs here and in Isaac Sim."""
    kitless.teach_isaaclab()
    from mimicgen.datagen.isaaclab.configuration import task_needs
    from mimicgen.datagen.isaaclab.live_check import live_needs, opened
    from mimicgen.datagen.isaaclab.randomization import task_randomization
    from mimicgen.datagen.isaaclab.reachability import arms_of
    from mimicgen.datagen.session.listing import configurations, observed_here, runnable_tasks, way_of
    from mimicgen.datagen.tasks.needs import needs_of

    tasks = runnable_tasks(runtime.detect())
    known = {}
    for task, reason in tasks.items():
        if reason is None:
            # Some observe through cameras; their images need not be large for that.
            with opened(build({"task": task, "observe.width": 32, "observe.height": 32})) as environment:
                (arm,) = arms_of(environment.env)
                known[task] = registered.KnownTask(
                    needs=live_needs(environment), arm=arm, randomization=task_randomization(environment.env.cfg)
                )
    with absent_packages_stood_in():
        found = configurations(tasks)
        return registered.Registered(
            tasks=tasks,
            known=known,
            needs={task: needs_of(cfg) for task, cfg in found.items()},
            subtasks={
                task: {eef: list(own) for eef, own in task_needs(cfg).subtasks.items()} for task, cfg in found.items()
            },
            ways={task: way_of(task, cfg) for task, cfg in found.items()},
            observed=observed_here(found, tasks),
        )


class _Anything(types.ModuleType):
    """Stands in for a package that the configurations only import from."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


class _Finder(MetaPathFinder, Loader):
    """Finds `_Anything` where a package is absent that some tasks' configurations import."""

    PACKAGES = ("daqp", "pink", "pinocchio", "qpsolvers")

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in self.PACKAGES else None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _Anything(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


@contextlib.contextmanager
def absent_packages_stood_in() -> Iterator[None]:
    """Let configurations be read whose packages are not here; what was imported meanwhile is forgotten again."""
    finder, before = _Finder(), set(sys.modules)
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        of_tasks = (*finder.PACKAGES, "isaaclab_tasks", "isaaclab_mimic")
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in of_tasks:
                del sys.modules[name]


if __name__ == "__main__":
    registered.write(ask())
    print(f"wrote {registered.RECORD}")
