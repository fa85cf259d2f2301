"""Task files of NVIDIA's AutoData, read as what they say of a run on a registered task.

The format is AutoData's task descriptor (https://github.com/isaac-sim/AutoData, 0.1.0: `autodata_interfaces/tasks`, and
its documentation's page *Task Descriptors*). What such a file leaves out has AutoData's defaults. What it asks for and
is not done here is refused by name.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from msgspec import Meta, Struct, field

from mimicgen.datagen.config.reading import content, meant, refuse, refuse_wild, typed
from mimicgen.datagen.config.sections import Noise, Offset, Steps, Strategy, Weight, subtask_names
from mimicgen.datagen.config.values import Flat, as_path, quoted
from mimicgen.datagen.dataset.sources.checks import SubtaskNeed
from mimicgen.datagen.errors import ConfigError, TaskError
from mimicgen.datagen.robots.schema import Name
from mimicgen.datagen.tasks.checks.subtasks import faults_of_constraints
from mimicgen.datagen.tasks.schema import Constraint

CHARACTERS, VALUES = 100_000, 10_000
"""Length of a file at most, and values in it; a published one has two thousand and a hundred. YAML is read slowly, and
one value may stand for many."""

ALGORITHMS = {
    "skillgen": "it plans the motions between subtasks with cuRobo, which this project does not use",
    "softmimicgen": "it bends segments around soft objects",
    "schedulestream": "it plans the whole task",
}
"""What AutoData can do besides, and why it is not done here."""


class _Kwargs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a selection strategy."""

    nn_k: Annotated[int, Meta(ge=1, le=1000)] = 3
    pos_weight: Weight = 1.0
    rot_weight: Weight = 1.0


