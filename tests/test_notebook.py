"""The notebook: executed headless, and used by a person in a real browser on a real JupyterLab."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from tests.conftest import PROJECT
from tests.containers import answer, free_port, until

NOTEBOOK = PROJECT / "notebook" / "generate_dataset.ipynb"
PYTHON = PROJECT / "notebook" / ".venv" / "bin" / "python"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="the notebook's environment is not there: NOTEBOOK_SETUP_ONLY=1 ./scripts/notebook.sh"
)


def test_cells_never_block_while_generating(tmp_path: Path) -> None:
    """Every cell runs; then one demonstration is generated, and the kernel answers within a second all the while."""
    code = r"""
    import ast, asyncio, json, sys, time
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(sys.argv[1], as_version=4)
    folder = sys.argv[2]
    client = NotebookClient(notebook, kernel_name="python3", timeout=60, resources={"metadata": {"path": folder}})

    async def main():
        async with client.async_setup_kernel():
            seconds = []
            async def ask(code, expression="''"):  # by the shell channel: what outputs do meanwhile is another matter
                begin = time.monotonic()
                request = client.kc.execute(code, user_expressions={"told": expression})
                while True:
                    reply = await client.kc.get_shell_msg(timeout=60)
                    if reply["parent_header"].get("msg_id") == request:
                        break
                seconds.append(time.monotonic() - begin)
                assert reply["content"]["status"] == "ok", reply["content"]
                return ast.literal_eval(reply["content"]["user_expressions"]["told"]["data"]["text/plain"])
            for index, cell in enumerate(list(notebook.cells)):
                if cell.cell_type == "code":
                    await client.async_execute_cell(cell, index)
            await ask("settings['render.every'] = widgets.IntText(60)  # images that are soon rendered")
            await ask(f"output.value = {folder!r}; settings['num_trials'].value = 1; start_button.click()")
            lines, asked = set(), 0
            while True:
                told = await ask("", "(line.value, count.value, start_button.disabled, run.seen().exit_code)")
                asked += 1
                lines.add(told[0])
                if told[3] is not None and not told[2]:
                    break
                await asyncio.sleep(0.2)
            print("RESULT", json.dumps({"slowest": max(seconds), "asked": asked, "told": told, "lines": sorted(lines)}))

    asyncio.run(main())
    """
    found = subprocess.run(
        [PYTHON, "-c", textwrap.dedent(code), NOTEBOOK, tmp_path],
        env=os.environ | {"ACCEPT_EULA": "Y", "PYTHONPATH": str(PROJECT / "exts" / "mimicgen.datagen")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-3000:]
    result = json.loads(found.stdout.rpartition("RESULT")[2])
    assert result["asked"] > 20, result
    assert result["slowest"] < 1.0
    reason, count, disabled, exit_code = result["told"]
    assert (reason, disabled, exit_code) == ("target reached", False, 0)
    assert re.fullmatch(r"demonstrations: 1 of 1, attempts: [1-9]\d*", count)
    assert any(line.startswith("[1/4] Kit") for line in result["lines"])
    assert not any("\x1b" in line for line in result["lines"]), "no colours in a file"
    assert (tmp_path / "generated_dataset.hdf5").exists()
    assert list(tmp_path.glob("*_shaded/demo_*.mp4"))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """JupyterLab as a container starts it. Gives its address, with the token."""
    workspace = tmp_path / "workspace"
    (workspace / "datasets").mkdir(parents=True)
    port, token = free_port(), "a-token-of-the-test"
    process = subprocess.Popen(
        [PROJECT / "docker" / "launch.sh", *(["--allow-root"] if os.geteuid() == 0 else [])],
        cwd=workspace,
        env=os.environ
        | {"MODE": "jupyter", "ACCEPT_EULA": "Y", "JUPYTER_PORT": str(port), "JUPYTER_TOKEN": token}
        | {"JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"), "JUPYTER_DATA_DIR": str(tmp_path / "jupyter")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: answer(f"http://127.0.0.1:{port}/api") == 200, 60)
        yield f"http://127.0.0.1:{port}/lab/tree/output/generate_dataset.ipynb?token={token}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def test_a_person_runs_all_moves_a_slider_sees_progress_and_stops(browser: WebDriver, lab: str, tmp_path: Path) -> None:
    def find(xpath: str) -> WebElement | None:
        found = [element for element in browser.find_elements(By.XPATH, xpath) if element.is_displayed()]
        return found[0] if found else None

    def click(xpath: str, seconds: float = 30) -> None:
        def clicked() -> bool:
            element = find(xpath)
            if element is None:
                return False
            element.click()
            return True

        until(without_stale(clicked), seconds)

    def text(css: str) -> str:
        return " ".join(element.text for element in browser.find_elements(By.CSS_SELECTOR, css))

    def shot(name: str) -> None:
        browser.save_screenshot(str(tmp_path / f"{name}.png"))

    browser.get(lab)
    until(lambda: "(ipykernel) | Idle" in browser.find_element(By.TAG_NAME, "body").text, 120)
    click("//div[contains(@class,'lm-MenuBar-itemLabel') and text()='Run']")
    click("//div[contains(@class,'lm-Menu-itemLabel') and text()='Run All Cells']")
    until(without_stale(lambda: find("//button[normalize-space()='Start']") is not None), 60)
    handle = until(
        without_stale(
            lambda: find(
                "//*[contains(@class,'widget-slider')][.//label[text()='Demonstrations']]"
                "//*[contains(@class,'noUi-handle')]"
            )
        ),
        30,
    )
    handle.send_keys(Keys.ARROW_RIGHT * 4)
    until(lambda: handle.get_attribute("aria-valuenow") == "7.0", 10)
    shot("1_ready")
    click("//button[normalize-space()='Start']")
    labels = ".widget-label, .jupyter-widget-label"
    until(without_stale(lambda: "demonstrations: 0 of 7, attempts: 0" in text(labels)), 90)
    until(without_stale(lambda: ", attempts: 1" in text(labels)), 150)
    width = until(
        without_stale(
            lambda: find("//*[contains(@class,'progress-bar') and not(contains(@style,'width: 0%'))]") is not None
        ),
        30,
    )
    assert width
    shot("2_running")
    begin = time.monotonic()
    click("//button[normalize-space()='Stop']")
    until(without_stale(lambda: "interrupted by SIGINT" in text(labels)), 30)
    assert time.monotonic() - begin < 15
    shot("3_stopped")
    assert browser.find_elements(By.XPATH, "//div[contains(@class,'jp-mod-error')]//pre") == []
    datasets = list(tmp_path.glob("workspace/output/notebook/*.hdf5"))
    assert len(datasets) == 1
    record = json.loads(next(tmp_path.glob("workspace/output/notebook/run.json")).read_text())
    assert record["counts"]["successes"] >= 1


def without_stale(condition: Callable[[], Any]) -> Callable[[], Any]:
    """Take an element that the page replaced meanwhile as not there yet."""
    from selenium.common.exceptions import (
        ElementClickInterceptedException,
        ElementNotInteractableException,
        StaleElementReferenceException,
    )

    def ask() -> Any:
        try:
            return condition()
        except (ElementClickInterceptedException, ElementNotInteractableException, StaleElementReferenceException):
            return None

    return ask
