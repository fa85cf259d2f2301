"""The choice of source demonstrations, against Isaac Lab's strategies. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

from tests.generation.running import result


def test_sources_are_chosen_as_isaac_labs_strategies_choose(tmp_path: Path) -> None:
    code = """
import dataclasses
import numpy as np
import torch
import isaaclab.utils.math as pose_math
from isaaclab_mimic.datagen.datagen_info import DatagenInfo
from isaaclab_mimic.datagen.selection_strategy import make_selection_strategy
from mimicgen.datagen.generation.plans.plan import Request

def pose():
    yaw = torch.rand(1) * 6.28
    half = torch.tensor([0.0, 0.0, torch.sin(yaw / 2), torch.cos(yaw / 2)])
    tilted = torch.nn.functional.normalize(half + 0.1 * torch.randn(4), dim=0)
    position = torch.tensor([0.5, 0.0, 0.1]) + torch.tensor([0.1, 0.2, 0.1]) * torch.randn(3)
    return pose_math.make_pose(position, pose_math.matrix_from_quat(tilted))

async def main():
    async with opened(mimic__keep_clear=False) as generator:
        planner = generator._policy._planner
        ((eef, subtasks),) = planner.subtasks.items()
        found = {}
        for name in ("random", "nearest_neighbor_object", "nearest_neighbor_robot_distance"):
            strategy, pairs = make_selection_strategy(name), []
            for subtask, cfg in enumerate(subtasks):
                cfg.selection_strategy = name
                weights = {"pos_weight": 3.0, "rot_weight": 0.2} if subtask % 2 else {}
                cfg.selection_strategy_kwargs = {} if name == "random" else {"nn_k": 3, **weights}
                torch.manual_seed(subtask)
                requests = [Request(env=0, eef=eef, subtask=subtask, choices=planner.begin()[1],
                                    before=None, eef_pose=pose(), object_poses={cfg.object_ref: pose()})
                            for _ in range(50)]
                for request, eligible in zip(requests, planner.eligible(requests), strict=True):
                    boundaries = request.choices.boundaries[eef][:, subtask]
                    segments = [DatagenInfo(eef_pose=info.eef_pose[eef][start:end],
                                            object_poses={cfg.object_ref: info.object_poses[cfg.object_ref][start:end]})
                                for info, (start, end) in zip(planner.infos, boundaries)]
                    torch.manual_seed(len(pairs))
                    expected = strategy.select_source_demo(eef_pose=request.eef_pose,
                        object_pose=request.object_poses[cfg.object_ref], src_subtask_datagen_infos=segments,
                        **cfg.selection_strategy_kwargs)
                    torch.manual_seed(len(pairs))
                    pairs.append([int(expected), eligible[int(torch.randint(0, len(eligible), (1,)))]])
            found[name] = pairs
        names = generator._policy._planner._sources.names
        cfg.selection_strategy, cfg.selection_strategy_kwargs = "nearest_neighbor_object", {"nn_k": 3}
        left = []
        for used in (names[:2], names[1:], names):
            asked = [dataclasses.replace(request, used=frozenset(used)) for request in requests]
            left.append([sorted(own) for own in planner.eligible(asked)])
        found["left"] = [[sorted(own) for own in planner.eligible(requests)], *left]
        print("RESULT", json.dumps(found))

asyncio.run(main())
"""
    found = result(code, tmp_path)
    everyone, *left = found.pop("left")
    assert all(len(own) == 3 and not {0, 1} & set(own) for own in left[0]), "two are used, and three others taken"
    assert all(own == [0] for own in left[1]), "all others are used"
    assert left[2] == everyone, "all are used: it is as if none were"
    assert len(found) == 3
    for name, pairs in found.items():
        assert len(pairs) == 200
        assert len({expected for expected, _ in pairs}) > 3, name
        assert [ours for _, ours in pairs] == [expected for expected, _ in pairs], name


def test_what_is_left_out_is_never_chosen(tmp_path: Path) -> None:
    code = """
import dataclasses
import torch
from mimicgen.datagen.generation.plans.plan import Request

async def main():
    found = {}
    for clear in (False, True):
        async with opened(mimic__keep_clear=clear, mimic__leave_out="demo_0,demo_3",
                          mimic__subtasks__stack_1__leave_out="demo_5") as generator:
            planner = generator._policy._planner
            ((eef, subtasks),) = planner.subtasks.items()
            names = planner._sources.names
            chosen = []
            for subtask, cfg in enumerate(subtasks):
                requests = []
                for demo, info in enumerate(planner.infos):  # as each demonstration is, itself the nearest
                    choices = planner.begin()[1]
                    start = int(choices.boundaries[eef][demo, subtask, 0])
                    requests.append(Request(env=0, eef=eef, subtask=subtask, choices=choices, before=None,
                        eef_pose=info.eef_pose[eef][start],
                        object_poses={name: poses[start] for name, poses in info.object_poses.items()}))
                chosen.append([[names[demo] for demo in own] for own in planner.eligible(requests)])
            used = [dataclasses.replace(requests[0], used=frozenset(names) - {"demo_0"})]
            found[str(clear)] = {"chosen": chosen, "used": [[names[demo] for demo in own]
                                                            for own in planner.eligible(used)], "names": names}
    print("RESULT", json.dumps(found))

asyncio.run(main())
"""
    for clear, found in result(code, tmp_path).items():
        names, gone = found["names"], [{"demo_0", "demo_3"}, {"demo_5"}, {"demo_0", "demo_3"}, {"demo_0", "demo_3"}]
        for chosen, left_out in zip(found["chosen"], gone, strict=True):
            assert len(chosen) == len(names) == 10
            for name, own in zip(names, chosen, strict=True):
                assert own
                assert not left_out & set(own)
                assert clear == "True" or name in left_out or own[0] == name, "the nearest otherwise"
        assert "demo_0" not in found["used"][0], "not where all others are used either"
