"""What LeRobot itself finds in a dataset, run by its own Python: `with_lerobot.py DATASET OUTPUT.npz`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # type: ignore[import-not-found]


def main(root: Path, output: Path) -> None:
    """Read everything, as it is, with other times, and in a loader of two processes."""
    plain = LeRobotDataset("some/name", root=root, video_backend="pyav")
    items = [plain[index] for index in range(len(plain))]
    keys = [key for key, value in items[0].items() if isinstance(value, torch.Tensor) and value.ndim < 3]
    columns = {key: np.stack([item[key].numpy() for item in items]) for key in keys}
    videos = {key: np.stack([plain[index][key].numpy() for index in (0, 1, 7, 150)]) for key in plain.meta.video_keys}
    (camera, *_) = plain.meta.video_keys or [None]
    times = {"action": [0.0, 0.05, 0.1]} | ({camera: [-0.05, 0.0]} if camera else {})
    shifted = LeRobotDataset("some/name", root=root, delta_timestamps=times, video_backend="pyav")
    some = torch.utils.data.Subset(shifted, range(192))
    loader = torch.utils.data.DataLoader(some, batch_size=64, num_workers=2)
    counted = sum(len(batch["index"]) for batch in loader)
    last = shifted[plain.meta.episodes[0]["dataset_to_index"] - 1]
    told = {
        "length": len(plain),
        "episodes": plain.num_episodes,
        "fps": plain.meta.fps,
        "counted": counted,
        "tasks": sorted({item["task"] for item in items}),
        "shifted": {key: [*value.shape] for key, value in shifted[3].items() if key in times},
        "padded": last["action_is_pad"].tolist(),
        "robot": plain.meta.robot_type,
        "depth_keys": plain.meta.depth_keys,
        "failures": len(plain.meta.filter_episodes(lambda episode: episode["outcome"] != "success")),
    }
    arrays: dict[str, Any] = columns | {f"video {key}": own for key, own in videos.items()}
    np.savez(output, told=np.array(json.dumps(told)), **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
