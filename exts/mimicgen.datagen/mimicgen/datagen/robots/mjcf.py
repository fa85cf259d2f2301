"""MJCF files as they are converted: a robot alone, whose joints keep their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FEATHER = 1e-3
"""Mass of a link that has none, [kg], such as a mark on a hand: PhysX would say 1 kg, and an arm has several."""

_ROUND = 1e-6
"""Its moments of inertia [kg m^2]."""


def robot_alone(mjcf: Path, *, fixed: bool) -> str:
    """Return an MJCF that can be read from anywhere, without what is not the robot.

    The floor of the model's own world is left out, as a task has one. A joint called as a mesh of its body would
    get another name in USD (`convert_body` of https://github.com/newton-physics/mujoco-usd-converter), so that shapes
    without a name are given one.

    What links weigh is written to them, since it may be the shapes' that are touched, which go.

    Args:
        mjcf: The file.
        fixed: Whether the base stands still: it loses its free joint.

    Raises:
        ValueError: It is no MJCF.
    """
    import mujoco

    spec = mujoco.MjSpec.from_file(str(mjcf))
    away = [*spec.worldbody.geoms, *spec.keys]  # a key pose tells all joints, of which one may go
    if fixed:
        away += [joint for joint in spec.joints if joint.type == mujoco.mjtJoint.mjJNT_FREE]
    for element in away:
        spec.delete(element)
    for index, geom in enumerate(spec.geoms):
        geom.name = geom.name or f"shape_without_name_{index}"
    spec.meshdir, spec.texturedir = (str(mjcf.parent.absolute() / own) for own in (spec.meshdir, spec.texturedir))
    _weigh(spec, spec.compile())
    spec.compile()  # without it nothing is written
    return str(spec.to_xml())


def _weigh(spec: Any, model: Any) -> None:
    for body in spec.bodies[1:]:  # the first one is the world
        if not body.explicitinertial:
            own = model.body(body.id)
            weighs = own.mass[0] > _FEATHER
            body.mass, body.inertia = (own.mass[0], own.inertia) if weighs else (_FEATHER, [_ROUND] * 3)
            body.ipos, body.iquat = own.ipos, own.iquat
            body.explicitinertial = True
