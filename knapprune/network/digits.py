"""Signed digits of whole numbers: what a constant costs in logic, and how wide it is.

They are those of the canonical form (the non-adjacent form, with the fewest digits -1, 0 and 1): Reitwiesner, "Binary
arithmetic", Advances in Computers 1, 1960.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: The fewest signed digits for which HLS builds a multiplier.
DIGITS_OF_A_PRODUCT = 3

Integers = npt.NDArray[np.int64]


def signed_digits(numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """Count the non-zero digits of whole numbers in the form with the fewest, of digits -1, 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> signed_digits(np.array([0, 7, -12, 11])).tolist()  # 8 - 1, -16 + 4, 8 + 4 - 1
    [0, 2, 2, 3]
    """
    magnitude = np.abs(numbers, dtype=np.int64)
    # The digits of the non-adjacent form are where 3x and x differ.
    digits: npt.NDArray[np.uint8] = np.bitwise_count(3 * magnitude ^ magnitude)
    return digits


def signed_bits(numbers: Integers) -> Integers:
    """Count the bits that whole numbers need with a sign."""
    # A double holds these exactly enough: only its exponent is read, and weights have at most 53 bits.
    _, exponent = np.frexp(np.where(numbers < 0, ~numbers, numbers).astype(np.float64))
    return exponent.astype(np.int64) + 1


def nearest(numbers: Integers, digits: int, low: int, high: int, *, away: bool = False) -> Integers:
    """Find the nearest whole numbers of at most so many signed digits, within a type.

    The highest digit of the nearest number is the power of two below or above, for a number with a lower highest digit
    is at most that power and one with a higher at least; what is left over is a number of one digit less.

    Parameters
    ----------
    numbers
        Whole numbers of any shape, each within `low` and `high`.
    digits
        The most digits that may not be 0.
    low, high
        The least and the largest number of the type: ``-2**(bits - 1)`` and ``2**(bits - 1) - 1``, or 0 and
        ``2**bits - 1``.
    away
        Whether of two that are as near the one further from 0 is taken.

    Examples
    --------
    >>> import numpy as np
    >>> [nearest(np.array([11, -86, 127]), digits, -128, 127).tolist() for digits in (1, 2, 3)]
    [[8, -64, 64], [10, -80, 127], [11, -84, 127]]
    """
    values, back = np.unique(numbers, return_inverse=True)
    signs = np.where(values < 0, -1, 1)
    closest = signs * _nearest(np.abs(values), digits, away)
    # Only a power of two can be outside, one above the largest number: one digit reaches no other that is as near.
    outside = (closest < low) | (closest > high)
    closest[outside] //= 2
    return closest[back].reshape(np.shape(numbers))


def _nearest(magnitudes: Integers, digits: int, away: bool) -> Integers:
    """Leave numbers of few enough digits as they are, and find the nearest of the others."""
    if digits == 0:
        return np.zeros_like(magnitudes)
    more = signed_digits(magnitudes) > digits
    found = magnitudes.copy()
    if more.any():
        found[more] = _nearest_of_fewer(magnitudes[more], digits, away)
    return found


def _nearest_of_fewer(magnitudes: Integers, digits: int, away: bool) -> Integers:
    """Find the nearest of numbers above 0 that have more digits than asked for."""
    exponent = np.frexp(magnitudes.astype(np.float64))[1].astype(np.int64) - 1
    below = np.int64(1) << exponent
    below >>= below > magnitudes  # a double rounds a number of more than 53 bits up
    rest = magnitudes - below
    down, up = below + _nearest(rest, digits - 1, away), 2 * below - _nearest(below - rest, digits - 1, not away)
    closer = np.abs(magnitudes - up) - np.abs(magnitudes - down)
    return np.where((closer < 0) | ((closer == 0) & (up > down if away else up < down)), up, down)
