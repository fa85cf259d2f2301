"""How near a demonstration came to a subtask signal that never fired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.ours import MARK, is_ours
from mimicgen.datagen.dataset.replacing import new_file


class Trace:
    """Where hands, objects and fingers were after every step of one attempt.

    Attributes:
        hands: Positions of each end effector in the environment's frame, a row a step [m].
        objects: Positions of each object, a row a step [m].
        fingers: Finger positions, a row a step [m]; empty if the environment does not observe them.
    """

    def __init__(self) -> None:
        self.hands: dict[str, list[Any]] = {}
        self.objects: dict[str, list[Any]] = {}
        self.fingers: list[Any] = []

    def note(self, env: Any, env_id: int) -> None:
        """Add the state of an environment."""
        for eef in env.cfg.subtask_configs:
            pose = env.get_robot_eef_pose(eef, env_ids=[env_id])[0]
            self.hands.setdefault(eef, []).append(pose[:3, 3].tolist())
        for name, poses in env.get_object_poses(env_ids=[env_id]).items():
            self.objects.setdefault(name, []).append(poses[0][:3, 3].tolist())
        fingers = env.obs_buf["policy"].get("gripper_pos")
        if fingers is not None:
            self.fingers.append(fingers[env_id].abs().tolist())

    def plot(self, cfg: Any, signal: str, path: Path) -> None:
        """Draw the distances that `explain` speaks of over the steps, as a PNG.

        Raises:
            OutputError: It cannot be written, or another picture is there.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        eef, target, carried = _subtask(cfg, signal)
        figure = Figure(figsize=(7, 3.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        if carried:
            offset = 1000 * (np.array(self.objects[carried]) - np.array(self.objects[target]))
            axes.plot(np.linalg.norm(offset[:, :2], axis=1), label=f"{carried} beside {target}")
            axes.plot(offset[:, 2], label=f"{carried} above {target}")
        else:
            distance = np.linalg.norm(np.array(self.hands[eef]) - np.array(self.objects[target]), axis=1)
            axes.plot(1000 * distance, label=f"hand to {target}")
            if self.fingers:
                axes.plot([1000 * sum(fingers) for fingers in self.fingers], label="between the fingers")
        title = f"{path.stem}: '{signal}' never came".replace("$", r"\$")  # which would begin a formula
        axes.set(title=title, xlabel="step", ylabel="mm", ylim=(0, None))
        axes.grid(alpha=0.3)
        axes.legend()
        with explained(path), new_file(path, replace=is_ours) as scratch:
            figure.savefig(scratch, dpi=120, metadata={"Software": MARK})

    def explain(self, cfg: Any, signal: str) -> str:
        """Say how near the subtask of a signal came.

        The hand's closest approach to the subtask's object, with the opening of the fingers then; and, if the subtask
        before was about another object, where that one ended relative to this one (a stack).
        """
        eef, target, carried = _subtask(cfg, signal)
        return self._offset(carried, target) if carried else self._approach(eef, target)

    def _approach(self, eef: str, target: str) -> str:
        distance = np.linalg.norm(np.array(self.hands[eef]) - np.array(self.objects[target]), axis=1)
        step = int(distance.argmin())
        words = f"the hand was nearest to {target} at step {step + 1}, {1000 * distance[step]:.0f} mm away"
        if self.fingers:
            gap = 1000 * sum(self.fingers[step])
            narrowest = 1000 * min(sum(fingers) for fingers in self.fingers)
            words += f", with the fingers {gap:.0f} mm apart ({narrowest:.0f} mm at their narrowest)"
        return words

    def _offset(self, upper: str, lower: str) -> str:
        offset = 1000 * (np.array(self.objects[upper]) - np.array(self.objects[lower]))
        beside = np.linalg.norm(offset[:, :2], axis=1)
        step = int(beside.argmin())
        return (
            f"{upper} was nearest to being over {lower} at step {step + 1}, {beside[step]:.0f} mm beside and "
            f"{offset[step, 2]:.0f} mm above, and ended {beside[-1]:.0f} mm beside and {offset[-1, 2]:.0f} mm above"
        )


def _subtask(cfg: Any, signal: str) -> tuple[str, str, str | None]:
    """Return the end effector and the object of a signal's subtask, and the object carried to it in a stack."""
    for eef, subtasks in cfg.subtask_configs.items():
        for index, subtask in enumerate(subtasks):
            if subtask.subtask_term_signal == signal:
                before = subtasks[index - 1].object_ref if index else None
                carried = before if signal.startswith("stack") and before != subtask.object_ref else None
                return eef, subtask.object_ref, carried
    raise AssertionError(f"no subtask has the signal '{signal}'")
