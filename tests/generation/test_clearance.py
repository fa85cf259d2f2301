"""Source segments whose hand would land on something else. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

import pytest

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
from mimicgen.datagen.generation.clearance import clearances_of
from mimicgen.datagen.tasks.catalogue import described

clearance = clearances_of(described("stack_three"), ["robot"])["robot"]
above = torch.stack([grasp([0.5, 0.0, 0.2], 0.0), grasp([0.5, 0.0, 0.02], 0.0)])
turned = torch.stack([grasp([0.5, 0.0, 0.2], 1.57), grasp([0.5, 0.0, 0.02], 1.57)])
ways = torch.stack([above, turned, above[:1].expand(2, 4, 4)])[None]
def found(*objects, spared=()):
    poses = {f"cube_{index + 1}": pose_math.make_pose(torch.tensor([place]), torch.eye(3)[None])
             for index, place in enumerate(objects)}
    return clearance.blocked(ways, poses, spared)[0].tolist()
print("RESULT", json.dumps({
    "stack": found([0.5, 0.1, 0.02], [0.5, 0.1, 0.067]),
    "stack farther away": found([0.5, 0.15, 0.067]),
    "cube on the table": found([0.5, 0.06, 0.02]),
    "its own": found([0.5, 0.1, 0.02], [0.5, 0.1, 0.067], spared={"cube_2"}),
    "nothing": found(),
}))
"""
    )
    found = result(code, tmp_path)
    assert found["stack"] == [True, False, False]
    for other in ("stack farther away", "cube on the table", "its own", "nothing"):
        assert found[other] == [False, False, False], other


def test_the_stack_is_taken_for_what_it_was_before_files_said_it(tmp_path: Path) -> None:
    """One capsule and one sphere of 33 mm an object, and so the same segments, bit for bit."""
    code = """
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
import torch
import isaaclab.utils.math as pose_math
from mimicgen.datagen.generation.clearance import clearances_of
from mimicgen.datagen.tasks.catalogue import described

def in_the_way(eef_poses, object_positions):
    rotations, positions = eef_poses[..., :3, :3], eef_poses[..., :3, 3]
    between = object_positions[..., None, :, :] - positions[..., :, None, :]
    x, y, z = (between @ rotations).unbind(-1)
    beside = ((y + 0.002).abs() - 0.14 / 2).clamp(min=0.0)
    above = z - (0.0344 - 0.1034)
    distances = torch.sqrt((x - 0.0) ** 2 + beside**2 + above**2)
    return (distances < 0.0316 + 0.033).flatten(-2).any(dim=-1)

clearance = clearances_of(described("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"), ["franka"])["franka"]
torch.manual_seed(0)
def poses(*shape):
    turns = pose_math.matrix_from_quat(torch.nn.functional.normalize(torch.randn(*shape, 4), dim=-1))
    return pose_math.make_pose(0.1 * torch.randn(*shape, 3), turns)
ways = poses(200, 10, 16)
objects = {name: poses(200) for name in ("cube_1", "cube_2", "cube_3")}
found = clearance.blocked(ways, objects, {"cube_2"})
expected = in_the_way(ways, torch.stack([objects[name][:, :3, 3] for name in ("cube_1", "cube_3")], dim=1)[:, None])
print("RESULT", json.dumps([bool(torch.equal(found, expected)), int(expected.sum())]))
"""
    same, blocked = result(code, tmp_path)
    assert same
    assert 100 < blocked < 1900


