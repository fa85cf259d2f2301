"""How many environments are simulated side by side where `num_envs = "auto"` leaves it open."""

from __future__ import annotations

import functools
import os
import subprocess

from mimicgen.datagen.installed import has_omni_usd

SIZE, AUTO = "num_envs", "auto"
"""The key, and what it says where it is left open."""

A_CORE = 8
"""Environments for every core of a CPU: with more, a step takes longer by nearly as much."""

ON_A_CPU = 64
"""More than these are no faster, whatever the cores: what is done for all of them together takes one."""

ON_A_GPU = 4096
"""The most on a GPU: 8192 take as many steps a second, see docs/throughput.md."""

SEEN_ON_A_GPU = 256
"""The same where cameras observe every step."""

OF_A_GPU = 8.0
"""Memory that is left for an environment on a GPU [MB], of which physics, recording and planning take about two."""

UNKNOWN = 8192.0
"""Memory of a GPU that nobody tells [MB]."""


def default(device: str) -> int | str:
    """Return what holds where nothing is said: on a GPU it is open; but not in Isaac Sim, whose stage shows them all.

    Args:
        device: Of the run: cpu, cuda or cuda:N.
    """
    return AUTO if device.startswith("cuda") and not has_omni_usd() else 1


def environments(device: str, trials: int, *, observes: bool = False) -> int:
    """Return how many environments are fastest for a run: no more than it makes attempts.

    Args:
        device: Of the run: cpu, cuda or cuda:N.
        trials: Demonstrations that are wanted.
        observes: Whether cameras observe every step.
    """
    if device.startswith("cuda"):
        most = min(SEEN_ON_A_GPU if observes else ON_A_GPU, int(memory_of(device) / OF_A_GPU))
    else:
        most = min(ON_A_CPU, A_CORE * len(os.sched_getaffinity(0)))
    return max(1, min(most, trials))


def memory_of(device: str) -> float:
    """Return the memory of a GPU [MB], as NVIDIA's driver tells it."""
    index = int(device.partition(":")[2] or 0)
    visible = [own for own in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if own]
    return _memory(visible[index] if index < len(visible) else str(index))


@functools.cache  # it takes a tenth of a second, and a panel asks on its application's loop
def _memory(gpu: str) -> float:
    query = ["nvidia-smi", f"--id={gpu}", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        ran = subprocess.run(query, capture_output=True, text=True, check=False, timeout=10)
        return float(ran.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return UNKNOWN
