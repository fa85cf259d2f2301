"""The page in a real browser, without a network, against the files that it was made from."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from mimicgen.datagen.attempts import reason_for_abort
from mimicgen.datagen.report.collect import of_attempts
from mimicgen.datagen.report.page import THREE
from tests.conftest import PROJECT
from tests.containers import until
from tests.dataset.writing import attempt_of

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
EVIL = "<img src=x onerror=document.title='evil'>"


pytestmark = pytest.mark.skipif(not THREE.is_dir(), reason="Three.js is not there: npm, then ./scripts/setup.sh")


def report(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a run leaves it: the shipped demonstrations as if made from each other, one with a bad name.

    The page of it is there, too."""
    tmp_path = tmp_path_factory.mktemp("run")
    dataset = tmp_path / "generated.hdf5"
    dataset.write_bytes(SHIPPED.read_bytes())
    with h5py.File(dataset, "r+") as file:
        file["data/demo_8"].attrs["seed"] = np.nan
        for index, demo in enumerate(file["data"].values()):
            segments = [
                {"eef": "franka", "subtask": subtask, "demo": f"demo_{(index + subtask) % 3}", "start": 0, "end": 40}
                for subtask in range(2)
            ]
            demo.attrs["segments"] = json.dumps(segments)
        file["data/demo_8"].attrs["segments"] = "[[1], 2]"
        unhashable = {"eef": "franka", "subtask": 0, "demo": [1], "start": 0, "end": 40}
        file["data/demo_7"].attrs["segments"] = json.dumps([unhashable])
        file["data/demo_8"].attrs["signals"] = '["<b>"]'
        file["data/demo_8/states/rigid_object/cube_1/root_pose"][3] = np.nan
        file["data"].move("demo_9", EVIL)
    for camera, modality, shade in (("table_cam", "rgb", 200), ("high_cam", "depth", 90)):
        frames = tmp_path / f"{camera}_{modality}" / "demo_000004"
        frames.mkdir(parents=True)
        for step in range(5):
            Image.new("RGB" if modality == "rgb" else "I;16", (320, 176), shade).save(frames / f"{step:04d}.png")
        told = [{"step": step, "file": f"{step:04d}.png"} for step in range(5)]
        manifest = {"demo": "demo_4", "view": camera, "modality": modality, "frames": told}
        (frames / "manifest.json").write_text(json.dumps(manifest))
    attempts = [attempt_of(number) for number in range(1, 21)]
    (tmp_path / "attempts.jsonl").write_text("".join(attempt.to_json() + "\n" for attempt in attempts))
    config = {"output_dataset": str(dataset), "source": str(SHIPPED), "num_envs": 1, "seed": 7, "task": EVIL}
    record = {"config": config, "end": {"reason": f"target {EVIL} reached", "exit_code": 0}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    ran = report(dataset, "--records", tmp_path, "--output", tmp_path / "report.html")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "report.html").stat().st_size < 5_000_000
    return tmp_path


@pytest.fixture
def opened(run: Path, browser: WebDriver) -> WebDriver:
    """The page, from the disk, with the network off."""
    browser.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    browser.get((run / "report.html").as_uri())
    until(lambda: browser.execute_script("return document.documentElement.dataset.ready === 'true'"), 30)
    return browser


def scrub(browser: WebDriver, step: int) -> dict[str, Any]:
    """Move to a step, and return what is told about it."""
    code = "const s = document.getElementById('step'); s.value = arguments[0]; s.dispatchEvent(new Event('input'));"
    browser.execute_script(code, step)
    told = browser.find_element(By.ID, "hand")
    return {name: json.loads(str(told.get_attribute(f"data-{name}"))) for name in ("joints", "computed", "recorded")}


def showing(slider: WebElement, steps: int) -> bool:
    return slider.get_attribute("max") == str(steps - 1)


def points(browser: WebDriver, chart: str) -> list[str]:
    code = "return [...document.querySelectorAll(arguments[0])].map((line) => line.getAttribute('points'))"
    return list(browser.execute_script(code, f"#{chart} polyline"))


