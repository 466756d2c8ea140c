"""What synthesis makes of products, written out for the tests weight by weight, sharing nothing with the code."""

from math import floor

import numpy as np
import pytest

from shared.digits import fewest_digits


def whole(weight, bits, integer):
    """A weight as ``ap_fixed<bits, integer>`` holds it, in multiples of the last bit; it has to fit."""
    number = floor(float(f"{float(weight):.{bits - integer}f}") * 2 ** (bits - integer))
    assert -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)
    return number


def signed_bits(number):
    """Bits with a sign."""
    return (number if number >= 0 else -number - 1).bit_length() + 1


def blocks(first, second):
    """DSPs of a product in Vitis HLS, on a block of 27 x 18."""
    narrow, wide = sorted((first, second))
    if narrow <= 4 or (narrow <= 8 and wide <= 10):
        return 0
    return 1 if narrow <= 18 and wide <= 27 else 2


class ByHand:
    """The arithmetic of DSPs under Vitis HLS; weights of ``ap_fixed<bits, bits // 3>``, and data as wide."""

    blocks = staticmethod(blocks)

    @staticmethod
    def constants(inputs, bits, integer=None):
        """DSPs of weights that are constants, listed by input: each value of three digits once."""
        integer = bits // 3 if integer is None else integer
        kept = [{whole(weight, bits, integer) for weight in own} for own in inputs]
        return sum(blocks(signed_bits(value), bits) for own in kept for value in own if fewest_digits(value) >= 3)

    @staticmethod
    def limited(inputs, bits, limit):
        """The same where at most so many multipliers are there: as many as the constants, as wide as the widest."""
        kept = [{whole(weight, bits, bits // 3) for weight in own} for own in inputs]
        widths = [signed_bits(value) for own in kept for value in own if fewest_digits(value) >= 3]
        return min(len(widths), limit) * blocks(max(widths), bits) if widths else 0

    @staticmethod
    def memory(weights, rows, bits):
        """DSPs of so many rows whose weights come from memory: each takes what the widest value needs."""
        return rows * blocks(ByHand.widest(weights, bits), bits)

    @staticmethod
    def memory_in_vivado(rows, bits):
        """DSPs of rows in Vivado HLS: each takes what the type needs, and the last one what its own weights do."""
        return (len(rows) - 1) * blocks(bits, bits) + blocks(ByHand.widest(rows[-1], bits), bits)

    @staticmethod
    def widest(weights, bits):
        """Bits of the widest value."""
        return max(signed_bits(whole(weight, bits, bits // 3)) for weight in np.ravel(weights))


@pytest.fixture
def by_hand():
    """DSPs, written out."""
    return ByHand
