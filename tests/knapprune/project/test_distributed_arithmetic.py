"""How many bits weights need, and who is warned of them. No framework is loaded."""

import numpy as np
import pytest

from knapprune import HardwareWarning
from knapprune.project.distributed_arithmetic import bits_of, warn_of_unrounded
from shared.hls import layer_of


def layer(strategy, bits=8):
    return layer_of((2, 2), strategy, 1, bits)


@pytest.mark.parametrize(
    ("weights", "bits"),
    [
        ([0.0, 0.0], 0),
        ([1.0], 2),
        ([-0.5, 0.25], 2),  # -2 and 1 of two bits
        ([0.5, 0.25], 3),
        ([3.96875, -4.0], 8),
        ([1.0, 2.0**-20], 22),
        (np.float32([0.1]), 25),  # 24 bits of mantissa, and a sign
    ],
)
def test_bits_reach_from_the_highest_to_the_lowest_that_is_set(weights, bits):
    assert bits_of(np.asarray(weights)) == bits


def test_weights_of_more_bits_than_their_type_are_warned_of():
    with pytest.warns(HardwareWarning, match="layer 'fc': .* with 25 bits, .* the 8 bits"):
        warn_of_unrounded([layer("distributed_arithmetic")], {"fc": np.full((2, 2), np.float32(0.1))})


@pytest.mark.parametrize(
    ("strategy", "weight"), [("latency", 0.1), ("resource", 0.1), ("distributed_arithmetic", 0.125)]
)
def test_other_strategies_and_rounded_weights_are_not(strategy, weight):
    warn_of_unrounded([layer(strategy)], {"fc": np.full((2, 2), weight)})
