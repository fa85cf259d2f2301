"""The plan of a run as files for other schedulers: each shard is a command, and so is putting them together."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from msgspec import structs

from mimicgen.datagen.cluster.shards import shard_at, shards_folder, size_of
from mimicgen.datagen.config.cluster import ClusterConfig
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import ConfigError

RUN = "run.toml"
"""The run, beside what is handed over: `--config` takes it."""

SOURCE, RESULT = "{{input:0}}", "{{output}}"
"""What OSMO replaces by the folders of a task's first input and of its output."""


@dataclass(frozen=True)
class Plan:
    """A run in a number of shards.

    Attributes:
        config: The run, with the size of its shards.
        count: How many shards.
        project: The project's folder where shards are made.
        folder: Where the files are that are handed over.
    """

    config: Generate
    count: int
    project: Path
    folder: Path

    def command(self, *words: str, run: str | None = None) -> str:
        """Return a command of this project as a shell has it."""
        script = str(self.project / "scripts" / "datagen.sh")
        return shlex.join([script, *words, "--config", run or str(self.folder / RUN)])


def count_of(config: Generate, rate: float) -> tuple[int, int]:
    """Return how many shards a run needs, and how many attempts each has.

    Args:
        config: The run.
        rate: Success rate that is expected.

    Raises:
        ConfigError: The rate is none.
    """
    if not 0 < rate <= 1:
        raise ConfigError(f"--rate {rate}: expected the share of attempts that succeed, above 0 and up to 1")
    size = size_of(config, 1)
    attempts = math.ceil(config.num_trials / rate) if config.guarantee else config.num_trials
    return math.ceil(attempts / size), size


def slurm(plan: Plan) -> dict[str, str]:
    """Return an array job for the shards, one that puts them together, and what submits both, by file name."""
    gpus = "#SBATCH --gpus=1\n" if plan.config.device.startswith("cuda") else ""
    shard = plan.command("generate")
    log = shlex.quote(str(plan.folder / "slurm-%A_%a.log"))
    merge_log = shlex.quote(str(plan.folder / "slurm-%j-merge.log"))
    head = "#!/usr/bin/env bash\n"
    shards = (
        f"{head}# A shard a task. One that was killed continues when it is queued again.\n"
        "#SBATCH --job-name=datagen\n"
        f"#SBATCH --array=1-{plan.count}\n"
        f"#SBATCH --output={log}\n"
        f"#SBATCH --requeue\n{gpus}"
        "set -euo pipefail\n"
        f'{shard} --shard "$SLURM_ARRAY_TASK_ID/{plan.count}"\n'
    )
    merge = (
        f"{head}# Puts together what the shards made: whole shards, up to the target.\n"
        "#SBATCH --job-name=datagen-merge\n"
        f"#SBATCH --output={merge_log}\n"
        "set -euo pipefail\n"
        f"{plan.command('cluster', 'merge')}\n"
    )
    submit = (
        f"{head}# Queues the shards, and the merging for when all of them have ended.\n"
        "set -euo pipefail\n"
        'cd -- "$(dirname -- "${BASH_SOURCE[0]}")"\n'
        "shards=$(sbatch --parsable shards.sbatch)\n"
        'sbatch --dependency="afterany:${shards%%;*}" merge.sbatch\n'
    )
    return {"shards.sbatch": shards, "merge.sbatch": merge, "submit.sh": submit}


def taskrunner(plan: Plan) -> dict[str, str]:
    """Return the job file of Isaac Lab's `scripts/reinforcement_learning/ray/task_runner.py`, by file name.

    It knows no order of tasks, so the merging is called when all have ended.
    """
    gpus = plan.config.cluster.gpus_per_worker if plan.config.device.startswith("cuda") else 0
    words = ["-m", "mimicgen.datagen.cli", "generate", "--config", str(plan.folder / RUN)]
    tasks = [
        {
            "name": f"shard-{number}",
            "py_args": shlex.join([*words, "--shard", f"{number}/{plan.count}"]),
            "num_gpus": gpus,
            "num_cpus": 2,
        }
        for number in range(1, plan.count + 1)
    ]
    modules = [str(plan.project / "exts" / "mimicgen.datagen" / "mimicgen")]
    told = {"py_modules": modules, "concurrent": False, "tasks": tasks}
    return {"tasks.yaml": f"# When all tasks have ended: {plan.command('cluster', 'merge')}\n{_yaml(told)}"}


