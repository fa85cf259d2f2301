"""Gradient steps: AdamW, a schedule, an average of the weights; on a GPU all of a step is one CUDA graph."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mimicgen.datagen.policies.training.learner import Learner
from mimicgen.datagen.policies.training.presets import Training

_WARM = 3
"""Steps that run one by one before a graph is made: kernels are chosen and memory is reserved meanwhile."""


def rate_at(step: int, training: Training) -> float:
    """Return the share of the learning rate at a step, counted from 0."""
    rising = max(round(training.warmup * training.steps), 1)
    if step < rising:
        return (step + 1) / rising
    if training.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(training.steps - rising, 1)))


class Optimisation:
    """Takes gradient steps.

    Args:
        learner: What learns.
        training: How.
        device: Where.
        note: Told in words when no graph can be made.

    Attributes:
        step: Steps that were taken.
        average: The average of the weights, the network itself where none is kept.
    """

    def __init__(self, learner: Learner, training: Training, device: torch.device, note: Callable[[str], None]):
        self.step = 0
        self._learner, self._training, self._device, self._note = learner, training, device, note
        self._cuda = device.type == "cuda"
        groups = learner.groups()
        self._rates = [group["lr"] for group in groups]
        if self._cuda:  # a number on the device, which a graph reads at every step
            for group in groups:
                group["lr"] = torch.tensor(group["lr"], dtype=torch.float32, device=device)
        self._optimiser = torch.optim.AdamW(
            groups, weight_decay=training.weight_decay, capturable=self._cuda, fused=self._cuda
        )
        self._parameters = [own for group in groups for own in group["params"]]
        self.average = copy.deepcopy(learner.module) if training.ema else learner.module
        self.average.requires_grad_(not training.ema)
        self._averaging = get_ema_multi_avg_fn(training.ema)
        self._total = torch.zeros((), device=device)
        self._summed = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._warm = 0

    def take(self) -> None:
        """Take a step. On a GPU it goes on there when this returns."""
        share = rate_at(self.step, self._training)
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            if self._cuda:
                group["lr"].fill_(rate * share)
            else:
                group["lr"] = rate * share
        if self._graph is not None:
            self._graph.replay()
        elif self._cuda and self._learner.capturable:
            self._take_beside()
        else:
            self._compute()
        self.step += 1
        self._summed += 1

    def loss(self) -> float | None:
        """Return the mean of the loss over the steps since this was asked last, None where there were none."""
        if not self._summed:
            return None
        mean: float = self._total.item() / self._summed
        self._total.zero_()
        self._summed = 0
        return mean

    def state(self) -> dict[str, Any]:
        """Return what it takes to go on from here, as tensors and numbers."""
        cuda = torch.cuda.get_rng_state(self._device) if self._cuda else None
        return {
            "step": self.step,
            "network": self._learner.module.state_dict(),
            "average": self.average.state_dict() if self._training.ema else None,
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": cuda,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where a state was taken; before the first step."""
        self.step = state["step"]
        self._learner.module.load_state_dict(state["network"])
        if self._training.ema:
            self.average.load_state_dict(state["average"])
        rates = [group["lr"] for group in self._optimiser.param_groups]
        self._optimiser.load_state_dict(state["optimiser"])
        for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        torch.set_rng_state(state["random"])
        if self._cuda and state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"], self._device)

    def _take_beside(self) -> None:
        """Take a step on a stream of its own, as what comes before a graph has to be, and then make the graph."""
        beside = torch.cuda.Stream(self._device)
        beside.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(beside):
            self._compute()
        torch.cuda.current_stream(self._device).wait_stream(beside)
        self._warm += 1
        if self._warm < _WARM:
            return
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._compute()
        except RuntimeError as error:  # slower, and nothing else is different
            self._learner.capturable = False
            self._note(f"steps are taken one by one, as no CUDA graph can be made of one: {error}")
            return
        self._graph = graph

    def _compute(self) -> None:
        training = self._training
        self._optimiser.zero_grad(set_to_none=True)
        half = training.precision == "bfloat16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half, cache_enabled=False):
            loss = self._learner.loss()
        loss.backward()  # type: ignore[no-untyped-call]
        if training.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self._parameters, training.gradient_clip)
        self._optimiser.step()
        with torch.no_grad():
            self._total.add_(loss.detach())
            if training.ema:
                own = list(self._learner.module.parameters())
                self._averaging(list(self.average.parameters()), own, None)
                for kept, now in zip(self.average.buffers(), self._learner.module.buffers(), strict=True):
                    kept.copy_(now)
