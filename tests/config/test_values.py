from __future__ import annotations

from pathlib import Path

import pytest

from mimicgen.datagen.config import layers
from mimicgen.datagen.config.keys import parse
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.tasks.defaults import build
from tests.hostile_values import NUMBERS, PATHS, TOML, numeric_keys, path_keys


def test_every_number_has_limits() -> None:
    assert len(numeric_keys()) > 30
    for name, key in numeric_keys().items():
        assert key.low is not None, name
        assert key.high is not None, name
        assert key.low < key.high < float("inf"), name


@pytest.mark.parametrize("key", numeric_keys())
def test_a_number_that_is_none_is_refused_by_its_key(key: str) -> None:
    several = numeric_keys()[key].several
    values = [*NUMBERS, *([0.0, number] for number in NUMBERS if several)]
    for value in values:
        with pytest.raises(ConfigError) as error:
            parse(key, value)
        assert str(error.value).startswith(f"{key} = ")
        assert ": expected " in str(error.value)
        _short_and_printable(str(error.value))


@pytest.mark.parametrize("key", path_keys())
def test_a_path_that_cannot_be_is_refused_by_its_key(key: str) -> None:
    for path in PATHS:
        for value in {path, Path(path)} if path else {path}:
            with pytest.raises(ConfigError) as error:
                parse(key, value)
            assert str(error.value).startswith(f"{key} = ")
            _short_and_printable(str(error.value))


@pytest.mark.parametrize("name", TOML)
def test_a_file_that_is_no_configuration_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TOML[name])
    with pytest.raises(ConfigError) as error:
        layers.read_toml(path)
    assert str(error.value).startswith(f"configuration file '{path}'")
    _short_and_printable(str(error.value).replace(str(path), ""))


@pytest.mark.parametrize("path", [*filter(None, PATHS), "/", "/proc/self/mem"])
def test_a_configuration_file_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="configuration file"):
        layers.read_toml(Path(path))


def test_names_of_datasets_leave_room_for_what_lies_beside_them() -> None:
    with pytest.raises(ConfigError, match="at most 200 bytes"):
        build({"output_dataset": f"{'x' * 196}.hdf5"})
    assert build({"output_dataset": f"{'x' * 195}.hdf5"})


def test_objects_cannot_be_farther_apart_than_their_places() -> None:
    places = {"randomization.x": (0.4, 0.5), "randomization.y": (0.0, 0.1)}
    with pytest.raises(ConfigError, match=r"randomization\.min_separation = 0\.2: no two places"):
        build(places | {"randomization.min_separation": 0.2})
    assert build(places | {"randomization.min_separation": 0.1})


def _short_and_printable(message: str) -> None:
    assert len(message) < 600
    assert message.isprintable()
