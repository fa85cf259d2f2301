"""Whether a policy fits an environment: what it observes, and how it acts. Everything that does not is said at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.dataset.formats.representations import ACTIONS
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies.observing import LAST_ACTION, STATES
from mimicgen.datagen.policies.parts import PART
from mimicgen.datagen.policies.policy import Contract, Observed

RECORDED = "recorded"
"""The representation of actions as environments take them."""

SLACK = 0.01
"""Share by which a policy's rate may be off, which is a rounding of the same one."""


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What an environment has for a policy, and takes from it.

    Attributes:
        task: What it is called.
        observed: Shape of everything that it observes, by name.
        action_dims: Length of an action in each representation that can be acted by.
        rate: Actions a second.
        cameras: Names of the cameras through which it could observe.
    """

    task: str
    observed: Mapping[str, tuple[int, ...]]
    action_dims: Mapping[str, int]
    rate: float
    cameras: tuple[str, ...] = ()


def agreed(what: str, contract: Contract, offered: Offered) -> tuple[str, ...]:
    """Return the names of what a policy observes in an environment, once the two fit.

    Args:
        what: What the policy is called.
        contract: What it takes and gives.
        offered: What the environment does.

    Raises:
        ConfigError: They do not; every way in which they do not is named, with both sides.
    """
    wrong = [*_observations(contract, offered), *_actions(contract, offered)]
    if contract.rate is not None and abs(contract.rate - offered.rate) > SLACK * offered.rate:
        wrong.append(
            f"the policy was trained with {contract.rate:g} actions a second, and the environment takes "
            f"{offered.rate:g}; train it with data of that rate"
        )
    if wrong:
        raise ConfigError(f"policy = {quoted(what)} does not fit task '{offered.task}':", *wrong)
    if contract.observed is None:
        return tuple(
            name for name in offered.observed if name != LAST_ACTION and not name.startswith((f"{STATES}/", PART))
        )
    return tuple(dict.fromkeys(one.name for one in contract.observed))


def _observations(contract: Contract, offered: Offered) -> Iterator[str]:
    for one in contract.observed or ():
        shape = offered.observed.get(one.name)
        if shape is None:
            yield _missing(one, offered)
        elif one.shape is not None and tuple(one.shape) != shape:
            remedy = "; set observe.width and observe.height" if len(shape) == 3 else ""
            yield f"the policy observes '{one.name}' of shape {tuple(one.shape)}, the environment's has {shape}{remedy}"
        if one.quaternions == "wxyz":
            yield (
                f"the policy observes quaternions w, x, y, z in '{one.name}', the environment's are x, y, z, w; train "
                "it with data of that order (dataset convert makes it of older files)"
            )


def _missing(one: Observed, offered: Offered) -> str:
    camera, _, modality = one.name.rpartition("_")
    if camera in offered.cameras:
        size = f" observe.height={one.shape[0]} observe.width={one.shape[1]}" if one.shape else ""
        settings = f"observe.cameras={camera} observe.modalities={modality}{size}".split()
        told = " ".join(f"--set {setting}" for setting in settings)
        return f"the policy observes '{one.name}', and the environment observes nothing through that camera: {told}"
    numbers = ", ".join(offered.observed)
    return f"the policy observes '{one.name}', and the environment has no such observation, but {numbers}"


def _actions(contract: Contract, offered: Offered) -> Iterator[str]:
    kind = contract.actions or RECORDED
    width = offered.action_dims.get(kind)
    if width is None:
        about = f" ({ACTIONS[kind]})" if kind in ACTIONS else ""
        yield (
            f"the policy's actions are '{kind}'{about}, and the environment can be acted in by "
            f"{', '.join(offered.action_dims)}; export the data it is trained with by one of these (--action)"
        )
    elif contract.action_dim is not None and contract.action_dim != width:
        yield (
            f"the policy's actions are {contract.action_dim} numbers, and the environment's "
            f"{'' if kind == RECORDED else f'as {kind} '}are {width}"
        )
