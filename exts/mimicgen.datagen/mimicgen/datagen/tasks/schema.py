"""What a task is, as its file says it.

A task file (`data/tasks/NAME.toml`, or anywhere else) describes a whole task: robots, objects, where they start, the
subtasks that Mimic takes demonstrations apart into, when each is done, what success is, cameras, and the key poses of a
scripted expert that makes the first demonstrations. Lengths in m, angles in rad, masses in kg; the environment's frame
is the robots' unless they are placed elsewhere: x forward, z up. `docs/tasks.md` explains the keys.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from mimicgen.datagen.robots.schema import (
    Angle,
    Angles,
    Colour,
    Home,
    Length,
    Name,
    Share,
    Sizes,
    Text,
    Vector,
)
from mimicgen.datagen.tasks.conditions import AnyCondition
from mimicgen.datagen.tasks.objects import Object

Range = tuple[Length, Length]
"""Smallest and largest value [m]."""

Turn = tuple[Angle, Angle]
"""Smallest and largest angle [rad]."""

Words = Annotated[str, Meta(max_length=2000)]

Steps = Annotated[int, Meta(ge=0, le=1000)]
"""Environment steps, 50 ms each."""


class Start(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an object starts, drawn anew for every attempt; what is left out is as the object says.

    Attributes:
        x: Smallest and largest x [m].
        y: Smallest and largest y [m].
        yaw: Smallest and largest turn about the vertical, added to the object's own [rad].
        on: Object that x and y are relative to, and on which it stands as the object's own z says, relative to that.
        joints: Smallest and largest start of the joints of its parts, by part.
    """

    x: Range | None = None
    y: Range | None = None
    yaw: Turn | None = None
    on: Name | None = None
    joints: dict[Name, Range] = {}


class Variant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way in which attempts start.

    Attributes:
        start: By object; the others stay where they are drawn.
        separation: Smallest horizontal distance of the centres of any two objects of `start` [m].
        joint_noise: Standard deviation of the noise on the arms' joints [rad].
    """

    start: dict[Name, Start] = {}
    separation: Annotated[float, Meta(ge=0, le=2)] = 0.0
    joint_noise: Annotated[float, Meta(ge=0, le=1)] = 0.02


class Placed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A robot of the task.

    Attributes:
        robot: Name of a robot (`task list` shows them), or path of a robot file relative to the task file.
        position: Of its base [m].
        yaw: Turn of its base about the vertical [rad].
        home: Positions of joints at a reset that are not as the robot file says [rad, m].
    """

    robot: Text
    position: Vector = (0.0, 0.0, 0.0)
    yaw: Angle = 0.0
    home: Home = {}


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table.

    Attributes:
        size: Edges [m].
        position: Centre of its surface [m].
        colour: Of the table.
    """

    size: Sizes = (0.9, 1.3, 0.04)
    position: Vector = (0.5, 0.0, 0.0)
    colour: Colour = (0.55, 0.5, 0.44)


class Subtask(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subtask of an end effector, with the fields of Isaac Lab's `SubTaskConfig`.

    Attributes:
        object_ref: Object that the subtask is relative to; where the hand is if left out.
        subtask_term_signal: Signal that ends it; not of the last one, which ends with the demonstration.
        subtask_term_offset_range: Steps after the signal at which the segment ends, smallest and largest.
        selection_strategy: How the source segment is chosen.
        selection_strategy_kwargs: Its parameters.
        first_subtask_start_offset_range: As `subtask_term_offset_range`, for the beginning of the first subtask.
        action_noise: Standard deviation of the noise on the arm's action.
        num_interpolation_steps: Steps from the segment before to this one.
        num_fixed_steps: Steps that wait at the start of the segment.
        apply_noise_during_interpolation: Whether the noise is on the way, too.
        description: What is done, in words: every step of a dataset says so. If left out, as the subtask before says.
        next_subtask_description: What is done next, in words; need not be said where the next subtask says it itself.
    """

    object_ref: Name | None = None
    subtask_term_signal: Name | None = None
    subtask_term_offset_range: tuple[Steps, Steps] = (0, 0)
    selection_strategy: Literal["random", "nearest_neighbor_object", "nearest_neighbor_robot_distance"] = (
        "nearest_neighbor_object"
    )
    selection_strategy_kwargs: dict[Literal["nn_k", "pos_weight", "rot_weight"], float] = field(
        default_factory=lambda: {"nn_k": 3.0}
    )
    first_subtask_start_offset_range: tuple[Steps, Steps] = (0, 0)
    action_noise: Share = 0.01
    num_interpolation_steps: Steps = 20
    num_fixed_steps: Steps = 10
    apply_noise_during_interpolation: bool = False
    description: Words = ""
    next_subtask_description: Words = ""


