"""The page of a run that is going on, served to the browser of this machine.

A thread of its own answers two addresses: `/`, the page, and `/records`, what it shows, which the page asks for every
two seconds. It reads what the run has put on the disk, and nothing else: no address leads to a file, nothing can be
changed, and who does not ask for this machine by its own name (a page elsewhere whose name leads here) gets nothing.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import h5py

from mimicgen.datagen.dataset.files import demo_names, recorded_task
from mimicgen.datagen.dataset.outputs.parts import Parts
from mimicgen.datagen.dataset.tools.validate import STEP_SECONDS
from mimicgen.datagen.errors import DatagenError, OutputError
from mimicgen.datagen.report.collect import DEMOS, demonstration, described, of_attempts
from mimicgen.datagen.report.page import page
from mimicgen.datagen.report.records import read_attempts, read_run
from mimicgen.datagen.report.scene import scene_of
from mimicgen.datagen.text import all_shown

log = logging.getLogger(__name__)

HOST = "127.0.0.1"

CONNECTIONS = 32
"""Connections at a time; one more is closed at once. A browser has six."""

PATIENCE = 10.0
"""Time that a connection may say nothing, or take nothing [s]."""

_DIGITS = 9
"""Of a number of demonstrations, at most."""


class LivePage:
    """Serves the page until it is closed.

    Args:
        dataset: What the run writes.
        records: Folder with its records.
        cache: Folder for what is made of robots and objects.
        port: Where to serve; 0 takes a free one.

    Attributes:
        url: Where the page is.

    Raises:
        OutputError: The port is taken, or may not be used.
    """

    def __init__(self, dataset: Path, records: Path, cache: Path, port: int):
        self._parts, self._records, self._cache = Parts(dataset), records, cache
        self._lock = threading.Lock()
        self._demos: dict[str, dict[str, Any]] = {}
        self._task = ""
        self._folded = False
        try:
            self._server = _Server((HOST, port), self)
        except OSError as error:
            raise OutputError(
                f"live_port = {port}: the page cannot be served there ({error.strerror}); take another port, or 0 for "
                "any that is free"
            ) from error
        self.url = f"http://{HOST}:{self._server.server_port}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="mimicgen.datagen live page", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def html(self) -> str:
        """Return the page, which asks for what it shows.

        Raises:
            SetupError: Three.js or the robot's package is not installed.
        """
        state = self.state(0)
        return page(state | {"live": True}, scene_of(state, self._cache))

    def state(self, known: int) -> dict[str, Any]:
        """Return what the page shows, without the demonstrations that it knows.

        Args:
            known: How many it has.

        Raises:
            SourceError: The records are damaged.
        """
        with self._lock:
            self._read_demos()
            demos, task = list(self._demos.values()), self._task
        run = read_run(self._records)
        task = task or str((run or {}).get("config", {}).get("task", ""))
        told = described(self._parts.dataset.name, task, STEP_SECONDS)
        told |= of_attempts(read_attempts(self._records, growing=True), run)
        told |= {"count": len(demos), "demos": demos[known:DEMOS], "sources": [], "run": run}
        found: dict[str, Any] = all_shown(told)
        return found

    def _read_demos(self) -> None:
        """Read the demonstrations that have come to be on the disk."""
        paths = [self._parts.path(name) for name in self._parts.written() if name not in self._demos]
        if not self._folded and self._parts.dataset.exists():  # what an earlier run has left
            paths.insert(0, self._parts.dataset)
            self._folded = True
        for path in paths:
            if len(self._demos) >= DEMOS:
                return
            try:
                with h5py.File(path, "r") as file:
                    self._task = self._task or recorded_task(file)
                    for name in demo_names(file)[: DEMOS - len(self._demos)]:
                        # An episode was written before it had the demonstration's name, which its file has.
                        called = name if path == self._parts.dataset else path.stem
                        self._demos.setdefault(called, demonstration(file, name) | {"name": called})
            except OSError:  # folded into the dataset meanwhile, at the end of the run; or no longer what it was
                return


class _Server(ThreadingHTTPServer):
    """A server that leaves the run its threads and its open files, whatever connects."""

    daemon_threads = True
    request_queue_size = CONNECTIONS  # who comes when it is full is let in a second later at the earliest

    def __init__(self, address: tuple[str, int], live: LivePage):
        self.live = live
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:  # the run has all files open that it may: who waits is not looked at all the time
            time.sleep(0.1)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # there are no more threads to be had
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in the log what went wrong, unless it is only that somebody went away."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            log.exception("the live page could not answer")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE

    def do_GET(self) -> None:
        port = self.server.server_port
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", "This page is for the browser of its own machine.")
            return
        path, known = _asked(self.path)
        try:
            if path == "/":
                self._answer(HTTPStatus.OK, "text/html", self.server.live.html())
            elif path == "/records" and known.isdecimal() and len(known) <= _DIGITS:
                state = self.server.live.state(int(known))
                self._answer(HTTPStatus.OK, "application/json", json.dumps(state, allow_nan=False))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "There is nothing here.")
        except DatagenError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", str(error))

    def log_message(self, *told: Any) -> None:
        """Say nothing: the console is the run's."""

    def _answer(self, status: HTTPStatus, kind: str, content: str) -> None:
        body = content.encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _asked(target: str) -> tuple[str, str]:
    """Return the path of a request, and how many demonstrations are known; '' for what is no address at all."""
    try:
        address = urlsplit(target)
        return address.path, parse_qs(address.query).get("known", ["0"])[0]
    except ValueError:
        return "", ""
