"""`omni.physx`, `omni.physics.tensors`, `omni.physxfabric` and `usdrt`, as far as Isaac Lab's `PhysxManager` asks.

The physics is that a step lifts every body by `LIFT`. Views are those of upstream's own test fixture, and end with the
simulation view that they came from. While the timeline plays, an update of Kit steps as well, all bodies of it, unless
`/app/player/playSimulations` is false: `omni.physx` does so.
"""

from __future__ import annotations

import enum
import fnmatch
import types
from typing import Any

import carb
import carb.eventdispatcher
import carb.settings
import numpy as np
import omni.kit.app
import warp as wp
from isaaclab_physx.test.fixtures.views.mock_rigid_body_view_warp import MockRigidBodyViewWarp
from pxr import Usd, UsdPhysics, UsdUtils

from tests.kit.standins import LIFT
from tests.kit.standins.timeline import Timeline


class ObjectType(enum.Enum):
    """The kinds that Isaac Lab tells apart."""

    RigidBody = 0
    Articulation = 1


class RigidBodyView(MockRigidBodyViewWarp):
    """Upstream's stand-in for a view, which cannot be used after its simulation view."""

    def __init__(self, owner: SimulationView, paths: list[str]) -> None:
        super().__init__(count=len(paths), prim_paths=paths)
        self._owner = owner

    def get_transforms(self) -> Any:
        self._owner.check("getRigidBodyTransforms")
        rows = [self._owner.physx.poses[path] for path in self.prim_paths]
        self._transforms = wp.array(np.array(rows, np.float32), dtype=wp.float32, device="cpu")
        return super().get_transforms()

    def set_transforms(self, transforms: Any, indices: Any = None) -> None:
        self._owner.check("setRigidBodyTransforms")
        rows = transforms.numpy()
        for row in range(self.count) if indices is None else indices.numpy():
            self._owner.physx.poses[self.prim_paths[row]] = rows[row].copy()

    def get_velocities(self) -> Any:
        self._owner.check("getRigidBodyVelocities")
        return super().get_velocities()


class SimulationView:
    """A view of the simulation of one stage."""

    def __init__(self, physx: Physx, stage_id: int) -> None:
        self.physx, self.valid = physx, True
        self._stage = UsdUtils.StageCache.Get().Find(Usd.StageCache.Id.FromLongInt(stage_id))
        self._backend = types.SimpleNamespace(initialize_kinematic_bodies=lambda: self.check("initialize"))

    def check(self, call: str) -> None:
        if not self.valid:
            raise RuntimeError(f"Simulation view object is invalidated and cannot be used again to call {call}")

    def set_subspace_roots(self, roots: str) -> None:
        self.check("setSubspaceRoots")

    def invalidate(self) -> None:
        self.valid = False

    def create_rigid_body_view(self, pattern: str | list[str]) -> RigidBodyView:
        self.check("createRigidBodyView")
        patterns = [pattern] if isinstance(pattern, str) else pattern
        bodies = [prim.GetPath().pathString for prim in self._stage.Traverse() if prim.HasAPI(UsdPhysics.RigidBodyAPI)]
        return RigidBodyView(self, [path for path in bodies if any(fnmatch.fnmatch(path, one) for one in patterns)])

    def get_object_type(self, path: str) -> ObjectType:
        return ObjectType.RigidBody

    def get_gravity(self) -> Any:
        return carb.Float3(0.0, 0.0, -9.81)

    def update_articulations_kinematic(self) -> None:
        self.check("updateArticulationsKinematic")


