"""Sources without what no source needs: alike number by number, or to what no robot repeats."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.sources.sources import check_sources
from mimicgen.datagen.dataset.tools.compact import NEEDED, RESOLUTION, compact
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks.catalogue import names
from tests.conftest import PROJECT
from tests.dataset.sources.test_sources import STACK

WHOLE = PROJECT / "tests" / "data" / "source_demos.hdf5"
SHIPPED = sorted((PROJECT / "datasets").glob("*_demos.hdf5"))


@pytest.mark.parametrize("rounded", [False, True])
def test_what_a_source_needs_is_kept(tmp_path: Path, rounded: bool) -> None:
    target = tmp_path / "small.hdf5"
    assert compact(WHOLE, target, rounded) == 10
    assert target.stat().st_size < WHOLE.stat().st_size / 5
    assert sorted(check_sources(target, STACK).usable) == sorted(check_sources(WHOLE, STACK).usable)
    with h5py.File(WHOLE) as before, h5py.File(target) as after:
        assert dict(after["data"].attrs) == dict(before["data"].attrs)
        kept: list[str] = []
        after["data/demo_3"].visititems(lambda name, own: kept.append(name) if isinstance(own, h5py.Dataset) else None)
        assert {path for path in kept if not path.startswith(NEEDED)} == set()
        for path in kept:
            ours, theirs = after[f"data/demo_3/{path}"][()], before[f"data/demo_3/{path}"][()]
            assert ours.dtype == theirs.dtype
            if rounded and ours.dtype.kind == "f":
                assert np.abs(ours - theirs).max() <= RESOLUTION / 2
            else:
                assert np.array_equal(ours, theirs)


def test_what_was_not_annotated_is_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw.hdf5"
    with h5py.File(WHOLE) as whole, h5py.File(raw, "w") as file:
        whole.copy("data", file)
        del file["data/demo_4/obs/datagen_info"]
    with pytest.raises(SourceError, match="demo_4 has no 'obs/datagen_info'; annotate"):
        compact(raw, tmp_path / "small.hdf5")


def test_those_that_come_with_the_project_are_compact() -> None:
    assert {path.stem for path in SHIPPED} == {"source_demos", *(f"{name}_demos" for name in names())}
    for path in SHIPPED:
        assert path.stat().st_size <= 500_000, path
        with h5py.File(path) as file:
            assert len(file["data"]) == 10
