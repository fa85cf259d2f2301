"""A run of data generation: a state machine, and the one coroutine that it drives."""

from mimicgen.datagen.session.machine import Session

__all__ = ["Session"]