class Constraint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A constraint between subtasks of two end effectors, with the fields of Isaac Lab's `SubTaskConstraintConfig`.

    Attributes:
        eef_subtask_constraint_tuple: End effector and number of the subtask, from 0, of either.
        constraint_type: One after the other, or together.
        sequential_min_time_diff: Steps between the two at least; -1 for none.
        coordination_scheme: What the second follows: its own source, or the first's transformation.
        coordination_scheme_pos_noise_scale: Noise on that [m].
        coordination_scheme_rot_noise_scale: Likewise [rad].
        coordination_synchronize_start: Whether they begin together, too.
    """

    eef_subtask_constraint_tuple: tuple[
        tuple[Name, Annotated[int, Meta(ge=0, le=100)]], tuple[Name, Annotated[int, Meta(ge=0, le=100)]]
    ]
    constraint_type: Literal["sequential", "coordination"]
    sequential_min_time_diff: Annotated[int, Meta(ge=-1, le=1000)] = -1
    coordination_scheme: Literal["replay", "transform", "translate"] = "replay"
    coordination_scheme_pos_noise_scale: Share = 0.0
    coordination_scheme_rot_noise_scale: Share = 0.0
    coordination_synchronize_start: bool = False


class Camera(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera that stands still.

    Attributes:
        position: In the environment's frame [m].
        look_at: Point that it looks at [m], with z up in the image; or
        orientation: its orientation as a unit quaternion x, y, z, w: z forward, y down.
        focal_length: [mm]
        aperture: Width of the image plane [mm].
        near: Nothing nearer is seen [m].
        far: Nothing farther is seen [m].
        width: Of its images [pixels]; the run's where it is left out.
        height: Likewise.
    """

    position: Vector
    look_at: Vector | None = None
    orientation: (
        tuple[
            Annotated[float, Meta(ge=-1, le=1)],
            Annotated[float, Meta(ge=-1, le=1)],
            Annotated[float, Meta(ge=-1, le=1)],
            Annotated[float, Meta(ge=-1, le=1)],
        ]
        | None
    ) = None
    focal_length: Annotated[float, Meta(ge=0.1, le=10_000)] = 24.0
    aperture: Annotated[float, Meta(ge=0.1, le=10_000)] = 20.955
    near: Annotated[float, Meta(ge=1e-3, le=1e6)] = 0.1
    far: Annotated[float, Meta(ge=1e-3, le=1e6)] = 1e5
    width: Annotated[int, Meta(ge=16, le=8192)] | None = None
    height: Annotated[int, Meta(ge=16, le=8192)] | None = None


