"""The nearest values of a grid to all multiples of its step, to be looked up on the device that trains."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from knapprune.network.grid import nearest_of_all


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
    values = np.stack([nearest_of_all(low, high, level) for level in levels.tolist()])
    zeros = rows * values.shape[1] - low
    return GridTable(2.0**exponent, low, high, torch.tensor(values.ravel(), device=digits.device), zeros)
