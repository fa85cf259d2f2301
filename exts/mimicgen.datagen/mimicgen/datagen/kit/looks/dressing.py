"""Putting a look on a stage in Isaac Sim. Not run in Isaac Sim yet: see the README.

Everything is said in a layer of its own, in the session of the stage: emptied, the stage is what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdSemantics, UsdShade

from mimicgen.datagen.dataset.images.looks import AMBIENT, Look, Paint
from mimicgen.datagen.dataset.images.pixels import DISTRACTOR, from_linear, to_linear
from mimicgen.datagen.dataset.images.room import Standing
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.kit.views import ENVIRONMENTS, PREFIX, define_camera
from mimicgen.datagen.robots.schema import Box, Cylinder, Sphere
from mimicgen.datagen.robots.shapes import add_shape, paint

OURS = f"{ENVIRONMENTS.format(0)}/{PREFIX}looks"
"""Where prims of a look are: in the environment that is drawn."""

INTENSITY = 1500.0
"""Of a distant light of strength 1, beside Isaac Lab's dome of 3000."""

COLOURS = ("diffuseColor", "diffuse_color_constant", "diffuse_tint")
ROUGHNESSES = ("roughness", "reflection_roughness_constant")
"""What the shaders of USD and of Omniverse call them."""

UNKNOWN = (0.8, 0.8, 0.8)
"""The colour of what does not say its own."""


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
                _cover(stage, prim, look.paints[label])
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


def _cover(stage: Any, root: Any, cover: Paint) -> None:
    """Paint what is below a prim: its materials' colours, the colour of what has none, and what is instanced as one."""
    done: set[Any] = set()
    for prim in Usd.PrimRange(root):
        if prim.IsInstance():  # nothing inside of it can be said for this one alone
            material = _material(stage, f"{OURS}/paint_{_name(prim)}", cover.over(UNKNOWN), cover.gloss)
            UsdShade.MaterialBindingAPI.Apply(prim).Bind(material, UsdShade.Tokens.strongerThanDescendants)
        elif prim.IsA(UsdGeom.Gprim):
            material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
            if not material:
                colour = UsdGeom.Gprim(prim).GetDisplayColorAttr()
                own = (colour.Get() or [UNKNOWN])[0]
                colour.Set([Gf.Vec3f(*_painted(cover, own))])
            elif material.GetPath() not in done:
                done.add(material.GetPath())
                for shader in _shaders(material):
                    _repaint(shader, cover)


def _shaders(material: Any) -> Iterator[Any]:
    """Yield the shaders of a material: that of USD, and that of Omniverse where it has one of its own."""
    sources = [material.ComputeSurfaceSource(context)[0] for context in (UsdShade.Tokens.universalRenderContext, "mdl")]
    found = {shader.GetPath(): shader for shader in sources if shader}
    yield from (shader for shader in found.values() if not shader.GetPrim().IsInstanceProxy())


def _repaint(shader: Any, cover: Paint) -> None:
    inputs: Mapping[str, Any] = {own.GetBaseName(): own for own in shader.GetInputs()}
    for name in COLOURS:
        own = inputs.get(name)
        if own is not None and not own.HasConnectedSource():
            own.Set(Gf.Vec3f(*_painted(cover, own.Get() or (1.0, 1.0, 1.0))))
    for name in ROUGHNESSES:
        if name in inputs and not inputs[name].HasConnectedSource():
            inputs[name].Set(1.0 - cover.gloss)


def _painted(cover: Paint, own: Sequence[float]) -> list[float]:
    """Return a shader's colour, which is linear, under a paint, which is as screens have it."""
    return [float(value) for value in to_linear(cover.over(from_linear(own)))]


def _material(stage: Any, path: str, colour: Sequence[float], gloss: float) -> Any:
    """Make a material, of a colour as screens have it."""
    red, green, blue = map(float, to_linear(colour))
    material = paint(stage, Sdf.Path(path), (red, green, blue))
    material.ComputeSurfaceSource()[0].GetInput("roughness").Set(1.0 - gloss)
    return material


def _stand(stage: Any, path: str, thing: Standing) -> None:
    """Make a thing that stands about."""
    width, _, height = thing.size
    pose: dict[str, Any] = {"position": thing.position, "rotation": (0.0, 0.0, thing.yaw), "collides": False}
    match thing.shape:
        case "box":
            prim = add_shape(stage, path, Box(size=thing.size, **pose), seen=True)
        case "ball":
            prim = add_shape(stage, path, Sphere(radius=width / 2, **pose), seen=True)
        case "cylinder":
            prim = add_shape(stage, path, Cylinder(radius=width / 2, height=height, **pose), seen=True)
        case "cone":
            cone = UsdGeom.Cone.Define(stage, path)
            cone.CreateRadiusAttr(width / 2)
            cone.CreateHeightAttr(height)
            cone.CreateAxisAttr(UsdGeom.Tokens.z)
            UsdGeom.Xformable(cone).AddTranslateOp().Set(Gf.Vec3d(*thing.position))
            prim = cone.GetPrim()
    UsdShade.MaterialBindingAPI.Apply(prim).Bind(_material(stage, f"{path}_paint", thing.colour, thing.gloss))
    UsdSemantics.LabelsAPI.Apply(prim, "class").CreateLabelsAttr().Set([DISTRACTOR])


def _name(prim: Any) -> str:
    """Return a name that no other prim gives."""
    return str(prim.GetPath()).strip("/").replace("/", "_")
