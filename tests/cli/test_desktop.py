"""What a window needs of the machine, and the library that stands in for an absent driver."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mimicgen.datagen.cli import desktop
from mimicgen.datagen.cli.nodriver import empty_library
from mimicgen.datagen.errors import SetupError


def test_the_empty_library_loads_under_its_name_and_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "libstandin.so.1"
    path.write_bytes(empty_library("libstandin.so.1"))
    code = f"""
import ctypes
ctypes.CDLL({str(path)!r}, mode=ctypes.RTLD_GLOBAL)
named = ctypes.CDLL("libstandin.so.1")  # found by its name, although it is in no folder of libraries
print(hasattr(named, "cuInit"))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_missing_libraries_are_named_with_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desktop, "LIBRARIES", {"libc.so.6": "libc6", "libnot-here.so.9": "libnot-here9"})
    with pytest.raises(SetupError, match=r"apt-get install libnot-here9$"):
        desktop.load_ui(tmp_path)


def test_the_command_without_a_display_says_what_to_do(tmp_path: Path) -> None:
    environment = os.environ | {"DISPLAY": "", "ACCEPT_EULA": "Y", "XDG_DATA_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "gui", "--output-dir", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if "apt-get install" in result.stderr:
        pytest.skip("the libraries of a window are not installed")
    assert result.returncode == 2
    assert "no X display can be opened" in result.stderr
    assert "xvfb-run" in result.stderr
