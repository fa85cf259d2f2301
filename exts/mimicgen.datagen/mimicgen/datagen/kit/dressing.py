"""Putting a look on a stage in Isaac Sim. Not run in Isaac Sim yet: see the README.

Everything is said in a layer of its own, in the session of the stage: emptied, the stage is what it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdSemantics, UsdShade

from mimicgen.datagen.dataset.images.looks import AMBIENT, Look, Paint
from mimicgen.datagen.dataset.images.pixels import DISTRACTOR, from_linear, to_linear
from mimicgen.datagen.dataset.images.room import Standing
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.kit.views import ENVIRONMENTS, PREFIX, define_camera

OURS = f"{ENVIRONMENTS.format(0)}/{PREFIX}looks"
"""Where prims of a look are: in the environment that is drawn."""

INTENSITY = 1500.0
"""Of a distant light of strength 1, beside Isaac Lab's dome of 3000."""

COLOURS = ("diffuseColor", "diffuse_color_constant", "diffuse_tint")
ROUGHNESSES = ("roughness", "reflection_roughness_constant")
"""What the shaders of USD and of Omniverse call them."""

UNKNOWN = (0.8, 0.8, 0.8)
"""The colour of what does not say its own."""

_SOLIDS = {"box": UsdGeom.Cube, "cylinder": UsdGeom.Cylinder, "ball": UsdGeom.Sphere, "cone": UsdGeom.Cone}


class StageDressing:
    """What dresses a stage.

    Args:
        stage: The stage.
        views: The views, whose cameras are there.
        folder: The pictures that may be behind the scene.
    """

    def __init__(self, stage: Any, views: Sequence[View], folder: Path | None):
        self._stage, self._views, self._folder = stage, views, folder
        self._layer = Sdf.Layer.CreateAnonymous("looks")
        stage.GetSessionLayer().subLayerPaths.insert(0, self._layer.identifier)

    def put_on(self, look: Look | None) -> None:
        """Dress the stage; without a look it is as it was."""
        self._layer.Clear()
        if look is None:
            return
        stage = self._stage
        labelled = [(prim, label) for prim, label in shown(stage) if label in look.paints]
        with Usd.EditContext(stage, self._layer):
            for prim, label in labelled:
                _paint(stage, prim, look.paints[label])
                if label == "ground" and look.background is not None:
                    UsdGeom.Imageable(prim).MakeInvisible()  # it reaches to the horizon
            self._light(look)
            for view in self._views:
                define_camera(stage, View(view.name, look.cameras[view.name].on(view.camera)))
            for number, thing in enumerate(look.distractors):
                _stand(stage, f"{OURS}/{DISTRACTOR}_{number}", thing)

    def take_off(self) -> None:
        """Leave the stage as it was."""
        self._layer.Clear()
        self._stage.GetSessionLayer().subLayerPaths.remove(self._layer.identifier)

    def _light(self, look: Look) -> None:
        stage = self._stage
        lamps = [prim for prim in stage.Traverse() if prim.HasAPI(UsdLux.LightAPI)]
        domes = [UsdLux.DomeLight(prim) for prim in lamps if prim.IsA(UsdLux.DomeLight)]
        if look.background is not None and not domes:
            domes = [UsdLux.DomeLight.Define(stage, f"{OURS}/dome")]
        for dome in domes:
            intensity = dome.GetIntensityAttr()
            intensity.Set(float(intensity.Get() or 1.0) * look.ambient / AMBIENT)
            if look.background is not None:
                assert self._folder is not None
                dome.CreateTextureFileAttr().Set(str((self._folder / look.background).expanduser().absolute()))
                dome.CreateTextureFormatAttr().Set(UsdLux.Tokens.latlong)
        if not look.lights:
            return
        for prim in lamps:
            if not prim.IsA(UsdLux.DomeLight):
                UsdGeom.Imageable(prim).MakeInvisible()
        for number, light in enumerate(look.lights):
            made = UsdLux.DistantLight.Define(stage, f"{OURS}/light_{number}")
            made.CreateIntensityAttr(INTENSITY * light.strength)
            made.CreateColorAttr(Gf.Vec3f(*light.colour))
            # A distant light shines along -z.
            turned = Gf.Rotation(Gf.Vec3d(0.0, 0.0, 1.0), Gf.Vec3d(*light.towards)).GetQuat()
            UsdGeom.Xformable(made).AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(turned)


