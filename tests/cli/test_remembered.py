from __future__ import annotations

import logging
from pathlib import Path

import pytest

from mimicgen.datagen.cli import remembered
from mimicgen.datagen.tasks.defaults import build


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def test_the_last_settings_come_back() -> None:
    assert remembered.recall() == {}
    run = build({"num_trials": 7, "randomization.x": (0.4, 0.5)})
    remembered.remember(run)
    assert build(remembered.recall()) == run


def test_a_file_of_another_version_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    remembered.location().parent.mkdir()
    remembered.location().write_text("no_such_key = 1\n")
    assert remembered.recall() == {}
    assert "unknown key 'no_such_key'" in caplog.text


def test_a_folder_that_cannot_be_written_is_said(data_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (data_folder / "mimicgen.datagen").write_text("a file in the way")
    with caplog.at_level(logging.WARNING):
        remembered.remember(build())
    assert "will not be remembered" in caplog.text