class Physx:
    """Physics.

    Attributes:
        poses: Position and orientation (xyzw) of every body, by path.
        steps: How often Isaac Lab stepped.
        kit_steps: How often Kit stepped by itself.
        shown: The poses that Fabric, and so a picture, has.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.poses: dict[str, Any] = {}
        self.steps = self.kit_steps = 0
        self.shown: dict[str, Any] = {}
        self._attached = 0
        self._update = carb.eventdispatcher.get_eventdispatcher().observe_event(
            observer_name="stand-in physics", event_name=omni.kit.app.GLOBAL_EVENT_UPDATE, on_event=self._on_update
        )

    def modules(self) -> dict[str, dict[str, Any]]:
        """Return the modules that PhysX is in."""
        return {
            "omni.physx": {name: lambda: self for name in ("get_physx_interface", "get_physx_simulation_interface")}
            | {"get_physx_replicator_interface": lambda: self},
            "omni.physics.tensors": {
                "create_simulation_view": lambda _, stage_id: SimulationView(self, stage_id),
                "ObjectType": ObjectType,
                "RigidBodyView": RigidBodyView,
                "SimulationView": SimulationView,
            },
            "omni.physxfabric": {"get_physx_fabric_interface": lambda: types.SimpleNamespace(
                force_update=self._show, attach_stage=lambda _: None, detach_stage=lambda: None
            )},
            "usdrt": {"Usd": _Usdrt, "Sdf": _Usdrt},
        }  # fmt: skip

    def attach_stage(self, stage_id: int) -> None:
        self._attached = stage_id

    def detach_stage(self) -> None:
        self._attached = 0
        self.poses.clear()

    def get_attached_stage(self) -> int:
        return self._attached

    def force_load_physics_from_usd(self) -> None:
        for stage in UsdUtils.StageCache.Get().GetAllStages():
            for prim in stage.Traverse():
                if prim.HasAPI(UsdPhysics.RigidBodyAPI):
                    self.poses[prim.GetPath().pathString] = np.array([0, 0, 0, 0, 0, 0, 1], np.float32)

    def start_simulation(self) -> None:
        """Nothing to do."""

    def update_simulation(self, dt: float, time: float) -> None:
        """Warm up: nothing to do."""

    def simulate(self, dt: float, time: float) -> None:
        self.steps += 1
        self._lift()

    def fetch_results(self) -> None:
        """They are there."""

    def register_replicator(self, *_: Any) -> None:
        """Bodies are found in the stage, which has the copies too."""

    def replicate(self, *_: Any) -> None:
        """As above."""

    def unregister_replicator(self, *_: Any) -> None:
        """As above."""

    def subscribe_physics_on_step_events(self, call: Any, **_: Any) -> Any:
        return object()

    def _on_update(self, _: Any) -> None:
        if self._timeline.is_playing() and carb.settings.get_settings().get("/app/player/playSimulations") is not False:
            self.kit_steps += 1
            self._lift()

    def _lift(self) -> None:
        for pose in self.poses.values():
            pose[2] += LIFT

    def _show(self, time: float, dt: float) -> None:
        if carb.settings.get_settings().get("/physics/fabricUpdateTransformations"):
            self.shown = {path: pose.copy() for path, pose in self.poses.items()}


def allocate_without_a_driver() -> None:
    """Let Warp make plain memory where Isaac Lab wants pinned memory, which takes a CUDA driver."""
    for name in ("zeros", "empty"):
        original = getattr(wp, name)
        setattr(wp, name, lambda *a, original=original, pinned=False, **k: original(*a, **k))


class _Usdrt:
    """`usdrt` without prims: what is selected is empty."""

    class Access:
        Read = 0

    class ValueTypeNames:
        Matrix4d = Bool = Point3fArray = ""

    class Stage:
        @staticmethod
        def Attach(stage_id: int) -> _Usdrt:  # noqa: N802 -- upstream's name
            return _Usdrt()

    @property
    def __fabric_arrays_interface__(self) -> dict[str, Any]:
        empty = {"type": (True, "f8", 16, 0, "matrix"), "access": 0, "pointers": [], "counts": []}
        return {"version": 1, "device": "cpu", "attribs": {"omni:fabric:worldMatrix": empty}}

    def SelectPrims(self, **_: Any) -> _Usdrt:  # noqa: N802 -- upstream's name
        return self

    def PrepareForReuse(self) -> bool:  # noqa: N802 -- upstream's name
        return False