def shown(stage: Any) -> Iterator[tuple[Any, str]]:
    """Yield the prims that are labelled with a class, and it, but for those of environments that are not drawn."""
    first, every = ENVIRONMENTS.format(0), ENVIRONMENTS.format("")
    for prim in stage.Traverse():
        path = str(prim.GetPath())
        elsewhere = path.startswith(every) and path != first and not path.startswith(f"{first}/")
        if not elsewhere and prim.HasAPI(UsdSemantics.LabelsAPI, "class"):
            labels = UsdSemantics.LabelsAPI(prim, "class").GetLabelsAttr().Get()
            if labels:
                yield prim, str(labels[0])


def _paint(stage: Any, root: Any, paint: Paint) -> None:
    """Paint what is below a prim: its materials' colours, the colour of what has none, and what is instanced as one."""
    done: set[Any] = set()
    for prim in Usd.PrimRange(root):
        if prim.IsInstance():  # nothing inside of it can be said for this one alone
            material = _material(stage, f"{OURS}/paint_{_name(prim)}", paint.over(UNKNOWN), paint.gloss)
            UsdShade.MaterialBindingAPI.Apply(prim).Bind(material, UsdShade.Tokens.strongerThanDescendants)
        elif prim.IsA(UsdGeom.Gprim):
            material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
            if not material:
                colour = UsdGeom.Gprim(prim).GetDisplayColorAttr()
                own = (colour.Get() or [UNKNOWN])[0]
                colour.Set([Gf.Vec3f(*_painted(paint, own))])
            elif material.GetPath() not in done:
                done.add(material.GetPath())
                for shader in _shaders(material):
                    _repaint(shader, paint)


def _shaders(material: Any) -> Iterator[Any]:
    """Yield the shaders of a material: that of USD, and that of Omniverse where it has one of its own."""
    sources = [material.ComputeSurfaceSource(context)[0] for context in (UsdShade.Tokens.universalRenderContext, "mdl")]
    found = {shader.GetPath(): shader for shader in sources if shader}
    yield from (shader for shader in found.values() if not shader.GetPrim().IsInstanceProxy())


def _repaint(shader: Any, paint: Paint) -> None:
    inputs: Mapping[str, Any] = {own.GetBaseName(): own for own in shader.GetInputs()}
    for name in COLOURS:
        own = inputs.get(name)
        if own is not None and not own.HasConnectedSource():
            own.Set(Gf.Vec3f(*_painted(paint, own.Get() or (1.0, 1.0, 1.0))))
    for name in ROUGHNESSES:
        if name in inputs and not inputs[name].HasConnectedSource():
            inputs[name].Set(1.0 - paint.gloss)


def _painted(paint: Paint, own: Sequence[float]) -> list[float]:
    """Return a shader's colour, which is linear, under a paint, which is as screens have it."""
    return [float(value) for value in to_linear(paint.over(from_linear(own)))]


def _material(stage: Any, path: str, colour: Sequence[float], gloss: float) -> Any:
    """Make a material, of a colour as screens have it."""
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*map(float, to_linear(colour))))
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(1.0 - gloss)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material


def _stand(stage: Any, path: str, thing: Standing) -> None:
    """Make a thing that stands about."""
    solid = _SOLIDS[thing.shape].Define(stage, path)
    if thing.shape == "box":
        solid.CreateSizeAttr(1.0)
    else:
        solid.CreateRadiusAttr(0.5)
        if thing.shape != "ball":
            solid.CreateHeightAttr(1.0)
            solid.CreateAxisAttr(UsdGeom.Tokens.z)
    pose = UsdGeom.Xformable(solid)
    pose.AddTranslateOp().Set(Gf.Vec3d(*thing.position))
    pose.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(
        Gf.Rotation(Gf.Vec3d(0.0, 0.0, 1.0), math.degrees(thing.yaw)).GetQuat()
    )
    pose.AddScaleOp().Set(Gf.Vec3f(*thing.size))
    material = _material(stage, f"{path}_paint", thing.colour, thing.gloss)
    UsdShade.MaterialBindingAPI.Apply(solid.GetPrim()).Bind(material)
    UsdSemantics.LabelsAPI.Apply(solid.GetPrim(), "class").CreateLabelsAttr().Set([DISTRACTOR])


def _name(prim: Any) -> str:
    """Return a name that no other prim gives."""
    return str(prim.GetPath()).strip("/").replace("/", "_")
