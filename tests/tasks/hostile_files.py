"""Task files that are wrong, one thing each: what is changed in a sound one, and what the message has to say of it."""

from __future__ import annotations

from mimicgen.datagen.tasks.beginning import BEGINNING

SOUND = (
    BEGINNING.read_text()
    + """
[objects.chest]
shapes = [{ shape = "box", size = [0.2, 0.2, 0.2] }]
movable = false
position = [0.3, 0.5, 0.1]
[objects.chest.parts.drawer]
shapes = [{ shape = "box", size = [0.15, 0.15, 0.05] }]
joint = { kind = "slide", axis = "x", low = 0.0, high = 0.15 }
[objects.chest.parts.knob]
shapes = [{ shape = "sphere", radius = 0.01 }]
joint = { kind = "hinge", axis = "z", parent = "drawer", low = -1.0, high = 1.0 }
"""
)

BLOCK = "block = { x = [0.45, 0.55], y = [-0.2, -0.1], yaw = [-0.7, 0.7] }"
PAD = "pad = { x = [0.45, 0.55], y = [0.1, 0.2] }"
SUCCESS = '{ is = "at_rest", object = "block" },'
GRASP = 'grasped = { is = "grasped", object = "block" }'
APPROACH = "rise = [0.10, 0.13] # above `position`, drawn anew for every attempt"
LAST = 'object_ref = "pad"'
CUBE = "size = [0.04, 0.04, 0.04]"
SHAPES = f'shapes = [{{ shape = "box", {CUBE} }}]'
LOOK = "look_at = [0.5, 0.0, 0.0]"
MANY = "\n".join(f'[objects.o{index}]\nshapes = [{{ shape = "sphere", radius = 0.01 }}]' for index in range(5000))
DEEP = '{ is = "not", condition = ' * 30 + '{ is = "gripper_open" }' + " }" * 30

Wrong = dict[str, tuple[str, str, tuple[str, ...]]]
"""By what is wrong: what stands in the sound file, what does instead, and what the message says."""

