"""The values that weights may hold while they train: those of their type, of at most so many signed digits each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from knapprune.network.digits import nearest, signed_digits

WIDEST = 20
"""Bits of the widest type that weights are kept on: all of its values are listed."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The values of one kernel's weights.

    Parameters
    ----------
    step
        What the last bit of the type stands for, a power of two.
    low, high
        The least and the largest value of the type, in multiples of that.
    digits
        The most signed digits of each weight, in the kernel's shape; 0 holds a weight at zero.
    """

    step: float
    low: int
    high: int
    digits: npt.NDArray[np.uint8]

    @property
    def width(self) -> int:
        """Bits of the type."""
        return (self.high - self.low).bit_length()

    def nearest(self, weights: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Bring weights, in the kernel's shape, to the nearest values that they may hold.

        Of two values that are as near to the nearest multiple of the step, the one nearer to zero is taken.
        """
        rounded = np.clip(np.rint(np.asarray(weights, np.float64) / self.step), self.low, self.high).astype(np.int64)
        values = rounded.copy()
        more = signed_digits(rounded) > self.digits
        for digits in np.unique(self.digits[more]):
            here = more & (self.digits == digits)
            values[here] = nearest(rounded[here], int(digits), self.low, self.high)
        return np.asarray(values * self.step, dtype=np.float64)


@lru_cache(maxsize=32)
def nearest_of_all(low: int, high: int, digits: int) -> npt.NDArray[np.float32]:
    """List the nearest value of at most so many digits to each whole number of a type, from `low` to `high`.

    To be looked up where weights train. Whole numbers of at most `WIDEST` bits are exact in 32-bit floats.
    """
    values = np.arange(low, high + 1)
    # The time to find them doubles with each digit, but then there are few that have more.
    more = signed_digits(values) > digits
    values[more] = nearest(values[more], digits, low, high)
    listed = values.astype(np.float32)
    listed.flags.writeable = False
    return listed
