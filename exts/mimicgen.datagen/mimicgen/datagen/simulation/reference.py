"""Attempts made by `isaaclab_mimic`'s own `DataGenerator`.

Only upstream's `env_loop` and its module-global counters are replaced (they own the event loop and the process). The
attempts themselves (source selection, transformation, interpolation, noise) are upstream's code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from isaaclab.managers import TerminationTermCfg
from isaaclab_mimic.datagen.data_generator import DataGenerator
from isaaclab_mimic.datagen.datagen_info_pool import DataGenInfoPool

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.dataset.raw import file_hash
from mimicgen.datagen.dataset.sources import Sources, natural_order
from mimicgen.datagen.simulation.driver import Flight
from mimicgen.datagen.simulation.environment import Environment
from mimicgen.datagen.simulation.rendezvous import Rendezvous


class ReportingDataGenerator(DataGenerator):  # type: ignore[misc]
    """Upstream's generator, telling which source segment it chose.

    Attributes:
        on_segment: Called with the environment, the end effector, the subtask, the index of the source demonstration
            and the first and the end step of the segment.
    """

    on_segment: Callable[[int, str, int, int, int, int], None]

    def generate_eef_subtask_trajectory(
        self,
        env_id: int,
        eef_name: str,
        subtask_ind: int,
        all_randomized_subtask_boundaries: dict[str, Any],
        runtime_subtask_constraints_dict: dict[Any, Any],
        selected_src_demo_inds: dict[str, int],
    ) -> Any:
        """Build the trajectory as upstream does, then report the choice that it made."""
        trajectory = super().generate_eef_subtask_trajectory(
            env_id,
            eef_name,
            subtask_ind,
            all_randomized_subtask_boundaries,
            runtime_subtask_constraints_dict,
            selected_src_demo_inds,
        )
        demo = selected_src_demo_inds[eef_name]
        start, end = all_randomized_subtask_boundaries[eef_name][demo, subtask_ind]
        self.on_segment(env_id, eef_name, subtask_ind, int(demo), int(start), int(end))
        return trajectory


class MimicPolicy:
    """Acts as Mimic does: segments of source demonstrations, moved to where the objects are now.

    Args:
        environment: The environment, open.
        sources: Checked source demonstrations.
    """

    def __init__(self, environment: Environment, sources: Sources):
        self._environment = environment
        self._names = sorted(sources.usable, key=natural_order)
        env = environment.env
        pool = DataGenInfoPool(env, env.cfg, env.device)
        for name in self._names:  # the pool's own order is alphabetical
            pool.load_from_dataset_file(str(sources.path), select_demo_keys=[name])
        self._generator = ReportingDataGenerator(env, pool)
        self._generator.on_segment = self._note_segment
        # Upstream evaluates the term for all environments, in every environment; the driver has done so already.
        self._success = TerminationTermCfg(func=lambda _: environment.succeeded, params={})
        self._flights: dict[int, Flight] = {}
        environment.facts["source"] = {
            "file": sources.path.name,
            "sha256": file_hash(sources.path),
            "demos": self._names,
            "quaternion_order": sources.quaternion_order,
            "findings": [str(finding) for finding in sources.findings],
        }

    async def act(self, flight: Flight, rendezvous: Rendezvous) -> None:
        """See `Policy.act`."""
        self._flights[flight.env] = flight
        await self._generator.generate(
            env_id=flight.env,
            success_term=self._success,
            env_reset_queue=rendezvous.resets,
            env_action_queue=rendezvous.actions,
            export_demo=False,
        )

    def reset(self, flight: Flight) -> None:
        """Reset the environment with its own randomisation."""
        env = self._environment.env
        env.reset(env_ids=torch.tensor([flight.env], dtype=torch.int64, device=env.device))

    def judge(self, flight: Flight, *, success: bool) -> str | None:
        """The success term alone decides."""
        return None

    def _note_segment(self, env_id: int, eef: str, subtask: int, demo: int, start: int, end: int) -> None:
        segment = Segment(eef=eef, subtask=subtask, demo=self._names[demo], start=start, end=end)
        self._flights[env_id].segments.append(segment)
