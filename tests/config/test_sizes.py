"""How many environments there are where nobody says it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimicgen.datagen.config import sizes
from mimicgen.datagen.config.jobs import Evaluate, Generate, Render
from mimicgen.datagen.config.layers import read_toml
from mimicgen.datagen.config.sizes import A_CORE, ON_A_CPU, ON_A_GPU, SEEN_ON_A_GPU, UNKNOWN, environments, memory_of
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.tasks.defaults import build

CORES = len(os.sched_getaffinity(0))


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """NVIDIA's tool, which prints the memory of the GPU that it is asked for as it does, in a machine with two."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '  "--id=0 --query-gpu=memory.total --format=csv,noheader,nounits") echo 143771;;\n'
        '  "--id=1 --query-gpu=memory.total --format=csv,noheader,nounits") echo 8188;;\n'
        '  *) echo "No devices were found"; exit 6;;\n'
        "esac\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    sizes._memory.cache_clear()
    yield tool
    sizes._memory.cache_clear()


def test_as_many_as_a_processor_has_work_for() -> None:
    assert environments("cpu", 100_000) == min(ON_A_CPU, A_CORE * CORES)
    assert environments("cpu", 5) == 5
    assert build({"num_envs": "auto", "num_trials": 3}).num_envs == 3
    assert build({}).num_envs == 1


def test_as_many_as_a_gpu_has_memory_for(gpu: Path) -> None:
    assert memory_of("cuda:0") == 143771
    assert environments("cuda", 100_000) == ON_A_GPU
    assert environments("cuda", 1000) == 1000
    assert environments("cuda", 100_000, observes=True) == SEEN_ON_A_GPU
    assert environments("cuda:1", 100_000) == 1023
    assert memory_of("cuda:2") == UNKNOWN
    gpu.unlink()
    assert memory_of("cuda:0") == 143771, "it is asked for once"


def test_a_gpu_is_the_one_that_the_process_sees(gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    assert (memory_of("cuda"), memory_of("cuda:1")) == (8188, 143771)


def test_on_a_gpu_it_is_open_unless_it_is_said(gpu: Path) -> None:
    assert build({"device": "cuda", "num_trials": 100_000}).num_envs == ON_A_GPU
    assert build({"device": "cuda", "num_trials": 100_000, "num_envs": 7}).num_envs == 7
    seen = {"device": "cuda", "num_trials": 100_000, "observe.cameras": "table_cam"}
    assert build(seen).num_envs == SEEN_ON_A_GPU


def test_in_isaac_sim_it_is_one_unless_it_is_said(gpu: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "omni" / "usd").mkdir(parents=True)
    for folder in (tmp_path / "omni", tmp_path / "omni" / "usd"):
        (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "omni", raising=False)
    assert build({"device": "cuda"}).num_envs == 1
    assert build({"device": "cuda", "num_envs": "auto", "num_trials": 30}).num_envs == 30


def test_it_is_a_word_of_files_too(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('num_envs = "auto"\nnum_trials = 2\n')
    assert build(read_toml(path), kind=Generate).num_envs == 2
    assert build({"num_envs": "auto", "policy": "zeros"}, kind=Evaluate).num_envs == min(100, A_CORE * CORES, ON_A_CPU)
    assert build({"num_envs": "auto", "source": "d.hdf5"}, kind=Render).num_envs == 1
    with pytest.raises(ConfigError, match="num_envs = 'many': expected a whole number from 1 to 65,536, or auto"):
        build({"num_envs": "many"})
