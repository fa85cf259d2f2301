"""Messages with arrays in them, against the libraries that write them."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np
import pytest
from openpi_client import msgpack_numpy

from mimicgen.datagen.policies.clients.messages import BrokenMessageError, decoded, encoded, gr00ts, openpis

ARRAYS = [
    np.arange(12, dtype=np.float32).reshape(3, 4),
    np.zeros((0, 7)),
    np.arange(6, dtype=np.uint8).reshape(1, 2, 3)[:, ::-1],
    np.array(3, dtype=">i4"),
    np.array([True, False]),
]


@pytest.mark.parametrize("array", ARRAYS)
def test_arrays_as_openpis_own_client_has_them(array: np.ndarray[Any, Any]) -> None:
    asked = {"state": array, "prompt": "stack", "nested": {"list": [array, 1.5, None]}}
    theirs = msgpack_numpy.unpackb(encoded(asked, openpis))
    for found in (theirs, decoded(msgpack_numpy.packb(asked))):
        assert (found["prompt"], found["nested"]["list"][1:]) == ("stack", [1.5, None])
        for one in (found["state"], found["nested"]["list"][0]):
            assert (one.dtype, one.shape) == (array.dtype, array.shape)
            np.testing.assert_array_equal(one, array)
    assert decoded(msgpack_numpy.packb(np.float32(2.5))) == 2.5


@pytest.mark.parametrize("array", ARRAYS)
def test_arrays_as_gr00t_has_them(array: np.ndarray[Any, Any]) -> None:
    np.testing.assert_array_equal(decoded(encoded({"action.arm": array}, gr00ts))["action.arm"], array)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xc1",
        "a text",
        msgpack.packb({b"__ndarray__": True, b"data": b"123", b"dtype": "<f4", b"shape": [1]}),
        msgpack.packb({b"__ndarray__": True, b"data": b"12345678", b"dtype": "|O", b"shape": [1]}),
        msgpack.packb({b"__ndarray__": True, b"data": b"1234", b"dtype": "<f4", b"shape": [2**60]}),
        msgpack.packb({b"__ndarray__": True}),
        msgpack.packb({"__ndarray_class__": True, "as_npy": b"\x80\x04K\x01."}),
        msgpack.packb({"__ndarray_class__": True, "as_npy": 5}),
        msgpack.packb({"__ModalityConfig_class__": True, "as_json": "{"}),
        b"\x91" * 5000,
    ],
)
def test_what_is_no_message_is_refused(message: Any) -> None:
    with pytest.raises(BrokenMessageError):
        decoded(message)


@pytest.mark.parametrize("arrays", [openpis, gr00ts])
def test_nothing_else_is_written(arrays: Any) -> None:
    with pytest.raises(TypeError, match="no complex in a message"):
        encoded({"one": 1j}, arrays)
