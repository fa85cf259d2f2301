"""The section `[observe]`: images in the loop."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mimicgen.datagen.config.sections import Modality, Pixels, Text


class ObserveConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What cameras show of every step, as observations: images in the loop. They need the embedded runtime.

    Attributes:
        width: Of all images, those of a task's own cameras, too. None: of those the task's own; of others what
            `render` says.
        height: Likewise.
    """

    cameras: Annotated[
        tuple[Text, ...], Meta(description="Cameras of 'render.cameras' whose images are observed, by name")
    ] = ()
    modalities: Annotated[tuple[Modality, ...], Meta(description="What is observed through them")] = ("rgb",)
    width: Annotated[Pixels | None, Meta(description="Width of observed images")] = None
    height: Annotated[Pixels | None, Meta(description="Height of observed images")] = None
    record: Annotated[
        bool, Meta(description="Also write them into the dataset, as obs/<camera>_<modality>, depth in millimetres")
    ] = True

    def written(self) -> set[str]:
        """Return the names under `obs` in a dataset."""
        if not self.record:
            return set()
        return {f"{name}_{modality}" for name in self.cameras for modality in self.modalities}
