"""The report of a run that has ended."""

from __future__ import annotations

from pathlib import Path

from mimicgen.datagen.dataset.folders import cache_folder
from mimicgen.datagen.report import evaluations
from mimicgen.datagen.report.collect import collect
from mimicgen.datagen.report.page import page, write
from mimicgen.datagen.report.records import of_run, read_run
from mimicgen.datagen.report.scene import scene_of


def write_report(dataset: Path, records: Path, path: Path) -> None:
    """Write the page about a run.

    Args:
        dataset: What it has kept.
        records: Folder with its records.
        path: File to write; replaced.

    Raises:
        DatagenError: Something that the page needs is missing or damaged, or it cannot be written.
    """
    run = read_run(records)
    if run is not None and run["config"].get("mode") == evaluations.MODE:
        evaluations.write_evaluation(records, path)
        return
    _, source = of_run(dataset, records, wanted=True)
    data = collect(dataset, records, source)
    write(path, page(data, scene_of(data, cache_folder())))
