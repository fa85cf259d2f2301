"""The page of a run that is going on: served to this machine only, and growing by itself."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from mimicgen.datagen.dataset.folders import cache_folder
from mimicgen.datagen.dataset.outputs.parts import Parts
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.report.live import LivePage
from mimicgen.datagen.report.page import THREE
from tests.containers import until
from tests.dataset.writing import SHIPPED, attempt_of, recorded_episodes
from tests.generation.running import datagen


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder as a run has it before its first attempt has ended."""
    Parts(tmp_path / "d.hdf5").prepare()
    config = {"task": "Stack", "num_envs": 1, "seed": 7}
    (tmp_path / "run.json").write_text(json.dumps({"config": config, "end": None}))
    return tmp_path


@pytest.fixture
def live(run: Path) -> Iterator[LivePage]:
    page = LivePage(run / "d.hdf5", run, cache_folder(), 0)
    yield page
    page.close()


def keep(run: Path, number: int) -> None:
    """Let the run keep a demonstration."""
    Parts(run / "d.hdf5").write(f"demo_{number - 1}", recorded_episodes()[number % 3], {"attempt": number})
    with (run / "attempts.jsonl").open("a") as log:
        log.write(attempt_of(number).to_json() + "\n")


def ask(live: LivePage, path: str, *, host: str | None = None, method: str = "GET") -> tuple[int, bytes]:
    port = urlsplit(live.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=host is not None)
        if host is not None:
            connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_records_are_what_is_on_the_disk_and_only_what_is_new_is_sent(live: LivePage, run: Path) -> None:
    assert json.loads(ask(live, "/records?known=0")[1])["demos"] == []
    keep(run, 1)
    keep(run, 2)
    with (run / "attempts.jsonl").open("a") as log:
        log.write('{"number": 3, "env"')  # it is being written
    status, body = ask(live, "/records?known=1")
    told = json.loads(body)
    assert status == 200
    assert [demo["name"] for demo in told["demos"]] == ["demo_1"]
    assert told["count"] == 2
    assert told["task"] == "Stack"
    assert told["funnel"]["attempts"] == 2
    Parts(run / "d.hdf5").fold({}, {})
    assert [demo["name"] for demo in json.loads(ask(live, "/records?known=0")[1])["demos"]] == ["demo_0", "demo_1"]


def test_what_an_earlier_run_has_left_is_shown_too(run: Path) -> None:
    (run / "d.hdf5").write_bytes(SHIPPED.read_bytes())
    keep(run, 11)
    page = LivePage(run / "d.hdf5", run, cache_folder(), 0)
    try:
        assert [demo["name"] for demo in page.state(9)["demos"]] == ["demo_9", "demo_10"]
    finally:
        page.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/run.json", 404),
        ("/../run.json", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", 404),
        ("//etc/passwd", 404),
        ("/records?known=-1", 404),
        ("/records?known=x", 404),
        (f"/records?known={'9' * 5000}", 404),
        ("//[", 404),
    ],
)
def test_no_address_leads_to_a_file(live: LivePage, path: str, status: int) -> None:
    assert ask(live, path) == (status, b"There is nothing here.")


def test_other_hosts_and_other_methods_are_refused(live: LivePage) -> None:
    port = urlsplit(live.url).port
    assert ask(live, "/records", host="evil.example")[0] == 403
    assert ask(live, "/records", host=f"evil.example:{port}")[0] == 403
    assert ask(live, "/records", host=f"localhost:{port}")[0] == 200
    for method in ("POST", "PUT", "DELETE"):
        assert ask(live, "/records", method=method)[0] == 501
    others = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    assert port is not None
    for address in others:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((str(address), port), timeout=5)


def test_a_port_that_is_taken_is_told(live: LivePage, run: Path) -> None:
    port = urlsplit(live.url).port
    assert port is not None
    with pytest.raises(OutputError, match=f"live_port = {port}: .* take another port"):
        LivePage(run / "d.hdf5", run, cache_folder(), port)


def test_idle_connections_take_the_run_nothing_that_it_needs(run: Path) -> None:
    """More of them than the process may have files open; those that are served are let go when they say nothing."""
    code = f"""
import http.client, resource, sys, time
from pathlib import Path
from urllib.parse import urlsplit
from mimicgen.datagen.report import live
live._Handler.timeout = 1.0
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
folder = Path({str(run)!r})
page = live.LivePage(folder / "d.hdf5", folder, folder, 0)
print(page.url, flush=True)
sys.stdin.readline()
files = [open(folder / f"{{index}}", "w") for index in range(40)]  # what the run opens meanwhile
print("opened", len(files), flush=True)
sys.stdin.readline()
page.close()
print("closed", flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    port = urlsplit(process.stdout.readline()).port
    idle = [socket.create_connection(("127.0.0.1", int(port or 0)), timeout=5) for _ in range(300)]
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "opened 40\n"

    def answered() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/records?known=0")
            return connection.getresponse().status == 200
        except (ConnectionError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    until(answered, 10)
    for connection in idle:
        connection.close()
    told = process.communicate("\n", timeout=10)
    assert told == ("closed\n", "")


@pytest.mark.skipif(not THREE.is_dir(), reason="Three.js is not there: npm, then ./scripts/setup.sh")
def test_the_page_grows_by_itself_and_says_when_it_is_over(live: LivePage, run: Path, browser: WebDriver) -> None:
    browser.get(live.url)
    until(lambda: browser.execute_script("return document.documentElement.dataset.ready === 'true'"), 30)
    rows = "return document.querySelectorAll('#table tbody tr').length"
    assert browser.execute_script(rows) == 0
    keep(run, 1)
    until(lambda: browser.execute_script(rows) == 1, 10)
    until(lambda: browser.find_element(By.ID, "at").text.startswith("step 0 of"), 10)
    keep(run, 2)
    until(lambda: browser.execute_script(rows) == 2, 10)
    assert browser.execute_script("return document.getElementById('demo').value") == "0"
    assert "Live: as of" in browser.find_element(By.ID, "live").text
    assert browser.find_element(By.CSS_SELECTOR, "#funnel [data-name=grasp_1]").get_attribute("data-count") == "2"
    live.close()
    until(lambda: "not served any more" in browser.find_element(By.ID, "live").text, 10)
    messages = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert all("ERR_CONNECTION_REFUSED" in message for message in messages)


def test_a_run_serves_its_page_until_it_has_ended(tmp_path: Path) -> None:
    settings = [part for own in ("live_port=0", "render.when=never", "report=false") for part in ("--set", own)]
    folders = ("--output-dir", tmp_path, "--output-dataset", tmp_path / "d.hdf5")
    run = datagen("generate", "--num-trials", 2, *folders, *settings)

    def line(beginning: str) -> str:
        return next((line for line in run.said().split("\n")[:-1] if line.startswith(beginning)), "")

    port = urlsplit(until(lambda: line("live report: "), 120).split()[-1]).port
    assert port is not None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    until(lambda: line("attempt 1"), 120)
    connection.request("GET", "/records?known=0")
    assert len(json.loads(connection.getresponse().read())["attempts"]) >= 1
    connection.close()
    ended = run.wait()
    assert ended.returncode == 0, ended.stdout
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
