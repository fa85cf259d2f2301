from __future__ import annotations

from pathlib import Path

import pytest

from mimicgen.datagen.cli.launch import LOGS, fresh_log
from mimicgen.datagen.errors import OutputError


def test_the_logs_of_the_runs_before_are_kept(tmp_path: Path) -> None:
    for number in range(LOGS + 3):
        log = fresh_log(tmp_path)
        assert not log.exists()
        log.write_text(f"run {number}")
    kept = [path.read_text() for path in (tmp_path / "kit.log", *(tmp_path / f"kit.{n}.log" for n in range(1, LOGS)))]
    assert kept == [f"run {number}" for number in range(LOGS + 2, 2, -1)]
    assert len(list(tmp_path.iterdir())) == LOGS


def test_a_log_that_cannot_be_renamed_is_said(tmp_path: Path) -> None:
    (tmp_path / f"kit.{LOGS - 2}.log").write_text("an old log")
    (tmp_path / f"kit.{LOGS - 1}.log").mkdir()
    with pytest.raises(OutputError, match=rf"kit\.{LOGS - 1}\.log' exists, and this project did not write it"):
        fresh_log(tmp_path)
