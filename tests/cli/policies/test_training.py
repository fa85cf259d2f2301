from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.cli.policies import training
from mimicgen.datagen.cli.policies.training import _span, preset_file
from mimicgen.datagen.errors import ConfigError
from tests.conftest import SHIPPED_DEMOS


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> str:
    assert cli.main(["train", "--output", str(folder / "policy"), *arguments]) == 2
    assert not [*folder.iterdir()], "nothing was made"
    return capsys.readouterr().err


def test_what_is_refused_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    demos = ["--dataset", str(SHIPPED_DEMOS)]
    said = refused(capsys, tmp_path, *demos, "--preset", "diffuse")
    assert "preset = 'diffuse': known: act_images, bc_rnn_gmm, diffusion, diffusion_images" in said
    said = refused(capsys, tmp_path, *demos, "--steps", "0")
    assert "training.steps = 0" in said
    said = refused(capsys, tmp_path, "--dataset", "nothing.hdf5")
    assert "does not exist" in said
    said = refused(capsys, tmp_path, *demos, "--preset", "act_images")
    assert "lacks table_cam_rgb, wrist_cam_rgb" in said
    assert "observe.cameras" in said
    said = refused(capsys, tmp_path, *demos, "--preset", str(tmp_path / "mine.toml"))
    assert "mine.toml" in said
    (nameless := tmp_path.parent / f"{tmp_path.name}.hdf5").write_bytes(SHIPPED_DEMOS.read_bytes())
    with h5py.File(nameless, "r+") as file:
        del file["data"].attrs["env_args"]
        file.attrs.pop("provenance")
    assert "pass --task, or --evaluate-every 0" in refused(capsys, tmp_path, "--dataset", str(nameless))
    monkeypatch.setattr(training, "PYTHON", tmp_path / "none")
    assert "./scripts/setup.sh --with train" in refused(capsys, tmp_path, *demos)


def test_presets_by_name_and_by_path() -> None:
    assert preset_file("diffusion").is_file()
    assert preset_file("some/where.toml") == Path("some/where.toml")
    with pytest.raises(ConfigError, match="known"):
        preset_file("")


@pytest.mark.parametrize(("seconds", "said"), [(41.2, "41 s"), (720, "12 min"), (12_600, "3.5 h")])
def test_times_as_people_say_them(seconds: float, said: str) -> None:
    assert _span(seconds) == said
