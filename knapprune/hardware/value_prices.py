"""What a weight costs that is a constant, by the value that it holds: the prices by which values are chosen.

A weight of three signed digits or more has a multiplier, which weights of one input and one value share; each weight
that is not zero has its addition, and the shifts and additions that stand in for a multiplier
(:mod:`knapprune.hardware.constants`, :mod:`knapprune.hardware.fitted`). Look-up tables are estimates, in hundredths.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

import numpy as np
import numpy.typing as npt

from knapprune.hardware.constants import copies_of_inputs
from knapprune.hardware.dsp import MultiplierTable
from knapprune.hardware.fitted import UNROLLED
from knapprune.network.digits import DIGITS_OF_A_PRODUCT, signed_bits, signed_digits
from knapprune.network.layers import Layer

Integers = npt.NDArray[np.int64]

#: The smallest number of three signed digits: 8 + 2 + 1 is 11, as is 8 + 4 - 1, and smaller ones have fewer.
NARROWEST_MULTIPLIED = 11
#: Look-up tables are priced in parts of one.
PARTS_OF_A_TABLE = 100


@dataclass(frozen=True)
class ValuePrices:
    """Prices of the values that weights of one layer may hold.

    Parameters
    ----------
    blocks
        Shape (bits + 1,): DSP blocks of a multiplier by a value of so many bits with its sign.
    signs_constants
        Whether a value above 0 is as wide as with a sign.
    copies
        Shape (inputs,): at how many pixels in parallel each input is multiplied.
    whole_copies
        Pixels in parallel.
    addition, multiplication, shifts
        Look-up tables, in parts, of a weight that is not zero; of its multiplier beside; of what stands in for one.
    digit
        The same of each signed digit; of adder graphs it is no more than a beginning, which their count corrects.
    multiplies
        The fewest signed digits of a value that has a multiplier.
    """

    blocks: Integers
    signs_constants: bool
    copies: Integers
    whole_copies: int
    addition: int
    multiplication: int
    shifts: int
    digit: int = 0
    multiplies: int = DIGITS_OF_A_PRODUCT

    @property
    def least_multiplier(self) -> int:
        """DSP blocks of the narrowest value that has a multiplier."""
        narrowest = int(signed_bits(np.array([NARROWEST_MULTIPLIED]))[0]) - (not self.signs_constants)
        return int(self.blocks[min(narrowest, len(self.blocks) - 1)])

    def multiplied(self, values: Integers) -> npt.NDArray[np.bool_]:
        """Say which values have a multiplier."""
        return signed_digits(values) >= self.multiplies

    def dsp(self, values: Integers, inputs: Integers) -> Integers:
        """DSP blocks of weights at some inputs, each with a multiplier of its own."""
        bits = signed_bits(values)
        if not self.signs_constants:
            bits = bits - (values > 0)
        return np.where(self.multiplied(values), self.blocks[bits] * self.copies[inputs], 0)


def value_prices(layer: Layer, table: MultiplierTable, width: int) -> ValuePrices:
    """Price the values of up to so many bits in a layer whose weights are constants."""
    blocks = [0, *(table.blocks(bits, layer.operand_bits) for bits in range(1, width + 2))]
    terms = {name: round(PARTS_OF_A_TABLE * each) for name, each in UNROLLED.lut.coefficients.items()}
    return ValuePrices(
        blocks=np.array(blocks, dtype=np.int64),
        signs_constants=table.signs_constants,
        copies=copies_of_inputs(layer),
        whole_copies=layer.copies,
        addition=terms["non-zero weight"],
        multiplication=terms["constant that is multiplied"],
        shifts=terms["bit of a weight that is shifted and added"] * layer.weight_bits,
    )


def adder_prices(layer: Layer) -> ValuePrices:
    """Price the values of a layer whose weights are adder graphs: about one adder, as wide as its data, a digit."""
    bits = layer.data_bits + ceil(log2(max(layer.n_in, 2)) / 2)
    return ValuePrices(
        blocks=np.zeros(64, dtype=np.int64),
        signs_constants=True,
        copies=copies_of_inputs(layer),
        whole_copies=layer.copies,
        addition=0,
        multiplication=0,
        shifts=0,
        digit=PARTS_OF_A_TABLE * bits,
        multiplies=64,
    )
