"""The contact sheet of a demonstration: what it says below each moment."""

from __future__ import annotations

from pathlib import Path

import h5py
import msgspec
from PIL import Image
from scripts.contact_sheet import MARGIN, SIZE, came, captions, sheet

from mimicgen.datagen.tasks.catalogue import TASKS, load_task
from mimicgen.datagen.tasks.schema import Subtask


def test_every_hand_is_told_by_what_it_is_doing() -> None:
    found = load_task(TASKS / "stack.toml")
    assert captions(found, {"grasp": 2}, 4) == 2 * [["Grasp the red cube"]] + 2 * [
        ["Stack the red cube on the green cube"]
    ]
    two = {
        "left": (Subtask(subtask_term_signal="held", description="Take it"), Subtask(description="Pass it")),
        "right": (Subtask(),),
    }
    both = msgspec.structs.replace(found, task=msgspec.structs.replace(found.task, subtasks=two))
    assert captions(both, {"held": 1}, 2) == [
        ["left: Take it", "right: subtask 1"],
        ["left: Pass it", "right: subtask 1"],
    ]
    assert captions(None, {"held": 1}, 2) == [[], []]


def test_signals_are_read_from_where_they_are(tmp_path: Path) -> None:
    """A run writes when they came, people's files have a row a step."""
    with h5py.File(tmp_path / "demos.hdf5", "w") as file:
        recorded = file.create_group("recorded")
        recorded["obs/datagen_info/subtask_term_signals/grasp"] = [False, False, True, True]
        recorded["obs/datagen_info/subtask_term_signals/never"] = [False] * 4
        assert came(recorded) == {"grasp": 2}
        recorded.attrs["signals"] = '{"grasp": 3, "never": null}'
        assert came(recorded) == {"grasp": 3}


def test_a_sheet_has_a_row_a_camera_and_room_for_all_words() -> None:
    frames = [[Image.new("RGB", SIZE, colour) for colour in ("red", "green")]] * 3
    short, long = (sheet(frames, [["0.0 s", words]] * 3) for words in ("left: Take it", "left: Take it and " * 5))
    assert short.width == 3 * (SIZE[0] + MARGIN) + MARGIN
    assert long.height > short.height > 2 * SIZE[1]
    assert long.getpixel((MARGIN, MARGIN + SIZE[1] - 1)) == (255, 0, 0)
    assert long.getpixel((MARGIN, 2 * MARGIN + SIZE[1])) == (0, 128, 0)
