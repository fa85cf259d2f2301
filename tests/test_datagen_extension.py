"""What an application is told that cannot run the extension."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mimicgen
from tests.conftest import child

FILE = Path(mimicgen.__path__[0]) / "datagen_extension.py"


def test_an_older_python_can_read_it() -> None:
    ast.parse(FILE.read_text(), feature_version=(3, 10))
    with pytest.raises(SyntaxError):  # what the rest is written in, it could not
        ast.parse("def f[T](x: T) -> T: ...", feature_version=(3, 10))


def test_what_cannot_run_it_is_told_why() -> None:
    code = """
from mimicgen.datagen_extension import reason, why_not
print("RESULT", reason)
print("RESULT", why_not((3, 12, 1), "110.4.0+main", []))
print("RESULT", why_not((3, 10, 15), "106.5.0+release.1", []))
print("RESULT", why_not((3, 12, 1), "107.3.0", []))
print("RESULT", why_not((3, 12, 1), "110.1.2+release.1", []))
print("RESULT", why_not((3, 12, 1), "111.0.0", []))
print("RESULT", why_not((3, 12, 1), "110.4.0", ["tomli_w", "PIL"]))
"""
    process = child(code)
    told = [line.removeprefix("RESULT ") for line in process.stdout.splitlines() if line.startswith("RESULT ")]
    assert len(told) == 7, process.stderr
    here, same, old_python, old_kit, first_six, newer, bare = told
    assert here == same == newer == "None"
    for line, versions in (
        (old_python, "Kit 106.5.0 with Python 3.10"),
        (old_kit, "Kit 107.3.0 with Python 3.12"),
        (first_six, "Kit 110.1.2 with Python 3.12"),
    ):
        assert versions in line
        assert "needs Isaac Sim 6.2 or newer (Kit 110.4, Python 3.12)" in line
        assert "scripts/generate.sh" in line
    assert bare.endswith("./python.sh -m pip install tomli-w pillow")
