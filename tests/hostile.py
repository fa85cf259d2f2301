"""Names that nobody should give, small files that have them, and what tells whether they did any harm."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

TASK = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
STEPS = 72

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = "\u00a0\u00ad\u180e\u200b\u200c\u200d\u2028\u2029\u2060\u3000\u3164\ue000\ufeff\uffff\U000e0041"
CONTROLS = "".join(map(chr, (*range(1, 32), *range(0x7F, 0xA0))))

PATHS = r"""
.. ... .hidden ../x ../../sentinel ../../../sentinel/thesis.txt a/.. demo_0/../x ~ ~root -rf --output $HOME $(id) `id`
;rm |cat & * ? [a] {a,b} CON a:b C:\x ..\x \\server\share dev/null file:///etc/passwd # manifest.json labels.json
0000.png run.json demo_0.hdf5 d.hdf5.parts d.hdf5.lock
"""
"""Ways out of a folder, and what a shell, a file system or an option parser makes something of."""

NUMBERS = """
demo_01 demo_001 demo_000001 demo_² demo_٣ demo_-1 demo_+1 demo_1e9 demo_0x1 demo_1.5 demo_ demo _1 1 -1 nan inf None
__class__ demo_1_000 ⅳ
"""
"""Numbers that are none, and some that look like others."""

MARKUP = r"""
[red]x[/red] [/bold] [link=http://evil]x <script>alert(1)</script> </script><script> <img/src=x/onerror=alert(1)> <!--
--> ]]> {{title}} {{data}} {{nothing}} &lt; &#0; javascript:alert(1) '" %s%n {0} {name!r} %00 \x1b[31m \1 \g<0> $x_1$
\frac{1}{0} =cmd|'/C'!A0 http://evil/
"""
"""What acts in rich's markup, a page, a template, a format, a regular expression, a formula, a spreadsheet."""

LETTERS = "𝓭𝓮𝓶𝓸_0 🤖 👩\u200d👧 İ ß ﬁ שלום مرحبا ﷺ \uff44emo_0"
"""Letters that are not what they seem."""

ESCAPES = (
    *(
        "\x1b[2J",
        "\x1b]0;owned\x07",
        "\x1b[31mred",
        "\x1b]8;;http://evil\x1b\\link",
        "\x1bc",
        "\x9b31m",
        "\u202eomed_0",
    ),
    *("a\nerror: forged", "a\n  demo_0: forged", "\x08\x08\x08ok", "\x1b[1A\x1b[2Kok", " ", "  ", "a ", " a", "\t"),
)
"""What acts on a terminal, and lines that look like ours."""

LONG = (
    "9" * 4,
    "demo_" + "9" * 195,
    "demo_" + "9" * 5000,
    "x" * 200,
    "x" * 201,
    "x" * 300,
    "é" * 101,
    "e" + "\u0301" * 50,
)

NAMES: tuple[bytes, ...] = (
    *(f"a{letter}b".encode() for letter in CONTROLS + BIDI + INVISIBLE),
    *(text.encode() for text in (*f"{PATHS}{NUMBERS}{MARKUP}{LETTERS}".split(), *ESCAPES, *LONG)),
    *(b"\xff\xfe", b"demo_\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"a\xc0\x80b"),
)
"""Of demonstrations, of objects, of cameras and of files."""


def acts(text: str) -> str:
    """Return the characters of a text that act on what shows it: controls other than line ends, and of direction."""
    return "".join(letter for letter in text if (letter in CONTROLS and letter not in "\n\t") or letter in BIDI)


def small_dataset(
    path: Path,
    demos: Sequence[bytes] = (b"demo_0", b"demo_1"),
    things: Sequence[bytes] = (b"cube_1", b"cube_2", b"cube_3"),
    camera: bytes = b"table_cam_rgb",
    *,
    legacy: bool = False,
) -> Path:
    """Write a file of demonstrations that every reader takes, if the names are usual ones.

    Args:
        path: The file.
        demos: Names of the demonstrations.
        things: Names of the objects.
        camera: Name of the images.
        legacy: As Isaac Lab 2.x wrote it, quaternions in w, x, y, z.
    """
    poses = np.tile(np.eye(4, dtype=np.float32), (STEPS, 1, 1))
    rows = np.zeros((STEPS, 7), np.float32)
    rows[:, 3 if legacy else 6] = 1
    with h5py.File(path, "w") as file:
        if not legacy:
            file.attrs["format_version"] = 1
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps({"env_name": TASK})
        data.attrs["total"] = STEPS * len(demos)
        for index, name in enumerate(demos):
            demo = _group(data, name)
            demo.attrs["num_samples"], demo.attrs["success"] = STEPS, True
            demo["actions"] = np.full((STEPS, 7), 0.001 * index, np.float32)
            _array(_group(demo, b"obs"), camera, np.zeros((STEPS, 2, 3, 3), np.uint8))
            demo["obs/eef_pos"] = np.zeros((STEPS, 3), np.float32)
            info = _group(demo["obs"], b"datagen_info")
            for kind, own in ((b"object_pose", things), (b"eef_pose", [b"franka"]), (b"target_eef_pose", [b"franka"])):
                for thing in own:
                    _array(_group(info, kind), thing, poses)
            for at, signal in zip((15, 32, 49), (b"grasp_1", b"stack_1", b"grasp_2"), strict=True):
                _array(_group(info, b"subtask_term_signals"), signal, np.arange(STEPS) >= at)
            for group, count in ((b"states", STEPS), (b"initial_state", 1)):
                arm = _group(_group(_group(demo, group), b"articulation"), b"robot")
                arm["joint_position"], arm["root_pose"] = np.zeros((count, 9), np.float32), rows[:count]
                for thing in things:
                    own = _group(_group(demo[group.decode()], b"rigid_object"), thing)
                    own["root_pose"], own["root_velocity"] = rows[:count], np.zeros((count, 6), np.float32)
    return path


def snapshot(folder: Path) -> dict[str, str]:
    """Return what every entry below a folder is, and what is in it, by its path from there."""
    return {str(path.relative_to(folder)): _content(path) for path in sorted(folder.rglob("*"))}


def _intermediate() -> h5py.h5p.PropLCID:
    """Have groups made on the way, where a name is a path."""
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    return links


def _group(parent: h5py.Group, name: bytes) -> h5py.Group:
    try:
        return h5py.Group(h5py.h5g.open(parent.id, name))
    except (KeyError, ValueError):  # not there, or not even what would be above it
        return h5py.Group(h5py.h5g.create(parent.id, name, lcpl=_intermediate()))


def _array(parent: h5py.Group, name: bytes, values: np.ndarray) -> None:  # type: ignore[type-arg]
    made = parent.create_dataset(None, data=values)
    h5py.h5o.link(made.id, parent.id, name, lcpl=_intermediate())


def _content(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link to {os.readlink(path)}"
    if stat.S_ISREG(mode):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{stat.S_IFMT(mode):o}"
