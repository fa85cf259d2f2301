"""The disease and the cure, each in a Kit application of its own."""

from __future__ import annotations

import re
from pathlib import Path

from tests.generation.running import in_kit

OPEN = """
from pathlib import Path
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.sources import check_sources
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from mimicgen.datagen.isaaclab import configuration, environment
from mimicgen.datagen.isaaclab.runtime import Runtime
config = build({"source": sys.argv[1], "output_dataset": sys.argv[2] + "/g.hdf5", "output_dir": sys.argv[2],
                "guarantee": False, "num_trials": 1, "render.when": "never"})
cfg, success = configuration.task_config(config, Outputs(config), Runtime.EMBEDDED)
sources = check_sources(config.source, configuration.task_needs(cfg))
"""


def test_upstreams_loop_does_not_finish_in_a_kit_coroutine(shipped_demos: Path, tmp_path: Path) -> None:
    """`env_loop` calls `run_until_complete` on the loop that it runs on, which asyncio refuses or which blocks."""
    code = (
        OPEN
        + """
from isaaclab_mimic.datagen.generation import env_loop, setup_async_generation
opened = environment.Environment(cfg, success, Runtime.EMBEDDED)
outcome = "not finished"

async def stock():
    global outcome
    parts = setup_async_generation(opened.env, 1, str(config.source), success)
    gathered = asyncio.gather(*parts["tasks"])
    faulthandler.dump_traceback_later(5, exit=True)  # the bound: ten steps of a real run take less than a second
    try:
        env_loop(opened.env, parts["reset_queue"], parts["action_queue"], parts["info_pool"], parts["event_loop"],
                 gathered)
        outcome = "finished"
    except RuntimeError as error:
        outcome = f"RuntimeError: {error}"
    finally:
        gathered.cancel()

from omni.kit.async_engine import run_coroutine
import faulthandler
task = run_coroutine(stock())
for _ in range(2000):
    kit.update()
    if task.done():
        break
print("OUTCOME", outcome, flush=True)
import os; os._exit(0)
"""
    )
    process = in_kit(code, shipped_demos, tmp_path)
    assert "OUTCOME finished" not in process.stdout
    # Either asyncio refuses, or the process waits in that very call: not done for another reason is no proof.
    refused = "OUTCOME RuntimeError: This event loop is already running" in process.stdout
    stack = process.stderr.partition("Timeout (0:00:05)!")[2]
    waits = re.search(r" in run_until_complete\n.* in env_loop\n", stack, re.DOTALL)
    assert refused or waits, process.stdout[-2000:] + process.stderr[-2000:]


def test_ours_does_and_a_request_to_quit_during_another_run_ends_that_run_first(
    shipped_demos: Path, tmp_path: Path
) -> None:
    code = (
        OPEN
        + """
async def ours():
    kit.session.start(config)
    return await kit.session.finished()

end = kit.run(ours())
print("OURS", end.reason, flush=True)
Path(config.output_dir, "run.json").unlink()
kit.session.start(build({"source": sys.argv[1], "output_dataset": sys.argv[2] + "/q.hdf5", "output_dir": sys.argv[2],
                         "render.when": "never", "fresh": True}))
session = kit.session
while session.progress.steps < 3:
    kit.update()
kit.app.post_quit(0)
while kit.kit.is_running():
    kit.update()
print("OUTCOME", session.state, session.progress.end.reason, flush=True)
sys.exit(kit.kit.shutdown())
"""
    )
    process = in_kit(code, shipped_demos, tmp_path)
    told = process.stdout[-2000:] + process.stderr[-2000:]
    assert "OURS target reached" in process.stdout, told
    assert "OUTCOME done the application is closing" in process.stdout, told
    assert process.returncode == 130
    assert (tmp_path / "run.json").exists()
