"""An environment that outlives its run, for the next one that is the same but for its attempts and its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimicgen.datagen.isaaclab.environment import Environment


class Keeper:
    """Keeps an environment open between runs. Opening one takes seconds, and on a GPU minutes for its kernels.

    Attributes:
        environment: The environment, None before the first run and after `close`.
    """

    def __init__(self) -> None:
        self.environment: Environment | None = None

    def close(self) -> None:
        """Close the environment: the next run opens another one."""
        if self.environment is not None:
            environment, self.environment = self.environment, None
            environment.close()
