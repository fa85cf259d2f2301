"""Measure what MuJoCo's renderer takes on software OpenGL, for the same kind of scene as `measure_images.py` draws.

    apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri
    uv run --no-project --with mujoco==3.12.0 --with pyopengl --with numpy scripts/measure_opengl.py PANDA.xml

PANDA.xml is robosuite's Panda (`setup.sh --with humanoid` brings it: robosuite/models/assets/robots/panda/robot.xml); a
table, the ground and three cubes are added. One pass gives one modality, and none of them normals. Printed is the
processor's time for a frame of two cameras, which says more than the clock on a machine with other work.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("MUJOCO_GL", "egl")

import mujoco
import numpy as np

SIZES = ((640, 352), (1280, 704))
CAMERAS = {
    "front": ((1.6, 0.0, 0.8), (0.0, 1.0, 0.0, -0.45, 0.0, 0.9)),
    "side": ((1.2, 0.8, 1.0), (-0.55, 0.83, 0.0, -0.45, -0.3, 0.84)),
}
"""Position, and the image's axes to the right and upwards."""

FRAMES = 14


def main() -> None:
    """Measure, and print a line a size and modality."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("robot", help="MJCF of robosuite's Panda")
    model = scene(parser.parse_args().robot)
    data = mujoco.MjData(model)
    random = np.random.default_rng(0)
    for width, height in SIZES:
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        with mujoco.Renderer(model, height, width) as renderer:
            for modality in ("rgb", "segmentation", "depth"):
                renderer.disable_segmentation_rendering()
                if modality == "segmentation":
                    renderer.enable_segmentation_rendering()
                if modality == "depth":
                    renderer.enable_depth_rendering()
                taken = []
                for _ in range(FRAMES):
                    data.qpos[:7] = random.uniform(-0.5, 0.5, 7)
                    mujoco.mj_forward(model, data)
                    begin = time.process_time()
                    for camera in CAMERAS:
                        renderer.update_scene(data, camera)
                        renderer.render()
                    taken.append(time.process_time() - begin)
                print(f"{width}x{height} {modality}: {statistics.median(taken) * 1e3:.0f} ms of the processor")


def scene(robot: str) -> mujoco.MjModel:
    """Return the robot behind a table with three cubes, and two cameras."""
    spec = mujoco.MjSpec.from_file(robot)
    world = spec.worldbody
    world.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=(5.0, 5.0, 0.1), pos=(0.0, 0.0, -1.05))
    world.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.4, 0.6, 0.02), pos=(0.5, 0.0, -0.02))
    for number in range(3):
        place = (0.5, 0.1 * number - 0.1, 0.02)
        world.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.02, 0.02, 0.02), pos=place)
    world.add_light(pos=(0.0, 0.0, 3.0), dir=(0.0, 0.0, -1.0))
    for name, (position, axes) in CAMERAS.items():
        world.add_camera(name=name, pos=position, xyaxes=axes)
    return spec.compile()


if __name__ == "__main__":
    main()
