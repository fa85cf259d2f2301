"""A cluster of four nodes on this machine, of which one is lost: `./scripts/python.sh -m tests.cluster.nodes`.

Workers are killed, too. It takes a minute, and is no test of every day for that.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path

from ray.cluster_utils import Cluster

from tests.cluster.chaos import is_like
from tests.cluster.test_ray import mortal
from tests.cluster.workers import Here, run_in, spread
from tests.conftest import PROJECT

TARGET = 120


def main(place: Path) -> None:
    """Make a run on the cluster, and compare it with one in this process."""
    os.environ["PYTHONPATH"] = str(PROJECT)  # for the workers
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(4)]
    assert spread(run_in(place / "here", num_trials=TARGET), Here)[0].exit_code == 0

    def lose() -> None:
        while len(list(place.glob("there/g_shards/*/dataset.hdf5"))) < 4:
            time.sleep(0.05)
        cluster.remove_node(nodes[0], allow_graceful=False)

    threading.Thread(target=lose, daemon=True).start()
    config = run_in(place / "there", num_trials=TARGET, cluster__address=cluster.address, cluster__workers=4)
    end, progress, told = spread(config, mortal)
    cluster.shutdown()
    assert (end.reason, progress.successes) == ("target reached", TARGET), end
    assert is_like(place / "there", place / "here")
    lost = [one for one in told if "is lost" in one]
    print("the same on four nodes, one of which was lost, as in one process;", f"{len(lost)} workers were lost")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
