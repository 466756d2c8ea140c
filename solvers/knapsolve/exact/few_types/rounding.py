"""Rounding a few-types relaxation to a feasible selection: core runs by reduced cost, as many of each as fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.few_types.curves import Curve
from knapsolve.kernels.jit import njit


def rounded(
    core: list[Curve], counts: NDArray[np.int64], type_weights: NDArray[Any], limits: NDArray[Any]
) -> NDArray[np.int64] | None:
    """Return a feasible deviation from the relaxation's counts by type, or None.

    Parameters
    ----------
    core
        Curves of the core.
    counts
        The relaxation's counts by type, shape (T,).
    type_weights, limits
        Weights by type, shape (m, T), and capacities, shape (m,).
    """
    deviations = np.zeros(len(counts), np.int64)
    left = (limits - type_weights @ counts).astype(np.float64)
    if (left < 0).any():
        # The relaxation's counts do not fit: give up all of the core and begin again.
        for curve in core:
            deviations[curve.type] = curve.ends[0]
        left = (limits - type_weights @ (counts + deviations)).astype(np.float64)
        if (left < 0).any():
            return None
    if core:
        kinds = np.repeat([curve.type for curve in core], [len(curve.values) for curve in core])
        sizes = np.concatenate([np.diff(np.maximum(curve.ends, deviations[curve.type])) for curve in core])
        order = np.argsort(np.concatenate([curve.costs for curve in core]), kind="stable")
        order = order[sizes[order] > 0]
        fill_runs(type_weights.T.astype(np.float64), kinds[order], sizes[order], left, deviations)
    return deviations


@njit(cache=True, nogil=True)
def fill_runs(columns, kinds, sizes, left, deviations):  # type: ignore[no-untyped-def]
    """Take as many of each run in order as fit.

    Parameters: weights (T, m); types and sizes (r,); what is left of each capacity (m,) and the number taken by type
    (T,), both updated.
    """
    m = len(left)
    for r in range(len(kinds)):
        t = kinds[r]
        number = sizes[r]
        for i in range(m):
            weight = columns[t, i]
            if weight * number > left[i]:
                number = int(np.floor(left[i] / weight))
                # A quotient may be rounded up to a whole number.
                number -= weight * number > left[i]
        deviations[t] += number
        for i in range(m):
            left[i] -= number * columns[t, i]
