"""PhysX in the embedded runtime: the engine of Isaac Sim, without Isaac Sim."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import h5py
import pytest

from mimicgen.datagen.embedded import engines
from mimicgen.datagen.errors import SetupError
from tests.generation.running import OPEN, SOURCE, python

installed = pytest.mark.skipif(
    importlib.util.find_spec("ovphysx") is None, reason="PhysX is not installed; ./scripts/setup.sh --with physx"
)
PHYSX = OPEN.replace('"num_envs": 2}', '"num_envs": 2, "physics": "physx"}')
assert PHYSX != OPEN


def told(code: str, *arguments: object) -> Any:
    lines = [line for line in python(code, *arguments).splitlines() if line.startswith("RESULT ")]
    return json.loads(lines[-1].removeprefix("RESULT "))


@installed
def test_a_reset_is_whole_and_seen_at_once_and_leaves_the_neighbour_alone(tmp_path: Path) -> None:
    """What differs between engines: frames after a reset, velocities that nobody resets, where things stand."""
    code = (
        PHYSX
        + """
from mimicgen.datagen.embedded import physics
from mimicgen.datagen.isaaclab import resets
from mimicgen.datagen.attempts.randomness import Streams
reset = resets.Resets(env)
with torch.inference_mode():
    reset({0: Streams(1, "cpu"), 1: Streams(2, "cpu")})
    start = env.obs_buf["policy"]["eef_pos"].clone()
    for step in range(25):
        env.step(torch.tensor([[0.1, 0.0, -0.1, 0.0, 0.0, 0.0, 1.0 if step < 15 else -1.0]]).repeat(2, 1))
    moved = env.obs_buf["policy"]["eef_pos"].clone()
    env.scene["cube_2"].write_root_velocity_to_sim_index(root_velocity=torch.tensor([[0.5, 0.0, 1.0, 0, 0, 3.0]] * 2))
    env.step(torch.zeros(2, 7))
    moved = env.obs_buf["policy"]["eef_pos"].clone()
    reset({0: Streams(1, "cpu")})
    robot, cube = env.scene["robot"], env.scene["cube_2"]
    now = env.obs_buf["policy"]["eef_pos"]
    hand = robot.data.body_pos_w.torch[:, robot.body_names.index("panda_hand")] - env.scene.env_origins
    roots = robot.data.root_pos_w.torch - env.scene.env_origins
    told = {
        "moved": float((moved - start).norm(dim=1).min()), "back": float((now[0] - start[0]).norm()),
        "neighbour": float((now[1] - moved[1]).norm()), "frames": (now - hand).norm(dim=1).tolist(),
        "joints": float(robot.data.joint_vel.torch[0].abs().max()),
        "cube": float(cube.data.root_vel_w.torch[0].abs().max()),
        "neighbours_cube": float(cube.data.root_vel_w.torch[1].abs().max()),
        "roots": float(roots.abs().max()),
        "spacing": float((env.scene.env_origins[0] - env.scene.env_origins[1]).norm()),
        "manager": env.sim.physics_manager.__name__}
    print("RESULT", json.dumps(told))
"""
    )
    found = told(code, tmp_path)
    assert found["manager"] == "OvPhysxManager"
    assert found["moved"] > 0.05
    assert found["back"] < 1e-5, "the same random numbers, the same place, although it had moved"
    assert found["neighbour"] < 1e-6
    assert all(abs(distance - 0.1034) < 1e-4 for distance in found["frames"]), "the sensor agrees with the bodies"
    assert found["joints"] == 0.0
    assert found["cube"] == 0.0
    assert found["neighbours_cube"] > 0.0
    assert found["roots"] < 1e-6, "every robot stands where its environment is"
    assert found["spacing"] == pytest.approx(2.5)


@installed
def test_a_run_keeps_demonstrations_that_say_which_engine_made_them_and_that_succeed_again(tmp_path: Path) -> None:
    code = """
import asyncio, json, sys
from mimicgen.datagen.config.jobs import JOBS
from mimicgen.datagen.session import opening
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.session import Session