KEYS_AND_VALUES: Wrong = {
    "unknown key": ("mass = 0.1", "mas = 0.1", ("'objects.block.mas'", "did you mean 'mass'?")),
    "unknown table": ("[table]", "[tabel]", ("'tabel'", "did you mean 'table'?")),
    "text for a number": ("mass = 0.1", 'mass = "light"', ("objects.block.mass = 'light'", "expected a number from")),
    "number for a text": ('"Put the block on the pad."', "3", ("instruction = 3", "expected a text")),
    "table for a list": (CUBE, "size = { x = 1 }", ("objects.block.shapes[0].size", "a list of 3 numbers")),
    "list for a table": ("[success]", "[[success]]", ("success = ", "expected")),
    "empty text": ('"Put the block on the pad."', '""', ("instruction = ''", "expected a text")),
    "two numbers for three": (CUBE, "size = [0.04, 0.04]", ("objects.block.shapes[0].size = [0.04, 0.04]",)),
    "true for a number": ("mass = 0.1", "mass = true", ("objects.block.mass = True", "expected a number")),
    "number for true": ("movable = false", "movable = 0", ("objects.pad.movable = 0", "expected true or false")),
    "a date": ("mass = 0.1", "mass = 2020-01-01", ("objects.block.mass", "expected a number")),
    "nan": ("mass = 0.1", "mass = nan", ("objects.block.mass = nan", "finite")),
    "inf": ("position = [0.5, 0.0, 0.0]", "position = [inf, 0.0, 0.0]", ("table.position[0] = inf", "finite")),
    "huge number": ("mass = 0.1", "mass = 1e300", ("objects.block.mass = 1e+300", "0.0001 to 1,000")),
    "number of many digits": ("mass = 0.1", f"mass = 1{'0' * 400}", ("objects.block.mass = a number of 1329 bits",)),
    "number of too many digits": ("mass = 0.1", f"mass = {'9' * 5000}", ("not valid TOML",)),
    "negative size": (CUBE, "size = [0.04, -0.04, 0.04]", ("objects.block.shapes[0].size[1] = -0.04", "0.0001 to 100")),
    "no mass": ("mass = 0.1", "mass = 0", ("objects.block.mass = 0", "0.0001 to 1,000")),
    "no such shape": ('shape = "cylinder"', 'shape = "cylindre"', ("shape = 'cylindre'", "did you mean 'cylinder'?")),
    "shape of nothing": ('shape = "cylinder", ', "", ("objects.pad.shapes[0]", "'shape' is missing", "sphere")),
    "no such condition": ('is = "at_rest"', 'is = "resting"', ("success.of[2].is = 'resting'", "at_rest")),
    "condition of nothing": (GRASP, "grasped = {}", ("signals.grasped: 'is' is missing",)),
    "key of another condition": (SUCCESS, SUCCESS.replace("}", ", within = 1 }"), ("'success.of[2].within'",)),
    "missing key": ('instruction = "Put the block on the pad."', "", ("instruction is missing",)),
    "name with a slash": ("[objects.block]", '[objects."a/b"]', ("objects.'a/b'", "letters, digits and _")),
    "name with a dot": ("[objects.block]", '[objects."a.b"]', ("objects.'a.b'", "letters, digits and _")),
    "name of a folder above": ("[objects.block]", '[objects."../x"]', ("objects.'../x'", "letters, digits and _")),
    "name with a line end": ("[objects.block]", '[objects."block\\n"]', (r"objects.'block\n'", "letters")),
    "name with an escape": ("[objects.block]", '[objects."\\u001b[2J"]', (r"objects.'\x1b[2J'", "letters")),
    "name read backwards": ("[objects.block]", '[objects."\\u202ekcolb"]', (r"objects.'\u202ekcolb'", "letters")),
    "name of a digit": ("[objects.block]", "[objects.1]", ("objects.1", "begins with a letter")),
    "empty name": ("[objects.block]", '[objects.""]', ("objects.''", "letters")),
    "long name": ("[objects.block]", f"[objects.{'b' * 65}]", ("objects.bbb", "letters")),
    "very long name": ("[objects.block]", f"[objects.{'b' * 3000}]", ("objects.'bbb", "at most 2000 characters")),
    "long text": ("Put the block", "Put the block" * 300, ("instruction = ", "at most 2000 characters")),
    "NUL in a text": ("Put the block", "Put\\u0000 the block", ("instruction = ", "without NUL")),
    "escape in a value": ('shape = "cylinder"', 'shape = "\\u001b[2J"', (r"shape = '\x1b[2J'", "known: box")),
    "right to left in a value": ('shape = "cylinder"', 'shape = "\\u202exob"', (r"shape = '\u202exob'",)),
    "nested too deep": (GRASP, f"grasped = {DEEP}", ("signals.grasped.condition", "nested too deep")),
    "lists nested too deep": ("mass = 0.1", f"mass = {'[' * 5000}{']' * 5000}", ("nested too deep",)),
    "thousands of objects": ("[objects.chest]", f"{MANY}\n[objects.chest]", ("objects = ", "1 to 100 entries")),
    "too many conditions": (SUCCESS, SUCCESS * 100, ("success.of = ", "1 to 64 items")),
    "no conditions": (GRASP, 'grasped = { is = "all", of = [] }', ("signals.grasped.of = []", "1 to 64 items")),
    "key given twice": ("mass = 0.1", "mass = 0.1\nmass = 0.2", ("not valid TOML",)),
    "no TOML": ("[table]", "[table", ("not valid TOML", "line")),
    "pattern of a function": (GRASP, 'grasped = { is = "python", function = "rm -rf" }', ("'module:function'",)),
}
"""What the schema refuses."""

