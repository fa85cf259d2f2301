"""Which demonstrations of a dataset are exported, in which order and with which images; and why others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from mimicgen.datagen.dataset.files import attribute, open_source, parents, recorded_task
from mimicgen.datagen.dataset.formats.embodiment import Embodiment, EmbodimentOf, joints_of
from mimicgen.datagen.dataset.formats.images import Images, find_folder, images_in, images_of
from mimicgen.datagen.dataset.formats.language import Language, language_of, outcome_text
from mimicgen.datagen.dataset.formats.representations import (
    ActionKind,
    Joints,
    Part,
    Representations,
    StateKind,
)
from mimicgen.datagen.dataset.formats.splits import divided
from mimicgen.datagen.dataset.formats.videos import Encoding, check_images
from mimicgen.datagen.dataset.sources.conventions import QuaternionOrder, quaternion_order
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.tools.copying import read_masks, steps_of
from mimicgen.datagen.dataset.tools.validate import step_seconds
from mimicgen.datagen.errors import ConfigError, SourceError

FEWEST = 2
"""Steps that a demonstration has at least: fewer have no spread."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be exported.

    Attributes:
        state: How the state is represented; None for formats that have the observations as they are.
        action: How the action is.
        objects: Whether the poses of objects are, too.
        failed: Whether failed demonstrations are.
        video: How the images are encoded; None for formats that have them as they are.
        modalities: What is exported of the cameras' views; nothing named means all that was rendered.
        images: The output folder of a rendering; None: those in the dataset, or in the first of `places` that has any.
        places: Where the output folder may be.
    """

    state: StateKind | None = "joints"
    action: ActionKind = "recorded"
    objects: bool = False
    failed: bool = False
    video: Encoding | None = "av1"
    modalities: tuple[str, ...] = ()
    images: Path | None = None
    places: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A demonstration that is exported, or a look of one.

    Attributes:
        name: What it is called.
        demo: The demonstration in the file that its numbers are of.
        steps: Its length.
        images: What its cameras show, by name.
        success: Whether it is a success; None where that is not recorded.
        task: What a policy is told, with the reason of a failure.
        outcome: How it ended.
    """

    name: str
    demo: str
    steps: int
    images: tuple[Images, ...]
    success: bool | None
    task: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A demonstration that is not exported.

    Attributes:
        demo: Its name.
        why: The reason.
    """

    demo: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is exported of a dataset.

    Attributes:
        dataset: The file.
        bytes: Its size, by which it is known again.
        changed: When it was written last [ns], likewise.
        task: Registered name of the task.
        fps: Steps a second.
        wanted: What was asked for.
        body: The robots.
        joints: Names of their joints in the recorded order.
        order: Of the quaternions in the file.
        language: The task in words.
        episodes: What is exported, in order.
        rejected: What is not.
        splits: First and one past the last episode of each part, by name.
        state: What the numbers of the state are.
        action: Those of the action.
        objects: Those of the objects' poses; nothing if they are not exported.
        notes: What should be said.
    """

    dataset: Path
    bytes: int
    changed: int
    task: str
    fps: int
    wanted: Wanted
    body: Embodiment
    joints: Joints
    order: QuaternionOrder
    language: Language
    episodes: tuple[Episode, ...]
    rejected: tuple[Rejected, ...]
    splits: Mapping[str, tuple[int, int]]
    state: tuple[Part, ...]
    action: tuple[Part, ...]
    objects: tuple[Part, ...]
    notes: tuple[str, ...]

    @property
    def representations(self) -> Representations:
        """What makes vectors of the demonstrations."""
        return Representations(self.body, self.joints, self.order)

    @property
    def encoding(self) -> Encoding:
        """How the images are encoded."""
        assert self.wanted.video is not None, "it is of a format that has them as they are"
        return self.wanted.video

    @property
    def cameras(self) -> tuple[Images, ...]:
        """The images that every episode has, as the first one has them."""
        return self.episodes[0].images


def plan(
    path: Path,
    wanted: Wanted,
    embodiment_of: EmbodimentOf,
    language_of_task: Callable[[str], Language | None],
    faults: Mapping[str, str],
) -> Plan:
    """Choose what is exported of a dataset.

    Args:
        path: The dataset.
        wanted: What is to be exported.
        embodiment_of: Tells what is known of a task's robots.
        language_of_task: Tells what is known of a task in words.
        faults: What is wrong with demonstrations, by name.

    Raises:
        ConfigError: The length of a step is not one that the formats can say.
        SourceError: The file cannot be read, or nothing of it can be exported.
    """
    with open_source(path) as file:
        task, order = recorded_task(file), quaternion_order(file)
        body, language = embodiment_of(task), language_of(file["data"], language_of_task)
        chooser = _Chooser(
            file, wanted, language, Representations(body, joints_of(attribute(file, "provenance"), body), order), faults
        )
        chooser.look_at_all()
        family = parents(file)
        called = [{episode.name, episode.demo, family[episode.demo]} for episode in chooser.episodes]
        numbers, splits, notes = divided(called, read_masks(file))
        episodes = [chooser.episodes[index] for index in numbers]
        if not episodes:
            reasons = [f"{one.demo}: {one.why}" for one in chooser.rejected[:10]]
            more = [f"and {len(chooser.rejected) - 10} more"] if len(chooser.rejected) > 10 else []
            raise SourceError(f"source '{path}': none of its demonstrations can be exported", *reasons, *more)
        fps = fps_of(path, file)
        if wanted.video is not None:
            for episode in episodes:
                check_images(episode.images, wanted.video)
        state, action, objects = chooser.vectors
        if state and not state[0].key.endswith(("arm", "position")):
            notes.append("the order of the robots' joints is not known, so they are numbered")
    status = path.stat()
    return Plan(
        dataset=path,
        bytes=status.st_size,
        changed=status.st_mtime_ns,
        task=task,
        fps=fps,
        wanted=wanted,
        body=body,
        joints=chooser.joints,
        order=order,
        language=language,
        episodes=tuple(episodes),
        rejected=tuple(chooser.rejected),
        splits=splits,
        state=state,
        action=action,
        objects=objects,
        notes=tuple(notes) if episodes[0].images else ("there are no images: states and actions alone", *notes),
    )


