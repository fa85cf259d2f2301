"""The report on paper: a Word document, converted to pages by LibreOffice."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import docx
import numpy as np
import pytest
from docx.oxml.ns import qn
from PIL import Image

from mimicgen.datagen.report import document
from mimicgen.datagen.report.collect import collect
from tests.dataset.writing import SHIPPED, attempt_of

EVIL = "<b>$x_1$</b> & \x07 \u0001 {{title}}"


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    """What a run leaves, with a name that nobody would give."""
    attempts = [attempt_of(number) for number in range(1, 21)]
    (tmp_path / "attempts.jsonl").write_text("".join(attempt.to_json() + "\n" for attempt in attempts))
    record = {
        "config": {"task": "Stack", "num_envs": 4, "seed": 7, "mimic.action_noise": 0.01},
        "end": {"reason": f"target {EVIL} reached", "exit_code": 0},
        "timings": {"elapsed": 90.0},
        "counts": {"successes": 20, "before": {"attempts": 7, "successes": 5}},
        "versions": {"kit": "110.4"},
    }
    (tmp_path / "run.json").write_text(json.dumps(record))
    found = collect(SHIPPED, tmp_path, None)
    found["demos"][0]["objects"][0] = EVIL
    found["funnel"]["reached"][0][0] = EVIL
    return found


@pytest.fixture
def written(data: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "report.docx"
    document.write(path, data)
    return path


def test_it_has_the_sections_the_figures_and_the_runs_numbers(written: Path, data: dict[str, Any]) -> None:
    opened = docx.Document(str(written))
    headings = [paragraph.text for paragraph in opened.paragraphs if paragraph.style.name == "Heading 1"]  # type: ignore[union-attr]
    assert headings == [
        "Overview",
        "Architecture",
        "Environment",
        "Pipeline",
        "Problem and solution",
        "Execution guide",
        "Results",
        "Troubleshooting",
        "Appendix: demonstrations",
        "Appendix: files",
        "Appendix: commands",
    ]
    captions = [paragraph.text for paragraph in opened.paragraphs if paragraph.style.name == "Caption"]  # type: ignore[union-attr]
    for kind in ("Figure", "Table"):
        numbers = [int(found[1]) for text in captions if (found := re.match(rf"{kind} (\d+): .+", text))]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 5
    told = [shape.get("descr") for shape in opened.element.body.iter(qn("wp:docPr"))]
    assert len(told) == len(opened.inline_shapes) >= 6
    assert all(len(text) > 20 for text in told)
    glance = {row.cells[0].text: row.cells[1].text for row in opened.tables[0].rows}
    assert glance["Attempts"] == "20"
    assert glance["Success rate"] == "75.0%, 95% interval 53.1% to 88.8%"
    assert glance["Kept by earlier sessions"] == "5 of 7 attempts"
    assert glance["Time of the last session"] == "90 s"
    assert glance["Kept an hour"] == "600", "of this session's time, what this session kept"
    assert glance["End"] == f"target {EVIL} reached".replace("\x07", r"\x07").replace("\x01", r"\x01")
    assert len(opened.tables[-3].rows) == 1 + len(data["demos"])


def test_headings_are_numbered_by_word_and_the_contents_are_a_field(written: Path) -> None:
    with zipfile.ZipFile(written) as archive:
        body, numbering = (archive.read(f"word/{name}.xml").decode() for name in ("document", "numbering"))
        styles = archive.read("word/styles.xml").decode()
    assert 'TOC \\o "1-2"' in body
    assert body.count('w:fldCharType="begin"') == body.count('w:fldCharType="end"')
    assert '<w:pStyle w:val="Heading2"/>' in numbering
    assert re.search(r'w:styleId="Heading1".*?<w:numId w:val="77"/>', styles, re.S)


def test_an_empty_dataset_and_one_without_a_run_have_a_report_too(data: dict[str, Any], tmp_path: Path) -> None:
    for name, changes in (
        ("empty", {"demos": [], "count": 0}),
        ("bare", {"run": None, "attempts": [], "funnel": None, "reasons": []}),
    ):
        document.write(tmp_path / f"{name}.docx", data | changes)
        assert len(docx.Document(str(tmp_path / f"{name}.docx")).paragraphs) > 30


@pytest.mark.skipif(
    None in (shutil.which("soffice"), shutil.which("pdftoppm")),
    reason="LibreOffice or poppler is not installed; apt-get install libreoffice-writer poppler-utils",
)
def test_its_pages_are_filled_and_nothing_hangs_over(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "report", str(SHIPPED), "--format", "docx"]
    ran = subprocess.run([*command, "--output", str(tmp_path / "r.docx")], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    convert = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(tmp_path),
        str(tmp_path / "r.docx"),
    ]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    subprocess.run(["pdftoppm", "-r", "40", "-gray", "-png", str(tmp_path / "r.pdf"), str(tmp_path / "p")], check=True)
    pages = [np.asarray(Image.open(path)) for path in sorted(tmp_path.glob("p-*.png"))]
    assert 4 <= len(pages) <= 9
    for page in pages:
        ink = page < 200
        margin = int(page.shape[1] * 1.9 / 21)  # the text begins at 2.5 cm
        assert not ink[:, :margin].any()
        assert not ink[:, -margin:].any()
        assert ink[: int(page.shape[0] * 0.9)].sum() > 300
