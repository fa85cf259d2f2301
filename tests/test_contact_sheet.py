"""The contact sheet of a demonstration: what it says below each moment."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from scripts.contact_sheet import MARGIN, SIZE, captions, sheet


def test_every_hand_is_told_by_what_it_is_doing(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "demos.hdf5", "w") as file:
        demo = file.create_group("data/demo_0")
        demo["actions"] = np.zeros((4, 7))
        demo.attrs["signals"] = '{"grasp": 2}'
        file["data"].attrs["env_args"] = '{"env_name": "stack-d0-Mimic-v0"}'
        grasping, stacking = ["Grasp the red cube"], ["Stack the red cube on the green cube"]
        assert captions(file["data"], "demo_0") == [grasping, grasping, stacking, stacking]
        two = {
            "left": [{"text": "Take it", "until": "grasp"}, {"text": "Pass it", "until": None}],
            "right": [{"text": "Wait", "until": None}],
        }
        file["data"].attrs["language"] = json.dumps({"instruction": "Pass it on.", "paraphrases": [], "subtasks": two})
        _, before, after, _ = captions(file["data"], "demo_0")
        assert (before, after) == (["left: Take it", "right: Wait"], ["left: Pass it", "right: Wait"])


def test_a_sheet_has_a_row_a_camera_and_room_for_all_words() -> None:
    frames = [[Image.new("RGB", SIZE, colour) for colour in ("red", "green")]] * 3
    short, long = (sheet(frames, [["0.0 s", words]] * 3) for words in ("left: Take it", "left: Take it and " * 5))
    assert short.width == 3 * (SIZE[0] + MARGIN) + MARGIN
    assert long.height > short.height > 2 * SIZE[1]
    assert long.getpixel((MARGIN, MARGIN + SIZE[1] - 1)) == (255, 0, 0)
    assert long.getpixel((MARGIN, 2 * MARGIN + SIZE[1])) == (0, 128, 0)
