"""Accepting the licences once, and withdrawing it, with the real scripts and a folder of settings of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import PROJECT

AGREEMENT = "https://docs.omniverse.nvidia.com/platform/latest/common/NVIDIA_Omniverse_License_Agreement.html"


@pytest.fixture
def accepted(tmp_path: Path) -> Path:
    """Where it is remembered."""
    return tmp_path / "config" / "mimicgen.datagen" / "licences"


def start(tmp_path: Path, answer: str | None, script: Path = PROJECT / "scripts" / "python.sh") -> tuple[int, str]:
    """Run Python by its script; return the exit code, and what is said."""
    environment = {key: value for key, value in os.environ.items() if "EULA" not in key}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config")} | ({} if answer is None else {"ACCEPT_EULA": answer})
    code = "import os; print('ACCEPT_EULA is', os.environ['ACCEPT_EULA'])"
    process = subprocess.run(
        [script, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return process.returncode, process.stdout


def test_accepted_once_is_accepted_until_it_is_withdrawn(tmp_path: Path, accepted: Path) -> None:
    code, said = start(tmp_path, None)
    assert (code, accepted.exists()) == (2, False)
    assert "the licences are not accepted" in said
    assert AGREEMENT in said
    assert "nothing was installed" not in said, "it is installed"
    code, said = start(tmp_path, "Y")
    assert code == 0
    assert f"remembered in {accepted}; remove it to withdraw that" in said
    when, _, what = accepted.read_text().strip().partition(" accepted: ")
    assert datetime.fromisoformat(when).tzinfo is not None
    assert what == f"NVIDIA Omniverse License Agreement, {AGREEMENT}"
    for answer in (None, "", "Y"):
        assert start(tmp_path, answer) == (0, "ACCEPT_EULA is Y\n")
    assert len(accepted.read_text().splitlines()) == 1
    assert start(tmp_path, "N")[0] == 2, "whatever is remembered"
    accepted.unlink()
    assert start(tmp_path, None)[0] == 2


def test_another_agreement_has_to_be_accepted_anew(tmp_path: Path, accepted: Path) -> None:
    start(tmp_path, "Y")
    accepted.write_text(accepted.read_text().replace("latest", "2020"))
    assert start(tmp_path, None)[0] == 2


def test_where_it_cannot_be_remembered_it_is_accepted_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file in the way")
    code, said = start(tmp_path, "Y")
    assert code == 0
    assert "cannot be written, so ACCEPT_EULA=Y is wanted next time, too" in said


def test_before_anything_is_installed_it_says_so(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "scripts", tmp_path / "scripts")
    shutil.copy(PROJECT / "requirements.lock", tmp_path)
    code, said = start(tmp_path, None, tmp_path / "scripts" / "python.sh")
    assert code == 2
    assert "nothing was installed: licences have to be accepted first" in said
