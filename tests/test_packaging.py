"""What the package declares is what is locked, and what it says elsewhere."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mimicgen.datagen import __version__
from tests.conftest import PROJECT

DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text())
EXTRAS = DECLARED["project"]["optional-dependencies"]
GROUPS = {"": DECLARED["project"]["dependencies"], **EXTRAS, **DECLARED["dependency-groups"]}


def locked(*files: str) -> dict[str, str]:
    lines = (line for file in files for line in (PROJECT / file).read_text().splitlines())
    return {
        canonicalize_name(name): version
        for name, separator, version in (line.partition("==") for line in lines)
        if separator and not name.startswith("#")
    }


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_declared_is_locked_at_a_version_that_fits(group: str) -> None:
    own = f"requirements-{group}.in"
    pinned = locked("requirements.in", *([own] if (PROJECT / own).exists() else []))
    assert GROUPS[group]
    for text in GROUPS[group]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)], prereleases=True), text


def test_isaac_sims_python_gets_what_the_extension_asks_for() -> None:
    """At the extension's start, in the image, and in the manual: the same packages, all of them declared."""
    tree = ast.parse((PROJECT / "exts/mimicgen.datagen/mimicgen/datagen_extension.py").read_text())
    (packages,) = (
        set(ast.literal_eval(node.value).values())
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PACKAGES"
    )
    image = re.search(r"\^\(([a-z0-9|-]+)\)==", (PROJECT / "docker" / "Dockerfile").read_text())
    manual = re.search(r"pip install isaaclab==\S+ ([a-z0-9 -]+?) +#", (PROJECT / "docs" / "isaac_sim.md").read_text())
    assert image is not None
    assert manual is not None
    assert set(image[1].split("|")) == set(manual[1].split()) == packages
    assert packages <= {Requirement(text).name for text in GROUPS[""]}


def test_versions_agree() -> None:
    """The package's is read from `version.py`; Kit wants it in the extension's own file."""
    place = DECLARED["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{__version__}"' in (PROJECT / place).read_text()
    with (PROJECT / "exts/mimicgen.datagen/config/extension.toml").open("rb") as file:
        assert tomllib.load(file)["package"]["version"] == __version__
