"""The nearest values of a grid to all multiples of its step, to be looked up on the device that trains."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from knapprune.network.digits import nearest, signed_digits

#: Bits of the widest type that is looked up in a table: 4 MB for each number of digits.


class GridTable(NamedTuple):
    """The nearest values to all multiples of a step.

    Parameters
    ----------
    step
        What is counted in.
    low, high
        The least and the largest multiple.
    values
        Vector, for each number of digits in turn those from the least to the largest, in steps; exact as floats.
    zeros
        Where in it the value nearest to 0 is for each weight, in the parameter's shape.
    """

    step: float
    low: int
    high: int
    values: Any
    zeros: Any


def grid_table(kind: Any, digits: Any) -> GridTable:
    """Look up what the buffers of a grid say."""
    exponent, low, high = kind.tolist()
    levels, rows = torch.unique(digits, return_inverse=True)
    values = np.stack([_nearest_of_all(low, high, level) for level in levels.tolist()])
    zeros = rows * values.shape[1] - low
    return GridTable(2.0**exponent, low, high, torch.tensor(values.ravel(), device=digits.device), zeros)


@lru_cache(maxsize=32)
def _nearest_of_all(low: int, high: int, digits: int) -> npt.NDArray[np.float32]:
    values = np.arange(low, high + 1)
    # The time to find them doubles with each digit, but then there are few that have more.
    far = signed_digits(values) > digits
    values[far] = nearest(values[far], digits, low, high)
    return values.astype(np.float32)