class _Subtask(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subtask of an end effector, with AutoData's defaults."""

    object_ref: str = ""
    description: str = ""
    subtask_start_signal: str = ""
    subtask_term_signal: str = ""
    first_subtask_start_offset_range: tuple[Offset, Offset] = (0, 0)
    subtask_term_offset_range: tuple[Offset, Offset] = (0, 0)
    selection_strategy: Strategy = "random"
    selection_strategy_kwargs: _Kwargs = _Kwargs()
    action_noise: Noise = 0.0
    num_interpolation_steps: Steps = 0
    num_fixed_steps: Steps = 0
    apply_noise_during_interpolation: bool = False
    algo_params: dict[str, Any] = field(default_factory=dict)


class _Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run goes, with AutoData's defaults."""

    name: str = "demo"
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 1
    num_trials: Annotated[int, Meta(ge=1, le=10_000_000)] = 10
    guarantee_success: bool = True
    keep_failed: bool = False
    max_num_failures: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    source_dataset_path: str | None = None
    generation_path: str | None = None
    task_name: str | None = None
    use_skillgen: bool = False
    use_navigation_controller: bool = False
    reset_settling_steps: Steps = 0
    select_src_per_subtask: bool = False
    select_src_per_arm: bool = False
    transform_first_robot_pose: bool = False
    interpolate_from_last_target_pose: bool = True


class TaskDescriptor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one of AutoData's task files says.

    Attributes:
        name: Of the task.
        algo: How demonstrations are generated.
        description: What is to be done, in words.
        subtasks: By end effector, in order.
        constraints: Between end effectors; the task's own where there are none.
        generation_policy: How a run goes.
    """

    name: str
    algo: str
    description: str = ""
    subtasks: Annotated[
        dict[Name, Annotated[tuple[_Subtask, ...], Meta(min_length=1, max_length=50)]], Meta(min_length=1, max_length=8)
    ]
    constraints: Annotated[tuple[Constraint, ...], Meta(max_length=50)] = ()
    generation_policy: _Policy = _Policy()


class _Loader(yaml.SafeLoader):
    """Reads YAML in which no table has a key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Construct a table, unless it has a key twice."""
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [name for index, name in enumerate(names) if name in names[:index]]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"key {quoted(twice[0])} twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def read_descriptor(path: Path) -> TaskDescriptor:
    """Return what one of AutoData's task files says.

    Raises:
        ConfigError: It cannot be read, a key or a value is not valid, or it asks for what is not done here.
    """
    file_path = as_path("task_file", path).expanduser().absolute()
    stamp = file_path.stat().st_mtime_ns if file_path.is_file() else 0
    return _read(path, file_path, stamp)


def settings(descriptor: TaskDescriptor) -> Flat:
    """Return what a task file says of a run, by dotted key of the configuration.

    What all subtasks have alike is said once, for all of them.
    """
    policy = descriptor.generation_policy
    flat: Flat = {
        "seed": policy.seed,
        "num_trials": policy.num_trials,
        "guarantee": policy.guarantee_success,
        "keep_failed": policy.keep_failed,
        # A source is chosen anew for a subtask only if it may be for an arm, too: `generate_eef_subtask_trajectory`,
        # in AutoData's `data_generator.py` as in Isaac Lab's.
        "mimic.select_source_per_subtask": policy.select_src_per_subtask and policy.select_src_per_arm,
        "mimic.select_source_per_arm": policy.select_src_per_arm,
        "mimic.transform_first_robot_pose": policy.transform_first_robot_pose,
        "mimic.interpolate_from_last_target_pose": policy.interpolate_from_last_target_pose,
    }
    if policy.max_num_failures is not None:
        flat["max_failures"] = policy.max_num_failures
    said = {}
    for eef, names in subtask_names(signals_of(descriptor)).items():
        last = descriptor.subtasks[eef][-1]
        for name, own in zip(names, descriptor.subtasks[eef], strict=True):
            said[name] = _of_subtask(own, last=own is last)
    first = next(iter(said.values()))
    alike = {key: value for key, value in first.items() if all(own.get(key) == value for own in said.values())}
    flat |= {f"mimic.{key}": value for key, value in alike.items()}
    for name, values in said.items():
        flat |= {f"mimic.subtasks.{name}.{key}": value for key, value in values.items() if key not in alike}
    return flat


def signals_of(descriptor: TaskDescriptor) -> dict[str, list[str | None]]:
    """Return the signals that end the subtasks, by end effector; None for the last one's."""
    return {eef: [one.subtask_term_signal or None for one in own] for eef, own in descriptor.subtasks.items()}


def check_fits(descriptor: TaskDescriptor, path: Path, task: str, own: Mapping[str, Sequence[SubtaskNeed]]) -> None:
    """Check that a task file is one of a task.

    Args:
        descriptor: What it says.
        path: The file.
        task: The task.
        own: The task's subtasks by end effector.

    Raises:
        TaskError: It names other end effectors, subtasks, objects or signals.
    """
    refuse(_misfits(descriptor, task, own), f"task_file = {quoted(path)}", TaskError)


def _misfits(descriptor: TaskDescriptor, task: str, own: Mapping[str, Sequence[SubtaskNeed]]) -> Iterator[str]:
    remedy = "pass the --task that the file is for"
    if set(descriptor.subtasks) != set(own):
        named, has = (", ".join(map(quoted, eefs)) for eefs in (descriptor.subtasks, own))
        yield f"subtasks: end effectors {named}; task '{task}' has {has}: {remedy}"
        return
    for eef, subtasks in descriptor.subtasks.items():
        if len(subtasks) != len(own[eef]):
            yield f"subtasks.{eef}: {len(subtasks)} subtasks; those of task '{task}' are {len(own[eef])}: {remedy}"
            continue
        for index, (one, need) in enumerate(zip(subtasks, own[eef], strict=True)):
            keys = {
                "object_ref": (one.object_ref, need.object_ref or ""),
                "subtask_term_signal": (one.subtask_term_signal, need.signal or ""),
            }
            for key, (value, expected) in keys.items():
                if value != expected:
                    place = f"subtasks.{eef}[{index}].{key} = {quoted(value)}"
                    yield f"{place}: it is {quoted(expected)} in task '{task}'; {remedy}"


def _of_subtask(own: _Subtask, *, last: bool) -> Flat:
    """Return what is said of a subtask, by the keys of `mimic.subtasks`."""
    flat: Flat = {
        "action_noise": own.action_noise,
        "num_interpolation_steps": own.num_interpolation_steps,
        "num_fixed_steps": own.num_fixed_steps,
        "selection_strategy": own.selection_strategy,
        "apply_noise_during_interpolation": own.apply_noise_during_interpolation,
    }
    if own.selection_strategy != "random":
        kwargs = own.selection_strategy_kwargs
        flat |= {"nn_k": kwargs.nn_k, "pos_weight": kwargs.pos_weight, "rot_weight": kwargs.rot_weight}
    if not last:  # which ends with the demonstration
        flat["term_offset_low"], flat["term_offset_high"] = own.subtask_term_offset_range
    return flat


@functools.lru_cache(maxsize=16)
def _read(path: Path, file_path: Path, stamp: int) -> TaskDescriptor:
    """Return what a file says; `stamp` tells one state of it from the next."""
    place = f"task_file = {quoted(path)}"
    text = content(file_path, place, ConfigError, "YAML")
    if len(text) > CHARACTERS:
        raise ConfigError(f"{place}: has more than {CHARACTERS:,} characters; pass a task file of AutoData")
    try:
        tree = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # a date that is none is a ValueError
        raise ConfigError(f"{place}: is not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ConfigError(f"{place}: is not valid YAML: it is nested too deep") from error
    if _has_more_than(VALUES, tree):
        raise ConfigError(f"{place}: has more than {VALUES:,} values; pass a task file of AutoData")
    refuse_wild(tree, place, ConfigError)
    descriptor = typed(_plain(tree), TaskDescriptor, place, ConfigError)
    refuse(_faults(descriptor), place, ConfigError)
    return descriptor


def _has_more_than(many: int, tree: Any) -> bool:
    """Return whether a tree has more values than this; one that stands in several places counts in each."""
    waiting, seen = [tree], 0
    while waiting and seen <= many:
        value, seen = waiting.pop(), seen + 1
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return seen > many


def _plain(tree: Any) -> Any:
    """Return a tree with constraints in small letters: AutoData takes them in any."""
    if not isinstance(tree, dict) or not isinstance(tree.get("constraints"), list):
        return tree
    named = ("constraint_type", "coordination_scheme")
    lower = [
        {key: own.lower() if key in named and isinstance(own, str) else own for key, own in one.items()}
        if isinstance(one, dict)
        else one
        for one in tree["constraints"]
    ]
    return tree | {"constraints": lower}


def _faults(descriptor: TaskDescriptor) -> Iterator[str]:
    """Yield what a file asks for that is not done here, and what contradicts itself."""
    algo, policy = descriptor.algo, descriptor.generation_policy
    if algo in ALGORITHMS:
        yield f"algo = {quoted(algo)}: {ALGORITHMS[algo]}; generate with AutoData, or from a mimicgen file"
    elif algo not in ("mimicgen", "dexmimicgen"):
        yield f"algo = {quoted(algo)}: {meant(algo, ('mimicgen', 'dexmimicgen', *ALGORITHMS))}"
    elif (algo == "mimicgen") != (len(descriptor.subtasks) == 1):
        many = len(descriptor.subtasks)
        yield f"algo = {quoted(algo)}: with {many} end effectors; mimicgen is for one, dexmimicgen for several"
    if policy.use_skillgen:
        yield f"generation_policy.use_skillgen = True: {ALGORITHMS['skillgen']}; set it to false"
    if policy.use_navigation_controller:
        yield "generation_policy.use_navigation_controller = True: nothing here walks; set it to false"
    if policy.reset_settling_steps:
        steps = policy.reset_settling_steps
        yield f"generation_policy.reset_settling_steps = {steps}: attempts begin right after a reset; set it to 0"
    for key, option in (
        ("source_dataset_path", "--source"),
        ("generation_path", "--output-dataset"),
        ("task_name", "--task"),
    ):
        value = getattr(policy, key)
        if value is not None:
            yield f"generation_policy.{key} = {quoted(value)}: is not taken from the file; pass {option}, and null here"
    for eef, subtasks in descriptor.subtasks.items():
        for index, one in enumerate(subtasks):
            yield from _faults_of_subtask(f"subtasks.{eef}[{index}]", one, last=one is subtasks[-1])
    yield from faults_of_constraints(descriptor.subtasks, descriptor.constraints)


def _faults_of_subtask(key: str, one: _Subtask, *, last: bool) -> Iterator[str]:
    if one.subtask_start_signal:
        yield f"{key}.subtask_start_signal = {quoted(one.subtask_start_signal)}: it is skillgen's; leave it out"
    for name, value in one.algo_params.items():
        yield f"{key}.algo_params.{name} = {quoted(value)}: mimicgen and dexmimicgen have none; leave it out"
    low, high = one.subtask_term_offset_range
    if low > high:
        yield f"{key}.subtask_term_offset_range = {quoted([low, high])}: expected the smaller number first"
    if one.first_subtask_start_offset_range != (0, 0):
        said = quoted(list(one.first_subtask_start_offset_range))
        yield f"{key}.first_subtask_start_offset_range = {said}: segments begin where they were recorded; use [0, 0]"
    if last and (low, high) != (0, 0):
        yield f"{key}.subtask_term_offset_range = {quoted([low, high])}: the last subtask has none; use [0, 0]"
    if not last and not one.subtask_term_signal:
        yield f"{key}.subtask_term_signal is missing: it says when the next subtask begins"
    if not one.object_ref and one.selection_strategy != "random":
        said = f"{key}.selection_strategy = {quoted(one.selection_strategy)}"
        yield f"{said}: without an object_ref there is random alone"
