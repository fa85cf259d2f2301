"""Isaac Lab's import and opening make hundreds of thousands of objects that stay.

Python looks for garbage among them all the while, and finds none: a third of the time that starting takes. Afterwards
it would look through all that was imported whenever much was made, which takes a second each time.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import sys
from collections.abc import Iterator

from mimicgen.datagen.installed import has_omni_usd

_kept = False


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let Python look for garbage only afterwards. Nothing else may run meanwhile."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def imported() -> Iterator[None]:
    """Import Isaac Lab: as `uncollected`, and Python never looks for garbage among what is there afterwards.

    That is so the first time, since later there are runs in memory, which end. Where Omniverse USD is, it is not so,
    since the process belongs to an application whose own objects would be kept, too; nor is anything left out there.
    """
    global _kept
    with uncollected(), contextlib.ExitStack() as leaving_out:
        if not has_omni_usd():
            leaving_out.enter_context(_without_rerun())
            leaving_out.enter_context(_without_dependents())
        yield
        if not _kept and not has_omni_usd():
            gc.freeze()
            atexit.register(gc.unfreeze)  # or else what belongs to Kit would go after Kit's libraries, and crash
            _kept = True


@contextlib.contextmanager
def _without_rerun() -> Iterator[None]:
    """Let Newton do without rerun: it imports it, where it is installed, for a viewer that nothing here opens."""
    if "rerun" in sys.modules:
        yield
        return
    sys.modules["rerun"] = None  # type: ignore[assignment]  # importing it raises ImportError
    try:
        yield
    finally:
        del sys.modules["rerun"]


@contextlib.contextmanager
def _without_dependents() -> Iterator[None]:
    """Let Warp import kernels without looking for what each of them calls, a seventh of the time that starting takes.

    It does that for every function of every module, 1900 of which a run compiles a sixth, to know which modules to
    unload when one is imported anew by another loader (`Module._find_references` and `get_module` in
    https://github.com/NVIDIA/warp/blob/v1.17.0/warp/_src/context.py). Nothing here imports kernels anew. What is
    compiled, and under which hash, does not depend on it.
    """
    from warp._src.context import Module

    finding = Module._find_references
    Module._find_references = lambda self, adj: None
    try:
        yield
    finally:
        Module._find_references = finding
