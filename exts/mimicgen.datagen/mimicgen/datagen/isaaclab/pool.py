"""Source demonstrations in the form that `isaaclab_mimic` takes them."""

from __future__ import annotations

from typing import Any

from isaaclab_mimic.datagen.datagen_info_pool import DataGenInfoPool

from mimicgen.datagen.dataset.sources.raw import file_hash
from mimicgen.datagen.dataset.sources.sources import Sources, natural_order
from mimicgen.datagen.isaaclab import poses


class SourcePool:
    """The usable source demonstrations, loaded.

    Args:
        env: Isaac Lab's environment.
        sources: Checked source demonstrations.
        device: Where the tensors are to be.

    Attributes:
        names: The demonstrations in natural order, which is the pool's.
        pool: Upstream's pool.
        facts: What the run record says about them.
    """

    def __init__(self, env: Any, sources: Sources, device: str):
        poses.complete()
        self.names = sorted(sources.usable, key=natural_order)
        self.pool = DataGenInfoPool(env, env.cfg, device)
        for name in self.names:  # upstream's own order is alphabetical
            self.pool.load_from_dataset_file(str(sources.path), select_demo_keys=[name])
        self.facts = {
            "file": sources.path.name,
            "sha256": file_hash(sources.path),
            "demos": self.names,
            "quaternion_order": sources.quaternion_order,
            "findings": [str(finding) for finding in sources.findings],
        }