def test_shapes_of_hands_and_objects_become_capsules_and_spheres(tmp_path: Path) -> None:
    code = """
from pathlib import Path
from mimicgen.datagen.generation.clearance import lines_of, spheres_of
from mimicgen.datagen.robots.schema import Box, Cylinder, Sphere
from mimicgen.datagen.tasks.objects import Object

def spheres(*size):
    centres, radius = spheres_of(Object(shapes=(Box(size=size),)), Path())
    return [len(centres), radius, centres.abs().amax(dim=0).tolist()]
tool = (0.0, 0.0, 0.1)
flat = list(lines_of(Box(size=(0.02, 0.06, 0.2), position=(0.0, 0.0, 0.03)), tool))
(can,) = lines_of(Cylinder(radius=0.03, height=0.1, axis="x"), tool)
(ball,) = lines_of(Sphere(radius=0.05), tool)
print("RESULT", json.dumps({
    "cube": spheres(0.05, 0.05, 0.05), "plate": spheres(0.2, 0.2, 0.05), "sheet": spheres(1.0, 1.0, 0.001),
    "nothing": [len(spheres_of(Object(usd="mug.usd"), Path())[0]), spheres_of(Object(usd="mug.usd"), Path())[1]],
    "flat": [[*line.centre.tolist(), line.height, line.radius, *line.frame[:, 1].tolist()] for line in flat],
    "can": [*can.centre.tolist(), can.height, can.radius, *can.frame[:, 1].tolist()],
    "ball": [ball.height, ball.radius]}))
"""
    found = result(code, tmp_path)
    assert found["cube"][:2] == [1, 0.035]
    assert found["plate"][:2] == [16, 0.035]
    assert found["plate"][2] == pytest.approx([0.075, 0.075, 0.0])
    assert found["sheet"][0] == 64
    assert found["nothing"] == [1, 0.0]
    beside = (-0.02, 0.0, 0.02)  # three capsules along z, side by side along y
    assert found["flat"] == [pytest.approx([0.0, y, -0.07, 0.18, 0.01414, 0.0, 0.0, 1.0], abs=1e-5) for y in beside]
    assert found["can"] == pytest.approx([0.0, 0.0, -0.1, 0.1, 0.03, 1.0, 0.0, 0.0])
    assert found["ball"] == [0.0, 0.05]


def test_segments_that_lead_the_hand_onto_a_stack_are_not_chosen_as_long_as_there_are_others(tmp_path: Path) -> None:
    code = """
import torch
import numpy as np
import isaaclab.utils.math as pose_math
from mimicgen.datagen.generation.clearance import looked_at, moved
from mimicgen.datagen.generation.plans.plan import Request

def at(x, y, z):
    return pose_math.make_pose(torch.tensor([x, y, z]), torch.eye(3))

async def main():
    async with opened(mimic__nn_k=10) as generator:
        planner = generator._policy._planner
        ((eef, selection),) = planner.selections.items()
        def request(cube_2, cube_3=(0.5, 0.0, 0.0203)):
            poses = {"cube_1": at(0.5, 0.1, 0.0203), "cube_2": at(*cube_2), "cube_3": at(*cube_3)}
            return Request(env=0, eef=eef, subtask=2, choices=planner.begin()[1], before=None,
                           eef_pose=at(0.5, 0.0, 0.3), object_poses=poses)
        directions = [(0.5 + 0.1 * float(np.cos(angle)), 0.1 * float(np.sin(angle)), 0.067)
                      for angle in np.linspace(0, 6.28, 13)]
        requests = [request(one) for one in directions]
        eligible = planner.eligible(requests)
        blocked = []
        for one in requests:
            ranges = torch.from_numpy(one.choices.boundaries[eef][:, 2])[None]
            starts, ends = ranges.unbind(-1)
            sources = selection.object_poses["cube_3"][torch.arange(10), starts]
            looks = looked_at(selection.eef_poses, starts, ends)
            ways = moved(looks, sources, one.object_poses["cube_3"][None, None])
            others = {"cube_2": one.object_poses["cube_2"][None]}
            blocked.append(selection.clearance.blocked(ways, others, ())[0].nonzero()[:, 0])
        around = request((0.5, 0.0, 0.067))  # on top: every hand would land on it
        clearance, selection.clearance = selection.clearance, None
        upstream = planner.eligible([*requests, around])
        selection.clearance = clearance
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
