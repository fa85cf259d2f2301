"""What a run does: one class a job, each with what it needs.

What others ask of a job they read from it. Where one job has a key and another has none, the one without answers with
a property of the same name: a replay has no guarantee, and says so.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tomli_w
from msgspec import Meta, Struct, field, structs

from mimicgen.datagen.config.randomization import RandomizationConfig
from mimicgen.datagen.config.sections import MimicConfig, ObserveConfig, RenderConfig
from mimicgen.datagen.config.values import Flat, flatten, nest, quoted
from mimicgen.datagen.errors import ConfigError

NAME_BYTES = 200
"""Length of a dataset's name at most; older ones get a date, and a folder beside it an ending [bytes]."""

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
ExportFormat = Literal["none", "lerobot", "gr00t", "robomimic"]
Settling = Annotated[
    int,
    Meta(
        ge=0,
        le=10_000,
        description="Steps that success has to hold after the last waypoint",
        extra={"unit": "steps"},
    ),
]


class Job(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="mode"):
    """What all jobs have. Relative paths are relative to the current folder.

    Attributes:
        makes_attempts: Whether attempts are made; if not, an existing dataset is looked at.
        makes_dataset: Whether demonstrations are written, and an earlier run's are continued.
        record_name: Name of the run's record in its output folder.
    """

    makes_attempts: ClassVar[bool] = True
    makes_dataset: ClassVar[bool] = True
    record_name: ClassVar[str] = "run.json"

    task: Annotated[
        str,
        Meta(
            min_length=1,
            description="Task: name of a task that a file describes, path of a task file (.toml), or a registered "
            "Isaac Lab Mimic task",
        ),
    ]
    variant: Annotated[
        str, Meta(min_length=1, description="Which of the ways to start a task file's attempts, by its name there")
    ] = "d0"
    output_dir: Annotated[Path, Meta(description="Folder of the run's records")] = Path("output")
    num_envs: Annotated[int, Meta(ge=1, le=65536, description="Environments simulated side by side")] = 1
    seed: Annotated[
        int,
        Meta(ge=0, le=2**32 - 1, description="Seed of the run, from which every attempt's seed is derived"),
    ] = 1
    physics: Annotated[
        Literal["mujoco", "physx"],
        Meta(
            description="Engine of the embedded runtime: MuJoCo (its own on a CPU, MuJoCo Warp on CUDA), or PhysX, "
            "which Isaac Sim has"
        ),
    ] = "mujoco"
    device: Annotated[str, Meta(min_length=1, description="Device of physics and tensors: cpu, cuda or cuda:N")] = "cpu"
    fresh: Annotated[
        bool, Meta(description="Move an existing output aside, under a dated name, instead of continuing it")
    ] = False
    render: RenderConfig = field(default_factory=RenderConfig)

    def __post_init__(self) -> None:
        kind, colon, index = self.device.partition(":")
        if kind not in ("cpu", "cuda") or (colon and not (kind == "cuda" and re.fullmatch("[0-9]{1,3}", index))):
            raise ConfigError(f"device = {quoted(self.device)}: expected cpu, cuda or cuda:N")

    @property
    def mode(self) -> str:
        """What the job is called in files and records."""
        return str(self.__struct_config__.tag)

    @property
    def source(self) -> Path | None:
        """Source demonstrations, None where none are read or none were chosen."""
        return None

    @property
    def output_dataset(self) -> Path:
        """The dataset that is written, or whose demonstrations are looked at."""
        raise NotImplementedError

    @property
    def num_trials(self) -> int:
        """Demonstrations to keep with a guarantee, else attempts to make."""
        return 0

    @property
    def guarantee(self) -> bool:
        """Whether attempts go on until `num_trials` demonstrations are kept."""
        return False

    @property
    def max_failures(self) -> int | None:
        """Failed attempts after which a run with a guarantee gives up, None for any number."""
        return None

    @property
    def give_up_below(self) -> float:
        """Success rate below which a run with a guarantee gives up."""
        return 0.0

    @property
    def settle_steps(self) -> int:
        """Steps that success has to hold."""
        return 0

    @property
    def keep_failed(self) -> bool:
        """Whether failed attempts are written, too."""
        return False

    @property
    def report(self) -> bool:
        """Whether a report is written at the end."""
        return False

    @property
    def export(self) -> ExportFormat:
        """What kept demonstrations are exported to at the end."""
        return "none"

    @property
    def observe(self) -> ObserveConfig:
        """What cameras show of every step; nothing where no demonstrations are written."""
        return ObserveConfig()

    @property
    def live_port(self) -> int | None:
        """Port at which the report is shown during the run, None for no such page."""
        return None

    def flat(self) -> Flat:
        """Return every value by its dotted key."""
        return {"mode": self.mode} | flatten(structs.asdict(self))

    def to_toml(self) -> str:
        """Return the job as TOML that `layers.read_toml` reads back; keys without a value are left out."""
        plain = {key: str(value) if isinstance(value, Path) else value for key, value in self.flat().items()}
        return tomli_w.dumps(nest({key: value for key, value in plain.items() if value is not None}))


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
    live_port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(description="Port of 127.0.0.1 at which the report is shown during the run; 0 takes a free one"),
    ] = None
    observe: ObserveConfig = field(default_factory=ObserveConfig)

    def __post_init__(self) -> None:
        Job.__post_init__(self)
        unknown = [name for name in self.observe.cameras if name not in self.render.cameras]
        if unknown:
            known = ", ".join(self.render.cameras) or "none"
            raise ConfigError(f"observe.cameras = {quoted(unknown[0])}: there is no such camera; cameras: {known}")
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
    task_file: Annotated[
        Path | None, Meta(description="Task file of AutoData (YAML), whose settings hold where nothing else is said")
    ] = None
    early_abort: Annotated[
        bool, Meta(description="End an attempt when a subtask is over and its signal has not come")
    ] = True
    mimic: MimicConfig = field(default_factory=MimicConfig)


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
    str(job.__struct_config__.tag): job for job in (Generate, Record, Annotate, Render, Replay)
}
"""The jobs by what files and records call them."""
