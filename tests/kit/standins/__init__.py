"""What the Kit kernel of the tests lacks and Isaac Sim has, in small: each module behaves like what it stands for.

They are for the tests alone. `installing.install` puts them where Isaac Lab's `PhysxManager` and `SimulationContext`,
which are the real ones, and this project look for them. Each module's docstring names the source that it follows. All
but this one need a running Kit.
"""

from pathlib import Path

EXTENSIONS = Path(__file__).resolve().parents[3] / ".cache" / "isaacsim" / "isaacsim" / "exts"
"""Where `scripts/test.sh` installs Isaac Sim's own Python code, for `wheels.py`."""

LIFT = 0.001
"""What physics does: a step lifts every body by this [m]."""

BRIGHTNESS = 100.0
"""What a picture is: a colour that is this times the height of the highest body that is visible [1/m]."""
