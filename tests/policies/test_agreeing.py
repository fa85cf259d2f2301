from __future__ import annotations

import pytest

from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies.agreeing import Offered, agreed
from mimicgen.datagen.policies.policy import Contract, Observed

OFFERED = Offered(
    task="stack",
    observed={"actions": (7,), "eef_pos": (3,), "object": (39,), "front_rgb": (84, 84, 3), "states/robot": (9,)},
    action_dims={"recorded": 7, "eef_absolute": 8},
    rate=20.0,
    cameras=("front", "side"),
)


def contract(**told: object) -> Contract:
    return Contract(**{"observed": (), "made_of": {}, **told})  # type: ignore[arg-type]


def test_what_fits_is_what_is_observed() -> None:
    several = tuple(Observed(name=name) for name in ("object", "eef_pos", "object"))
    assert agreed("p", contract(observed=several, action_dim=7, rate=20.1), OFFERED) == ("object", "eef_pos")
    assert agreed("p", contract(actions="eef_absolute", action_dim=8), OFFERED) == ()


def test_without_names_a_policy_observes_what_it_may() -> None:
    """Neither what it did last, nor states that no sensor tells."""
    assert agreed("p", contract(observed=None), OFFERED) == ("eef_pos", "object", "front_rgb")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"observed": (Observed(name="force"),)}, ["'force'", "no such observation", "eef_pos, object"]),
        ({"observed": (Observed(name="object", shape=(46,)),)}, ["'object' of shape (46,)", "(39,)"]),
        ({"observed": (Observed(name="front_rgb", shape=(128, 128, 3)),)}, ["(128, 128, 3)", "set observe.width"]),
        (
            {"observed": (Observed(name="side_rgb", shape=(64, 96, 3)),)},
            ["--set observe.cameras=side", "--set observe.height=64 --set observe.width=96"],
        ),
        ({"observed": (Observed(name="eef_pos", quaternions="wxyz"),)}, ["w, x, y, z", "x, y, z, w"]),
        ({"rate": 10.0}, ["10 actions a second", "takes 20"]),
        ({"action_dim": 14}, ["14 numbers", "are 7"]),
        ({"actions": "eef_absolute", "action_dim": 7}, ["7 numbers", "as eef_absolute are 8"]),
        ({"actions": "joints"}, ["'joints'", "recorded, eef_absolute"]),
        ({"actions": "torques"}, ["'torques'", "recorded, eef_absolute"]),
    ],
)
def test_what_does_not_fit_is_named_with_both_sides(told: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ConfigError, match="policy = 'p' does not fit task 'stack'") as error:
        agreed("p", contract(**told), OFFERED)
    for word in words:
        assert word in str(error.value)
