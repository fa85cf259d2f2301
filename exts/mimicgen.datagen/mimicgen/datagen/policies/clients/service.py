"""The service of GR00T's inference server: a question and its answer at a time, over ZeroMQ."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from mimicgen.datagen.errors import PolicyError
from mimicgen.datagen.policies.clients.addresses import Address
from mimicgen.datagen.policies.clients.messages import BrokenMessageError, decoded, encoded, gr00ts

_FIRST = 10.0
"""Seconds in which a server has to answer the first question."""

_PATIENCE = 300.0
"""Seconds in which it has to answer the others: its first action may wait for compilation."""

_LOOKS = 100
"""Milliseconds between two looks at whether to go on waiting."""


class Service:
    """A connection. Every method waits, so call it in a thread.

    Args:
        address: Where the server is.
    """

    def __init__(self, address: Address):
        import zmq

        self._address = address
        self._lock = threading.Lock()
        self._closing = False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REQ)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IPV6, ":" in address.host)
        self._socket.connect(f"tcp://{address}")

    def __str__(self) -> str:
        """Return where the server is."""
        return str(self._address)

    def ask(self, endpoint: str, data: Mapping[str, Any] | None = None, *, first: bool = False) -> Any:
        """Return what the server answers.

        Args:
            endpoint: What is asked for.
            data: What is said with it, if the endpoint wants something.
            first: Whether it is the first question, so that nobody may be there.

        Raises:
            PolicyError: It does not answer, or with an error, or with what is no message.
        """
        import zmq

        question: dict[str, Any] = {"endpoint": endpoint} | ({} if data is None else {"data": data})
        patience = _FIRST if first else _PATIENCE
        with self._lock:
            end = time.monotonic() + patience
            try:
                self._socket.send(encoded(question, gr00ts), zmq.DONTWAIT)
                while not self._socket.poll(_LOOKS):
                    if self._closing:
                        raise PolicyError(f"the connection to {self} was closed")
                    if time.monotonic() > end:
                        raise PolicyError(f"no server of GR00T answers at {self} within {patience:g} s")
                answer = decoded(self._socket.recv())
            except zmq.ZMQError as error:
                raise PolicyError(f"the server at {self} cannot be reached: {error}") from error
            except BrokenMessageError as error:
                raise PolicyError(f"what answers at {self} is no server of GR00T: {error}") from error
        if isinstance(answer, dict) and "error" in answer:
            raise PolicyError(f"the server at {self} could not answer '{endpoint}': {answer['error']}")
        return answer

    def close(self) -> None:
        """Let go of the connection; what waits for an answer stops waiting."""
        self._closing = True
        with self._lock:
            self._socket.close()
            self._context.term()