def run(**values):
    config = build({"output_dir": sys.argv[1], "physics": "physx", "num_envs": 2, "num_trials": 2,
                    "guarantee": False, "render.when": "never", "report": False} | values,
                   kind=JOBS[values.pop("mode", "generate")])
    async def main():
        session = Session(lambda: asyncio.sleep(0), opening.open_simulation)
        session.start(config)
        return await session.finished(), session.progress
    end, progress = asyncio.run(main())
    return [end.reason, progress.successes, progress.attempts]

made = run(source=sys.argv[2], output_dataset=sys.argv[1] + "/g.hdf5", seed=4)
print("RESULT", json.dumps([made, run(mode="replay", source=sys.argv[1] + "/g.hdf5",
                                      output_dataset=sys.argv[1] + "/r.hdf5", output_dir=sys.argv[1] + "/r")]))
"""
    made, again = told(code, tmp_path, SOURCE)
    assert made == ["target reached", 2, 2]
    assert again == ["target reached", 2, 2]
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["physics"] == "OvPhysxManager"
    assert {"ovphysx", "ovstage"} <= set(record["versions"])
    with h5py.File(tmp_path / "g.hdf5") as file:
        for demo in file["data"].values():
            assert json.loads(demo.attrs["made_with"])["physics"] == "OvPhysxManager"


@installed
def test_warp_still_asks_cuda_for_pinned_memory(tmp_path: Path) -> None:
    """Without the workaround Isaac Lab's PhysX cannot be opened on a machine without CUDA."""
    without = "from mimicgen.datagen.embedded import physx\nphysx._pin_nothing_without_cuda = lambda: None\n"
    code = PHYSX.replace("config = build(", f"{without}config = build(")
    import warp

    if warp.is_cuda_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(AssertionError, match="pinned"):
        python(code + "\nprint('RESULT', '1')\n", tmp_path)


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def none_of_physx(name: str, package: str | None = None) -> Any:
        return None if name == "ovphysx" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", none_of_physx)
    with pytest.raises(SetupError, match=r"'ovphysx' is not installed; run ./scripts/setup\.sh --with physx"):
        engines.check_installed("physx")
    engines.check_installed("mujoco")
    assert engines.listed() == "mujoco, physx (./scripts/setup.sh --with physx)"


@installed
def test_images_are_those_of_the_same_states_on_the_other_engine(tmp_path: Path) -> None:
    """Where the drawn environment stands, and what holds the robot's base, makes no difference to the images."""
    code = """
import asyncio, contextlib, hashlib, json, sys
from mimicgen.datagen.config.jobs import JOBS
from mimicgen.datagen.session import opening
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.states import StateSequence, check_recorded

@contextlib.asynccontextmanager
async def stage(name):
    yield lambda note: None

async def draw():
    config = build({"output_dir": sys.argv[1], "output_dataset": sys.argv[1] + "/g.hdf5", "source": sys.argv[2],
                    "physics": sys.argv[3], "num_envs": 2, "render.width": 64, "render.height": 48})
    outputs = Outputs(config)
    recorded = check_recorded(config.source, config.task, ())
    states = StateSequence.of(recorded.initial_state("demo_0"), recorded.states("demo_0"))
    async with opening.open_simulation(config, outputs, stage) as generator:
        drawn = [frames_for(views_of(config.render), config.render.drawn(), 1) for _ in range(2)]
        for step, frames in zip((0, 100), drawn, strict=True):
            await generator.renderer.draw(states.at(step), frames)
    outputs.close()
    print("RESULT", json.dumps([[hashlib.sha256(images.tobytes()).hexdigest() for images in own.values()]
                                for frames in drawn for own in frames.values()]))

asyncio.run(draw())
"""
    drawn = {}
    for engine in ("mujoco", "physx"):
        folder = tmp_path / engine
        folder.mkdir()
        drawn[engine] = told(code, folder, SOURCE, engine)
    assert drawn["physx"] == drawn["mujoco"]
    assert len({image for images in drawn["mujoco"] for image in images}) == 8, "two steps, two cameras, two modalities"
