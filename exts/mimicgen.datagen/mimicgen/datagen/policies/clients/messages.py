"""Messages of servers that think: MessagePack with arrays in it, as openpi and GR00T write them.

openpi: https://github.com/Physical-Intelligence/openpi, `openpi_client/msgpack_numpy.py`. GR00T:
https://github.com/NVIDIA/Isaac-GR00T, `gr00t/eval/service.py` (N1.5) and `gr00t/policy/server_client.py` (N1.6).
What is read is numbers, texts and tables: nothing in it is run.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np


class BrokenMessageError(Exception):
    """What was read is no message."""


def openpis(value: Any) -> Any:
    """Return an array as openpi writes it."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"no {type(value).__name__} in a message")
    return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}


def gr00ts(value: Any) -> Any:
    """Return an array as GR00T writes it."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"no {type(value).__name__} in a message")
    written = io.BytesIO()
    np.save(written, value, allow_pickle=False)
    return {"__ndarray_class__": True, "as_npy": written.getvalue()}


def encoded(value: Any, arrays: Callable[[Any], Any]) -> bytes:
    """Return a message, with arrays as `openpis` or `gr00ts` writes them."""
    return msgspec.msgpack.encode(value, enc_hook=arrays)


def decoded(message: bytes | str) -> Any:
    """Return what a message says, of either: tables, lists, numbers, texts, and arrays.

    Raises:
        BrokenMessageError: It is no message.
    """
    if isinstance(message, str):
        raise BrokenMessageError("it is a text")
    try:
        return _plain(msgspec.msgpack.decode(message))
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise BrokenMessageError(f"{type(error).__name__}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if b"__ndarray__" in value:
        kind = np.dtype(value[b"dtype"])
        if kind.kind not in "biuf":
            raise ValueError(f"an array of {kind}")
        return np.frombuffer(value[b"data"], dtype=kind).reshape(value[b"shape"])
    if b"__npgeneric__" in value:
        return value[b"data"]
    if "__ndarray_class__" in value:
        return np.load(io.BytesIO(value["as_npy"]), allow_pickle=False)
    if "__ModalityConfig_class__" in value:  # N1.5 writes it as JSON, N1.6 as a table
        told = value["as_json"]
        return json.loads(told) if isinstance(told, str) else told
    return {key: _plain(own) for key, own in value.items()}
