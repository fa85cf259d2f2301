"""What is imported is not looked through for garbage, in a process of its own since that lasts."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import gc, json
from mimicgen.datagen.isaaclab.upstream import importing

def kept(in_omniverse):
    importing.has_omni_usd = lambda: in_omniverse
    before = gc.get_freeze_count()
    with importing.imported():
        during = gc.isenabled()
        made.append([[] for _ in range(1000)])
    return [gc.get_freeze_count() - before > 1000, during, gc.isenabled()]

made = []
print(json.dumps([kept(True), kept(False), kept(False)]))
"""


def test_it_is_kept_once_and_not_in_somebody_elses_application() -> None:
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == [[False, False, True], [True, False, True], [False, False, True]]
