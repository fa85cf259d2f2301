"""The scripted expert's key poses, and two arms that wait for each other. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimicgen.datagen.errors import TaskError
from tests.generation.running import result

TASK = """
instruction = "Hand the block over."
[robots.left]
robot = "franka_panda"
position = [0.0, 0.4, 0.0]
[robots.right]
robot = "franka_panda"
position = [0.0, -0.4, 0.0]
[objects.block]
shapes = [{ shape = "box", size = [0.04, 0.04, 0.04] }]
[objects.tower]
shapes = [{ shape = "box", size = [0.04, 0.04, 0.04] }]
[objects.plate]
shapes = [{ shape = "cylinder", radius = 0.04, height = 0.01 }]
[variants.d0]
[[subtasks.left]]
object_ref = "block"
subtask_term_signal = "taken"
[[subtasks.left]]
object_ref = "plate"
[[subtasks.right]]
object_ref = "plate"
[signals]
taken = { is = "lifted", object = "block" }
[success]
is = "lifted"
object = "block"
[cameras.front]
position = [1.0, 0.0, 0.3]
look_at = [0.0, 0.0, 0.0]
[[expert.poses.left]]
name = "approach"
to = "block"
rise = [0.1, 0.1]
orientation = "down"
symmetry = 4
gripper = "open"
within = 0.01
[[expert.poses.left]]
name = "grasp"
to = "block"
gripper = "closed"
within = 0.004
rest = [5, 5]
[[expert.poses.right]]
name = "come"
to = "plate"
position = [0.0, 0.0, 0.2]
gripper = "open"
wait_for = "taken"
"""

LOADED = """
import math
import torch
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
import isaaclab.utils.math as pose_math
from mimicgen.datagen.tasks.catalogue import load_task

def turned(x, y, z, yaw):
    c, s = math.cos(yaw), math.sin(yaw)
    return pose_math.make_pose(torch.tensor([x, y, z]), torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))

def down(x, y, z, yaw):
    return turned(x, y, z, yaw) @ torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))

from pathlib import Path
path = Path(sys.argv[1], "handing.toml")
path.write_text(TASK)
described = load_task(path)
"""


def test_poses_are_relative_to_objects_and_the_hand_turns_least_where_it_lands_on_nothing(tmp_path: Path) -> None:
    code = f"""
TASK = {TASK!r}
{LOADED}
from mimicgen.datagen.generation.clearance import Clearance
from mimicgen.datagen.generation.keyposes import Drawn, KeyPoses
from mimicgen.datagen.tasks.schema import KeyPose

clearance = Clearance(described, described.eefs["left"])
still = Drawn(rise=0.0, deviation=(0.0, 0.0, 0.0), yaw=0.0, rest=0)
far = turned(2.0, 2.0, 0.0, 0.0)
hand = down(0.3, 0.0, 0.4, 0.2)

def heading(pose):
    return math.atan2(float(pose[1, 0]), float(pose[0, 0]))

def goal(objects, *poses, drawn=still):
    keys = KeyPoses([KeyPose(name="there", gripper="open", **pose) for pose in poses], clearance)
    return keys.goal(0, drawn, hand, dict.fromkeys(("block", "tower", "plate"), far) | objects)