def test_joints_and_hand_are_the_files(opened: WebDriver, run: Path) -> None:
    with h5py.File(run / "generated.hdf5") as file:
        for name in ("demo_0", "demo_4"):
            Select(opened.find_element(By.ID, "demo")).select_by_visible_text(name)
            demo = file["data"][name]
            steps = len(demo["actions"])
            last = opened.find_element(By.ID, "step")
            until(partial(showing, last, steps), 5)
            for step in (0, 17, steps // 2, steps - 2):
                told = scrub(opened, step)
                expected = demo["states/articulation/robot/joint_position"][step]
                assert np.abs(np.array(told["joints"]) - expected).max() <= 1e-3
                hand = demo["obs/eef_pos"][step + 1]  # before the next step is after this one
                assert np.linalg.norm(np.array(told["computed"][0]["point"]) - hand) <= 0.002
                assert np.linalg.norm(np.array(told["recorded"][0]["point"]) - hand) <= 0.001
            assert scrub(opened, steps - 1)["recorded"] == []


def test_the_funnel_is_that_of_the_attempts(opened: WebDriver, run: Path) -> None:
    attempts = [json.loads(line) for line in (run / "attempts.jsonl").read_text().splitlines()]
    told = {
        str(row.get_attribute("data-name")): int(str(row.get_attribute("data-count")))
        for row in opened.find_elements(By.CSS_SELECTOR, "#funnel g[data-name]")
    }
    expected = dict.fromkeys((*attempts[0]["signals"], "success"), 0)
    for attempt in attempts:
        success = attempt["outcome"] == "success"
        for name in attempt["signals"]:
            if attempt["signals"][name] is None and not success:
                break
            expected[name] += 1
        expected["success"] += success
    assert told == expected
    assert expected["success"] == 15
    reasons = opened.find_elements(By.CSS_SELECTOR, "#reasons tbody tr")
    assert [row.text.split(" ", 1) for row in reasons] == [["5", "told so"]]


def test_starts_are_coloured_by_outcome_and_counted_by_part(opened: WebDriver) -> None:
    code = "return [...document.querySelectorAll('#coverage circle')].map((point) => point.getAttribute('fill'))"
    assert opened.execute_script(code) == 2 * (["var(--good)"] * 15 + ["var(--bad)"] * 5), "two objects"
    parts = """
const parts = document.querySelectorAll('#coverage [data-object=cube_1] g');
return [...parts].map(({ dataset }) => [dataset.attempts, dataset.kept]);
"""
    assert opened.execute_script(parts) == [["5", "4"]] * 3 + [["5", "3"]]
    told = opened.find_element(By.ID, "coverage").text
    assert "cube_1: kept in 4 of the 4 parts where attempts began, of 4" in told
    assert "Nothing is missing" in told


def test_play_moves_the_robot_and_another_demonstration_changes_the_plots(opened: WebDriver) -> None:
    stage = opened.find_element(By.ID, "stage")
    before = stage.screenshot_as_png
    opened.find_element(By.ID, "play").click()
    time.sleep(1.5)
    opened.find_element(By.ID, "play").click()
    moved = int(str(opened.find_element(By.ID, "step").get_attribute("value")))
    assert moved > 10
    assert stage.screenshot_as_png != before
    plots = points(opened, "actions"), points(opened, "joints")
    assert [len(lines) for lines in plots] == [7, 9]
    opened.find_element(By.XPATH, "//td/button[text()='demo_3']").click()
    until(lambda: points(opened, "actions") != plots[0] and points(opened, "joints") != plots[1], 5)
    paused = stage.screenshot_as_png
    Select(opened.find_element(By.ID, "other")).select_by_visible_text("demo_5")
    until(lambda: stage.screenshot_as_png != paused, 5)
    Select(opened.find_element(By.ID, "other")).select_by_visible_text("its source segments")
    until(lambda: stage.screenshot_as_png != paused, 5)


def test_a_demonstration_shows_its_frames(opened: WebDriver) -> None:
    def shown() -> list[str]:
        return [picture.text for picture in opened.find_elements(By.CSS_SELECTOR, "#pictures figure")]

    assert shown() == []
    Select(opened.find_element(By.ID, "demo")).select_by_visible_text("demo_4")
    expected = [f"{camera}, step {step}" for camera in ("high_cam", "table_cam") for step in (0, 2, 4)]
    until(lambda: shown() == expected, 5)
    widths = "return [...document.querySelectorAll('#pictures img')].map((picture) => picture.naturalWidth)"
    until(lambda: opened.execute_script(widths) == [264] * 6, 5)


def test_the_table_is_sorted_filtered_and_all_is_reached_by_keyboard(opened: WebDriver) -> None:
    def names() -> list[str]:
        return [row.text for row in opened.find_elements(By.CSS_SELECTOR, "#table tbody td:first-child")]

    assert names()[1:4] == ["demo_0", "demo_1", "demo_2"]
    header = opened.find_element(By.XPATH, "//th/button[text()='Steps']")
    header.send_keys(Keys.ENTER)
    steps = [int(cell.text) for cell in opened.find_elements(By.CSS_SELECTOR, "#table tbody td:nth-child(2)")]
    assert steps == sorted(steps)
    header.send_keys(Keys.ENTER)
    assert names()[0] != EVIL
    opened.find_element(By.ID, "filter").send_keys("demo_7")
    assert "demo_7" in names()
    assert opened.find_element(By.ID, "count").text != "10 of 10"
    slider = opened.find_element(By.ID, "step")
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert slider.get_attribute("value") == "2"
    slider.send_keys(Keys.SPACE)
    assert opened.find_element(By.ID, "play").text == "Pause"


def test_names_with_markup_are_text_and_nothing_is_wrong_in_the_console(opened: WebDriver) -> None:
    assert EVIL in opened.find_element(By.ID, "demo").text
    assert f"target {EVIL} reached" in opened.find_element(By.ID, "summary").text
    assert not opened.find_elements(By.CSS_SELECTOR, "img")
    assert opened.title != "evil"
    wrong = [entry for entry in opened.get_log("browser") if entry["source"] != "rendering"]  # those are the GPU's
    assert wrong == []


@pytest.mark.parametrize("width", [360, 1920])
def test_nothing_is_wider_than_the_window(opened: WebDriver, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    assert opened.find_element(By.CSS_SELECTOR, "#stage canvas").size["width"] > 0.7 * min(width, 1500) - 40


def test_what_no_file_describes_is_shown_as_boxes_without_a_robot(tmp_path: Path, browser: WebDriver) -> None:
    dataset = tmp_path / "other.hdf5"
    dataset.write_bytes(SHIPPED.read_bytes())
    with h5py.File(dataset, "r+") as file:
        file["data"].attrs["env_args"] = json.dumps({"env_name": "Isaac-PickPlace-GR1T2-Abs-Mimic-v0"})
    page = tmp_path / "r.html"
    assert report(dataset, "--demos", "2", "--output", page).returncode == 0
    browser.get(page.as_uri())
    until(lambda: browser.execute_script("return document.documentElement.dataset.ready === 'true'"), 30)
    told = scrub(browser, 20)
    assert (len(told["joints"]), told["computed"], len(told["recorded"])) == (9, [], 1)
    assert "robot 9" in browser.find_element(By.ID, "joints").text
    assert not [entry for entry in browser.get_log("browser") if entry["source"] != "rendering"]


def test_two_arms_have_a_lane_each_and_their_constraint(tmp_path: Path, browser: WebDriver) -> None:
    dataset = tmp_path / "two.hdf5"
    with h5py.File(SHIPPED) as shipped, h5py.File(dataset, "w") as file:
        shipped.copy("data/demo_0", file.create_group("data"), "demo_0")
        demo, one = file["data/demo_0"], shipped["data/demo_0"]
        for group in ("articulation/robot", "rigid_object"):
            del demo[f"states/{group}"]
        for number, eef in enumerate(("far", "near")):
            one.copy("states/articulation/robot", demo["states/articulation"], eef)
            demo[f"states/articulation/{eef}/root_pose"][:, 0] += number
            demo[f"obs/{eef}_eef_pos"] = np.add(one["obs/eef_pos"][:], [number, 0, 0])
        del demo["obs/eef_pos"]
        one.copy("states/rigid_object/cube_1", demo.create_group("states/rigid_object"), "red_cube")
        actions = np.tile(one["actions"][:], 2)
        del demo["actions"]
        demo["actions"] = actions
        demo.attrs["signals"] = json.dumps({"red_grasped": 40, "red_placed": 90, "blue_grasped": 120})
    task = PROJECT / "tests" / "data" / "two_arms.toml"
    (tmp_path / "run.json").write_text(json.dumps({"config": {"output_dataset": str(dataset), "task": str(task)}}))
    assert report(dataset, "--records", tmp_path, "--output", tmp_path / "r.html").returncode == 0
    browser.get((tmp_path / "r.html").as_uri())
    until(lambda: browser.execute_script("return document.documentElement.dataset.ready === 'true'"), 30)
    told = browser.find_element(By.ID, "subtitle").text
    assert told == "Build a tower of the red and the blue cube on the pad."
    lanes = [lane.text.splitlines() for lane in browser.find_elements(By.CSS_SELECTOR, "#timeline .lane")]
    assert lanes == [
        ["Grasp the red cube", "Put it on the pad", "Make way"],
        ["Grasp the blue cube", "Put it on the red one"],
    ]
    bond = browser.find_element(By.CSS_SELECTOR, "#timeline .bond.sequential")
    assert bond.size["height"] == sum(lane.size["height"] for lane in browser.find_elements(By.CLASS_NAME, "lane"))
    assert (
        "first near: Put it on the pad, then far: Put it on the red one" in browser.find_element(By.ID, "legend").text
    )
    assert "far turn z" in browser.find_element(By.ID, "actions").text
    assert "near finger joint2" in browser.find_element(By.ID, "joints").text
    recorded = {hand["eef"]: hand["point"][0] for hand in scrub(browser, 20)["recorded"]}
    assert recorded["near"] - recorded["far"] == pytest.approx(1.0, abs=1e-3)
    computed = {hand["eef"]: hand["point"] for hand in scrub(browser, 20)["computed"]}
    assert np.linalg.norm(np.subtract(computed["near"], computed["far"])) == pytest.approx(1.0, abs=1e-3)
    assert not [entry for entry in browser.get_log("browser") if entry["source"] != "rendering"]


def test_bad_input_is_refused(tmp_path: Path) -> None:
    ran = report(tmp_path / "none.hdf5")
    assert ran.returncode == 2
    assert "none.hdf5' does not exist" in ran.stderr
    stateless = tmp_path / "stateless.hdf5"
    stateless.write_bytes(SHIPPED.read_bytes())
    with h5py.File(stateless, "r+") as file:
        del file["data/demo_2/states"]
    ran = report(stateless)
    assert ran.returncode == 2
    assert "demo_2: has no recorded states of robot and objects" in ran.stderr
    stateless.unlink()
    ran = report(SHIPPED, "--records", tmp_path)
    assert ran.returncode == 2
    assert "has no run.json; pass --records with a run's output folder" in ran.stderr
    ran = report(SHIPPED, "--demos", "0", "--output", tmp_path / "r.html")
    assert ran.returncode == 2
    assert "'0' is not a number of demonstrations; give 1 or more" in ran.stderr
    assert not list(tmp_path.iterdir())


def test_reasons_that_differ_in_steps_only_are_one() -> None:
    failed = [
        dataclasses.replace(attempt_of(4), reason=reason_for_abort(signal, steps=steps))
        for signal, steps in (("stack_1", 120), ("stack_1", 133), ("stack_2", 120))
    ]
    told = dict(of_attempts(failed, None)["reasons"])
    assert list(told.values()) == [2, 1]
    assert all(f"signal '{signal}'" in reason for signal, reason in zip(("stack_1", "stack_2"), told, strict=True))


def test_fewer_demonstrations_can_be_shown(tmp_path: Path) -> None:
    assert "3 demonstrations" in report(SHIPPED, "--demos", "3", "--output", tmp_path / "r.html").stdout
