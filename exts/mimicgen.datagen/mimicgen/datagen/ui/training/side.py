"""The side of the window that trains; see `ui.sides.Side`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mimicgen.datagen.ui.controls import Controls
from mimicgen.datagen.ui.forms.training import TrainingForm
from mimicgen.datagen.ui.training.draft import TrainingDraft
from mimicgen.datagen.ui.training.running import Training, TrainingState
from mimicgen.datagen.ui.training.watch import TrainingWatch


class TrainingSide:
    """A training.

    Args:
        training: The training.
        evaluate: Is called with a policy that is to be evaluated, and the task.
        dataset: Says which dataset is trained on while none is typed.
    """

    def __init__(self, training: Training, evaluate: Callable[[Path, str], None], dataset: Callable[[], object]):
        self._training = training
        self._evaluate = evaluate
        self._draft = TrainingDraft(dataset)
        self._version = -1
        self.stop = training.stop
        self.close = training.close

    @property
    def allowed(self) -> Controls:
        """See `Side.allowed`."""
        going = self._training.active
        stops = going and self._training.state is not TrainingState.STOPPING
        return Controls(
            start=not going and not self._draft.problems, pause=False, resume=False, stop=stops, edit=not going
        )

    @property
    def problems(self) -> Mapping[str, str]:
        """See `Side.problems`."""
        return self._draft.problems

    @property
    def edited(self) -> int:
        """See `Side.edited`."""
        return self._draft.version

    @property
    def folder(self) -> object:
        """See `Side.folder`."""
        return self._draft.value("output")

    @property
    def heading(self) -> tuple[str, str]:
        """See `Side.heading`."""
        told = self._training.told
        detail = f"step {told.step} of {told.steps}" if self._training.active and told.steps else ""
        return str(self._training.state), detail

    def form(self) -> TrainingForm:
        """See `Side.form`."""
        self._draft.check()
        return TrainingForm(self._draft)

    def watch(self) -> TrainingWatch:
        """See `Side.watch`."""
        return TrainingWatch(self._training, self._evaluate)

    def poll(self) -> None:
        """Take in what the process has told, and whether the dataset has come."""
        self._training.poll()
        self._draft.look()

    def news(self, now: float) -> bool:
        """See `Side.news`."""
        changed = self._training.version != self._version
        self._version = self._training.version
        return changed

    def start(self) -> None:
        """See `Side.start`."""
        self._draft.check()
        if not self._draft.problems:
            self._training.start(self._draft.options())

    def pause(self) -> None:
        """See `Side.pause`: nothing pauses it."""

    def resume(self) -> None:
        """See `Side.resume`."""
