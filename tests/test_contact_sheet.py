"""The contact sheet of a demonstration: what it says below each moment."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from scripts.contact_sheet import MARGIN, SIZE, captions, sheet

from mimicgen.datagen.dataset.formats.language import Language
from mimicgen.datagen.tasks.language import language_of_task


def test_every_hand_is_told_by_what_it_is_doing(tmp_path: Path) -> None:
    stack = language_of_task("stack")
    assert stack is not None
    two = Language(
        instruction="Pass it on.",
        paraphrases=(),
        subtasks={"left": ("Take it", "Pass it"), "right": ("Wait",)},
        signals={"left": ("grasp", None), "right": (None,)},
    )
    with h5py.File(tmp_path / "demos.hdf5", "w") as file:
        file["demo/actions"] = np.zeros((4, 7))
        file["demo"].attrs["signals"] = '{"grasp": 2}'
        grasping, stacking = ["Grasp the red cube"], ["Stack the red cube on the green cube"]
        assert captions(stack, file["demo"]) == [grasping, grasping, stacking, stacking]
        _, before, after, _ = captions(two, file["demo"])
        assert (before, after) == (["left: Take it", "right: Wait"], ["left: Pass it", "right: Wait"])


def test_a_sheet_has_a_row_a_camera_and_room_for_all_words() -> None:
    frames = [[Image.new("RGB", SIZE, colour) for colour in ("red", "green")]] * 3
    short, long = (sheet(frames, [["0.0 s", words]] * 3) for words in ("left: Take it", "left: Take it and " * 5))
    assert short.width == 3 * (SIZE[0] + MARGIN) + MARGIN
    assert long.height > short.height > 2 * SIZE[1]
    assert long.getpixel((MARGIN, MARGIN + SIZE[1] - 1)) == (255, 0, 0)
    assert long.getpixel((MARGIN, 2 * MARGIN + SIZE[1])) == (0, 128, 0)
