"""How many environments are simulated side by side where `num_envs = "auto"` leaves it open."""

from __future__ import annotations

import os
import subprocess

SIZE, AUTO = "num_envs", "auto"
"""The key, and what it says where it is left open; on a GPU it is what is said when nothing is."""

A_CORE = 8
"""Environments for every core of a CPU: with more, a step takes longer by nearly as much."""

ON_A_CPU = 64
"""More than these are no faster, whatever the cores: what is done for all of them together takes one."""

ON_A_GPU = 8192
"""The most environments on a GPU, see docs/throughput.md."""

OF_A_GPU = 4.0
"""Memory that an environment takes of a GPU [MB]: physics, recording and planning, measured with the stack of three."""


def environments(device: str, trials: int) -> int:
    """Return how many environments are fastest for a run: no more than it makes attempts.

    Args:
        device: Of the run: cpu, cuda or cuda:N.
        trials: Demonstrations that are wanted.
    """
    if device.startswith("cuda"):
        most = min(ON_A_GPU, int(memory_of(device) / 2 / OF_A_GPU))
    else:
        most = min(ON_A_CPU, A_CORE * len(os.sched_getaffinity(0)))
    return max(1, min(most, trials))


def memory_of(device: str) -> float:
    """Return the memory of a GPU [MB], 0 where NVIDIA's driver does not say it."""
    index = device.partition(":")[2] or "0"
    query = ["nvidia-smi", f"--id={index}", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        ran = subprocess.run(query, capture_output=True, text=True, check=False, timeout=10)
        return float(ran.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0.0
