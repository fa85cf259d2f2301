"""What the README says of the project itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text()
STANDING_IN = re.compile(r"\bstands? in for\b|\bstand-ins? for\b", re.I)
FILES = [
    path.relative_to(PROJECT)
    for folder in ("tests", "scripts")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if STANDING_IN.search(path.read_text()) and path != PROJECT / "tests" / "test_readme.py"
]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_it_names_every_stand_in(path: Path) -> None:
    """By its file, or by the folder of many."""
    assert f"`{path}`" in README or f"`{path.parent}/`" in README


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README))))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (PROJECT / link).exists()
