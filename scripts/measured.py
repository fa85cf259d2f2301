"""What every file of measured figures says of its making: command, commit, versions, machine, date."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]


def provenance(module: str, commit: str = "") -> dict[str, Any]:
    """Return how, from what, with what, where and when something is measured.

    Args:
        module: The script, as `python -m` runs it.
        commit: The commit, where the checkout has come here without its history.
    """
    from mimicgen.datagen.isaaclab.runtime import versions

    arguments = iter(sys.argv[1:])
    told = []
    for argument in arguments:
        if argument in ("--json", "--commit"):  # where it is written, and what stands below
            next(arguments)
        else:
            told.append(Path(argument).name)  # files travel
    return {
        "command": " ".join(["python -m", module, *told]),
        "commit": commit or _commit(),
        "date": time.strftime("%Y-%m-%d"),
        "versions": versions(),
        "machine": machine(),
    }


def write(told: dict[str, Any], path: Path | None) -> None:
    """Write what was measured as JSON, to a file, or to the terminal when there is none."""
    text = json.dumps(told, indent=2) + "\n"
    if path is None:
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def machine() -> dict[str, Any]:
    """Return processor, cores, memory and, where there is one, the GPU."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    told = {"processor": _processor(), "cores": os.cpu_count(), "memory_gb": round(memory / 1e9)}
    import torch

    return told | ({"gpu": torch.cuda.get_device_name(0)} if torch.cuda.is_available() else {})


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """Return the commit of this checkout, with '+' when something in it is changed."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PROJECT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
