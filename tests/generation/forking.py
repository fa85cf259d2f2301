"""A process that has imported Isaac Lab and runs what it is sent in forks: each is new, without importing anew.

Importing takes half of the time of a run of one attempt. What a fork changes is gone with it, a Kit application of its
own included.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import sys

LONGEST = 600
"""Time that a fork may take [s]."""


def serve() -> None:
    """Run the code of every line of the standard input in a fork of its own; answer with its number and exit code."""
    from mimicgen.datagen.isaaclab import kitless
    from mimicgen.datagen.isaaclab.upstream import importing

    kitless.teach_isaaclab()
    with importing.imported():
        import isaaclab_mimic.envs.franka_stack_ik_rel_mimic_env_cfg  # noqa: F401
        import isaaclab_newton.cloner.replicate  # noqa: F401

        import mimicgen.datagen.embedded.scene
        import mimicgen.datagen.generation.machine
        import mimicgen.datagen.isaaclab.environment
        import mimicgen.datagen.isaaclab.live_check
        import mimicgen.datagen.session.opening  # noqa: F401
    atexit.unregister(gc.unfreeze)  # there is no Kit, and looking for garbage at every fork's end takes a second
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(**asked)
            return
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(code: str, arguments: list[str], environ: dict[str, str], folder: str, out: str, err: str) -> None:
    """Run code as `python -c` does in that environment and folder, with its outputs in files."""
    signal.alarm(LONGEST)  # ends the process
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    new = os.O_WRONLY | os.O_CREAT
    for stream, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, new), (2, err, new)):
        file = os.open(path, flags)
        os.dup2(file, stream)
        os.close(file)
    sys.argv = ["-c", *arguments]
    main = vars(sys.modules["__main__"])
    main.clear()
    main["__name__"] = "__main__"
    exec(compile(code, "<string>", "exec"), main)


if __name__ == "__main__":
    serve()
