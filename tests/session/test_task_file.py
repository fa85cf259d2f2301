"""A task file of AutoData gives the demonstrations that the same settings in TOML give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.generation.running import SOURCE, python
from tests.tasks.descriptors import stack, write
from tests.tasks.test_autodata import IN_TOML

RUN = """
import asyncio
from pathlib import Path
from mimicgen.datagen.config.layers import read_toml
from mimicgen.datagen.session import Session, opening
from mimicgen.datagen.tasks.defaults import build

folder, source = Path(sys.argv[1]), sys.argv[2]

async def run(name, said):
    config = build(said, {
        "source": source, "output_dataset": folder / f"{name}.hdf5", "output_dir": folder / name, "num_envs": 4,
        "seed": 5, "num_trials": 4, "guarantee": False, "keep_failed": True, "render.when": "never", "report": False})
    session = Session(lambda: asyncio.sleep(0), opening.open_simulation)
    session.start(config)
    end = await session.finished()
    assert end.reason == "target reached", end

asyncio.run(run("yaml", {"task_file": folder / "stack.yaml"}))
asyncio.run(run("toml", read_toml(folder / "run.toml")))
"""


def test_demonstrations_are_the_same(tmp_path: Path) -> None:
    write(tmp_path / "stack.yaml", stack())
    (tmp_path / "run.toml").write_text(IN_TOML)
    python(RUN, tmp_path, SOURCE)
    kept, kept_by_toml = (contents(tmp_path / f"{name}.hdf5") for name in ("yaml", "toml"))
    failed, failed_by_toml = (contents(tmp_path / f"{name}_failed.hdf5") for name in ("yaml", "toml"))
    assert len({name.split("/")[1] for name in kept}) + len({name.split("/")[1] for name in failed}) == 4
    assert kept, "some are kept"
    for by_yaml, by_toml in ((kept, kept_by_toml), (failed, failed_by_toml)):
        assert by_yaml.keys() == by_toml.keys()
        for name, values in by_yaml.items():
            np.testing.assert_array_equal(values, by_toml[name], err_msg=name)


def contents(path: Path) -> dict[str, Any]:
    """Return every array of a dataset by its name."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found
