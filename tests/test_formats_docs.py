"""What docs/formats.md says: its commands, its options and its tables."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.config.keys import key_of
from mimicgen.datagen.dataset.formats.representations import ACTIONS, STATES
from mimicgen.datagen.dataset.formats.videos import ENCODINGS
from tests.conftest import PROJECT
from tests.dataset.formats.making import some_demos

TEXT = (PROJECT / "docs" / "formats.md").read_text()
COMMAND = re.compile(r"^\./scripts/datagen\.sh ((?:export|import) .*?)(?:\s+#.*)?$", re.M)


def test_its_commands_do_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    some_demos(tmp_path / "datasets" / "generated_dataset.hdf5", 1)
    commands = [shlex.split(command) for command in COMMAND.findall(TEXT)]
    told = ["export lerobot", "export gr00t", "import lerobot", "export robomimic"]
    assert [" ".join(command[:2]) for command in commands] == told
    for command in commands:
        subprocess.run([sys.executable, "-m", "mimicgen.datagen.cli", *command], cwd=tmp_path, check=True)
    assert {"lerobot", "gr00t", "raw_demos.hdf5", "stacks"} <= {path.name for path in tmp_path.iterdir()}


def test_its_tables_are_complete() -> None:
    for name in (*STATES, *ACTIONS):
        assert f"| `{name}` |" in TEXT
    for encoding in ENCODINGS:
        assert f"`{encoding}`: " in TEXT
    for option in set(re.findall(r"`(--[a-z-]+)", TEXT)) - {"--set", "--strict", "--json"}:
        assert option in {"--images", "--modality", "--state", "--action", "--objects", "--video", "--failed", "--size"}
    assert {"none", "lerobot", "gr00t"} <= set(key_of("export").choices)
    parsed = cli._parser().parse_args(["export", "lerobot", "x.hdf5", "--output", "y", "--strict", "--json"])
    assert parsed.strict
    assert parsed.json
