"""Poses that are made when an episode is taken out are those that the environment gives. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import PROJECT
from tests.generation.running import result

CODE = """
from mimicgen.datagen.isaaclab.managers import poses, recording

def flat(values, path=""):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{name}/")
        else:
            yield f"{path}{name}", value

async def main(**values):
    rows = []
    async with opened(num_envs=2, **values) as generator:
        env = generator._env
        (term,) = env.recorder_manager._later.values()
        now = term.record_pre_step
        def watched():
            given = {
                "eef_pose": {eef: env.get_robot_eef_pose(eef) for eef in env.cfg.subtask_configs},
                "object_pose": env.get_object_poses(),
                "target_eef_pose": env.action_to_target_eef_pose(env.action_manager.action),
            }
            rows.append({path: value.clone().numpy() for path, value in flat(given)})
            return now()
        term.record_pre_step = watched
        for _ in range(25):
            assert not await generator.ended()
            generator.step(await generator.actions(2))
        found = [dict(flat(dict(episode))) for episode in generator._environment.episodes([0, 1])]
        hosts = [poses.poses_of(env).of([1, 0]), generator._environment.poses([1, 0])]
    gap = max(
        float((one[name] - own).abs().max()) for one, other in zip(*hosts, strict=True) for name, own in other.items()
    )
    alike = all(one.keys() == other.keys() for one, other in zip(*hosts, strict=True))
    recorded = {path.removeprefix("obs/datagen_info/") for path in found[0] if path.startswith("obs/datagen_info/")}
    signals = {path for path in recorded if path.startswith("subtask_term_signals/")}
    def difference(path, env_id):
        given = np.stack([row[path][env_id] for row in rows[-25:]])
        return float(np.abs(given - found[env_id][f"obs/datagen_info/{path}"]).max())

    differ = {path: max(difference(path, env_id) for env_id in (0, 1)) for path in rows[0]}
    still = list(env.still) if isinstance(env, poses.TaskEnv) else []
    same = recorded - signals == set(rows[0])
    return {"gap": gap, "alike": alike, "still": still, "same": same, "signals": len(signals), "differ": differ}

"""


def test_they_are_what_the_environment_gives(tmp_path: Path) -> None:
    """For Isaac Lab's own environment, for an object with parts, for two arms, and beside what stands still."""
    code = f"""
from pathlib import Path
datasets = Path({str(PROJECT / "datasets")!r})
tasks = ("drawer", "handover", "pick_place")
several = [{{}}, *({{"task": task, "source": str(datasets / f"{{task}}_demos.hdf5")}} for task in tasks)]
print("RESULT", json.dumps([asyncio.run(main(**values)) for values in several]))
"""
    several = result(CODE + code, tmp_path)
    for found in several:
        assert found["same"]
        assert found["signals"]
        assert max(found["differ"].values()) < 2e-7, found["differ"]
        assert found["alike"], "what a device sends in one piece has what the environment has"
        assert found["gap"] < 2e-7
    assert several[3]["still"]
    assert {"object_pose/cabinet", "object_pose/cabinet_drawer", "object_pose/hammer"} <= {*several[1]["differ"]}
    assert {"target_eef_pose/left", "target_eef_pose/right"} <= {*several[2]["differ"]}