NAMES: Wrong = {
    "no such object in a condition": (
        GRASP,
        GRASP.replace("block", "blok"),
        ("signals.grasped.object = 'blok'", "block"),
    ),
    "no such object in a nested one": (SUCCESS, SUCCESS.replace("block", "bloc"), ("success.of[2].object = 'bloc'",)),
    "an object on itself": ('of = "pad", ', 'of = "block", ', ("success.of[0].of = 'block'", "the object itself")),
    "no such object of a subtask": (LAST, 'object_ref = "padd"', ("subtasks.robot[1].object_ref = 'padd'", "'pad'?")),
    "no such object of a key pose": ('to = "block"', 'to = "blok"', ("expert.poses.robot[0].to = 'blok'", "'block'?")),
    "no such object in the hand": ('carried = "block"', 'carried = "x"', ("robot[4].carried = 'x'", "known: block")),
    "no such object at a start": (PAD, PAD.replace("pad", "padd"), ("variants.d0.start.padd", "did you mean 'pad'?")),
    "no such object to start on": (
        PAD,
        PAD.replace("}", ', on = "tray" }'),
        ("start.pad.on = 'tray'", "no such object"),
    ),
    "no such end effector": ("[[subtasks.robot]]", "[[subtasks.robt]]", ("subtasks.robt", "did you mean 'robot'?")),
    "no such end effector of a pose": ("expert.poses.robot]]", "expert.poses.arm]]", ("expert.poses.arm", "robot")),
    "no such arm in a condition": (GRASP, GRASP.replace("}", ', arm = "left" }'), ("grasped.arm = 'left'", "robot")),
    "no such robot": ('robot = "franka_panda"', 'robot = "franka"', ("robots.robot.robot = 'franka'", "franka_panda")),
    "no such signal": (
        'signal = "grasped"',
        'signal = "graspd"',
        ("subtasks.robot[0].subtask_term_signal = 'graspd'", "did you mean 'grasped'?"),
    ),
    "no such signal to wait for": (APPROACH, f'{APPROACH}\nwait_for = "go"', ("robot[0].wait_for = 'go'", "grasped")),
    "no such part": (
        GRASP,
        'grasped = { is = "joint_beyond", object = "chest", part = "door", above = 0.1 }',
        ("signals.grasped.part = 'door'", "'chest' has no such part", "drawer, knob"),
    ),
    "no such part at a start": (
        PAD,
        f"{PAD}\nchest = {{ joints = {{ door = [0, 0.1] }} }}",
        ("variants.d0.start.chest.joints.door", "drawer"),
    ),
    "no such parent of a part": ('parent = "drawer"', 'parent = "shelf"', ("knob.joint.parent = 'shelf'", "drawer")),
    "no d0": ("[variants.d0.start]", "[variants.easy.start]", ("variants: 'd0' is missing", "easy")),
    "robot called as an object": ("[objects.pad]", "[objects.robot]", ("objects.robot", "give another one")),
    "object called table": ("[objects.pad]", "[objects.table]", ("objects.table", "reserved")),
    "object called Ground": ("[objects.pad]", "[objects.Ground]", ("objects.Ground", "reserved")),
    "camera called as an object": ("[cameras.front]", "[cameras.block]", ("cameras.block", "objects.block has it")),
    "names that differ in capitals": (
        "[objects.pad]",
        f"[objects.Block]\n{SHAPES}\n[objects.pad]",
        ("objects.Block", "objects.block has it, up to capital letters"),
    ),
    "signals that differ in capitals": (GRASP, f"{GRASP}\n{GRASP.title()}", ("signals",)),
    "signal called success": (GRASP, f'{GRASP}\nsuccess = {{ is = "gripper_open" }}', ("signals.success", "reserved")),
    "class that is taken": ("mass = 0.1", 'label = "table"', ("objects.block.label = 'table'", "taken")),
    "class of a robot": ("mass = 0.1", 'label = "robot"', ("objects.block.label = 'robot'", "a robot's class")),
    "class of two colours": (
        "[objects.chest]",
        f"[objects.box]\n{SHAPES}\nlabel = 'x'\nclass_colour = [1, 2, 3]\n"
        "[objects.chest]\nlabel = 'x'\nclass_colour = [3, 2, 1]\n",
        ("objects.chest.class_colour", "objects.box has the same class"),
    ),
}
"""Names of what is not there, or is taken."""