block = turned(0.5, 0.1, 0.02, 1.0)
square = dict(to="block", orientation="down", symmetry=4)
alone = goal({{"block": block}}, square)
# A tower beside it, where the hand's width would be: square across is taken, though it is a larger turn.
beside = turned(0.5 + 0.1 * math.sin(-0.57), 0.1 - 0.1 * math.cos(-0.57), 0.09, 0.0)
blocked = goal({{"block": block, "tower": beside}}, square)
high = goal({{"block": block, "tower": beside}}, square | dict(position=(0.0, 0.0, 0.2)))
first_high = goal({{"block": block, "tower": beside}}, square | dict(position=(0.0, 0.0, 0.2)), dict(to="block"))
round_ = goal({{"block": block}}, square | dict(symmetry=0))
drawn = goal({{"block": block}}, square, drawn=Drawn(rise=0.1, deviation=(0.01, 0.0, 0.0), yaw=0.03, rest=0))
along = goal({{"block": block}}, dict(to="block", axes="object", position=(0.1, 0.0, 0.0)))
held = hand @ turned(0.0, 0.01, 0.02, 0.3)
plate = turned(0.6, -0.2, 0.005, 0.5)
carried = dict(to="plate", carried="block", position=(0.0, 0.0, 0.03))
kept = goal({{"block": held, "plate": plate}}, carried)
square_to = goal({{"block": held, "plate": plate}}, carried | dict(orientation="down", symmetry=4))
as_told = goal({{"block": held, "plate": plate}}, carried | dict(orientation="object", rotation=(3.1415926, 0.0, 0.2)))
lifted = goal({{}}, dict(position=(0.0, 0.0, 0.18)))
block_from = lambda hand_goal: hand_goal @ pose_math.pose_inv(hand) @ held
print("RESULT", json.dumps({{
    "alone": [*alone[:3, 3].tolist(), heading(alone), alone[2, 2].item()],
    "headings": [heading(one) for one in (blocked, high, first_high, round_)],
    "drawn": [*drawn[:3, 3].tolist(), heading(drawn)],
    "along": along[:3, 3].tolist(), "lifted": lifted.tolist(), "hand": hand.tolist(),
    "carried": [block_from(one)[:3, 3].tolist() for one in (kept, square_to, as_told)],
    "kept": kept[:3, :3].tolist(),
    "square": heading(block_from(square_to)),
    "as told": pose_math.make_pose(torch.zeros(3), plate[:3, :3].T @ block_from(as_told)[:3, :3])[:3, :3].tolist(),
}}))
"""
    found = result(code, tmp_path)
    across = 1.0 - 3.14159 / 2
    assert found["alone"] == pytest.approx([0.5, 0.1, 0.02, across, -1.0], abs=1e-4)
    # The tower is no matter at a height, but is where the hand goes down next.
    assert found["headings"] == pytest.approx([1.0, across, 1.0, 0.2], abs=1e-4)
    assert found["drawn"] == pytest.approx([0.51, 0.1, 0.12, across + 0.03], abs=1e-4)
    assert found["along"] == pytest.approx([0.5 + 0.1 * 0.5403, 0.1 + 0.1 * 0.8415, 0.02], abs=1e-4)
    found["hand"][2][3] += 0.18
    assert found["lifted"] == [pytest.approx(row, abs=1e-6) for row in found["hand"]]
    for place in found["carried"]:
        assert place == pytest.approx([0.6, -0.2, 0.035], abs=1e-5)
    assert found["kept"] == [pytest.approx(row[:3], abs=1e-6) for row in found["hand"][:3]]
    quarters = (found["square"] - 0.5) / (3.14159265 / 2)
    assert quarters == pytest.approx(round(quarters), abs=1e-4)
    assert found["as told"][0] == pytest.approx([0.98007, 0.19867, 0.0], abs=1e-4)
    assert found["as told"][2] == pytest.approx([0.0, 0.0, -1.0], abs=1e-4)


def test_two_arms_act_at_once_and_one_waits_for_a_signal(tmp_path: Path) -> None:
    code = f"""
TASK = {TASK!r}
{LOADED}
from types import SimpleNamespace
from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.generation.expert import ExpertPolicy
from mimicgen.datagen.robots.actions import Control

