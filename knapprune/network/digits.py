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
