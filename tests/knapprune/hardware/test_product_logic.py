"""What a layer and its kernel give the estimates of its logic."""

from dataclasses import replace

import numpy as np
import pytest

from knapprune.hardware.fitted import UNROLLED, Quantities
from knapprune.hardware.product_logic import constants_of, logic_of, of_products
from knapprune.network.rounding import Rounding
from shared.hls import layer_of

LATENCY = layer_of((4, 2), "latency", 1, 8, 8, weight_type=Rounding.parse("fixed<8,1>"))


def test_weights_in_a_memory_are_no_constants():
    kernel = np.full(LATENCY.kernel_shape, 0.6875)
    assert constants_of(LATENCY, kernel) == constants_of(replace(LATENCY, reuse_factor=4), kernel) == 4
    assert constants_of(replace(LATENCY, strategy="resource"), kernel) == 4
    assert constants_of(replace(LATENCY, strategy="resource", reuse_factor=4), kernel) is None


def test_zeros_and_shared_values_count_as_hls_counts_them():
    """The largest is 88 of 8 bits, 1011000: three digits; 64 has one. Four inputs with one constant each, six left."""
    kernel = np.array([[0.6875, 0.6875], [0.6875, 0.5], [0.6875, 0.0], [0.6875, 0.0]])
    found = of_products(LATENCY, kernel, 6)
    quantities = Quantities("latency", 1, 4, 2, 8, 8, nonzero=6, constants=4)
    assert (found.lut, found.ff) == (UNROLLED.lut.of(quantities), UNROLLED.ff.of(quantities))
    assert found.lut == round(13.1 * 6 + 10.6 * 4 + 1.77 * 2 * 8)


def test_pixels_in_parallel_multiply_it():
    kernel = np.full(LATENCY.kernel_shape, 0.75)
    one, three = (of_products(replace(LATENCY, copies=copies), kernel, 4) for copies in (1, 3))
    assert (three.lut, three.ff) == (3 * one.lut, 3 * one.ff)
    assert three.synthesised.lut == 3 * one.synthesised.lut


def test_pruned_multipliers_are_not_built():
    layer = replace(LATENCY, kernel_shape=(8, 4), strategy="resource_unrolled", reuse_factor=4)
    kernel = np.ones(layer.kernel_shape)
    whole, half = (of_products(layer, kernel, multipliers) for multipliers in (8, 4))
    assert half.lut < whole.lut
    assert half.ff < whole.ff
    assert whole.lut == of_products(replace(layer, strategy="resource"), kernel, 8).lut
    assert "none of resource_unrolled is known" in whole.made_of


def test_each_estimate_says_what_it_is_made_of_and_how_far_off_it_is():
    found = logic_of(Quantities("resource", 512, 64, 32, 8, 16))
    assert found.made_of == "146 for each output, 0.408 for each bit of an output that a multiplier chooses among"
    assert str(found.lut_error) == "6 reports within 24%"
    assert str(found.ff_error) == "6 reports within a factor of 3.4"
    assert str(found.synthesised.lut_error) == "9 in 10 of 93 reports within 18%"
    assert logic_of(Quantities("resource", 8, 64, 32, 8, 16)).synthesised is None


@pytest.mark.parametrize("changes", [{"kind": "lstm"}, {"strategy": "distributed_arithmetic"}, {"kernel_shape": (0,)}])
def test_there_is_no_estimate_of_what_nothing_is_known_of(changes):
    assert of_products(replace(LATENCY, **changes), np.ones(changes.get("kernel_shape", (4, 2))), 4) is None
