"""What every job has, whatever it does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tomli_w
from msgspec import Meta, Struct, field, structs

from mimicgen.datagen.attempts import Outcome
from mimicgen.datagen.config.cluster import ClusterConfig
from mimicgen.datagen.config.sections import ObserveConfig, RenderConfig
from mimicgen.datagen.config.values import Flat, flatten, nest, quoted
from mimicgen.datagen.errors import ConfigError

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
ExportFormat = Literal["none", "lerobot", "gr00t", "robomimic"]
LivePort = Annotated[
    Annotated[int, Meta(ge=0, le=65535)] | None,
    Meta(description="Port of 127.0.0.1 at which the report is shown during the run; 0 takes a free one"),
]


def check_device(key: str, device: str) -> None:
    """Check that a device is called like one.

    Raises:
        ConfigError: It is not.
    """
    kind, colon, index = device.partition(":")
    if kind not in ("cpu", "cuda") or (colon and not (kind == "cuda" and re.fullmatch("[0-9]{1,3}", index))):
        raise ConfigError(f"{key} = {quoted(device)}: expected cpu, cuda or cuda:N")


class Job(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="mode"):
    """What all jobs have. Relative paths are relative to the current folder.

    Attributes:
        makes_attempts: Whether attempts are made; if not, an existing dataset is looked at.
        makes_dataset: Whether demonstrations are written, and an earlier run's are continued.
        observes: Whether somebody needs what cameras show of every step.
        record_name: Name of the run's record in its output folder.
    """

    makes_attempts: ClassVar[bool] = True
    makes_dataset: ClassVar[bool] = True
    observes: ClassVar[bool] = True
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
    num_envs: Annotated[
        int, Meta(ge=1, le=65536, description="Environments simulated side by side; auto: as many as are fastest")
    ] = 1
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
        check_device("device", self.device)
        unknown = [name for name in self.observe.cameras if name not in self.render.cameras]
        if unknown:
            known = ", ".join(self.render.cameras) or "none"
            raise ConfigError(f"observe.cameras = {quoted(unknown[0])}: there is no such camera; cameras: {known}")

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
    def first_attempt(self) -> int:
        """Number of the first attempt."""
        return 1

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
    def kept(self) -> frozenset[Outcome]:
        """The outcomes of attempts whose episodes are written."""
        if not self.makes_dataset:
            return frozenset()
        return frozenset({Outcome.SUCCESS, Outcome.FAILURE} if self.keep_failed else {Outcome.SUCCESS})

    @property
    def draws(self) -> bool:
        """Whether demonstrations are rendered."""
        return self.render.when != "never"

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
    def cluster(self) -> ClusterConfig:
        """Where attempts are made: in this process."""
        return ClusterConfig()

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
