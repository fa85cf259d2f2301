"""The scene's description for the page, against the described tasks and the packaged meshes."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mimicgen.datagen.dataset.folders import cache_folder
from mimicgen.datagen.report.scene import EMPTY, scene, scene_of
from mimicgen.datagen.tasks.catalogue import described, load_task

LAMP = """
instruction = "Open the drawer."
table = false

[robots.left]
robot = "franka_panda"
position = [0.0, 0.3, 0.0]

[robots.right]
robot = "franka_panda"
position = [0.0, -0.3, 0.0]

[objects.chest]
movable = false
position = [0.6, 0.0, 0.2]
shapes = [{ shape = "box", size = [0.3, 0.8, 0.02], colour = [1.0, 0.0, 0.0] }]

[objects.chest.parts.drawer]
shapes = [{ shape = "cylinder", radius = 0.02, height = 0.1, axis = "x", position = [0.0, 0.0, 0.03] }]
joint = { kind = "slide", axis = "x", position = [0.0, 0.1, 0.05], low = -0.2, high = 0.0 }

[variants.d0]

[[subtasks.left]]
object_ref = "chest"
[[subtasks.right]]
object_ref = "chest"

[success]
is = "joint_beyond"
object = "chest"
part = "drawer"
below = -0.1

[cameras.front]
position = [1.0, 0.0, 0.33]
orientation = [0.5963, 0.5963, -0.3799, -0.3799]
"""


def vertices_of(mesh: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    vertices = np.frombuffer(zlib.decompress(base64.b64decode(mesh["vertices"])), "<i2").reshape(-1, 3) * mesh["unit"]
    return vertices, np.frombuffer(zlib.decompress(base64.b64decode(mesh["faces"])), "<u4").reshape(-1, 3)


def test_links_are_told_parents_first_with_meshes_in_reach() -> None:
    task = described("stack_three")
    assert task is not None
    found = scene(task, cache_folder())
    robot = found["assets"]["robot"]
    names = [link["name"] for link in robot["links"]]
    assert names.index("panda_hand") < names.index("panda_leftfinger")
    seen: set[str | None] = {None}
    triangles = 0
    for link in robot["links"]:
        assert link["parent"] in seen
        seen.add(link["name"])
        for mesh in link["meshes"]:
            vertices, faces = vertices_of(mesh)
            assert np.abs(vertices).max() < 0.3
            assert faces.max() < len(vertices)
            triangles += len(faces)
    joints = [link["joint"]["name"] for link in robot["links"] if link["joint"]]
    assert joints == [f"panda_joint{index}" for index in range(1, 8)] + ["panda_finger_joint1", "panda_finger_joint2"]
    assert 20_000 < triangles < 80_000
    assert len(json.dumps(found)) < 1_000_000
    assert robot["tools"] == [{"eef": "robot", "link": "panda_hand", "point": [0.0, 0.0, 0.1034]}]
    for name in ("cube_1", "cube_2", "cube_3"):
        (link,) = found["assets"][name]["links"]
        (mesh,) = link["meshes"]
        np.testing.assert_allclose(np.ptp(vertices_of(mesh)[0], axis=0), 0.0467, atol=1e-4)
        assert mesh["flat"]
    assert found["table"]["position"] == [0.5, 0.0, -0.00305]
    assert scene(task, cache_folder()) == found


def test_what_the_dataset_says_in_words_goes_before_the_file(tmp_path: Path) -> None:
    told = {"instruction": "Mine.", "paraphrases": [], "subtasks": {"franka": [{"text": "Do it", "until": None}]}}
    shown = {"task": "stack_three", "run": None}
    by_file, own = (scene_of(shown | {"language": own}, cache_folder()) for own in (None, told))
    assert by_file["instruction"].startswith("Stack the red cube on the blue cube")
    assert by_file["subtasks"]["robot"][0] == {"text": "Grasp the red cube", "until": "grasp_1"}
    assert (own["instruction"], own["subtasks"]) == ("Mine.", told["subtasks"])
    assert own["assets"] == by_file["assets"]
    nowhere = scene_of({"task": "Isaac-Somewhere-v0", "run": None, "language": told}, cache_folder())
    assert (nowhere["assets"], nowhere["instruction"]) == ({}, "Mine.")


def test_several_robots_and_an_object_with_a_joint(tmp_path: Path) -> None:
    file = tmp_path / "drawer.toml"
    file.write_text(LAMP)
    found = scene(load_task(file), cache_folder())
    assert list(found["assets"]) == ["left", "right", "chest"]
    assert [found["assets"][name]["place"][1] for name in ("left", "right")] == [0.3, -0.3]
    assert found["table"] is None
    base, drawer = found["assets"]["chest"]["links"]
    assert (base["parent"], drawer["parent"]) == (None, base["name"])
    np.testing.assert_allclose(drawer["origin"]["position"], [0.0, 0.1, 0.05], atol=1e-6)
    assert (drawer["joint"]["slides"], drawer["joint"]["axis"]) == (True, [1.0, 0.0, 0.0])
    assert base["meshes"][0]["colour"] == "#ff0000"
    low, high = (edge(vertices_of(drawer["meshes"][0])[0], axis=0) for edge in (np.min, np.max))
    np.testing.assert_allclose([low, high], [[-0.05, -0.02, 0.01], [0.05, 0.02, 0.05]], atol=1e-4)


def test_what_no_file_describes_has_an_empty_scene_and_no_path_of_a_dataset_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "drawer.toml"
    file.write_text(LAMP)
    told = {"task": str(file), "run": None}
    assert scene_of(told, cache_folder()) == EMPTY
    assert scene_of({"task": "Isaac-PickPlace-GR1T2-Abs-Mimic-v0", "run": {}}, cache_folder()) == EMPTY
    ran = {"task": "x", "run": {"config": {"task": str(file)}}}
    assert "drawer" in [link["name"] for link in scene_of(ran, cache_folder())["assets"]["chest"]["links"]]
    assert scene_of({"task": "", "run": {"config": {"task": "/no/such.toml"}}}, cache_folder()) == EMPTY
