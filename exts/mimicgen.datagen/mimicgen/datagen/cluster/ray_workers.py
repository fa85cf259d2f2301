"""Workers in a Ray cluster, or in one that is started on this machine for the run.

Everything here blocks, and is called in a thread of its own. Ray places, starts and watches the processes.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import math
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimicgen.datagen.cluster.sending.arrivals import Arrivals
from mimicgen.datagen.cluster.sending.inputs import packed_inputs
from mimicgen.datagen.cluster.tasks import Failed, Task, Told
from mimicgen.datagen.cluster.worker import Worker
from mimicgen.datagen.cluster.workers import Ended, Event, Lost, Ready
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.errors import OutputError, RunError, SetupError

WAIT = 0.2
"""Seconds for which `poll` waits for news."""

LOOKS = 5.0
"""Seconds between two looks whether there are nodes."""

STARTS = 3
"""How often a local cluster is started: a node has half a minute, which is not enough on a machine that is busy."""

LISTENS = 10.0
"""Seconds that an address has to answer."""

TOKEN = (
    "where it asks for a token, as Ray's clusters do, start this with RAY_AUTH_MODE=token, and have that of the "
    "cluster in ~/.ray/auth_token"
)
"""What to do where a cluster is there and does not answer: Ray sends its token to no address that is said, unasked."""

_FOUND = ("local", "auto")
"""What is no address: Ray starts or finds the cluster."""

CORES = 2
"""Cores for a worker on CPUs, where the number of workers is not said."""


def check_ray() -> None:
    """Check that Ray is installed.

    Raises:
        SetupError: It is not.
    """
    if importlib.util.find_spec("ray") is None:  # importing it takes seconds, and the panel asks, too
        raise SetupError("Ray is not installed; run: ./scripts/setup.sh --with cluster")


class RayWorkers:
    """Implements `mimicgen.datagen.cluster.workers.Workers`.

    Args:
        config: The run, which says where.
        worker: The class of what makes shards.
    """

    def __init__(self, config: Generate, worker: type[Worker] = Worker):
        self._config = config
        self._worker = worker
        self._numbers = itertools.count(1)
        self._actors: dict[str, Any] = {}
        self._awaited: dict[Any, tuple[str, Task | None]] = {}
        """What each reference that was not told yet will be: the answer of which worker, to which task."""
        self._inputs: tuple[Any, ...] = ()
        """The files that workers are sent, where they have no folder in common with this process."""
        self._arrivals = Arrivals(config)
        self._cores = 1.0
        self._connected = False
        self._looks_again = 0.0

    def start(self) -> list[str]:
        """Connect to the cluster, or start one, and hire workers. Returns their names.

        Raises:
            SetupError: The cluster cannot be reached, or has no GPU for a worker.
            SourceError: What the run reads cannot be sent to workers.
        """
        check_ray()
        import ray

        inputs = packed_inputs(self._config) if self._config.cluster.apart else None
        if ray.is_initialized():
            raise SetupError("Ray is in use in this process already; start the run in a process of its own")
        self._connect(ray)
        resources: Any = ray.cluster_resources
        self._connected = True
        count, self._cores = places(self._config, resources())
        if inputs is not None:
            self._inputs = (ray.put(inputs),)
        return [self.hire() for _ in range(count)]

    def _connect(self, ray: Any) -> None:
        """Connect to the cluster, or start one on this machine, which ends with this process.

        Raises:
            SetupError: It cannot be reached, or does not start.
        """
        wanted = self._config.cluster
        _refuse_if_nobody_listens(wanted.address)
        about: dict[str, Any] = {"log_to_driver": False, "runtime_env": {"env_vars": _environment()}}
        if wanted.address == "local":
            cores = max(len(os.sched_getaffinity(0)), wanted.workers)
            about |= {"num_cpus": cores, "include_dashboard": False}
        for left in reversed(range(STARTS)):
            try:
                ray.init(address=wanted.address, **about)
            except (OSError, ValueError, RuntimeError) as error:
                told = f"the Ray cluster at '{wanted.address}' cannot be reached: {error}"
                raise SetupError(told if wanted.address in _FOUND else f"{told}; {TOKEN}") from error
            except Exception as error:  # this very class is what Ray raises when a node is late
                if type(error) is not Exception:
                    raise
                if not left:
                    raise SetupError(
                        f"Ray did not start on this machine in {STARTS} tries, it may have too much to do: {error}"
                    ) from error
            else:
                return

    def hire(self) -> str:
        """See `Workers.hire`."""
        import ray

        name = f"worker_{next(self._numbers)}"
        gpus = self._config.cluster.gpus_per_worker if _on_gpus(self._config) else 0
        # One after the other, so that a question never waits behind a shard that is stuck.
        own = ray.remote(self._worker).options(num_cpus=self._cores, num_gpus=gpus, max_concurrency=1)
        actor = own.remote(self._config, *self._inputs)
        self._actors[name] = actor
        about: Any = actor.about
        self._awaited[about.remote()] = (name, None)
        return name

    def give(self, worker: str, task: Task) -> None:
        """See `Workers.give`."""
        self._awaited[self._actors[worker].make.remote(task)] = (worker, task)

    def dismiss(self, worker: str) -> None:
        """See `Workers.dismiss`."""
        import ray

        ray.kill(self._actors.pop(worker))
        self._awaited = {ref: asked for ref, asked in self._awaited.items() if asked[0] != worker}

    def poll(self) -> list[Event]:
        """See `Workers.poll`."""
        import ray

        refs = list(self._awaited)
        events = self._arrived(0.0 if refs else WAIT)
        ready, _ = ray.wait(refs, num_returns=1, timeout=0 if events else WAIT) if refs else ([], [])
        if not ready:
            self._refuse_if_no_node_is_left()
        if ready:  # what else is there by now
            ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in ready:
            worker, task = self._awaited.pop(ref)
            try:
                answer = ray.get(ref)
            except ray.exceptions.RayActorError as error:
                self._actors.pop(worker, None)
                events.append(Lost(worker, _first_line(error)))
                continue
            except ray.exceptions.RayError as error:
                answer = Failed(_first_line(error))
            if task is None and isinstance(answer, Failed):
                ray.kill(self._actors.pop(worker))
                events.append(Lost(worker, answer.reason))
            elif task is None:
                events.append(Ready(worker, answer))
            else:
                assert isinstance(answer, Told | Failed)
                if isinstance(answer, Told) and answer.packed is not None:
                    self._arrivals.fetch(worker, self._actors[worker], task, answer)
                else:
                    events.append(Ended(worker, task, answer))
        return events

    def _arrived(self, seconds: float) -> list[Event]:
        """Return what became of the shards that were fetched, after waiting for one at most so long [s]."""
        import ray

        events: list[Event] = []
        for future, worker, task, told in self._arrivals.wait(seconds):
            if worker not in self._actors:  # it was dismissed meanwhile
                continue
            try:
                future.result()
            except ray.exceptions.RayActorError as error:
                del self._actors[worker]
                events.append(Lost(worker, _first_line(error)))
            except (ray.exceptions.RayError, OutputError) as error:
                events.append(Ended(worker, task, Failed(_first_line(error))))
            else:
                events.append(Ended(worker, task, dataclasses.replace(told, packed=None)))
        return events

    def _refuse_if_no_node_is_left(self) -> None:
        """Now and then, check that there is a node: where the last one is lost, Ray would wait for another for ever.

        Raises:
            RunError: There is none.
        """
        import ray

        if time.monotonic() < self._looks_again:
            return
        nodes: Any = ray.nodes
        if not any(node["Alive"] for node in nodes()):
            raise RunError(
                f"the Ray cluster at '{self._config.cluster.address}' is lost, none of its nodes answers; start the "
                "same run again: it continues with the shards that are whole"
            )
        self._looks_again = time.monotonic() + LOOKS

    def close(self) -> None:
        """See `Workers.close`."""
        if self._connected:
            import ray

            for actor in self._actors.values():
                ray.kill(actor)
            self._actors.clear()
            self._awaited.clear()
            self._arrivals.close()
            ray.shutdown()


def _refuse_if_nobody_listens(address: str) -> None:
    """Check that there is something at an address, which Ray takes minutes to find out.

    Raises:
        SetupError: There is not, or it is no address.
    """
    if address in _FOUND:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), LISTENS).close()
    except (OSError, ValueError) as error:
        raise SetupError(
            f"the Ray cluster at '{address}' cannot be reached: {error}; pass --cluster local, auto, HOST:PORT or "
            "ray://HOST:PORT"
        ) from error


def places(config: Generate, resources: Mapping[str, float]) -> tuple[int, float]:
    """Return how many workers there are to be, and how many cores each has.

    Args:
        config: The run.
        resources: What the cluster has, as Ray calls it.

    Raises:
        SetupError: It has no place for a worker.
    """
    wanted = config.cluster
    cores, gpus = int(resources.get("CPU", 1)), resources.get("GPU", 0.0)
    if not _on_gpus(config):
        count = wanted.workers or max(1, cores // CORES)
        return count, max(1.0, float(cores // count))
    if gpus < wanted.gpus_per_worker:
        raise SetupError(
            f"a worker wants {wanted.gpus_per_worker:g} GPUs and the Ray cluster has {gpus:g}; choose another "
            "--cluster, --gpus-per-worker, or --device cpu"
        )
    fitting = math.floor(gpus / wanted.gpus_per_worker) if wanted.gpus_per_worker else 1
    return wanted.workers or fitting, 1.0


def _on_gpus(config: Generate) -> bool:
    return config.device.startswith("cuda")


def _environment() -> dict[str, str]:
    """Return what a worker's process is told: where this package is, and that the licence was accepted here."""
    package = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(part for part in (package, os.environ.get("PYTHONPATH", "")) if part)
    told = {"PYTHONPATH": path}
    return told | {name: os.environ[name] for name in ("OMNI_KIT_ACCEPT_EULA", "ACCEPT_EULA") if name in os.environ}


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else "no message"
    return f"{type(error).__name__}: {last.partition(' Some common causes')[0]}"  # which are of any process
