"""The report of a run that has ended."""

from __future__ import annotations

from pathlib import Path

from mimicgen.datagen.report.collect import collect, of_run
from mimicgen.datagen.report.page import write
from mimicgen.datagen.simulation.runtime import cache_folder


def write_report(dataset: Path, records: Path, page: Path) -> None:
    """Write the page about a run.

    Args:
        dataset: What it has kept.
        records: Folder with its records.
        page: File to write; replaced.

    Raises:
        DatagenError: Something that the page needs is missing or damaged, or it cannot be written.
    """
    _, source = of_run(dataset, records, wanted=True)
    write(page, collect(dataset, records, source), cache_folder())