def osmo(plan: Plan, image: str) -> dict[str, str]:
    """Return a workflow of NVIDIA OSMO, by file name: a task a shard, and one that has all of them as inputs.

    Args:
        plan: The plan; its `project` is where the image has the project.
        image: The container image.

    Raises:
        ConfigError: The run's task is a file, which the image does not have.
    """
    if plan.config.task.endswith(".toml") or plan.config.source is None:
        raise ConfigError(
            f"task = {quoted(plan.config.task)}: a container has the tasks that come with the project alone"
        )
    work = Path("/workspace/datagen")
    config = structs.replace(
        plan.config,
        source=Path(SOURCE, plan.config.source.name),
        output_dataset=work / plan.config.output_dataset.name,
        output_dir=work / "output",
        cluster=structs.replace(plan.config.cluster, results="shared"),  # its tasks hand shards on
    )
    shards = shards_folder(config.output_dataset)
    run = f"{work}/{RUN}"
    resources: dict[str, Any] = {"cpu": 8, "memory": "32Gi", "storage": "100Gi"}
    if plan.config.device.startswith("cuda"):
        resources["gpu"] = 1

    def task(name: str, script: str, inputs: list[Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "name": name,
            "image": image,
            "command": ["bash"],
            "args": [f"{work}/entry.sh"],
            "environment": {"ACCEPT_EULA": "Y"},
            "files": [
                {"path": run, "contents": config.to_toml()},
                {"path": f"{work}/entry.sh", "contents": f"set -euo pipefail\n{script}"},
            ],
            "inputs": inputs,
        }

    source: list[Mapping[str, Any]] = [{"url": "{{ source_url }}"}]
    into = shlex.quote(str(shards))
    made = f"cp -r {into}/. {RESULT}/\n"
    tasks = [
        task(f"shard-{number}", f"{plan.command('generate', run=run)} --shard {number}/{plan.count}\n{made}", source)
        for number in range(1, plan.count + 1)
    ]
    gathered = "".join(f"cp -r {{{{input:{number}}}}}/. {into}/\n" for number in range(1, plan.count + 1))
    merging = f"mkdir -p {into}\n{gathered}{plan.command('cluster', 'merge', run=run)}\n"
    merging += f"cp -r {shlex.quote(str(config.output_dataset))} {config.output_dir} {RESULT}/\n"
    last = task("merge", merging, [*source, *({"task": one["name"]} for one in tasks)])
    last["outputs"] = [{"url": "{{ output_url }}"}]
    workflow = {"name": "datagen", "resources": {"default": resources}, "tasks": [*tasks, last]}
    values = {"source_url": "s3://BUCKET/SOURCES/", "output_url": "s3://BUCKET/OUTPUT/"}
    return {"workflow.yaml": _yaml({"version": 2, "workflow": workflow, "default-values": values})}


def planned(config: Generate, count: int, size: int, project: Path, folder: Path) -> Plan:
    """Return the plan of a run in so many shards of a size.

    Raises:
        ConfigError: A run of exactly so many attempts has fewer shards.
    """
    results = config.cluster.results if config.cluster.stored else "shared"
    spread = ClusterConfig(shard_attempts=size, gpus_per_worker=config.cluster.gpus_per_worker, results=results)
    own = structs.replace(config, fresh=False, cluster=spread)
    if shard_at(count - 1, size, own) is None:
        raise ConfigError(
            f"--shards {count}: {config.num_trials} attempts in shards of {size} are "
            f"{math.ceil(config.num_trials / size)} shards"
        )
    return Plan(own, count, project, folder)


def _yaml(told: Any) -> str:
    return str(yaml.safe_dump(told, sort_keys=False, width=1000, default_flow_style=False))
