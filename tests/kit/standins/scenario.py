"""Code in an Isaac Sim of stand-ins, in a process of its own, and what it notes.

A process of its own, because a Kit without `omni.usd` cannot get it and lose it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import child
from tests.kit.standins import EXTENSIONS

needs_wheels = pytest.mark.skipif(
    not EXTENSIONS.exists(), reason=f"Isaac Sim's wheels are not in {EXTENSIONS}; scripts/test.sh installs them"
)

START = """
import json, os
from pathlib import Path
from tests.kit.standins.host import Host
host = Host(kit, Path(sys.argv[1]))
isaac, session, settings = host.isaac, host.session, host.settings
from mimicgen.datagen.session import opening
from tests.kit.standins import lifting
from tests.kit.standins.lifting import LONG, SHORT
generators = []

def fate(number):
    return True, LONG if number % 2 else SHORT

opening.open_simulation = lifting.opening(fate, generators)
facts = {}
"""

END = """
print("FACTS", json.dumps(facts), flush=True)
os._exit(0)
"""


def facts_of(code: str, folder: Path) -> dict[str, Any]:
    """Run code in an Isaac Sim of stand-ins, and return the facts that it notes."""
    process = child(START + code + END, folder)
    lines = [line for line in process.stdout.splitlines() if line.startswith("FACTS ")]
    assert lines, process.stderr[-4000:]
    found: dict[str, Any] = json.loads(lines[0].removeprefix("FACTS "))
    return found
