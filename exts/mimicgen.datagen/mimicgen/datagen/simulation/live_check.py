"""The part of the preflight check that needs the environment, and the check as a command."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tempfile
from pathlib import Path

from mimicgen.datagen import text
from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.dataset.outputs import Outputs
from mimicgen.datagen.dataset.preflight import report, to_json
from mimicgen.datagen.dataset.sources import Sources, check_sources
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.simulation import runtime
from mimicgen.datagen.simulation.environment import Environment, task_config, task_needs
from mimicgen.datagen.simulation.reachability import check_reach, check_round_trip


def check_live(environment: Environment, sources: Sources) -> Sources:
    """Check source demonstrations against an open environment, too.

    Width of the actions, objects of the scene, whether actions mean poses, and whether the first pose is in reach.

    Returns:
        The sources with the findings added and the demonstrations that they make unusable taken out. Findings that
        were there before come first.

    Raises:
        SourceError: No demonstration is left.
    """
    env = environment.env
    needs = dataclasses.replace(
        task_needs(env.cfg),
        action_dim=env.action_manager.total_action_dim,
        objects=frozenset(env.get_object_poses()),
    )
    checked = check_sources(sources.path, needs)
    found = [
        *checked.findings,
        *check_round_trip(env, sources.path, checked.usable),
        *check_reach(env, sources.path, checked.usable),
    ]
    new = [finding for finding in found if finding not in sources.findings]
    bad = {finding.demo for finding in new if finding not in checked.findings}
    usable = tuple(name for name in checked.usable if name not in bad)
    if not usable:
        raise SourceError(f"source '{sources.path}': none of its demonstrations is usable:", *new[:10])
    return dataclasses.replace(checked, usable=usable, findings=(*sources.findings, *new))


def check_command(config: RunConfig, *, as_json: bool) -> int:
    """Print what the check of a source file finds; no Kit application is needed. Returns the exit code, 0.

    Raises:
        BadInputError: The file, the task or the device cannot be used, or no demonstration is usable.
    """
    assert config.source is not None
    here = runtime.detect()
    chatter = io.StringIO()  # Isaac Lab prints while it is imported and opened
    with (
        tempfile.TemporaryDirectory() as scratch,
        contextlib.redirect_stdout(chatter),
        contextlib.redirect_stderr(chatter),
    ):
        aside = dataclasses.replace(config, output_dataset=Path(scratch, "check.hdf5"), output_dir=Path(scratch))
        cfg, success = task_config(aside, Outputs(aside), here)
        sources = check_sources(config.source.absolute(), task_needs(cfg))
        environment = Environment(cfg, success, here)
        try:
            sources = check_live(environment, sources)
        finally:
            environment.close()
    print(text.as_json(to_json(sources)) if as_json else report(sources))
    return 0