class _Chooser:
    """Looks at every demonstration of a file.

    Attributes:
        episodes: What can be exported, in natural order.
        rejected: What cannot.
        vectors: What the numbers of state, action and objects' poses are.
    """

    def __init__(
        self,
        file: h5py.File,
        wanted: Wanted,
        language: Language,
        representations: Representations,
        faults: Mapping[str, str],
    ):
        self._file = file
        self._wanted = wanted
        self._language = language
        self._make = representations
        self._faults = faults
        self.joints = representations.joints
        self.episodes: list[Episode] = []
        self.rejected: list[Rejected] = []
        self.vectors: tuple[tuple[Part, ...], ...] = ()

    def look_at_all(self) -> None:
        """Look at every demonstration: choose it, or say why not."""
        family = parents(self._file)
        folder = self._wanted.images or self._folder(list(family))
        candidates: list[Episode] = []
        for name, parent in family.items():
            alive()
            try:
                candidates += self._episodes(name, folder, has_looks=parent == name and _has_looks(name, family))
            except SourceError as error:
                self.rejected.append(Rejected(demo=name, why=str(error)))
        kinds = Counter(map(_cameras, candidates))
        if kinds:
            usual = max(kinds, key=lambda kind: (bool(kind), kinds[kind]))
            for episode in candidates:
                if _cameras(episode) == usual:
                    self.episodes.append(episode)
                else:
                    self.rejected.append(Rejected(demo=episode.name, why=_lacking(_cameras(episode), usual)))

    def _folder(self, names: Sequence[str]) -> Path | None:
        """Return the folder of a rendering that has images of the first demonstration with states."""
        for name in names:
            demo = self._file["data"][name]
            if isinstance(demo.get("states"), h5py.Group) and isinstance(demo.get("initial_state"), h5py.Group):
                return find_folder(self._wanted.places, name, demo)
        return None

    def _episodes(self, name: str, folder: Path | None, *, has_looks: bool) -> Iterator[Episode]:
        """Yield what is exported of a demonstration.

        Raises:
            SourceError: Nothing is; the message is the reason.
        """
        demo = self._file["data"][name]
        success, steps, outcome = attribute(demo, "success"), steps_of(demo), outcome_text(demo)
        failed = success is not None and not success
        if name in self._faults:
            raise SourceError(self._faults[name])
        if failed and not self._wanted.failed:
            raise SourceError(f"is a {outcome}; --failed exports it")
        if steps < FEWEST:
            raise SourceError(f"has {steps} steps, and {FEWEST} are needed")
        vectors = (
            self._make.state(demo, self._wanted.state).parts if self._wanted.state else (),
            self._make.action(demo, self._wanted.action).parts,
            self._make.objects(demo).parts if self._wanted.objects else (),
        )
        self.vectors = self.vectors or vectors
        if vectors != self.vectors:
            raise SourceError("its state or action has other numbers than those of the demonstrations before it")
        shown = images_in(folder, name, demo, steps) if folder is not None else {}
        if not shown:
            own = images_of(demo, steps) if self._wanted.images is None else ()
            if not own and has_looks:
                return  # its looks stand for it
            shown = {name: own}
        task = f"{self._language.instruction} ({outcome})" if failed else self._language.instruction
        for own_name, images in shown.items():
            chosen = tuple(
                one for one in images if not self._wanted.modalities or one.modality in self._wanted.modalities
            )
            yield Episode(
                name=own_name,
                demo=name,
                steps=steps,
                images=chosen,
                success=None if success is None else bool(success),
                task=task,
                outcome=outcome,
            )


def _has_looks(name: str, family: Mapping[str, str]) -> bool:
    return any(parent == name != other for other, parent in family.items())


def _cameras(episode: Episode) -> tuple[tuple[str, int, int], ...]:
    return tuple((one.name, one.height, one.width) for one in episode.images)


def _lacking(own: Sequence[tuple[str, int, int]], usual: Sequence[tuple[str, int, int]]) -> str:
    """Return how the images of a demonstration differ from those of the others."""
    missing = [name for name, _, _ in usual if name not in {name for name, _, _ in own}]
    if missing:
        return f"has no images of {', '.join(missing)}, which others have; render it (datagen.sh render)"
    more = [name for name, _, _ in own if name not in {name for name, _, _ in usual}]
    if more:
        return f"has images of {', '.join(more)}, which others have not"
    return "has images of another size than the others; render them again"


def fps_of(path: Path, file: h5py.File) -> int:
    """Return the steps of a second, which the formats have as a whole number.

    Raises:
        ConfigError: They are none.
    """
    rate = 1 / (seconds := step_seconds(file))
    if abs(rate - round(rate)) > 1e-6 * rate or round(rate) < 1:
        raise ConfigError(
            f"source '{path}': a step takes {seconds:g} s, {rate:g} steps a second; the format needs a whole number of "
            "them: record with another 'decimation'"
        )
    return round(rate)
