"""Source segments whose hand would land on something else. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

from tests.generation.running import result

GRASP = """
import torch
import isaaclab.utils.math as pose_math

def grasp(position, yaw):
    # A hand that looks down, its fingers' way along y when the yaw is 0.
    turn = torch.tensor([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
    c, s = torch.cos(torch.tensor(yaw)), torch.sin(torch.tensor(yaw))
    about_z = torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return pose_math.make_pose(torch.tensor(position), about_z @ turn)
"""


def test_a_hand_is_as_wide_as_it_is_along_its_fingers_way(tmp_path: Path) -> None:
    code = (
        """
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
"""
        + GRASP
        + """
from mimicgen.datagen.generation.clearance import in_the_way

above = torch.stack([grasp([0.5, 0.0, 0.2], 0.0), grasp([0.5, 0.0, 0.02], 0.0)])
turned = torch.stack([grasp([0.5, 0.0, 0.2], 1.57), grasp([0.5, 0.0, 0.02], 1.57)])
ways = torch.stack([above, turned, above[:1].expand(2, 4, 4)])
def found(*objects):
    return in_the_way(ways, torch.tensor(objects).expand(3, -1, 3)).tolist()
print("RESULT", json.dumps({
    "stack": found([0.5, 0.1, 0.02], [0.5, 0.1, 0.067]),
    "stack farther away": found([0.5, 0.15, 0.067]),
    "cube on the table": found([0.5, 0.06, 0.02]),
    "nothing": in_the_way(ways, torch.zeros(3, 0, 3)).tolist(),
}))
"""
    )
    found = result(code, tmp_path)
    assert found["stack"] == [True, False, False]
    for other in ("stack farther away", "cube on the table", "nothing"):
        assert found[other] == [False, False, False], other


def test_segments_that_lead_the_hand_onto_a_stack_are_not_chosen_as_long_as_there_are_others(tmp_path: Path) -> None:
    code = """
import torch
import numpy as np
import isaaclab.utils.math as pose_math
from mimicgen.datagen.generation.clearance import in_the_way, looked_at, moved
from mimicgen.datagen.generation.planning import Request
from mimicgen.datagen.generation.randomness import Streams

def at(x, y, z):
    return pose_math.make_pose(torch.tensor([x, y, z]), torch.eye(3))

async def main():
    async with opened(mimic__nn_k=10) as generator:
        planner = generator._planner
        def request(cube_2, cube_3=(0.5, 0.0, 0.0203)):
            poses = {"cube_1": at(0.5, 0.1, 0.0203), "cube_2": at(*cube_2), "cube_3": at(*cube_3)}
            return Request(streams=Streams(0, "cpu"), subtask=2, boundaries=planner.boundaries(), before=None,
                           eef_pose=at(0.5, 0.0, 0.3), object_poses=poses)
        directions = [(0.5 + 0.1 * float(np.cos(angle)), 0.1 * float(np.sin(angle)), 0.067)
                      for angle in np.linspace(0, 6.28, 13)]
        requests = [request(one) for one in directions]
        eligible = planner.eligible(requests)
        blocked = []
        for one in requests:
            ranges = torch.from_numpy(one.boundaries[:, 2])[None]
            starts, ends = ranges.unbind(-1)
            sources = planner._selection.object_poses["cube_3"][torch.arange(10), starts]
            looks = looked_at(planner._selection.eef_poses, starts, ends)
            ways = moved(looks, sources, one.object_poses["cube_3"][None, None])
            blocked.append(in_the_way(ways, one.object_poses["cube_2"][:3, 3][None, None, None])[0].nonzero()[:, 0])
        around = request((0.5, 0.0, 0.067))  # on top: every hand would land on it
        planner._selection.keep_clear = False
        upstream = planner.eligible([*requests, around])
        planner._selection.keep_clear = True
        print("RESULT", json.dumps({"eligible": eligible, "blocked": [one.tolist() for one in blocked],
            "upstream": upstream, "on top": planner.eligible([around])[0]}))

asyncio.run(main())
"""
    found = result(code, tmp_path)
    assert {len(blocked) for blocked in found["blocked"]} - {0, 10}, "some directions leave a choice"
    for eligible, blocked, upstream in zip(found["eligible"], found["blocked"], found["upstream"], strict=False):
        assert len(upstream) == 10
        expected = [demo for demo in upstream if demo not in blocked] if len(blocked) < 10 else upstream
        assert eligible == expected
    assert found["on top"] == found["upstream"][-1]
