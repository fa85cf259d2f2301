"""The state machine that the application, the panel and scripts hold.

The session knows nothing of Kit, Isaac Lab or the panel. It is given `next_frame`, which waits for the application's
next frame, and `open_simulation`, which brings a simulation. The application owns the frame: the coroutine takes one
environment step and then waits for the next frame, so everything else in the application runs between two steps.

Call order of a run::

    session = Session(next_frame, open_simulation)
    unsubscribe = session.subscribe(observer)
    session.start(config)                   # IDLE, DONE or FAILED -> STARTING -> RUNNING
    session.pause(); session.resume()       # RUNNING <-> PAUSED
    session.stop("stopped by the user")     # -> STOPPING -> DONE
    end = await session.finished()
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.errors import StateError
from mimicgen.datagen.progress import End, Observer, Progress, State
from mimicgen.datagen.session.clock import Clock
from mimicgen.datagen.session.generator import OpenSimulation
from mimicgen.datagen.session.host import Host
from mimicgen.datagen.session.run import Run

log = logging.getLogger(__name__)

_ONCE = ("last_attempt", "last_rendered", "render_failure", "told")
"""What one snapshot alone reports."""


class Session:
    """Owns runs, one at a time.

    Args:
        next_frame: Waits for the application's next frame.
        open_simulation: Opens a simulation; closing the context closes everything it opened.
        spawn: Starts a coroutine on the application's event loop.
        make_run: Makes the run of a job.

    Attributes:
        stopped: The end that `stop` asked for, None while nobody did.
        clock: Time since the run's first step, without pauses.
        next_frame: As given.
    """

    def __init__(
        self,
        next_frame: Callable[[], Awaitable[None]],
        open_simulation: OpenSimulation,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] = asyncio.ensure_future,
        make_run: Callable[[Any, Host, OpenSimulation], Run] = Run,
    ):
        self.next_frame = next_frame
        self.stopped: End | None = None
        self.clock = Clock()
        self._spawn = spawn
        self._make_run = make_run
        self._open_simulation = open_simulation
        self._observers: dict[object, Observer] = {}
        self._progress = Progress()
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._progress.state

    @property
    def active(self) -> bool:
        """Whether a run is going on."""
        return self.state not in (State.IDLE, State.DONE, State.FAILED)

    @property
    def progress(self) -> Progress:
        """The latest snapshot."""
        return self._progress

    def subscribe(self, observer: Observer) -> Callable[[], None]:
        """Call `observer` with every new snapshot, until it raises. Returns the function that ends that."""
        token = object()
        self._observers[token] = observer
        return lambda: self._unsubscribe(token)

    def start(self, config: Job) -> None:
        """Start a run. May be called from anywhere in the application's thread, inside or outside a coroutine.

        Raises:
            StateError: A run is going on.
        """
        self._require("start", State.IDLE, State.DONE, State.FAILED)
        self.stopped, self.clock, self._task = None, Clock(), None
        self._progress = Progress(target=config.num_trials, guarantee=config.guarantee, rendering=config.draws)
        self.publish(state=State.STARTING)
        coroutine = self._make_run(config, self, self._open_simulation).go()
        try:
            self._task = self._spawn(coroutine)
        except BaseException as error:
            coroutine.close()
            reason = f"the run could not be started: {type(error).__name__}: {error}"
            self.publish(state=State.FAILED, end=End(reason=reason, exit_code=1))
            raise

    def pause(self) -> None:
        """Take no further step until `resume`.

        Raises:
            StateError: The session is not running.
        """
        self._require("pause", State.RUNNING)
        self.clock.stop()
        self.publish(state=State.PAUSED)

    def resume(self) -> None:
        """Go on after `pause`.

        Raises:
            StateError: The session is not paused.
        """
        self._require("resume", State.PAUSED)
        self.clock.start()
        self.publish(state=State.RUNNING)

    def stop(self, reason: str = "stopped by the user", *, exit_code: int = 130) -> None:
        """End the run before its next step, keeping what was told as kept.

        Raises:
            StateError: No run is going on.
        """
        self._require("stop", State.STARTING, State.RUNNING, State.PAUSED)
        self.stopped = End(reason=reason, exit_code=exit_code)
        self.publish(state=State.STOPPING)

    async def finished(self) -> End:
        """Wait until the run has ended and everything it opened is closed.

        Raises:
            StateError: No run was started.
        """
        if self._task is None:
            raise StateError("finished: no run was started; call start first")
        await asyncio.wait([self._task])
        assert self._progress.end is not None
        return self._progress.end

    async def close(self) -> None:
        """End a run, if one is going on, and wait for it."""
        if self.active and self.state is not State.STOPPING:
            self.stop("the application is closing")
        if self._task is not None:
            await asyncio.wait([self._task])

    def publish(self, **changes: Any) -> None:
        """Change the snapshot, and tell the observers. For the run; whatever an observer raises, the run goes on."""
        told: dict[str, Any] = dict.fromkeys(_ONCE)
        self._progress = dataclasses.replace(self._progress, **told | {"elapsed": self.clock.seconds} | changes)
        interrupted = None
        for token, observer in tuple(self._observers.items()):
            try:
                observer(self._progress)
            except Exception:  # showing progress, on a pipe that was closed for instance, must not end a run
                log.exception("an observer failed, and is not called any more")
                self._unsubscribe(token)
            except BaseException as error:  # noqa: BLE001 -- raised below, when everybody has been told
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def _unsubscribe(self, token: object) -> None:
        self._observers.pop(token, None)

    def _require(self, call: str, *states: State) -> None:
        if self.state not in states:
            allowed = " or ".join(states)
            raise StateError(f"{call}: the session is {self.state}; this is possible when it is {allowed}")