class Hands:
    # Two hands that follow their actions as the arms do, in place of Isaac Lab's environment.
    controls = dict.fromkeys(("left", "right"), Control(kind="relative_ik"))
    device = "cpu"
    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.cfg = SimpleNamespace(subtask_configs={{"left": [], "right": []}})
        self.event_manager = SimpleNamespace(active_terms={{}})
        self.step_number = 0
    def reset(self, env_ids):
        self.poses = {{name: down(0.3, y, 0.4, 0.1).repeat(self.num_envs, 1, 1)
                      for name, y in (("left", 0.2), ("right", -0.2))}}
    def get_robot_eef_pose(self, eef, env_ids=None):
        return self.poses[eef]
    def get_object_poses(self, env_ids=None):
        places = {{"block": (0.5, 0.1, 0.02, 0.5), "tower": (2.0, 0.0, 0.0, 0.0), "plate": (0.5, -0.1, 0.0, 0.0)}}
        return {{name: turned(*place).repeat(self.num_envs, 1, 1) for name, place in places.items()}}
    def get_subtask_term_signals(self):
        return {{"taken": torch.full((self.num_envs,), self.step_number >= 100)}}
    def target_eef_pose_to_action(self):
        raise AssertionError("all environments are converted at once")
    def step(self, actions):
        self.step_number += 1
        for eef, own in zip(("left", "right"), actions.split(7, dim=1)):
            pose = self.poses[eef]
            pose[:, :3, 3] += own[:, :3] / 9
            angles = own[:, 3:6].norm(dim=1) / 9
            axes = torch.nn.functional.normalize(own[:, 3:6], dim=1)
            turn = pose_math.matrix_from_quat(pose_math.quat_from_angle_axis(angles, axes))
            pose[:, :3, :3] = torch.stack([one @ other for one, other in zip(turn, pose[:, :3, :3])])

def attempt(num_envs):
    env = Hands(num_envs)
    env.reset(None)
    policy = ExpertPolicy(SimpleNamespace(env=env, facts={{}}), described)
    policy.hold(range(num_envs))
    idle = asyncio.run(policy.actions())
    policy.begin([UnderWay(number=1, env=0, seed=5, streams=Streams(5, "cpu"), signals={{}})])
    taken, moved, closed = [], None, None
    for step in range(400):
        actions = asyncio.run(policy.actions())
        taken.append(actions[0].tolist())
        if moved is None and actions[0, 7:10].abs().max() > 1e-3:
            moved = step
        if closed is None and actions[0, 6] < 0:
            closed = step
        env.step(actions)
        over = policy.over()
        if over:
            break
    policy.hold([0])
    end = {{name: pose[0, :3, 3].tolist() for name, pose in env.poses.items()}}
    held = asyncio.run(policy.actions())[0].tolist()
    return idle, taken, moved, closed, [[one.env, one.last] for one in over], end, held

idle, taken, moved, closed, over, end, held = attempt(1)
again = attempt(3)
print("RESULT", json.dumps({{"idle": idle.tolist(), "moved": moved, "closed": closed, "over": over, "end": end,
    "held": held, "same": again[1] == taken, "gripper": sorted(set(row[13] for row in taken))}}))
"""
    found = result(code, tmp_path)
    assert found["idle"] == [pytest.approx([*[0.0] * 6, 1.0, *[0.0] * 6, 1.0], abs=1e-6)]
    assert found["moved"] == 100
    assert 10 < found["closed"] < 80
    assert found["over"] == [[0, True]]
    assert found["end"]["left"] == pytest.approx([0.5, 0.1, 0.02], abs=0.005)
    assert found["end"]["right"] == pytest.approx([0.5, -0.1, 0.2], abs=0.006)
    assert found["held"] == pytest.approx([*[0.0] * 6, -1.0, *[0.0] * 6, 1.0], abs=1e-6)
    assert found["gripper"] == [1.0]
    assert found["same"], "an attempt does not depend on the environments beside it"


def test_a_task_without_an_expert_is_told_so(tmp_path: Path) -> None:
    code = """
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.generation.expert import task_with_expert
try:
    task_with_expert("Isaac-Lift-Mimic-v0")
except TaskError as error:
    print("RESULT", json.dumps([str(error), error.exit_code]))
"""
    message, exit_code = result(code, tmp_path)
    assert message.startswith("task 'Isaac-Lift-Mimic-v0' has no scripted expert")
    assert "[expert]" in message
    assert exit_code == TaskError.exit_code == 2
