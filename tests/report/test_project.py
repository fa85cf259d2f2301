"""The page about the project in a real browser: its numbers are those of the measured files."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from scripts import project_page
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from mimicgen.datagen.report.page import THREE
from tests.containers import until

pytestmark = pytest.mark.skipif(not THREE.is_dir(), reason="Three.js is not there: npm, then ./scripts/setup.sh")


@pytest.fixture
def opened(tmp_path: Path, browser: WebDriver, monkeypatch: pytest.MonkeyPatch) -> WebDriver:
    """The page, made anew, from the disk, with the network off."""
    monkeypatch.setattr(project_page, "PAGE", tmp_path / "project.html")
    project_page.main()
    browser.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    browser.get((tmp_path / "project.html").as_uri())
    until(lambda: browser.execute_script("return document.documentElement.dataset.ready === 'true'"), 30)
    return browser


def test_its_numbers_are_the_measured_ones_and_its_demonstration_was_generated(opened: WebDriver) -> None:
    found = [
        [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
        for row in opened.find_elements(By.CSS_SELECTOR, "#measured tbody tr")
    ]
    expected = []
    for count in (1, 16):
        told = json.loads((project_page.MEASURED / f"throughput_cpu_{count}.json").read_text())["sides"]
        expected.append((count, told["stock"]["env_steps_a_second"], told["kit"]["env_steps_a_second"]))
    gpu = json.loads((project_page.MEASURED / "throughput_h200.json").read_text())
    for one in gpu["rounds"]:
        expected.append((one["num_envs"], one["stock"]["env_steps_a_second"], one["ours"]["env_steps_a_second"]))
    assert len(found) == len(expected)
    for cells, (count, stock, ours) in zip(found, expected, strict=True):
        assert int(cells[1]) == count
        assert abs(float(cells[2].replace(",", "")) - stock) <= 0.5
        assert abs(float(cells[3].replace(",", "")) - ours) <= 0.5
        assert abs(float(cells[4]) - ours / stock) <= 0.051
    with h5py.File(project_page.MEASURED / "generated_demonstration.hdf5") as file:
        (demo,) = file["data"].values()
        joints = demo["states/articulation/robot/joint_position"][100]
    code = "const s = document.getElementById('step'); s.value = 100; s.dispatchEvent(new Event('input'));"
    opened.execute_script(code)
    shown = json.loads(str(opened.find_element(By.ID, "at").get_attribute("data-joints")))
    assert np.abs(np.array(shown) - joints).max() <= 1e-3
    assert not [entry for entry in opened.get_log("browser") if entry["level"] == "SEVERE"]


def test_two_loops_get_stuck_and_one_goes_on(opened: WebDriver) -> None:
    def told(place: str) -> str:
        return opened.find_element(By.ID, place).text

    opened.find_element(By.ID, "again").click()
    until(lambda: "nothing for 1 s" in told("two-loops"), 20)
    assert "needs a turn" in told("two-loops")
    assert "3 steps" in told("one-loop")
    opened.find_element(By.ID, "animate").click()
    before = told("one-loop")
    until(lambda: opened.find_element(By.ID, "animate").text == "Animate", 5)
    assert told("one-loop") == before
    now = opened.find_elements(By.CSS_SELECTOR, "#frame .now")
    assert len(now) == 1
