"""What Isaac Lab is taught where Omniverse USD is not."""

from __future__ import annotations

import json

from tests.generation.running import python

CODE = """
import json, warp
from isaaclab.utils import version
modules = ("isaaclab_newton.assets.kernels", "newton._src.sim.articulation")
print(json.dumps([version.has_kit(), *(warp.get_module(name).options["enable_backward"] for name in modules)]))
"""


def test_there_is_no_kit_for_it_and_kernels_have_no_derivatives() -> None:
    assert json.loads(python(CODE).splitlines()[-1]) == [False, False, False]
