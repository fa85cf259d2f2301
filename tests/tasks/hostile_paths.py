"""Task files that are wrong in what they name outside of themselves: files, a robot's joints, functions."""

from __future__ import annotations

from tests.tasks.hostile_files import GRASP, SHAPES, Wrong

FILES: Wrong = {
    "mesh outside by ..": (
        SHAPES,
        'shapes = [{ shape = "mesh", file = "../a.obj" }]',
        ("block.shapes[0].file", "inside"),
    ),
    "mesh outside by its root": (
        SHAPES,
        'shapes = [{ shape = "mesh", file = "/etc/passwd" }]',
        ("'/etc/passwd'", "inside"),
    ),
    "mesh outside by a link": (
        SHAPES,
        'shapes = [{ shape = "mesh", file = "link.obj" }]',
        ("'link.obj'", "a link leads"),
    ),
    "mesh that is not there": (
        SHAPES,
        'shapes = [{ shape = "mesh", file = "no.obj" }]',
        ("shapes[0].file", "no such file"),
    ),
    "mesh that is none": (SHAPES, 'shapes = [{ shape = "mesh", file = "text.stl" }]', ("shapes[0].file", "text.stl")),
    "mesh of another kind": (SHAPES, 'shapes = [{ shape = "mesh", file = "a.fbx" }]', ("a.fbx", ".obj or .stl")),
    "mesh that is a pipe": (SHAPES, 'shapes = [{ shape = "mesh", file = "pipe.obj" }]', ("pipe.obj", "no such file")),
    "mesh with a name that is too long": (
        SHAPES,
        f'shapes = [{{ shape = "mesh", file = "{"m" * 300}.obj" }}]',
        ("shapes[0].file", "inside the folder"),
    ),
    "mesh with an escape": (SHAPES, 'shapes = [{ shape = "mesh", file = "\\u001b.obj" }]', (r"'\x1b.obj'",)),
    "usd outside": (SHAPES, 'usd = "../../b.usd"', ("objects.block.usd = '../../b.usd'", "inside")),
    "usd that is not there": (SHAPES, 'usd = "b.usd"', ("objects.block.usd = 'b.usd'", "no such file")),
    "usd that is none": (SHAPES, 'usd = "text.stl"', ("objects.block.usd = 'text.stl'", ".usda")),
    "robot outside": ('"franka_panda" #', '"../r.toml" #', ("robots.robot.robot = '../r.toml'", "inside")),
    "robot by its root": ('"franka_panda" #', '"/etc/r.toml" #', ("robots.robot.robot = '/etc/r.toml'", "inside")),
    "robot that is not there": ('"franka_panda" #', '"r.toml" #', ("robot file", "r.toml", "No such file")),
    "robot that is this file": ('"franka_panda" #', '"wrong.toml" #', ("robot file", "wrong.toml", "unknown key")),
}
"""Files that are none, or are somewhere else."""

OUTSIDE: Wrong = {
    "home beyond a limit": (
        '"franka_panda" #',
        '"franka_panda"\nhome = { panda_joint4 = 1.0 } #',
        ("robots.robot.home.'panda_joint4' = 1", "-3.0718 to -0.0698"),
    ),
    "home said twice": (
        '"franka_panda" #',
        '"franka_panda"\nhome = { "panda_joint[47]" = -1.0 } #',
        ("robots.robot.home.'panda_joint[47]'", "leave one of them out"),
    ),
    "usd that is damaged": (
        "[objects.chest]",
        "[objects.kettle]\nusd = 'damaged.usda'\n[objects.chest]",
        ("objects.kettle.usd = 'damaged.usda'", "no USD file"),
    ),
    "usd that nothing can move": (
        "[objects.chest]",
        "[objects.kettle]\nusd = 'still.usda'\n[objects.chest]",
        ("objects.kettle.usd = 'still.usda'", "no rigid body"),
    ),
    "module that is not there": (
        GRASP,
        'grasped = { is = "python", function = "no_such_module:f" }',
        ("signals.grasped.function = 'no_such_module:f'", "cannot be imported"),
    ),
    "module that raises": (
        GRASP,
        'grasped = { is = "python", function = "raising_module:f" }',
        ("signals.grasped.function", "ZeroDivisionError"),
    ),
    "function that is not there": (
        GRASP,
        'grasped = { is = "python", function = "sound_module:graped" }',
        ("signals.grasped.function", "no such function", "did you mean 'grasped'?"),
    ),
}
"""What shows only against a robot's model, or a module of Python."""