SENSE: Wrong = {
    "start that is upside down": (
        BLOCK,
        BLOCK.replace("[0.45, 0.55]", "[0.55, 0.45]"),
        ("variants.d0.start.block.x = [0.55, 0.45]", "smaller value first"),
    ),
    "objects on each other in a circle": (
        BLOCK,
        'block = { on = "chest" }\nchest = { on = "block" }',
        ("variants.d0.start.block.on", "block on chest on block"),
    ),
    "object on itself": (BLOCK, 'block = { on = "block" }', ("start.block.on", "block on block")),
    "parts in a circle": (
        'axis = "x", low',
        'axis = "x", parent = "knob", low',
        ("objects.chest.parts.drawer.joint.parent", "drawer on knob on drawer"),
    ),
    "ranges too near for the separation": (
        "[variants.d0.start]",
        "[variants.d0]\nseparation = 0.5\n[variants.d0.start]",
        ("variants.d0.separation = 0.5", "'block' and 'pad' are never so far apart, 0.412 m at most"),
    ),
    "no room for all": (
        "[variants.d0.start]",
        "[variants.d0]\nseparation = 0.4\n[variants.d0.start]\nchest = { x = [0.45, 0.55], y = [-0.2, 0.2] }",
        ("variants.d0.separation = 0.4", "no room for 3 objects"),
    ),
    "fixed object that is grasped": (
        GRASP,
        GRASP.replace("block", "pad"),
        ("signals.grasped.object = 'pad'", "movable"),
    ),
    "fixed object that is lifted": (
        GRASP,
        'grasped = { is = "lifted", object = "chest" }',
        ("signals.grasped.object = 'chest'", "stands still"),
    ),
    "fixed object in the hand": ('carried = "block"', 'carried = "chest"', ("robot[4].carried = 'chest'", "movable")),
    "what is carried onto itself": ('carried = "block"', 'carried = "pad"', ("robot[4].carried = 'pad'", "'to' names")),
    "joint upside down": ("low = -1.0, high = 1.0", "low = 1.0, high = -1.0", ("knob.joint.low = 1", "at most high")),
    "joint without zero": ("low = 0.0, high = 0.15", "low = 0.1, high = 0.15", ("drawer.joint", "zero")),
    "hinge of many turns": ("low = -1.0, high = 1.0", "low = -99.0, high = 99.0", ("knob.joint", "at most a turn")),
    "joint that starts beyond its limits": (
        PAD,
        f"{PAD}\nchest = {{ joints = {{ drawer = [0.0, 0.2] }} }}",
        ("variants.d0.start.chest.joints.drawer = [0.0, 0.2]", "from 0 to 0.15"),
    ),
    "joint never so far": (
        GRASP,
        'grasped = { is = "joint_beyond", object = "chest", part = "drawer", above = 0.2 }',
        ("signals.grasped.above = 0.2", "never"),
    ),
    "joint beyond nothing": (
        GRASP,
        'grasped = { is = "joint_beyond", object = "chest", part = "drawer" }',
        ("signals.grasped", "expected above or below"),
    ),
    "neither shapes nor usd": (SHAPES, "", ("objects.block", "either shapes or usd", "neither")),
    "both shapes and usd": ("mass = 0.1", 'usd = "b.usd"', ("objects.block", "either shapes or usd", "both")),
    "camera without a direction": (LOOK, "", ("cameras.front", "look_at or orientation", "neither")),
    "camera of two directions": (LOOK, f"{LOOK}\norientation = [0, 0, 0, 1]", ("cameras.front", "both are there")),
    "camera of no rotation": (LOOK, "orientation = [0.5, 0, 0, 0]", ("cameras.front.orientation", "its length is 0.5")),
    "camera that looks at itself": (LOOK, "look_at = [1.4, 0.0, 0.7]", ("cameras.front.look_at", "own position")),
    "camera that looks straight down": (LOOK, "look_at = [1.4, 0.0, 0.0]", ("cameras.front.look_at", "orientation")),
    "camera that sees nothing": (LOOK, f"{LOOK}\nnear = 2.0\nfar = 1.0", ("cameras.front.near = 2", "less than far")),
    "offsets upside down": (
        "offset_range = [10, 20]",
        "offset_range = [20, 10]",
        ("robot[0].subtask_term_offset_range",),
    ),
    "subtask without an end": (
        'subtask_term_signal = "grasped"',
        "",
        ("subtasks.robot[0].subtask_term_signal is missing",),
    ),
    "last subtask with an end": (
        LAST,
        f'{LAST}\nsubtask_term_signal = "grasped"',
        ("subtasks.robot[1].subtask_term_signal = 'grasped'", "ends with the demonstration"),
    ),
    "last subtask with offsets": (
        LAST,
        f"{LAST}\nsubtask_term_offset_range = [1, 2]",
        ("subtasks.robot[1].subtask_term_offset_range", "leave it out"),
    ),
    "signal of two subtasks": (
        'description = "Put the block on the pad"',
        'subtask_term_signal = "grasped"\n[[subtasks.robot]]',
        ("subtasks.robot[1].subtask_term_signal = 'grasped'", "it ends subtask 0, too"),
    ),
    "signal that nobody uses": (
        GRASP,
        f'{GRASP}\nopen = {{ is = "gripper_open" }}',
        ("signals.open", "no subtask ends"),
    ),
    "start of a later subtask": (
        LAST,
        f"{LAST}\nfirst_subtask_start_offset_range = [1, 2]",
        ("subtasks.robot[1].first_subtask_start_offset_range", "only the first"),
    ),
    "half a neighbour": (
        LAST,
        f"{LAST}\nselection_strategy_kwargs = {{ nn_k = 1.5 }}",
        ("subtasks.robot[1].selection_strategy_kwargs.nn_k = 1.5", "whole number"),
    ),
    "constraint of a subtask that is not there": (
        "[signals]",
        '[[constraints]]\nconstraint_type = "sequential"\n'
        'eef_subtask_constraint_tuple = [["robot", 0], ["robot", 7]]\n[signals]',
        ("constraints[0].eef_subtask_constraint_tuple[1]", "2 subtasks, 0 to 1"),
    ),
    "rise upside down": (APPROACH, "rise = [0.2, 0.1]", ("expert.poses.robot[0].rise", "smaller value first")),
    "expert that never moves": (
        '[[expert.poses.robot]]\nname = "approach the block"',
        '[expert.style]\nlead = [0, 0.1]\n[[expert.poses.robot]]\nname = "approach the block"',
        ("expert.style.lead = [0.0, 0.1]", "never moves"),
    ),
    "symmetry of nothing": ('orientation = "down"\n', "", ("expert.poses.robot[0]", "symmetry needs orientation")),
    "yaw of nothing": ('gripper = "open"\nrest', 'yaw = 1.0\ngripper = "open"\nrest', ("yaw needs orientation",)),
    "wait for oneself": (
        APPROACH,
        f'{APPROACH}\nwait_for = "grasped"',
        ("robot[0].wait_for = 'grasped'", "never come"),
    ),
    "near nothing": (GRASP, 'grasped = { is = "near", within = 0.1 }', ("signals.grasped", "either object or arm")),
    "aligned about its own axis": (
        GRASP,
        'grasped = { is = "aligned", object = "block", of = "pad", axis = "z", symmetry = 4 }',
        ("signals.grasped.symmetry = 4",),
    ),
    "home that is no pattern": (
        '"franka_panda" #',
        '"franka_panda"\nhome = { "joint[" = 0.1 } #',
        ("robots.robot.home.'joint['", "no regular expression"),
    ),
    "home that takes for ever": (
        '"franka_panda" #',
        '"franka_panda"\nhome = { "(a+)+b" = 0.1 } #',
        ("robots.robot.home.'(a+)+b'", "without a repeated group"),
    ),
    "two robots in one place": (
        "[table]",
        '[robots.other]\nrobot = "franka_panda"\n[table]',
        ("robots.other.position", "robots.robot stands there", "subtasks.other is missing"),
    ),
}
"""What does not fit together."""
