"""A guarded process may crash, hang, or take all memory, and nothing else happens. Run in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.dataset.writing import SHIPPED

CODE = """
import ctypes, os, sys, time
import numpy as np
from mimicgen.datagen.dataset.sources import guard
from mimicgen.datagen.errors import DatagenError, OutputError

guard.PATIENCE = 0.5

def crash(path): ctypes.string_at(0)
def hang(path):
    while True: pass
def work(path):
    for _ in range(8):
        guard.alive()
        begin = time.process_time()
        while time.process_time() - begin < 0.1: pass
    return "worked"
def wait(path):
    time.sleep(0.8)
    return "waited"
def gorge(path): return len(np.ones(2**28))
def fail(path): raise OutputError("full")

try:
    print(guard.guarded(globals()[sys.argv[1]], ('some.hdf5',)))
except (DatagenError, MemoryError) as error:
    print(type(error).__name__, error)
print("alive", os.getpid() > 0)
"""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("crash", "SourceError source 'some.hdf5': damaged such that reading it crashed (exit code -11)"),
        ("hang", "SourceError source 'some.hdf5': damaged such that reading it got stuck for 0.5 s"),
        ("work", "['worked']"),
        ("wait", "['waited']"),
        ("gorge", "MemoryError"),
        ("fail", "OutputError full"),
    ],
)
def test_what_happens_to_a_guarded_process_is_said(call: str, said: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", CODE, call],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "exts" / "mimicgen.datagen")},
        check=False,
    )
    first, last = process.stdout.splitlines()[0], process.stdout.splitlines()[-1]
    assert first.startswith(said) or said == "MemoryError" in first, process.stderr
    assert last == "alive True"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("whole_group", [False, True])
def test_a_signal_ends_a_tool_with_its_child_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, whole_group: bool
) -> None:
    """The child is stuck in reading; what it would write stands beside the output by then."""
    code = f"""
import sys, time
from mimicgen.datagen.cli import commands as cli, dataset as dataset_cli
def stuck(sources, target):
    print("reading", flush=True)
    time.sleep(60)
dataset_cli.merging.merge = stuck
sys.exit(cli.main(["dataset", "merge", {str(SHIPPED)!r}, "--output", {str(tmp_path / "new.hdf5")!r}]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # ignored by who was started with `nohup` or `&`
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "reading\n"
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix == ".hdf5"]
    begin = time.monotonic()
    (os.killpg if whole_group else os.kill)(process.pid, number)
    assert process.stdout.read() == "", "it ends when nobody holds the output any more"
    assert process.wait() == 130
    assert time.monotonic() - begin < 2
    assert list(tmp_path.iterdir()) == []
