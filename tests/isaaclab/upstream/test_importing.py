"""What importing Isaac Lab leaves out, and what it leaves behind: in processes of their own, since that lasts."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap

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


def test_rerun_is_left_out_meanwhile_and_can_be_imported_afterwards() -> None:
    code = """
    from mimicgen.datagen.isaaclab.upstream import importing

    def found():
        try:
            import rerun
        except ImportError:
            return False
        return True

    with importing.imported():
        before = found()
    print(json.dumps([before, found()]))
    with importing.imported():
        print(json.dumps(found()))
    """
    command = [sys.executable, "-c", f"import json\n{textwrap.dedent(code)}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    installed = importlib.util.find_spec("rerun") is not None
    assert [json.loads(line) for line in told] == [[False, installed], installed]


def test_warp_compiles_the_same_kernels_without_looking_for_what_they_call() -> None:
    code = """
    import warp
    from mimicgen.datagen.isaaclab.upstream import importing
    from mimicgen.datagen.isaaclab.upstream.importing import imported
    from warp._src.context import Module, get_module

    looked = []
    finding = Module._find_references
    Module._find_references = lambda self, adj: (looked.append(adj), finding(self, adj))[1]
    importing.has_omni_usd = lambda: IN_OMNIVERSE
    with imported():
        import newton._src.sim.articulation
    assert Module._find_references is not finding, "it is put back"
    module = get_module("newton._src.sim.articulation")
    print(json.dumps([len(looked), len(module.references), module.get_module_hash().hex()]))
    """
    told = []
    for answer in ("True", "False"):
        command = [sys.executable, "-c", "import json\n" + textwrap.dedent(code).replace("IN_OMNIVERSE", answer)]
        told.append(
            json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        )
    (everything, references, whole), (nothing, none, short) = told
    assert everything > 500, "Warp does not look any more: _without_dependents can go"
    assert references > 0
    assert (nothing, none) == (0, 0)
    assert whole == short
