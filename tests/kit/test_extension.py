"""The extension in a real Kit application; in one of its own where it is enabled and disabled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mimicgen.datagen.errors import ConfigError
from tests.conftest import Kit, child
from tests.generation.running import in_kit


def test_enabling_and_disabling_leaves_nothing_behind() -> None:
    code = """
    import gc, os, json
    import carb.eventdispatcher
    manager = kit.extensions
    name = manager.get_enabled_extension_id("mimicgen.datagen")

    async def tasks():
        return len(asyncio.all_tasks())

    def left():
        gc.collect()
        sessions = sum(type(o).__name__ in ("Session", "DatagenExtension", "Console") for o in gc.get_objects())
        return {"files": len(os.listdir("/proc/self/fd")), "tasks": kit.run(tasks()), "objects": sessions}

    def cycle():
        manager.set_extension_enabled_immediate(name, False)
        assert not manager.is_extension_enabled(name)
        manager.set_extension_enabled_immediate(name, True)
        kit.update()

    cycle()
    before = left()
    for _ in range(15):
        cycle()
    print("LEFT", json.dumps([before, left()]), flush=True)
    sys.exit(kit.kit.shutdown())
    """
    process = child(code)
    assert process.returncode == 0, process.stderr[-2000:]
    line = next(line for line in process.stdout.splitlines() if line.startswith("LEFT "))
    before, after = json.loads(line.removeprefix("LEFT "))
    assert before == after


def test_a_signal_stops_the_run_between_two_steps_and_so_does_disabling_the_extension(
    shipped_demos: Path, tmp_path: Path
) -> None:
    code = """
    import signal
    from mimicgen.datagen.tasks.defaults import build
    from mimicgen.datagen.kit import extension
    config = build({"source": sys.argv[1], "output_dataset": sys.argv[2] + "/g.hdf5", "output_dir": sys.argv[2]})
    session = kit.session
    manager = kit.extensions
    (owner,) = [one for one in __import__("gc").get_objects() if isinstance(one, extension.DatagenExtension)]
    told = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        owner._stop_on_signals()
        session.start(config)
        while session.progress.steps < 2:
            kit.update()
        signal.raise_signal(number)
        told.append(str(session.state))
        kit.update()
        told += [str(session.state), kit.run(session.finished()).reason]
    print("TOLD", *told, sep="|", flush=True)
    session.start(config)
    while session.progress.steps < 3:
        kit.update()
    (config.output_dir / "run.json").unlink()
    manager.set_extension_enabled_immediate(manager.get_enabled_extension_id("mimicgen.datagen"), False)
    print("END", kit.run(session.finished()).reason, flush=True)
    sys.exit(kit.kit.shutdown())
    """
    process = in_kit(code, shipped_demos, tmp_path)
    line = next((line for line in process.stdout.splitlines() if line.startswith("TOLD")), process.stderr[-2000:])
    _, *told = line.split("|")
    for at, name in enumerate(("SIGINT", "SIGTERM", "SIGHUP")):
        running, after, reason = told[3 * at : 3 * at + 3]
        assert running == "running"
        assert after in ("stopping", "done")
        assert reason == f"interrupted by {name}"
    assert "END the extension was disabled" in process.stdout, process.stderr[-2000:]
    assert process.returncode == 0
    assert (tmp_path / "run.json").exists()


def test_the_configuration_comes_from_file_environment_and_settings(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import carb.settings

    from mimicgen.datagen.kit import settings

    file = tmp_path / "run.toml"
    file.write_text('num_trials = 2\nnum_envs = 2\nseed = 2\nsource = "demos.hdf5"\n')
    monkeypatch.setenv("NUM_ENVS", "3")
    monkeypatch.setenv("SEED", "3")
    store = carb.settings.get_settings()
    values = {
        "config": str(file),
        "seed": 4,
        "mimic/action_noise": 0.25,
        "mimic/subtasks/grasp_1/nn_k": 9,
        "guarantee": False,
    }
    for name, value in values.items():
        store.set(f"{settings.ROOT}/{name}", value)
    try:
        config = settings.generating()
        assert (config.num_trials, config.num_envs, config.seed) == (2, 3, 4)
        assert (config.mimic.action_noise, config.guarantee, config.source) == (0.25, False, Path("demos.hdf5"))
        assert config.mimic.of("grasp_1", "nn_k") == 9
        store.set(f"{settings.ROOT}/seed", "many")
        with pytest.raises(ConfigError, match="seed = 'many'"):
            settings.generating()
    finally:
        for name in ("seed", "mimic", "guarantee"):
            store.destroy_item(f"{settings.ROOT}/{name}")
        store.set(f"{settings.ROOT}/config", "")


def test_the_extension_starts_without_a_user_interface(kit: Kit) -> None:
    assert kit.extensions.get_enabled_extension_id("omni.ui") is None
    assert not kit.session.active
