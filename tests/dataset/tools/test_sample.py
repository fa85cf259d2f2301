from __future__ import annotations

import itertools
from pathlib import Path

import h5py
import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.dataset.tools.sample import choose
from mimicgen.datagen.errors import ConfigError
from tests.conftest import SHIPPED_DEMOS
from tests.hostile import small_dataset


def test_the_same_seed_draws_the_same_and_of_fewer_some_of_those() -> None:
    drawn = [choose(SHIPPED_DEMOS, count, 5) for count in range(1, 11)]
    assert [len(names) for names in drawn] == [*range(1, 11)]
    assert all(set(fewer) < set(more) for fewer, more in itertools.pairwise(drawn))
    assert drawn[-1] == [f"demo_{number}" for number in range(10)], "in natural order"
    assert choose(SHIPPED_DEMOS, 4, 5) == drawn[3]
    assert len({tuple(choose(SHIPPED_DEMOS, 4, seed)) for seed in range(8)}) > 4


@pytest.mark.parametrize("count", [0, -1, 11])
def test_more_than_there_are(count: int) -> None:
    with pytest.raises(ConfigError, match=rf"count = {count}: .* has 10; expected a number from 1 to 10"):
        choose(SHIPPED_DEMOS, count, 1)


def test_looks_of_a_demonstration_stay_together(tmp_path: Path) -> None:
    path = small_dataset(tmp_path / "d.hdf5", demos=(b"demo_0", b"demo_1", b"demo_0_look_0", b"demo_1_look_0"))
    with h5py.File(path, "r+") as file:
        for number in range(2):
            file[f"data/demo_{number}_look_0"].attrs["parent"] = f"demo_{number}"
    assert sorted(tuple(choose(path, 1, seed)) for seed in range(20))[::19] == [
        ("demo_0", "demo_0_look_0"),
        ("demo_1", "demo_1_look_0"),
    ]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "s.hdf5"
    assert (
        cli.main(["dataset", "sample", str(SHIPPED_DEMOS), "--count", "3", "--seed", "2", "--output", str(output)]) == 0
    )
    assert "s.hdf5: 3 demonstrations" in capsys.readouterr().out
    with h5py.File(output) as file, h5py.File(SHIPPED_DEMOS) as source:
        assert sorted(file["data"]) == sorted(choose(SHIPPED_DEMOS, 3, 2))
        assert file["data"].attrs["total"] == sum(len(demo["actions"]) for demo in file["data"].values())
        for name, demo in file["data"].items():
            assert (demo["actions"][:] == source["data"][name]["actions"][:]).all()
