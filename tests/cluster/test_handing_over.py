"""Files for other schedulers say what the plan says, in the words that those understand."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import PROJECT, SHIPPED_DEMOS


def emit(kind: str, folder: Path, *more: str) -> int:
    told = ["--source", str(SHIPPED_DEMOS), "--output-dataset", str(folder / "d 1" / "g.hdf5"), "--num-trials", "1000"]
    told += ["--output-dir", str(folder / "o"), "--num-envs", "16", "--files", str(folder / "files"), *more]
    return cli.main(["cluster", "emit", kind, *told])


def run_of(path: Path) -> Generate:
    return build({key: value for key, value in tomllib.loads(path.read_text()).items() if not isinstance(value, dict)})


def test_slurm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert emit("slurm", tmp_path, "--rate", "0.8", "--device", "cuda") == 0
    assert "10 shards of 128 attempts each, for 1000 kept" in capsys.readouterr().out
    files = tmp_path / "files"
    assert run_of(files / "run.toml").num_trials == 1000
    shards = (files / "shards.sbatch").read_text()
    assert "#SBATCH --array=1-10\n" in shards
    assert "#SBATCH --gpus=1\n" in shards
    check = shutil.which("shellcheck", path=f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}")
    assert check is not None
    scripts = [files / name for name in ("shards.sbatch", "merge.sbatch", "submit.sh")]
    subprocess.run([check, *scripts], check=True)


def test_an_address_for_results_is_handed_over(tmp_path: Path) -> None:
    assert emit("slurm", tmp_path, "--set", f"cluster.results=file://{tmp_path}/bucket") == 0
    written = (tmp_path / "files" / "run.toml").read_text()
    assert f'results = "file://{tmp_path}/bucket"' in written
    assert emit("taskrunner", tmp_path / "other", "--set", "cluster.results=ray") == 0
    assert 'results = "shared"' in (tmp_path / "other" / "files" / "run.toml").read_text()


def test_the_commands_of_slurm_are_run_one_after_the_other(tmp_path: Path) -> None:
    """With a scheduler in their place that starts what it is given, and a project that says how it is called."""
    assert emit("slurm", tmp_path, "--shards", "3") == 0
    files, bin_ = tmp_path / "files", tmp_path / "bin"
    bin_.mkdir()
    scripts = str(PROJECT / "scripts")
    for name in ("shards.sbatch", "merge.sbatch"):
        (files / name).write_text((files / name).read_text().replace(scripts, str(bin_)))
    (bin_ / "datagen.sh").write_text('#!/usr/bin/env bash\nprintf "%s|" "$@" >>"$CALLED"\necho >>"$CALLED"\n')
    (bin_ / "sbatch").write_text(
        "#!/usr/bin/env bash\nset -e\nscript=${*: -1}\n"
        "last=$(sed -n 's/^#SBATCH --array=1-//p' \"$script\")\n"
        'for k in $(seq 1 "${last:-1}"); do SLURM_ARRAY_TASK_ID=$k bash "$script"; done\necho "42;here"\n'
    )
    for script in bin_.iterdir():
        script.chmod(0o755)
    called = tmp_path / "called"
    environment = os.environ | {"PATH": f"{bin_}:{os.environ['PATH']}", "CALLED": str(called)}
    subprocess.run(["bash", files / "submit.sh"], check=True, env=environment)
    run = files / "run.toml"
    assert called.read_text().splitlines() == [
        *(f"generate|--config|{run}|--shard|{number}/3|" for number in (1, 2, 3)),
        f"cluster|merge|--config|{run}|",
    ]


def test_the_task_runner(tmp_path: Path) -> None:
    assert emit("taskrunner", tmp_path, "--shards", "4", "--device", "cuda", "--gpus-per-worker", "0.5") == 0
    told = yaml.safe_load((tmp_path / "files" / "tasks.yaml").read_text())
    assert set(told) <= {"pip", "py_modules", "concurrent", "tasks"}, "what it reads"
    assert told["concurrent"] is False
    assert all(Path(module, "datagen").is_dir() for module in told["py_modules"])
    assert [task["name"] for task in told["tasks"]] == [f"shard-{number}" for number in (1, 2, 3, 4)]
    assert {task["num_gpus"] for task in told["tasks"]} == {0.5}
    assert told["tasks"][2]["py_args"].startswith("-m mimicgen.datagen.cli generate --config ")
    assert told["tasks"][2]["py_args"].endswith("--shard 3/4")


OSMO: dict[str, set[str]] = {
    "workflow": {"name", "pool", "labels", "timeout", "resources", "tasks", "groups"},
    "task": {
        *("name", "image", "lead", "command", "args", "environment", "credentials", "inputs", "outputs", "files"),
        *("resource", "volumeMounts", "exitActions"),
    },
}
"""The fields of its specification."""


def test_osmo(tmp_path: Path) -> None:
    assert emit("osmo", tmp_path, "--shards", "3", "--device", "cuda", "--image", "registry/datagen:1") == 0
    told = yaml.safe_load((tmp_path / "files" / "workflow.yaml").read_text())
    workflow = told["workflow"]
    assert set(workflow) <= OSMO["workflow"]
    assert all(set(task) <= OSMO["task"] for task in workflow["tasks"])
    *shards, merge = workflow["tasks"]
    assert [one["name"] for one in shards] == ["shard-1", "shard-2", "shard-3"]
    assert merge["inputs"][1:] == [{"task": one["name"]} for one in shards]
    assert {task["image"] for task in workflow["tasks"]} == {"registry/datagen:1"}
    assert workflow["resources"]["default"]["gpu"] == 1
    files: dict[str, Any] = {one["path"]: one["contents"] for one in shards[1]["files"]}
    assert "/opt/mimicgen.datagen/scripts/datagen.sh generate" in files["/workspace/datagen/entry.sh"]
    assert "--shard 2/3" in files["/workspace/datagen/entry.sh"]
    assert tomllib.loads(files["/workspace/datagen/run.toml"])["source"] == f"{{{{input:0}}}}/{SHIPPED_DEMOS.name}"
    assert not (tmp_path / "files" / "run.toml").exists()


def test_what_is_there_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "merge.sbatch").write_text("years of work")
    assert emit("slurm", tmp_path) == 2
    assert "merge.sbatch' exists" in capsys.readouterr().err
    assert (tmp_path / "files" / "merge.sbatch").read_text() == "years of work"


@pytest.mark.parametrize(("told", "message"), [(["--rate", "0"], "--rate 0.0"), (["--rate", "2"], "--rate 2.0")])
def test_what_is_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str], told: list[str], message: str) -> None:
    assert emit("slurm", tmp_path, *told) == 2
    assert message in capsys.readouterr().err


def test_more_shards_than_attempts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert emit("slurm", tmp_path, "--shards", "9", "--set", "guarantee=false") == 2
    assert "1000 attempts in shards of 128 are 8 shards" in capsys.readouterr().err
