"""Makes docs/project.html, the page about the project, from the measured files in docs/measured/.

./scripts/python.sh scripts/project_page.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mimicgen.datagen.dataset.folders import cache_folder
from mimicgen.datagen.report.collect import collect
from mimicgen.datagen.report.page import assembled, write
from mimicgen.datagen.report.scene import scene_of

DOCS = Path(__file__).resolve().parents[1] / "docs"
MEASURED = DOCS / "measured"
PAGE = DOCS / "project.html"


def measured() -> dict[str, Any]:
    """Return what the page shows: a generated demonstration, and the benchmarks of both machines."""
    shown = collect(MEASURED / "generated_demonstration.hdf5", None, None)
    cpu = [json.loads((MEASURED / f"throughput_cpu_{count}.json").read_text(encoding="utf-8")) for count in (1, 16)]
    gpu = json.loads((MEASURED / "throughput_h200.json").read_text(encoding="utf-8"))
    return shown | {"cpu": cpu, "gpu": gpu}


def main() -> None:
    """Write the page."""
    data = measured()
    data["scene"] = scene_of(data, cache_folder())
    write(PAGE, assembled("project", "mimicgen.datagen", ("report.css", "project.css"), data))
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
