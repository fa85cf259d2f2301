"""Launches that are remembered do what Warp's own do."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import warp as wp

from mimicgen.datagen.embedded import launching


@wp.kernel
def add(values: wp.array(dtype=float), much: float, sums: wp.array(dtype=float)) -> None:  # type: ignore[valid-type]
    index = wp.tid()
    sums[index] = sums[index] + values[index] + much


@pytest.fixture(autouse=True)
def remembered() -> Iterator[None]:
    launching.remember()
    yield
    launching.forget()


def zeros() -> wp.array:
    return wp.zeros(3, dtype=float, device="cpu")


def ones() -> wp.array:
    return wp.full(3, 1.0, dtype=float, device="cpu")


def test_the_same_launch_again_sees_what_is_in_its_arrays_then() -> None:
    values, sums = ones(), zeros()
    for _ in range(3):
        wp.launch(add, dim=3, inputs=[values, 0.5], outputs=[sums], device="cpu")
        values.fill_(10.0)
    np.testing.assert_allclose(sums.numpy(), 1.5 + 10.5 + 10.5)


def test_other_numbers_arrays_and_sizes_are_other_launches() -> None:
    values, sums = ones(), zeros()
    wp.launch(add, dim=3, inputs=[values, 0.5], outputs=[sums], device="cpu")
    wp.launch(add, dim=3, inputs=[values, 1.5], outputs=[sums], device="cpu")
    wp.launch(add, dim=1, inputs=[values, 0.0], outputs=[sums], device="cpu")
    np.testing.assert_allclose(sums.numpy(), [5.0, 4.0, 4.0])
    wp.launch(add, dim=(3,), inputs=[ones(), 0.5], outputs=[sums], device=wp.get_device("cpu"))
    np.testing.assert_allclose(sums.numpy(), [6.5, 5.5, 5.5])
    wp.launch(add, dim=0, inputs=[values, 0.5], outputs=[sums], device="cpu")
    wp.launch(add, dim=0, inputs=[values, 0.5], outputs=[sums], device="cpu")
    np.testing.assert_allclose(sums.numpy(), [6.5, 5.5, 5.5])


def test_arrays_that_are_made_anew_every_time_are_not_mistaken_for_those_before() -> None:
    sums = zeros()
    for number in range(2 * launching.MOST):
        made = wp.array([float(number)] * 3, dtype=float, device="cpu")
        wp.launch(add, dim=3, inputs=[made, 0.0], outputs=[sums], device="cpu")
    np.testing.assert_allclose(sums.numpy(), sum(range(2 * launching.MOST)))


def test_tensors_of_torch_and_what_moves_them() -> None:
    values, sums = torch.ones(3), torch.zeros(3)
    for _ in range(2):
        wp.launch(add, dim=3, inputs=[values, 0.0], outputs=[sums], device="cpu")
        values += 1.0
    values.set_(torch.full((3,), 5.0))  # the same tensor, somewhere else
    wp.launch(add, dim=3, inputs=[values, 0.0], outputs=[sums], device="cpu")
    assert sums.tolist() == [8.0, 8.0, 8.0]
    for _ in range(3):  # another tensor, and another layout
        wp.launch(add, dim=3, inputs=[torch.full((3,), 2.0), 0.0], outputs=[sums], device="cpu")
        wp.launch(add, dim=3, inputs=[torch.tensor([1.0, 7.0, 1.0, 7.0, 1.0])[::2], 0.0], outputs=[sums], device="cpu")
    assert sums.tolist() == [17.0, 17.0, 17.0]
    whole = torch.zeros(3, 2)
    wp.launch(add, dim=3, inputs=[torch.ones(3), 1.0], outputs=[whole[:, 1]], device="cpu")
    assert whole.tolist() == [[0.0, 2.0]] * 3


def test_a_capture_gets_every_launch() -> None:
    values, sums = ones(), zeros()
    wp.launch(add, dim=3, inputs=[values, 0.0], outputs=[sums], device="cpu")
    with wp.ScopedCapture("cpu") as capture:
        wp.launch(add, dim=3, inputs=[values, 0.0], outputs=[sums], device="cpu")
    before = sums.numpy().copy()
    wp.capture_launch(capture.graph)
    wp.capture_launch(capture.graph)
    np.testing.assert_allclose(sums.numpy(), before + 2.0)


def test_wrong_arguments_are_told_as_warp_tells_them() -> None:
    with pytest.raises(RuntimeError, match="passed 1 arguments but kernel requires 3"):
        wp.launch(add, dim=3, inputs=[ones()], device="cpu")


def test_forgetting_lets_go_of_arrays() -> None:
    values = ones()
    wp.launch(add, dim=3, inputs=[values, 0.0], outputs=[zeros()], device="cpu")
    there = weakref.ref(values)
    launching.forget()
    del values
    gc.collect()
    assert there() is None
    assert not isinstance(wp.launch, launching.Launching)
