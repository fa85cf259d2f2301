"""The container's files, linted and run as a container would run them: no engine is needed.

A container is emulated by an empty environment, a workspace with the two mounted folders, and the variables that
`docker/compose.yaml` sets; what runs in it is real. Only Isaac Sim's kernel is a stand-in that says how it was called.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
import yaml

from tests.conftest import PROJECT
from tests.containers import DOCKER, Container, answer, free_port, stopped_in, until

BIN = Path(sys.executable).parent
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
STANDALONE = {"NUM_TRIALS": "1", "MIMICGEN_DATAGEN_GUARANTEE": "false"}
FEW = ("--set", "render.every=100", "--set", "render.width=96", "--set", "render.height=64")
"""Passed on to the run: images that are soon rendered."""


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    emulated = Container(tmp_path)
    yield emulated
    emulated.close()


def test_the_scripts_are_clean() -> None:
    scripts = [*sorted(DOCKER.glob("*.sh")), *sorted((PROJECT / "scripts").glob("*.sh")), PROJECT / ".ci" / "run"]
    assert len(scripts) > 7
    found = subprocess.run([BIN / "shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_definition_is_clean() -> None:
    found = subprocess.run([BIN / "hadolint", DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_compose_file_is_one() -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml"]
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", ["isaac-lab", "embedded"])
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = COMPOSE["services"][name]
    assert "privileged" not in service
    assert "network_mode" not in service
    assert service["restart"] == "no"
    assert service["cap_drop"] == ["ALL"]
    assert service["user"] == "${USER_ID:-1000}:${GROUP_ID:-1000}"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    mounted = [volume.split(":")[0] for volume in service["volumes"]]
    assert mounted == ["../datasets", "../output", "cache"]
    assert service["environment"]["ACCEPT_EULA"].startswith("${ACCEPT_EULA:?")


def test_the_image_runs_as_nobody_special_and_says_how_it_is() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    assert len(stages) == 2
    for stage in stages:
        assert re.findall(r"^USER (.*)", stage, flags=re.M)[-1] == "1000:1000"
        assert "HEALTHCHECK" in stage
    assert all(":latest" not in line and ":" in line for line in re.findall(r"^ARG \w+_IMAGE=.*", text, flags=re.M))


def test_nothing_secret_and_nothing_of_one_machine_is_in_the_files() -> None:
    files = [*DOCKER.iterdir(), *(PROJECT / "notebook").glob("*.ipynb"), PROJECT / ".dockerignore"]
    assert len(files) > 5
    for path in files:
        text = path.read_text()
        assert "--allow-root" not in text, path
        assert "privileged: true" not in text, path
        assert "network_mode" not in text, path
        assert not re.search(r"(token|password|secret|api_key)\s*[=:]\s*['\"]?[A-Za-z0-9]{8,}", text, re.I), path
        assert not re.search(r"(^|[\s'\"=:])/(home|root|Users|work|tmp|mnt)/", text, re.M), path


# The entry point.


def test_standalone_writes_continues_and_refuses(container: Container) -> None:
    code, said = container.run(*FEW, **STANDALONE, MODE="standalone")
    assert code == 0, said
    dataset = container.workspace / "datasets" / "generated_dataset.hdf5"
    records = container.workspace / "output" / "attempts.jsonl"
    assert len(records.read_text().splitlines()) == 1
    # Standalone is the default; one more is wanted.
    code, said = container.run(*FEW, NUM_TRIALS="2", MIMICGEN_DATAGEN_GUARANTEE="false")
    assert code == 0, said
    assert len(records.read_text().splitlines()) == 2
    kept = sum('"outcome": "success"' in line for line in records.read_text().splitlines())
    if kept:
        with h5py.File(dataset) as file:
            assert len(file["data"]) == kept
        assert len(list(records.parent.glob("table_cam_normals/demo_*"))) == kept
    code, said = container.run(*FEW, NUM_TRIALS="2", MIMICGEN_DATAGEN_GUARANTEE="false", MIMICGEN_DATAGEN_SEED="5")
    assert code == 2
    assert "seed was 1 and is 5" in said
    assert len(records.read_text().splitlines()) == 2


def test_docker_stop_leaves_whole_files(container: Container) -> None:
    process = container.start(*FEW, NUM_TRIALS="50", MODE="standalone")
    records = container.workspace / "output" / "attempts.jsonl"
    until(lambda: records.exists() and records.read_text().count("\n") >= 1, 200)
    assert stopped_in(process) < 10
    assert process.returncode in (130, 143)
    outcomes = [line for line in records.read_text().splitlines() if '"outcome": "success"' in line]
    dataset = container.workspace / "datasets" / "generated_dataset.hdf5"
    if outcomes:
        with h5py.File(dataset) as file:
            assert len(file["data"]) == len(outcomes)
    assert not list((container.workspace / "datasets").glob("*.parts"))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"ACCEPT_EULA": ""}, "the licences were not accepted: set ACCEPT_EULA=Y"),
        ({"MODE": "batch"}, "MODE = 'batch': expected standalone, gui, jupyter or selftest"),
        (
            {"MIMICGEN_DATAGEN_SOURCE": "datasets/mine.hdf5"},
            "MIMICGEN_DATAGEN_SOURCE = 'datasets/mine.hdf5' does not exist in",
        ),
        ({"ISAACSIM_PATH": "/nowhere"}, "ISAACSIM_PATH = '/nowhere' has no kit/kit"),
        ({"NUM_TRIALS": "many"}, "environment variable NUM_TRIALS: num_trials = 'many': expected a whole number"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(container: Container, values: dict[str, str], told: str) -> None:
    code, said = container.run(**values)
    assert code == 2, said
    assert told in said
    assert not any((container.workspace / "output").iterdir())


def test_a_folder_that_cannot_be_written_is_refused(container: Container) -> None:
    output = container.workspace / "output"
    output.rmdir()
    output.write_text("a file where the folder would be")
    (container.workspace / "nowhere").write_text("")
    code, said = container.run(MIMICGEN_DATAGEN_OUTPUT_DIR=str(container.workspace / "nowhere" / "output"))
    assert code == 2
    assert "cannot be written by user" in said


def test_the_selftest_passes_and_says_what_is_wrong(container: Container) -> None:
    code, said = container.run(MODE="selftest")
    assert code == 0, said
    for step in ("Isaac Lab", "Source demonstrations", "Environment", "One environment step", "One frame of normals"):
        assert re.search(rf"^ok +{step}", said, re.M), said
    assert re.search(r"the self-test passed in \d+ s", said)
    answers = (container.workspace / "output" / "field_test.txt").read_text()
    assert "\nKit: 110." in answers
    assert "\nisaaclab: 3." in answers
    for line in (
        "ok      Another step, and another frame",
        "ok      A second environment in the same process",
        "ok      It steps again after it has drawn: 3 attempts, 3 drawn; target reached",
        "ok      Settings are as they were before",
        "n/a     Pause and play in the toolbar: this application has no timeline",
        "n/a     A stage with unsaved changes is left alone: this application has no stage",
    ):
        assert f"\n{line}" in answers
        assert line in said
    broken = container.workspace / "datasets" / "broken.hdf5"
    broken.write_bytes(b"not a dataset")
    code, said = container.run(MODE="selftest", MIMICGEN_DATAGEN_SOURCE="datasets/broken.hdf5")
    assert code == 2
    assert "broken.hdf5' is not an HDF5 file; pass an HDF5 file of demonstrations" in said


def test_the_window_opens_and_a_stop_closes_it(container: Container, display: str) -> None:
    process = container.start(MODE="gui", DISPLAY=display, XDG_DATA_HOME=str(container.workspace))
    search = ["xdotool", "search", "--name", "MimicGen"]

    def shown() -> bool:
        assert process.poll() is None, process.communicate()
        found = subprocess.run(
            search, env=os.environ | {"DISPLAY": display}, capture_output=True, text=True, check=False
        )
        return bool(found.stdout.strip())

    until(shown, 90)
    time.sleep(3)
    assert stopped_in(process) < 10
    assert process.returncode in (130, 143)


def test_the_notebook_is_served_to_this_machine_with_a_token(container: Container) -> None:
    port = free_port()
    as_root = ["--allow-root"] if os.geteuid() == 0 else []  # a container's user is not root, who runs tests may be
    process = container.start(*as_root, MODE="jupyter", JUPYTER_PORT=str(port), JUPYTER_TOKEN="a-token-of-the-test")
    base = f"http://127.0.0.1:{port}"
    assert until(lambda: answer(f"{base}/api") == 200, 60)
    assert answer(f"{base}/api/contents") == 403
    assert answer(f"{base}/api/contents?token=a-token-of-the-test") == 200
    assert (container.workspace / "output" / "generate_dataset.ipynb").is_file()
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    addresses = {entry.split(":")[0] for entry in listening if int(entry.split(":")[1], 16) == port}
    assert addresses == {"0100007F"}  # 127.0.0.1
    health = container.environment({"MODE": "jupyter", "JUPYTER_PORT": str(port)})
    assert subprocess.run([DOCKER / "health.sh"], env=health, cwd=container.workspace, check=False).returncode == 0
    assert stopped_in(process) < 10
    failed = subprocess.run(
        [DOCKER / "health.sh"], env=health, cwd=container.workspace, stderr=subprocess.DEVNULL, check=False
    )
    assert failed.returncode != 0


def test_a_run_is_healthy_while_it_writes(container: Container) -> None:
    def healthy() -> bool:
        environment = container.environment({"MODE": "standalone"})
        return subprocess.run([DOCKER / "health.sh"], env=environment, cwd=container.workspace).returncode == 0

    assert not healthy()
    record = container.workspace / "output" / "attempts.jsonl"
    record.write_text("{}\n")
    assert healthy()
    os.utime(record, (time.time() - 3600,) * 2)
    assert not healthy()


@pytest.mark.parametrize(
    ("mode", "display", "app", "expected"),
    [
        ("standalone", "", "headless.kit --no-window", ["autostart=true", "quit_when_done=true"]),
        ("selftest", "", "headless.kit --no-window", ["selftest=true"]),
        ("gui", ":7", "kit", []),
        ("gui", "", "streaming.kit --no-window", ["primaryStream/publicIp=192.0.2.7"]),
    ],
)
def test_with_isaac_sim_its_kernel_runs_an_app_file(
    container: Container, tmp_path: Path, mode: str, display: str, app: str, expected: list[str]
) -> None:
    """A stand-in for Isaac Sim's kernel says how it was called."""
    kernel = tmp_path / "kit" / "kit"
    kernel.parent.mkdir()
    kernel.write_text('#!/bin/sh\necho kit "$@"\necho "source $MIMICGEN_DATAGEN_SOURCE"\nexit 7\n')
    kernel.chmod(0o755)
    values = {"MODE": mode, "DISPLAY": display, "PUBLIC_IP": "192.0.2.7", "ISAACSIM_PATH": str(tmp_path)}
    code, said = container.run("--extra", **values)
    assert code == 7  # passed through
    assert said.startswith(f"kit {PROJECT}/config/mimicgen.datagen.isaacsim.{app} ")
    assert "--extra" in said
    for part in expected:
        assert part in said
    assert f"source {PROJECT / 'datasets' / 'source_demos.hdf5'}" in said
