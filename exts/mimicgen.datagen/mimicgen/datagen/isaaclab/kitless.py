"""Isaac Lab in a Kit without Omniverse USD.

`isaaclab.utils.version.has_kit` asks whether a Kit application runs and means whether `omni.usd`, its stage and its
physics are there. In a bare kernel the first is true and the second is not, and `SimulationContext` fails on
`import omni.usd`. Modules bind the function by name, so the answer is put right before any of them is imported.

Upstream: https://github.com/isaac-sim/IsaacLab/blob/main/source/isaaclab/isaaclab/utils/version.py
"""

from __future__ import annotations

from mimicgen.datagen.installed import has_omni_usd


def teach_isaaclab() -> None:
    """Make `has_kit` mean `has_omni_usd`, and kernels compile without their derivatives.

    Call it before importing other Isaac Lab modules; repeating is harmless. Derivatives, which nothing here asks for,
    are half of what Warp compiles when it starts for the first time on a machine. Where Omniverse USD is, the process
    belongs to an application in which others may ask for them.
    """
    if has_omni_usd():
        return
    import warp

    warp.config.enable_backward = False  # modules of kernels take it over when they are imported
    from isaaclab.utils import version

    version.has_kit = has_omni_usd
