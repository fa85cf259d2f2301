"""Cameras of an open environment: the images of all environments in one call, on the device, as states are observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import torch
import warp as wp

from mimicgen.datagen.config.looks import LooksConfig
from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.images.looks import backgrounds_in, draw_look
from mimicgen.datagen.dataset.images.pixels import DATA_TYPES, MILLIMETRES, NO_NORMAL, Colour
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.embedded.images.joints import Joints
from mimicgen.datagen.embedded.images.rasteriser import NO_LOOKS, Rasteriser


class ObservedCameras:
    """Draws all environments, when one of the cameras is looked at after something may have moved.

    Drawn are the environments' states as they are recorded, so an image equals the frame that is drawn of the recorded
    state. Whoever steps or resets the scene outdates what was drawn before: no camera shows a scene before a reset.

    Args:
        env: Isaac Lab's environment, open.
        views: The cameras.
        modalities: What is drawn of each.
        colours: Colours of classes in segmentation images.
        looks: What may be put on; nothing of it is until `dress` is called.

    Raises:
        SetupError: A camera is mounted on what the scene does not have.
    """

    def __init__(
        self,
        env: Any,
        views: Sequence[View],
        modalities: Sequence[str],
        colours: Mapping[str, Colour],
        looks: LooksConfig = NO_LOOKS,
    ):
        looks = msgspec.structs.replace(looks, count=0)  # without room for things that stand about
        origin, device = env.scene.env_origins[0].tolist(), str(env.device)
        self._rasteriser = Rasteriser(
            env.sim.stage,
            views,
            modalities,
            device=device,
            origin=origin,
            colours=colours,
            looks=looks,
            kept=env.num_envs,
        )
        self._env = env
        self._scene = LiveScene(env, self._rasteriser.joints)
        self._drawn: dict[str, dict[str, torch.Tensor]] | None = None
        self.cameras = {view.name: ObservedCamera(self, view, env) for view in views}

    def outdate(self) -> None:
        """Forget the images: something may have moved."""
        self._drawn = None

    def dress(self, render: RenderConfig, seed: int, number: int) -> None:
        """Show everything in a look from now on, in all environments the same.

        Args:
            render: What a look may be, and the cameras. Nothing stands about: somewhere something may move.
            seed: Of the looks.
            number: Which of them.

        Raises:
            SetupError: The folder of pictures that may be behind the scene has none.
        """
        states = {
            kind: {name: {key: own[:1].cpu().numpy() for key, own in asset.items()} for name, asset in assets.items()}
            for kind, assets in self._env.scene.get_state(is_relative=True).items()
        }
        for name, asset in self._env.scene.rigid_objects.items():  # where it is drawn, whatever a reset has drawn
            states["rigid_object"][name]["root_pose"][:, :3] = asset.cfg.init_state.pos
        looks = msgspec.structs.replace(render.looks, distractors=0)
        seen = msgspec.structs.replace(render, looks=looks, views=tuple(self.cameras))
        backgrounds = backgrounds_in(looks.backgrounds)
        look = draw_look(seen, seed, "observed", number, self._rasteriser.room(states), backgrounds)
        self._rasteriser.put_on(look)
        self.outdate()

    def images(self, camera: str) -> dict[str, torch.Tensor]:
        """Return a camera's images by modality, until the next ones are drawn; see `Rasteriser.images_of`."""
        if self._drawn is None:
            self._drawn = self._rasteriser.images_of(self._scene.coordinates())
        return self._drawn[camera]

    def close(self) -> None:
        """Let go of what draws."""
        self._rasteriser.close()


class LiveScene:
    """Where everything is, as the joint coordinates of a model of one environment.

    Args:
        env: Isaac Lab's environment, open.
        joints: The joints of the model.
    """

    def __init__(self, env: Any, joints: Joints):
        self._origins = env.scene.env_origins
        self._coordinates = torch.tensor(joints.first, device=env.device).repeat(env.num_envs, 1)

        def on_device(columns: list[int]) -> torch.Tensor:
            return torch.tensor(columns, device=env.device)

        self._bodies = [(own.data, on_device(joints.of_body(name))) for name, own in env.scene.rigid_objects.items()]
        self._robots = [
            (own.data, on_device(joints.of_joints(name, own.num_joints)))
            for name, own in env.scene.articulations.items()
        ]

    def coordinates(self) -> wp.array:
        """Return the coordinates, shape (num_envs, coordinates), on the device; the same memory every time."""
        for data, columns in self._bodies:
            pose = data.root_pose_w.torch.clone()
            pose[:, :3] -= self._origins
            self._coordinates.index_copy_(1, columns, pose)
        for data, columns in self._robots:
            self._coordinates.index_copy_(1, columns, data.joint_pos.torch)
        return wp.from_torch(self._coordinates)


class ObservedCamera:
    """A camera in place of Isaac Lab's sensor of the same name: what its observation functions, and its scene, ask.

    Args:
        cameras: All of them.
        view: This one.
        env: Isaac Lab's environment.

    Attributes:
        output: The images by Isaac Lab's data type, shape (num_envs, height, width, channels), of upstream's types: rgb
            uint8, semantic segmentation uint8 with an opaque alpha, normals float32 in the world's frame and zero where
            nothing was hit, depth float32 [m] and infinite there. Each has `.torch`, like upstream's.
    """

    supports_batch_update = False

    def __init__(self, cameras: ObservedCameras, view: View, env: Any):
        self._cameras = cameras
        self._name = view.name
        self.image_shape = view.size
        self.num_instances = env.num_envs
        self.device = env.device
        self.output = _Output(self)

    @property
    def data(self) -> ObservedCamera:
        """What is asked for `output`."""
        return self

    def images(self) -> dict[str, torch.Tensor]:
        """Return the images by modality; see `ObservedCameras.images`."""
        return self._cameras.images(self._name)

    def update(self, dt: float, force_recompute: bool = False) -> None:
        """Outdate the images: physics has made a step."""
        self._cameras.outdate()

    def reset(self, env_ids: Any = None, env_mask: Any = None) -> None:
        """Outdate the images: environments are being reset."""
        self._cameras.outdate()


class _Output(Mapping[str, Any]):
    """A camera's images by Isaac Lab's data type."""

    def __init__(self, camera: ObservedCamera):
        self._camera = camera

    def __getitem__(self, data_type: str) -> SimpleNamespace:
        return SimpleNamespace(torch=_as_upstream(DATA_TYPES[data_type], self._camera.images()))

    def __iter__(self) -> Iterator[str]:
        return (data_type for data_type, modality in DATA_TYPES.items() if modality in self._camera.images())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _as_upstream(modality: str, images: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return images as Isaac Lab's cameras have them."""
    pixels = images[modality]
    if modality == "segmentation":
        return torch.nn.functional.pad(pixels, (0, 1), value=255)
    if modality == "normals":
        vectors = pixels / 127.5 - 1.0
        return vectors * (pixels != NO_NORMAL).any(dim=-1, keepdim=True)
    if modality == "depth":
        metres = pixels.float().unsqueeze(-1) / MILLIMETRES
        return metres.masked_fill_(metres == 0.0, torch.inf)
    return pixels
