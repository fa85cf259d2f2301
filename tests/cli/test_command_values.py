"""Every command that runs something, with numbers and paths that nobody should give. Nothing is started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.cli import remembered, runs
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import PROJECT
from tests.hostile_values import NO_FILES, NUMBERS, PATHS, TOML

SOURCE = str(PROJECT / "datasets" / "source_demos.hdf5")

COMMANDS = {
    "generate": ["generate"],
    "record": ["record", "--expert"],
    "annotate": ["annotate"],
    "render": ["render", SOURCE],
    "replay": ["dataset", "replay", SOURCE],
    "evaluate": ["evaluate", "--policy", "zeros"],
    "check": ["check"],
    "gui": ["gui"],
    "selftest": ["selftest"],
}

NUMERIC = ("num_trials", "mimic.action_noise", "randomization.x", "render.cameras.table_cam.position")
"""A key of every kind of number; `test_values.py` has all of them."""


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def never(*arguments: object, **more: object) -> int:
        raise AssertionError("a run was started")

    monkeypatch.setattr(runs, "_launch", never)


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> list[str]:
    return COMMANDS[request.param]


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Return what a command says that ends with an error in one line, exit code 2 and no traceback."""
    assert cli.main(arguments) == 2, arguments
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


def test_numbers(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for key in NUMERIC:
        for number in NUMBERS:
            if isinstance(number, str):
                pair = f"{key}=0,{number}" if key == "randomization.x" else f"{key}={number}"
                assert f"error: {key} = " in refused(capsys, [*command, "--set", pair])


def test_paths(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for path in filter(None, PATHS):
        for option in ("--source", "--output-dataset", "--output-dir", "--config"):
            if option == "--source" and SOURCE in command:  # the dataset is the source
                continue
            refused(capsys, [*command, option, path])


def test_policies_that_are_no_files(capsys: pytest.CaptureFixture[str]) -> None:
    for path in (*filter(None, PATHS), *NO_FILES):
        refused(capsys, ["evaluate", "--policy", f"replay:{path}", "--output-dir", "output"])
    assert "policy: is missing" in refused(capsys, ["evaluate"])


def test_sources_that_are_no_files(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (COMMANDS["generate"], COMMANDS["annotate"], COMMANDS["check"], COMMANDS["selftest"]):
        for path in NO_FILES:
            assert "source '" in refused(capsys, [*command, "--source", path, "--output-dir", "output"])


def test_files(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.toml"
    for name, content in TOML.items():
        path.write_text(content)
        assert f"configuration file '{path}'" in refused(capsys, [*command, "--config", str(path)]), name


def started(monkeypatch: pytest.MonkeyPatch) -> list[Generate]:
    """Return what runs are started with from here on."""
    configs: list[Generate] = []

    def launch(run: Generate, app: str, settings: dict[str, Any], *, window: bool = False) -> int:
        configs.append(run)
        return 0

    monkeypatch.setattr(runs, "_launch", launch)
    return configs


def test_the_panel_opens_with_the_settings_of_the_last_run(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = started(monkeypatch)
    run = build({"source": SOURCE, "num_trials": 7, "randomization.x": (0.45, 0.5)})
    remembered.remember(run)
    assert cli.main(["gui"]) == 0
    assert cli.main(["gui", "--num-trials", "3"]) == 0
    assert configs[0] == run
    assert (configs[1].num_trials, configs[1].randomization.x) == (3, (0.45, 0.5))


@pytest.mark.parametrize("content", [*TOML.values(), "randomization.x = [0.5, 0.4]", 'mode = "render"\nseed = -1'])
def test_the_panel_opens_whatever_is_remembered(
    content: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configs = started(monkeypatch)
    remembered.location().parent.mkdir(parents=True)
    remembered.location().write_text(content)
    assert cli.main(["gui"]) == 0
    assert configs[0].source == Path(SOURCE)
    assert caplog.text.count("the last settings are not used") == 1


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling", "unreadable"])
def test_the_panel_opens_whatever_lies_where_settings_are_remembered(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configs = started(monkeypatch)
    path = remembered.location()
    path.parent.mkdir(parents=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere" if kind == "dangling" else "/proc/self/mem")
    assert cli.main(["gui"]) == 0
    assert configs[0].seed == 1
    assert "the last settings are not used" in caplog.text
