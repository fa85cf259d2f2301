"""How fast demonstrations are exported to LeRobot, side by side with lerobot's own `add_frame` and `save_episode`.

    ./scripts/python.sh scripts/measure_export.py DATASET IMAGES [--times 10] [--memory 100]

DATASET are demonstrations, IMAGES what two cameras show of them in colour, as PNG files (`datagen.sh render`). Every
demonstration is exported several times, under several names, by both; lerobot with its own settings. With --memory,
ours is also done with that many times, for the memory that it takes. LeRobot is that of the tests
(`./scripts/test.sh` installs it).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.dataset.files import demo_names
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import MANIFEST
from mimicgen.datagen.dataset.tools.merge import merge
from mimicgen.datagen.rendering.video import Video

PROJECT = Path(__file__).resolve().parents[1]
LEROBOT = PROJECT / ".cache/train/bin/python"

THEIRS = """
import json, sys, time
from pathlib import Path
import h5py, numpy as np
from PIL import Image
from lerobot.datasets.lerobot_dataset import LeRobotDataset
dataset, images, output, cameras = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4].split(",")
began, reading = time.perf_counter(), 0.0
with h5py.File(dataset) as file:
    names = sorted(file["data"], key=lambda name: int(name[5:]))
    first = images / f"{cameras[0]}_rgb" / f"demo_{0:06d}" / "0000.png"
    shape = np.asarray(Image.open(first)).shape
    numbers = {"observation.state": 9, "action": 7}
    features = {key: {"dtype": "float32", "shape": (width,), "names": None} for key, width in numbers.items()}
    kind = {"dtype": "video", "shape": shape, "names": ["height", "width", "channels"]}
    features |= {f"observation.images.{camera}": kind for camera in cameras}
    made = LeRobotDataset.create("some/name", fps=20, features=features, root=output)
    for name in names:
        demo, folder = file["data"][name], f"demo_{int(name[5:]):06d}"
        states, actions = demo["states/articulation/robot/joint_position"][:], demo["actions"][:]
        for step in range(len(actions)):
            start, file_ = time.perf_counter(), f"{step:04d}.png"
            seen = {
                f"observation.images.{camera}": np.asarray(Image.open(images / f"{camera}_rgb" / folder / file_))
                for camera in cameras
            }
            reading += time.perf_counter() - start
            made.add_frame({"observation.state": states[step], "action": actions[step], "task": "x", **seen})
        made.save_episode()
made.finalize()
print(json.dumps({"seconds": time.perf_counter() - began, "reading": reading}))
"""


def main() -> None:
    """Measure, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--memory", type=int, default=0)
    options = parser.parse_args()
    found: dict[str, Any] = {"processors": len(os.sched_getaffinity(0))}
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        images = sorted({path.name.removesuffix("_rgb") for path in options.images.glob("*_rgb")})
        dataset, png, video = enlarged(work / "some", options.dataset, options.images, images, options.times)
        with h5py.File(dataset) as file:
            found |= {"demonstrations": len(file["data"]), "steps": int(file["data"].attrs["total"]), "cameras": images}
        for name, folder, encoding in (("av1", png, "av1"), ("copied", video, "copy")):
            found[name] = ours(dataset, folder, work / name, encoding)
            print(name, found[name], flush=True)
        if options.memory:
            more = enlarged(work / "more", options.dataset, options.images, images, options.memory)
            found["copied, more"] = ours(more[0], more[2], work / "copied_more", "copy")
            print("more", found["copied, more"], flush=True)
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "SVT_LOG": "1"}
        environment.pop("PYTHONPATH", None)
        command = [str(LEROBOT), "-c", THEIRS, *map(str, (dataset, png, work / "theirs")), ",".join(images)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        found["lerobot"] = json.loads(done.stdout.splitlines()[-1])
    for name in ("av1", "copied"):
        found[f"times as fast, {name}"] = round(found["lerobot"]["seconds"] / found[name]["seconds"], 1)
    print(json.dumps(found, indent=1))


def enlarged(folder: Path, dataset: Path, images: Path, cameras: list[str], times: int) -> tuple[Path, Path, Path]:
    """Make a dataset with every demonstration several times, and its images as files and as lossless videos."""
    folder.mkdir()
    merge([dataset] * times, folder / "demos.hdf5")
    with h5py.File(dataset) as file:
        names = demo_names(file)
    for camera in cameras:
        for at, name in enumerate(names):
            source = images / f"{camera}_rgb" / demo_folder(name)
            told = json.loads((source / MANIFEST).read_text())
            film = folder / f"{camera}_{at}.mkv"
            made = Video(film, "rgb")
            written = WrittenImages(source)
            for image in written.some(0, len(written)):
                made.add({"rgb": np.asarray(image)[None]})
            made.end()
            for repeat in range(times):
                demo = f"demo_{repeat * len(names) + at}"
                for kind in ("png", "video"):
                    target = folder / kind / f"{camera}_rgb" / demo_folder(demo)
                    target.mkdir(parents=True)
                    for file in sorted(source.glob("*.png")) if kind == "png" else [film]:
                        (target / (file.name if kind == "png" else "frames.mkv")).symlink_to(file.absolute())
                    frames = told["frames"]
                    if kind == "video":
                        frames = [{"step": frame["step"], "file": "frames.mkv"} for frame in frames]
                    about = told | {"demo": demo, "format": kind, "frames": frames}
                    (target / MANIFEST).write_text(json.dumps(about))
    return folder / "demos.hdf5", folder / "png", folder / "video"


def ours(dataset: Path, images: Path, output: Path, encoding: str) -> dict[str, float]:
    """Export, and return the time [s] and the most memory of all processes together [MB]."""
    command = [
        sys.executable,
        "-m",
        "mimicgen.datagen.cli",
        "export",
        "lerobot",
        *map(str, (dataset, "--output", output)),
    ]
    began, most = time.perf_counter(), 0
    process = subprocess.Popen(
        [*command, "--images", str(images), "--video", encoding], stdout=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None:
        most = max(most, _memory(process.pid))
        time.sleep(0.1)
    assert process.returncode == 0
    return {"seconds": round(time.perf_counter() - began, 1), "memory_mb": round(most / 1e6)}


def _memory(group: int) -> int:
    """Return the proportional memory of a process and its children [bytes]."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[2]) == group:
                told = (status.parent / "smaps_rollup").read_text()
                total += sum(int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("Pss:"))
        except (OSError, ValueError, IndexError):  # it has ended meanwhile
            continue
    return total


if __name__ == "__main__":
    main()
