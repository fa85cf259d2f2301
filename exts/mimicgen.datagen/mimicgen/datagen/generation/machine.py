"""Attempts in all environments at once: one state machine over tensors, whatever acts.

`AttemptMachine` is a session's generator. It knows which attempt is under way in which environment, its steps, its
signals and its success; a `Policy` acts (`policy.py`). A cycle:

- environments whose attempt was accounted for begin a new one, and are reset together;
- the policy gives every environment's action;
- after the step, success and signals are read once, and attempts that are over are ended: when the policy says that
  nothing is left to do and success has lasted, or, as an `Ending` says, when it has lasted or the time is up.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mimicgen.datagen.attempts import (
    FINAL,
    Attempt,
    Outcome,
    reason_for_abort,
    reason_for_failure,
    reason_for_no_number,
    signal_to_blame,
)
from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.dataset.outputs.parts import Episode
from mimicgen.datagen.generation.policy import Over, Policy
from mimicgen.datagen.isaaclab.environment import Environment

GROUPS = 32
"""A reset takes as long for one environment as for many, so this part of the environments is waited for..."""

PATIENCE = 8
"""...but not for more steps than this. With fewer than twice as many environments as groups, nothing waits."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How attempts end whose policy never says that nothing is left to do.

    Attributes:
        hold_steps: Steps in a row after which success has lasted, while the policy goes on.
        max_steps: Steps after which an attempt is over without.
    """

    hold_steps: int
    max_steps: int


class AttemptMachine:
    """Implements `mimicgen.datagen.session.generator.Generator`.

    Args:
        environment: The environment, open.
        policy: What acts.
        seed_of: Gives the seed of an attempt by its number.
        settle_steps: Steps for which success has to last once the policy has nothing left to do.
        ending: How attempts end where the policy never says so; None where it does.
        early_abort: Whether an attempt ends when a subtask is over and its signal has not come.
        retries: How often an attempt that failed is tried again from its start, for a policy that can.
        renderer: What draws kept demonstrations, if they are to be drawn; for the session.
        made: Numbers of attempts that an earlier run has made.
        first: Number of the first attempt.

    Attributes:
        longest: Steps that an attempt can take at most, until its environment begins another; None where the policy
            does not know.
    """

    def __init__(
        self,
        environment: Environment,
        policy: Policy,
        *,
        seed_of: Callable[[int], int],
        settle_steps: int = 0,
        ending: Ending | None = None,
        early_abort: bool = False,
        retries: int = 0,
        renderer: Any = None,
        made: Collection[int] = (),
        first: int = 1,
    ):
        self._environment = environment
        self._policy = policy
        self._seed_of = seed_of
        self._settle_steps = settle_steps
        self._ending = ending
        self._early_abort = early_abort
        self._retries = retries
        self._env = environment.env
        self.stages = (*environment.signal_names, FINAL)
        self.facts = environment.facts
        self.env_args = environment.env_args()
        self.renderer = renderer
        self.longest = None if policy.longest is None else policy.longest + settle_steps + PATIENCE
        self._numbers = (number for number in itertools.count(first) if number not in made)
        self._coming: deque[tuple[int, int, Streams]] = deque()
        self._again: deque[UnderWay] = deque()
        """Attempts that are to be tried again, wherever there is room: before any that is new."""
        self._attempts: dict[int, UnderWay] = {}
        self._settling: dict[int, int] = {}
        """Steps for which success still has to last, by environment."""
        self._ended: list[Attempt] = []
        self._left: list[int] = []
        """Environments whose attempts are to be tried again."""
        count = self._env.num_envs
        self._free = list(range(count))
        self._waited = 0
        self._steps = np.zeros(count, dtype=np.int64)
        self._last_success = np.zeros(count, dtype=np.int64)
        self._lasted = np.zeros(count, dtype=np.int64)
        """Steps in a row for which success has been true."""
        self._first = {name: np.zeros(count, dtype=np.int64) for name in environment.signal_names}
        self._under_way = np.zeros(count, dtype=bool)
        with torch.inference_mode():
            policy.hold(self._free)

    async def ended(self) -> list[Attempt]:
        """See `Generator.ended`."""
        return list(self._ended)

    def episodes(self, attempts: Sequence[Attempt]) -> Sequence[Episode]:
        """See `Generator.episodes`."""
        return self._environment.episodes([attempt.env for attempt in attempts])

    async def actions(self, last: int) -> torch.Tensor:
        """See `Generator.actions`. Shape (num_envs, action_dim)."""
        with torch.inference_mode():
            self._begin(last)
        return await self._policy.actions()

    @torch.inference_mode()
    def step(self, actions: torch.Tensor) -> None:
        """See `Generator.step`."""
        finite = self._environment.step(actions)
        over = list(self._policy.over())
        self._environment.update_success()
        signals = self._environment.signals()
        now = torch.stack([self._environment.succeeded, finite, *(signals[name].bool() for name in self._first)])
        over += self._settled()
        # A CUDA device has only been told to step, and what can be done without its answer is done meanwhile.
        self._prepare(len(self._free) + len({one.env for one in over}))
        succeeded, finite, *came = now.cpu().numpy()
        self._steps += self._under_way
        lost = [int(env_id) for env_id in np.nonzero(self._under_way & ~finite)[0]]
        self._last_success[succeeded] = self._steps[succeeded]
        self._lasted = (self._lasted + 1) * succeeded
        for first, true in zip(self._first.values(), came, strict=True):
            new = true & (first == 0)
            first[new] = self._steps[new]
        if self._ending is not None:
            succeeded = self._lasted >= self._ending.hold_steps
            done = self._under_way & (succeeded | (self._steps >= self._ending.max_steps))
            over += [Over(env=int(env_id), last=True) for env_id in np.nonzero(done)[0]]
        over = [one for one in over if one.env not in lost]
        lacking = self._environment.lacking(self._blamed(over, succeeded))
        for env_id in lost:
            self._settling.pop(env_id, None)
            attempt = self._updated(env_id)
            self._fail(attempt, reason_for_no_number(attempt.steps))
        ended: set[int] = set()
        for one in over:
            if one.env in ended:  # for a subtask of another end effector
                continue
            if one.last:
                self._decide(one.env, success=bool(succeeded[one.env]), lacking=lacking.get(one.env))
            elif self._misses_signal(one, lacking.get(one.env)):
                ended.add(one.env)

    def resting(self) -> bool:
        """See `Generator.resting`."""
        return 0 in self._free or 0 in self._over()

    def abandoned(self) -> list[Attempt]:
        """See `Generator.abandoned`."""
        acting = [self._updated(env_id) for env_id in sorted(self._attempts) if env_id not in self._over()]
        return [attempt.finish(Outcome.ABANDONED, "the run ended first") for attempt in (*acting, *self._again)]

    def _over(self) -> list[int]:
        """Return the environments in which an attempt, or a try of one, ended with the last step."""
        return [*(attempt.env for attempt in self._ended), *self._left]

    def _begin(self, last: int) -> None:
        """Begin attempts up to a number where the last one was accounted for."""
        ended = self._over()
        self._ended.clear()
        self._left.clear()
        for env_id in ended:
            del self._attempts[env_id]
        self._free += ended
        self._under_way[ended] = False
        self._prepare(len(self._free))
        free = self._beginning(last)
        beginning = set(free)
        if waiting := [env_id for env_id in ended if env_id not in beginning]:
            self._policy.hold(waiting)
        if not free:
            return
        self._free = [env_id for env_id in self._free if env_id not in beginning]
        for env_id in free:
            self._attempts[env_id] = self._next(env_id)
        for values in (self._steps, self._last_success, self._lasted, *self._first.values()):
            values[free] = 0
        self._under_way[free] = True
        begun = [self._attempts[env_id] for env_id in free]
        self._policy.begin(begun)
        self._environment.begun(free)
        _, poses = self._environment.poses(free)
        for attempt, *start in zip(begun, *poses.values(), strict=True):
            attempt.start_from(dict(zip(poses, start, strict=True)))

    def _beginning(self, last: int) -> list[int]:
        """Return the environments in which attempts up to a number begin now."""
        room = len(self._free)
        count = min(room, len(self._again) + sum(one[0] <= last for one in itertools.islice(self._coming, room)))
        if not count:
            return []
        self._waited += 1
        # Who has to wait for others waits while others may come.
        enough = min(self._env.num_envs // GROUPS, count + int(self._under_way.sum()))
        if count < enough and self._waited < PATIENCE:
            return []
        self._waited = 0
        return sorted(self._free)[:count]

    def _next(self, env_id: int) -> UnderWay:
        """Return the attempt that begins in an environment."""
        if self._again:
            attempt = self._again.popleft()
            attempt.env = env_id
            return attempt
        number, seed, streams = self._coming.popleft()
        signals, eefs = dict.fromkeys(self._first), self._environment.signal_eefs
        return UnderWay(number=number, env=env_id, seed=seed, streams=streams, signals=signals, eefs=eefs)

    def _prepare(self, count: int) -> None:
        """Seed the random numbers of the attempts to come, until there are this many."""
        while len(self._coming) < count:
            number = next(self._numbers)
            seed = self._seed_of(number)
            self._coming.append((number, seed, Streams(seed, self._policy.draws_on)))

    def _settled(self) -> list[Over]:
        """Return the attempts whose success has had its time to last."""
        self._settling = {env_id: left - 1 for env_id, left in self._settling.items()}
        return [Over(env=env_id, last=True) for env_id, left in self._settling.items() if left == 0]

    def _blamed(self, over: Sequence[Over], succeeded: Any) -> dict[int, str | None]:
        """Return the environments whose attempts fail now, with the signal that they lack; None for success itself."""
        blamed: dict[int, str | None] = {}
        for one in over:
            if one.env in blamed:
                continue
            attempt = self._updated(one.env)
            if one.last and not succeeded[one.env]:
                blamed[one.env] = signal_to_blame(attempt.signals, last_success=attempt.last_success)
            elif not one.last and self._early_abort and attempt.signals.get(one.signal or "", 0) is None:
                blamed[one.env] = one.signal
        return blamed

    def _misses_signal(self, over: Over, lacking: str | None) -> bool:
        """Return whether an attempt is ended early, as a subtask is over without its signal."""
        attempt = self._updated(over.env)
        if over.eef is None or over.signal is None or attempt.signals.get(over.signal, 0) is not None:
            return False
        attempt.miss(over.signal, over.eef)
        if self._early_abort:
            eef = over.eef if len(self._env.cfg.subtask_configs) > 1 else None
            reason = reason_for_abort(over.signal, eef=eef, steps=attempt.steps, lacking=lacking)
            self._fail(attempt, reason)
        return self._early_abort

    def _decide(self, env_id: int, *, success: bool, lacking: str | None) -> None:
        """Let success last from now on, or end an attempt that has nothing left to do."""
        settled = self._settling.pop(env_id, None) is not None
        if success and not settled and self._settle_steps > 0:
            self._settling[env_id] = self._settle_steps
            self._policy.hold([env_id])
            return
        attempt = self._updated(env_id)
        reason = self._policy.verdict(attempt, success=success)
        if reason is None and not success:
            reason = reason_for_failure(
                attempt.signals,
                last_success=attempt.last_success,
                held=settled,
                steps=attempt.steps,
                lacking=lacking,
            )
        if reason is None:
            held = "after settling" if self._ending is None else f"for {self._ending.hold_steps} steps"
            self._ended.append(attempt.finish(Outcome.SUCCESS, f"the success term held {held}"))
        else:
            self._fail(attempt, reason)

    def _fail(self, attempt: UnderWay, reason: str) -> None:
        """End an attempt that failed, or let it begin again."""
        if len(attempt.earlier_tries) < self._retries:
            self._again.append(attempt.again(reason, self._policy.draws_on))
            self._left.append(attempt.env)
        else:
            self._ended.append(attempt.finish(Outcome.FAILURE, reason))

    def _updated(self, env_id: int) -> UnderWay:
        """Return the attempt of an environment, with what the arrays know of it."""
        attempt = self._attempts[env_id]
        attempt.steps = int(self._steps[env_id])
        attempt.last_success = int(self._last_success[env_id]) or None
        attempt.signals = {name: int(first[env_id]) or None for name, first in self._first.items()}
        return attempt