class KeyPose(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somewhere that the scripted expert leads a hand to, and what the hand does there.

    Attributes:
        name: What it is, in words: approach, grasp, lift, over, insert, release.
        to: Object that the pose is relative to, as it is when the hand sets out; None for where the hand is then.
        carried: Object in the hand that is to get there, in place of the tool itself.
        position: Of the tool, or of what is carried, relative to that object's frame [m].
        axes: Of `position`: the environment's, or the object's own.
        rise: Smallest and largest height that is added, drawn anew for every attempt [m].
        orientation: `keep`: as the hand is when it sets out. `down`: the hand points down, its fingers square to the
            object (or what is carried is turned as the object is). `object`: as `rotation` says.
        rotation: Roll, pitch and yaw of the tool, or of what is carried, in the object's frame [rad], for `object`.
        yaw: Turn about the vertical from square [rad], for `down`.
        symmetry: In how many ways the object looks the same when it is turned about the vertical (for `object`, about
            its own z): 4 for a square, 2 for a bar, 0 for what is round. The way with the least turn is taken in which
            the hand lands on nothing else, neither there nor in the poses after it that go to the same object and
            `keep` the orientation. The height of `rise` does not count.
        gripper: What the gripper does on the way and there.
        within: The pose is reached when the hand is so near [m]. After 90 steps it is taken as it is.
        turned: Likewise [rad].
        speed: Times the attempt's own `lead` and `turn`.
        rest: Smallest and largest number of steps to stay there.
        vary: Standard deviation of a deviation from `position`, drawn anew for every attempt [m].
        vary_yaw: Likewise of the yaw [rad].
        wait_for: Signal that has to have come before the hand sets out; after 400 steps it does without.
    """

    name: Text
    to: Name | None = None
    carried: Name | None = None
    position: Vector = (0.0, 0.0, 0.0)
    axes: Literal["world", "object"] = "world"
    rise: Range = (0.0, 0.0)
    orientation: Literal["keep", "down", "object"] = "keep"
    rotation: Angles = (0.0, 0.0, 0.0)
    yaw: Angle = 0.0
    symmetry: Annotated[int, Meta(ge=0, le=36)] = 1
    gripper: Literal["open", "closed"]
    within: Annotated[float, Meta(ge=1e-4, le=1)] = 0.005
    turned: Annotated[float, Meta(ge=1e-3, le=3.2)] = 0.035
    speed: Annotated[float, Meta(ge=0.05, le=10)] = 1.0
    rest: tuple[Steps, Steps] = (0, 0)
    vary: tuple[Share, Share, Share] = (0.0, 0.0, 0.0)
    vary_yaw: Share = 0.0
    wait_for: Name | None = None


class Style(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the expert moves, drawn anew for every attempt: smallest and largest value.

    Attributes:
        lead: Largest commanded distance from the hand [m].
        turn: Largest commanded rotation from the hand [rad].
        pause: Steps of rest after every movement, on top of the key pose's own.
    """

    lead: Range = (0.075, 0.11)
    turn: Turn = (0.35, 0.55)
    pause: tuple[Steps, Steps] = (0, 2)


class Expert(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scripted expert.

    Attributes:
        poses: Key poses by end effector, in order.
        style: How it moves.
    """

    poses: dict[Name, Annotated[tuple[KeyPose, ...], Meta(min_length=1, max_length=200)]]
    style: Style = Style()


class Task(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task.

    An end effector is called as its robot is, or ROBOT_ARM if the robot has several arms.

    Attributes:
        extends: Task that comes with the extension, which this one is but for what stands here: tables are joined key
            by key, all else takes the other's place.
        instruction: What is to be done, in words: what a policy is told.
        paraphrases: The same in other words, for policies that are told it in many ways.
        robots: By name; one robot is called `robot`.
        table: The table; false for none.
        objects: By name.
        variants: By name; `d0` is the one that is taken unless another is asked for.
        subtasks: By end effector, in order.
        constraints: Between end effectors.
        signals: When each subtask signal is true.
        success: What success is.
        cameras: By name.
        expert: The scripted expert; left out where people demonstrate.
    """

    extends: Name | None = None
    instruction: Text
    paraphrases: Annotated[tuple[Text, ...], Meta(max_length=100)] = ()
    robots: Annotated[dict[Name, Placed], Meta(min_length=1, max_length=8)]
    table: Table | Literal[False] = Table()
    objects: Annotated[dict[Name, Object], Meta(min_length=1, max_length=100)]
    variants: Annotated[dict[Name, Variant], Meta(min_length=1, max_length=20)]
    subtasks: Annotated[
        dict[Name, Annotated[tuple[Subtask, ...], Meta(min_length=1, max_length=50)]], Meta(min_length=1, max_length=8)
    ]
    constraints: Annotated[tuple[Constraint, ...], Meta(max_length=50)] = ()
    signals: Annotated[dict[Name, AnyCondition], Meta(max_length=100)] = {}
    success: AnyCondition
    cameras: Annotated[dict[Name, Camera], Meta(min_length=1, max_length=20)]
    expert: Expert | None = None
