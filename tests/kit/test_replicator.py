"""Isaac Sim's renderer against a stand-in for Replicator, which needs RTX: it records calls and writes plain files."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pxr import Gf, Usd, UsdGeom

from mimicgen.datagen.config import build
from mimicgen.datagen.rendering.images import colour_of
from mimicgen.datagen.rendering.views import views_of
from tests.conftest import Kit

CUBE_IN_REPLICATOR, TABLE_IN_REPLICATOR = (140, 25, 255, 255), (25, 255, 82, 255)


class Replicator(types.ModuleType):
    """Answers the calls of a one-frame-at-a-time use, notes them, and writes what a BasicWriter would."""

    def __init__(self) -> None:
        super().__init__("omni.replicator.core")
        self.calls: list[str] = []
        self.frame = 0
        self.attached: list[tuple[Path, dict[str, bool], tuple[int, int]]] = []
        self.create = self.backends = self.writers = self.orchestrator = self

    def render_product(self, camera: str, resolution: tuple[int, int], name: str) -> Any:
        self.calls.append(f"render_product {camera} {resolution[0]}x{resolution[1]}")
        return types.SimpleNamespace(resolution=resolution, destroy=lambda: self.calls.append(f"destroy {name}"))

    def get(self, kind: str) -> Any:
        return {"DiskBackend": Disk, "BasicWriter": Writer}[kind](self)

    async def step_async(self, *, delta_time: float) -> None:
        self.calls.append(f"step_async {delta_time}")
        for folder, annotators, (width, height) in self.attached:
            folder.mkdir(exist_ok=True)
            picture = np.empty((height, width, 4), np.uint8)
            picture[:] = TABLE_IN_REPLICATOR
            picture[: height // 2] = CUBE_IN_REPLICATOR
            if annotators.get("semantic_segmentation"):
                Image.fromarray(picture).save(folder / f"semantic_segmentation_{self.frame:04d}.png")
                labels = {str(CUBE_IN_REPLICATOR): {"class": "cube_1"}, str(TABLE_IN_REPLICATOR): {"class": "table"}}
                path = folder / f"semantic_segmentation_labels_{self.frame:04d}.json"
                path.write_text(json.dumps(labels))
            if annotators.get("normals"):
                Image.fromarray(picture).save(folder / f"normals_{self.frame:04d}.png")
            if annotators.get("distance_to_image_plane"):
                metres = np.full((height, width), 1.5, np.float32)
                metres[0, 0] = np.inf
                np.save(folder / f"distance_to_image_plane_{self.frame:04d}.npy", metres)
        self.frame += 1

    async def wait_until_complete_async(self) -> None:
        self.calls.append("wait_until_complete_async")


class Disk:
    def __init__(self, replicator: Replicator) -> None:
        self.folder = Path()

    def initialize(self, *, output_dir: str) -> None:
        self.folder = Path(output_dir)


class Writer:
    def __init__(self, replicator: Replicator) -> None:
        self.replicator = replicator

    def initialize(self, *, backend: Disk, **annotators: bool) -> None:
        self.replicator.calls.append(f"initialize {' '.join(sorted(annotators))}")
        self.backend, self.annotators = backend, annotators

    def attach(self, product: Any) -> None:
        self.replicator.calls.append("attach")
        self.replicator.attached.append((self.backend.folder, self.annotators, product.resolution))

    def detach(self) -> None:
        self.replicator.calls.append("detach")


class Scene:
    """Two environments with a cube; remembers where it is."""

    def __init__(self) -> None:
        self.rigid_objects = {"cube_1": None}
        self.pose = torch.arange(14, dtype=torch.float32).reshape(2, 7)
        self.seen: list[float] = []

    def get_state(self, *, is_relative: bool) -> Any:
        return {"rigid_object": {"cube_1": {"root_pose": self.pose}}}

    def reset_to(self, state: Any, env_ids: torch.Tensor, *, is_relative: bool) -> None:
        self.pose = self.pose.clone()
        self.pose[env_ids] = state["rigid_object"]["cube_1"]["root_pose"]
        self.seen.append(float(self.pose[0, 0]))


@pytest.fixture
def isaac(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> tuple[Replicator, Usd.Stage]:
    replicator, stage = Replicator(), Usd.Stage.CreateInMemory()
    usd = types.ModuleType("omni.usd")
    usd.get_context = lambda: types.SimpleNamespace(get_stage=lambda: stage)  # type: ignore[attr-defined]
    parent = types.ModuleType("omni.replicator")
    parent.core = replicator  # type: ignore[attr-defined]
    import omni

    monkeypatch.setattr(omni, "usd", usd, raising=False)
    monkeypatch.setattr(omni, "replicator", parent, raising=False)
    monkeypatch.setitem(sys.modules, "omni.usd", usd)
    monkeypatch.setitem(sys.modules, "omni.replicator", parent)
    monkeypatch.setitem(sys.modules, "omni.replicator.core", replicator)
    monkeypatch.delitem(sys.modules, "mimicgen.datagen.kit.replicator", raising=False)
    return replicator, stage


def test_a_state_is_drawn_by_one_step_of_replicator_and_everything_is_as_before(
    kit: Kit, isaac: tuple[Replicator, Usd.Stage]
) -> None:
    import carb.settings

    from mimicgen.datagen.kit.replicator import WANTED, ReplicatorRenderer

    replicator, _ = isaac
    settings = carb.settings.get_settings()
    before = {path: settings.get(path) for path in WANTED}
    scene = Scene()
    environment: Any = types.SimpleNamespace(
        env=types.SimpleNamespace(scene=scene, device="cpu", sim=types.SimpleNamespace(forward=lambda: None))
    )
    render = build(
        {"render.modalities": ["normals", "segmentation", "depth"], "render.width": 32, "render.height": 16}
    ).render
    renderer = ReplicatorRenderer(environment, render)
    assert {path: settings.get(path) for path in WANTED} == WANTED
    state = {"rigid_object": {"cube_1": {"root_pose": np.full((1, 7), 5.0, np.float32)}}}
    for _ in range(2):
        frame = kit.run(renderer.draw(state))
    renderer.close()

    assert set(frame) == {"table_cam", "table_high_cam"}
    images = frame["table_cam"]
    assert tuple(images["segmentation"][0, 0]) == colour_of("cube_1")
    assert tuple(images["segmentation"][-1, 0]) == colour_of("table")
    assert images["normals"].shape == (16, 32, 3)
    assert (images["depth"][0, 0], images["depth"][5, 5]) == (0, 1500)
    assert scene.seen == [5.0, 0.0, 5.0, 0.0]  # drawn, and what went on in the environment goes on
    assert replicator.calls == [
        *("render_product /World/envs/env_0/table_cam 32x16", "initialize distance_to_image_plane normals "
        "semantic_segmentation", "attach"),
        *("render_product /World/envs/env_0/table_high_cam 32x16", "initialize distance_to_image_plane normals "
        "semantic_segmentation", "attach"),
        *("step_async 0.0", "wait_until_complete_async") * 2,
        *("detach", "detach", "destroy table_cam", "destroy table_high_cam"),
    ]  # fmt: skip
    assert {path: settings.get(path) for path in WANTED} == before


def test_a_usd_camera_looks_where_the_view_looks(kit: Kit, isaac: tuple[Replicator, Usd.Stage]) -> None:
    from mimicgen.datagen.kit.replicator import _camera

    _, stage = isaac
    for view in views_of(build({"render.width": 64, "render.height": 32}).render):
        camera = UsdGeom.Camera(stage.GetPrimAtPath(_camera(view)))
        frustum = camera.GetCamera().frustum
        np.testing.assert_allclose(frustum.ComputeViewDirection(), view.forward, atol=1e-6)
        np.testing.assert_allclose(frustum.ComputeUpVector(), -view.rotation[:, 1], atol=1e-6)
        np.testing.assert_allclose(frustum.GetPosition(), view.position, atol=1e-6)
        corner = view.directions()[0, 0]
        ray = np.array(frustum.ComputePickRay(Gf.Vec2d(-1.0, 1.0)).direction)
        ray /= np.linalg.norm(ray)
        assert np.degrees(np.arccos(np.clip(np.dot(ray, corner), -1, 1))) < 0.7  # half a pixel
