"""One stream of random numbers for every attempt, whatever the environments beside it do.

Isaac Lab and Mimic draw from the process's global generators (`random`, `numpy.random`, `torch`). With several
environments in flight those draws interleave, and an attempt depends on its neighbours. Here every attempt owns the
state of all three, put in place while its code runs. So an attempt's seed gives the attempt again, whatever the number
of environments.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

_EVALUATION = 1 << 32


def attempt_seed(run_seed: int, number: int) -> int:
    """Return the seed of an attempt.

    Args:
        run_seed: The run's seed.
        number: The attempt's number in the run.
    """
    return int(np.random.SeedSequence(run_seed, spawn_key=(number,)).generate_state(1)[0])


def try_seed(seed: int, earlier: int) -> int:
    """Return the seed of a try of an attempt: the attempt's own of the first one, for which it is kept as it was.

    Args:
        seed: The attempt's seed.
        earlier: Tries of the attempt before.
    """
    return attempt_seed(seed, earlier) if earlier else seed


def evaluation_seed(run_seed: int, number: int) -> int:
    """Return the seed of an episode in which a policy is evaluated: larger than any that demonstrations are made with.

    Args:
        run_seed: The run's seed.
        number: The episode's number in the run.

    Returns:
        A number of 33 bits, of which the first is set.
    """
    return _EVALUATION + int(np.random.SeedSequence(run_seed, spawn_key=(number, 1)).generate_state(1)[0])


class Streams:
    """The states of the global random generators that belong to one attempt.

    Args:
        seed: Seeds all of them.
        device: Where tensors live; a CUDA device has a generator of its own.

    Attributes:
        generator: PyTorch's on the host, to draw from while the states are not the process's own.
    """

    def __init__(self, seed: int, device: str):
        self._python: Any = random.Random(seed).getstate()
        # NumPy's global generator can be given another source of bits, which is far quicker than copying states.
        low, high = seed % _EVALUATION, seed // _EVALUATION
        seeded: Any = np.random.RandomState([low, high] if high else low).get_state(legacy=False)
        self._numpy: np.random.BitGenerator = np.random.MT19937()
        self._numpy.state = seeded
        # PyTorch's generator on the host takes 32 bits of a seed, so those of longer ones are mixed.
        mixed = int(np.random.SeedSequence(seed).generate_state(1)[0]) if high else low
        self.generator = torch.Generator().manual_seed(mixed)
        self._cuda_device = device if device.startswith("cuda") else None
        if self._cuda_device:
            self._cuda = torch.Generator(device).manual_seed(seed).get_state()

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Make these states the process's own for a while. Do not await inside."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        python, numpy_, torch_ = random.getstate(), np.random.get_bit_generator(), torch.get_rng_state()
        random.setstate(self._python)
        np.random.set_bit_generator(self._numpy)
        torch.set_rng_state(self.generator.get_state())
        self.generator.set_state(torch_)
        self._python, self._numpy = python, numpy_
        if self._cuda_device:
            cuda = torch.cuda.get_rng_state(self._cuda_device)
            torch.cuda.set_rng_state(self._cuda, self._cuda_device)
            self._cuda = cuda
