from __future__ import annotations

import tempfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def worker_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where workers make what they send: a disk of their own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setenv("TMPDIR", str(disk))
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    return disk
