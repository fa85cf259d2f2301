"""The job that evaluates a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta, field

from mimicgen.datagen.attempts import Outcome
from mimicgen.datagen.config.job import Count, Job, LivePort, check_device
from mimicgen.datagen.config.sections import ObserveConfig
from mimicgen.datagen.config.varying import VaryConfig
from mimicgen.datagen.errors import ConfigError

FLOOR, A_SUBTASK = 500, 125
"""Steps of an episode where nothing else is said: at least, and for each subtask of a hand."""


class Evaluate(Job, frozen=True, kw_only=True, tag="evaluate"):
    """Let a learned policy act, and count how often it succeeds."""

    makes_dataset: ClassVar[bool] = False

    policy: Annotated[
        str,
        Meta(
            min_length=1,
            description="The policy: module:function, replay:DATASET for the recorded actions of its demonstrations, "
            "zeros, random; see docs/policies.md",
        ),
    ]
    policy_device: Annotated[
        str | None, Meta(description="Device that the policy computes on; none: that of the physics")
    ] = None
    policy_python: Annotated[
        Path | None,
        Meta(description="Python of the virtual environment that the policy runs in, where it runs in one of its own"),
    ] = None
    num_trials: Annotated[Count, Meta(description="Episodes")] = 100
    max_steps: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(
            description="Steps after which an episode without success is over; none: 500, or 125 a subtask where that "
            "is more",
            extra={"unit": "steps"},
        ),
    ] = None
    hold_steps: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Steps in a row that success has to hold, while the policy goes on acting",
            extra={"unit": "steps"},
        ),
    ] = 10
    fresh: Annotated[
        bool, Meta(description="Move an existing output aside, under a dated name: an evaluation is made anew")
    ] = True
    record_failures: Annotated[
        bool,
        Meta(
            description="Write failed episodes to <output_dir>/evaluation_failed.hdf5, and render them as 'render' says"
        ),
    ] = False
    report: Annotated[bool, Meta(description="Write report.html when the run has ended by itself")] = True
    live_port: LivePort = None
    observe: ObserveConfig = field(default_factory=ObserveConfig)
    vary: VaryConfig = field(default_factory=VaryConfig)

    def __post_init__(self) -> None:
        Job.__post_init__(self)
        if self.policy_device is not None:
            check_device("policy_device", self.policy_device)
        if self.vary.look and not self.observe.cameras:
            raise ConfigError(
                f"vary.look = {self.vary.look}: nothing is observed that has looks; name cameras in observe.cameras"
            )

    @property
    def output_dataset(self) -> Path:
        """Where demonstrations would be; failed episodes are written beside it."""
        return self.output_dir / "evaluation.hdf5"

    @property
    def keep_failed(self) -> bool:
        """Whether failed attempts are written."""
        return self.record_failures

    @property
    def kept(self) -> frozenset[Outcome]:
        """See `Job.kept`."""
        return frozenset({Outcome.FAILURE} if self.record_failures else ())

    @property
    def draws(self) -> bool:
        """Whether failed episodes are rendered."""
        return self.record_failures and self.render.when != "never"
