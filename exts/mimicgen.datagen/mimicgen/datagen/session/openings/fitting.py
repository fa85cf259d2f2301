"""What a run is fitted with for where it runs: what draws, what Isaac Sim needs, and versions that have changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.images.pixels import Colour
from mimicgen.datagen.dataset.images.views import views_of

if TYPE_CHECKING:
    from mimicgen.datagen.dataset.images.renderer import Renderer
    from mimicgen.datagen.isaaclab.environment import Environment

Note = Callable[[str], None]
"""Takes a note about what a stage has found."""

MakeRenderer = Callable[["Environment", RenderConfig, Mapping[str, Colour]], "Renderer"]
"""Makes what draws an open environment, with the colours that the task gives classes."""


def fit_for_isaac_sim(cfg: Any, job: Job, note: Note) -> None:
    """Check what the task needs of Isaac Sim, and take its cameras out, in place."""
    from mimicgen.datagen.isaaclab import cameras
    from mimicgen.datagen.tasks import needs

    told = needs.needs_of(cfg)
    needs.check(told, job.task, job.device)
    note(f"the task needs {told}")
    left_out = ", ".join(cameras.take_out(cfg))
    if left_out:
        note(f"the task's cameras are left out: {left_out}; render.in_dataset writes images of the run's own")


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return which versions differ: 'newton 1.2 before, 1.3 now'."""
    names = sorted(before.keys() | now.keys())
    words = (f"{name} {before.get(name, 'none')} before, {now.get(name, 'none')} now" for name in names)
    return ", ".join(text for name, text in zip(names, words, strict=True) if before.get(name) != now.get(name))


def rasteriser(environment: Environment, render: RenderConfig, colours: Mapping[str, Colour]) -> Renderer:
    """Return what draws an open environment of the embedded runtime; see `MakeRenderer`."""
    from mimicgen.datagen.embedded.images.rasteriser import Rasteriser

    env = environment.env
    origin = env.scene.env_origins[0].tolist()
    views, device = views_of(render), str(env.device)
    about = {"device": device, "origin": origin, "colours": colours, "looks": render.looks}
    return Rasteriser(env.sim.stage, views, render.drawn(), **about)
