"""What a run does: one class a job, each with what it needs.

What others ask of a job they read from it. Where one job has a key and another has none, the one without answers with
a property of the same name: a replay has no guarantee, and says so.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta, field

from mimicgen.datagen.config.cluster import ClusterConfig
from mimicgen.datagen.config.evaluating import Evaluate
from mimicgen.datagen.config.job import Count, ExportFormat, Job, LivePort
from mimicgen.datagen.config.randomization import RandomizationConfig
from mimicgen.datagen.config.sections import MimicConfig, ObserveConfig
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import ConfigError

__all__ = ["JOBS", "Annotate", "Evaluate", "Generate", "Job", "Record", "Render", "Replay"]

NAME_BYTES = 200
"""Length of a dataset's name at most; older ones get a date, and a folder beside it an ending [bytes]."""

Settling = Annotated[
    int,
    Meta(
        ge=0,
        le=10_000,
        description="Steps that success has to hold after the last waypoint",
        extra={"unit": "steps"},
    ),
]


class _Writing(Job, frozen=True, kw_only=True):
    """A job that writes demonstrations."""

    output_dataset: Annotated[Path, Meta(description="Where kept demonstrations are written")] = Path(
        "datasets/generated_dataset.hdf5"
    )
    num_trials: Annotated[
        Count, Meta(description="Demonstrations to keep, or attempts to make without 'guarantee'")
    ] = 10
    settle_steps: Settling = 10
    keep_failed: Annotated[bool, Meta(description="Also write failed attempts, to <output_dataset>_failed.hdf5")] = (
        False
    )
    report: Annotated[
        bool, Meta(description="Write report.html when a run has ended by itself: replay, funnel, plots, table")
    ] = True
    export: Annotated[
        ExportFormat,
        Meta(
            description="Format that what was kept is exported to when a run has ended by itself, into a folder beside "
            "the dataset, <output_dataset>_<format>; see docs/formats.md"
        ),
    ] = "none"
    live_port: LivePort = None
    observe: ObserveConfig = field(default_factory=ObserveConfig)

    def __post_init__(self) -> None:
        Job.__post_init__(self)
        rendered = self.render.drawn() if self.render.in_dataset and self.render.when != "never" else ()
        twice = sorted(self.observe.written() & {f"{name}_{kind}" for name in self.render.used() for kind in rendered})
        if twice:
            raise ConfigError(
                f"observe.record and render.in_dataset would both write obs/{twice[0]} into the dataset; switch one off"
            )
        if self.output_dataset.suffix not in (".hdf5", ".h5"):
            raise ConfigError(f"output_dataset = {quoted(self.output_dataset)}: expected a name that ends with .hdf5")
        if len(os.fsencode(self.output_dataset.name)) > NAME_BYTES:
            raise ConfigError(
                f"output_dataset = {quoted(self.output_dataset)}: expected a name of at most {NAME_BYTES} bytes: "
                "files beside it are called after it"
            )


class _Trying(_Writing, frozen=True, kw_only=True):
    """A job that makes new demonstrations from random starts, until there are enough."""

    guarantee: Annotated[
        bool, Meta(description="Try until num_trials demonstrations are kept, instead of num_trials times")
    ] = True
    give_up_below: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Success rate below which a run with 'guarantee' gives up, when the whole 95% interval lies "
            "below it, after at least 50 attempts; 0: never",
        ),
    ] = 0.02
    max_failures: Annotated[
        Count | None,
        Meta(description="Failed attempts after which a run with 'guarantee' gives up, however many succeed"),
    ] = None
    randomization: RandomizationConfig = field(default_factory=RandomizationConfig)


class Generate(_Trying, frozen=True, kw_only=True, tag="generate"):
    """Generate demonstrations from annotated ones, with Mimic."""

    source: Annotated[Path | None, Meta(description="Annotated source demonstrations (HDF5) to generate from")] = None
    first_attempt: Annotated[
        Count, Meta(description="Number of the first attempt: a shard of a run begins where the one before it ends")
    ] = 1
    task_file: Annotated[
        Path | None, Meta(description="Task file of AutoData (YAML), whose settings hold where nothing else is said")
    ] = None
    early_abort: Annotated[
        bool, Meta(description="End an attempt when a subtask is over and its signal has not come")
    ] = True
    mimic: MimicConfig = field(default_factory=MimicConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)

    def __post_init__(self) -> None:
        _Trying.__post_init__(self)
        if self.live_port is not None and self.cluster.elsewhere:
            raise ConfigError(
                f"live_port = {self.live_port}: a run whose attempts are made elsewhere is not shown while it goes on; "
                "leave it out, or have them made here with cluster.address = none"
            )


class Record(_Trying, frozen=True, kw_only=True, tag="record"):
    """Record source demonstrations with the scripted expert."""


class Annotate(_Writing, frozen=True, kw_only=True, tag="annotate"):
    """Replay raw demonstrations, and write those that reach every subtask with their signals."""

    source: Annotated[Path | None, Meta(description="Raw demonstrations (HDF5) to annotate")] = None
    settle_steps: Settling = 0
    plots: Annotated[
        bool, Meta(description="Draw how near an unannotated demonstration came, into <output_dir>/plots")
    ] = False


class Replay(Job, frozen=True, kw_only=True, tag="replay"):
    """Replay demonstrations, and count how many succeed again."""

    makes_dataset: ClassVar[bool] = False
    observes: ClassVar[bool] = False

    source: Annotated[Path | None, Meta(description="Demonstrations (HDF5) to replay")] = None
    num_trials: Annotated[Count, Meta(description="Attempts to make, one a demonstration")] = 10
    settle_steps: Settling = 0
    replay_states: Annotated[
        bool,
        Meta(description="Replay by restoring every recorded state, instead of by the actions from the initial state"),
    ] = False

    @property
    def output_dataset(self) -> Path:
        """Where demonstrations would be; nothing writes it."""
        return self.output_dir / "replay.hdf5"


class Render(Job, frozen=True, kw_only=True, tag="render"):
    """Render the demonstrations of a dataset from their recorded states."""

    makes_attempts: ClassVar[bool] = False
    makes_dataset: ClassVar[bool] = False
    observes: ClassVar[bool] = False
    record_name: ClassVar[str] = "render.json"

    source: Annotated[Path, Meta(description="Dataset (HDF5) to render")]

    @property
    def output_dataset(self) -> Path:
        """The dataset that is rendered."""
        return self.source

    @property
    def guarantee(self) -> bool:
        """Whether demonstrations are what is counted: they are, and how many is known when the dataset is open."""
        return True


JOBS: dict[str, type[Job]] = {
    str(job.__struct_config__.tag): job for job in (Generate, Record, Annotate, Render, Replay, Evaluate)
}
"""The jobs by what files and records call them."""
