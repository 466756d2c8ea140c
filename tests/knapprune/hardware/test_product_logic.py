"""What the estimate of multiplying layers is made of."""

from dataclasses import replace

import numpy as np
import pytest

from knapprune.hardware.product_logic import of_products, signed_digits, whole_weights
from knapprune.layers import Layer

LATENCY = Layer("fc", "dense", (4, 1), "latency", "latency", 1, 1, 8, 8)


@pytest.mark.parametrize(("number", "digits"), [(0, 0), (1, 1), (3, 2), (7, 2), (11, 3), (-7, 2), (85, 4), (127, 2)])
def test_signed_digits_are_the_fewest(number, digits):
    assert signed_digits(np.array([number])).tolist() == [digits]


def test_weights_become_whole_numbers_of_their_width():
    assert whole_weights(np.array([0.5, -0.25, 0.0]), 4).tolist() == [4, -2, 0]
    assert whole_weights(np.zeros(3), 4).tolist() == [0, 0, 0]


def test_constants_cost_a_sum_for_each_digit_but_the_first():
    """Four products of 16 bits: 0.75 has two digits, the others one; the tree has sums of 16, 16 and 17 bits."""
    found = of_products(LATENCY, np.array([[0.75], [0.5], [0.25], [0.5]]), 4, in_logic=True)
    assert found.lut == 9 + (16 + 16 + 17)
    assert found.ff == (16 + 16 + 17) + 4 * 8


def test_zero_weights_and_blocks_for_products_leave_only_sums():
    found = of_products(LATENCY, np.array([[0.75], [0.0], [0.25], [0.0]]), 2, in_logic=False)
    assert (found.lut, found.made_of) == (16, "sums 16")


def test_pixels_in_parallel_multiply_it():
    kernel = np.full((4, 1), 0.75)
    one, three = (of_products(replace(LATENCY, copies=copies), kernel, 4, in_logic=True) for copies in (1, 3))
    assert (three.lut, three.ff) == (3 * one.lut, 3 * one.ff)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "lstm"},
        {"strategy": "distributed_arithmetic"},
        {"strategy": "resource", "reuse_factor": 2},
        {"kernel_shape": (0,)},
    ],
)
def test_there_is_no_estimate_of_what_nothing_is_known_of(changes):
    assert of_products(replace(LATENCY, **changes), np.ones(changes.get("kernel_shape", (4, 1))), 4, True) is None
