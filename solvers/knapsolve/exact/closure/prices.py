"""Prices of the capacities that bound all closed selections best: cutting planes from priced closures.

Each closure, of value V and weights W, says that the bound at prices is at least ``V + prices @ (capacities - W)``. The
prices at which the largest of these is least are tried next (Kelley 1960), drawn back half way towards the best so
far where there are several (Wentges, "Weighted Dantzig-Wolfe decomposition for linear mixed-integer programming", ITOR
4, 1997). The least of that model is a knapsack's dual again, of closures instead of items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure.core import ROUNDING, Closures, Core
from knapsolve.exact.closure.flow import STOPPED
from knapsolve.relaxation.dual import minimise_dual

SLICE = 1_000_000
"""Arcs between two looks at the clock: some tens of milliseconds."""
CONVERGED = 1e-9
"""Relative distance of bound and model at which the prices are good."""


@dataclass(frozen=True, eq=False)
class Priced:
    """The best prices found.

    Parameters
    ----------
    prices
        Per unit of each scaled resource, shape (m,).
    bound
        The bound there, valid.
    excess
        What the closure's flow at these prices left to each item, shape (n,).
    inside
        The closure there, bool, shape (n,).
    steps
        Number of closures computed.
    """

    prices: NDArray[np.float64]
    bound: float
    excess: NDArray[np.float64]
    inside: NDArray[np.bool_]
    steps: int


def minimise(
    core: Core,
    start: NDArray[np.float64],
    most: int,
    out: Callable[[], bool],
    seen: Callable[[NDArray[np.bool_], NDArray[np.float64], float], bool],
) -> Priced:
    """Lower the bound over the prices.

    Parameters
    ----------
    core
        The items.
    start
        Prices to begin with, shape (m,).
    most
        Most closures to compute.
    out
        Whether time is up.
    seen
        Told of each closure (n,), the excess (n,) and the bound; returns whether to stop.
    """
    closures = Closures(core)
    total, weight = float(np.abs(core.worth).sum()), core.weight.sum(axis=0)
    weights, worths = [np.zeros(len(core.limits))], [0.0]
    prices, best = start, None
    for step in range(1, most + 1):
        status = closures.lower(prices.copy(), -np.inf, 1, SLICE)
        while status == STOPPED and not out():
            status = closures.lower(prices.copy(), -np.inf, 1, SLICE, fresh=False)
        complete = status != STOPPED
        margin = ROUNDING * (abs(core.base) + total + float(prices @ (weight + core.limits)))
        bound = core.base + closures.bound + margin
        inside = closures.flow.level < 0 if complete else np.zeros(len(core.worth), np.bool_)
        if best is None or bound < best.bound:
            best = Priced(prices, bound, closures.flow.excess.copy(), inside, step)
        if not complete or seen(inside, closures.flow.excess, bound) or out():
            break
        weights.append(closures.seen.used.copy())
        worths.append(closures.worth)
        # The last row says that the closures' shares are at most 1 in all; the empty one fills up.
        table = np.vstack((np.column_stack(weights), np.ones(len(weights))))
        dual = minimise_dual(np.array(worths), table, np.append(core.limits, 1.0)).prices
        least = core.base + float(dual[:-1] @ core.limits + dual[-1])
        if best.bound - least <= CONVERGED * (abs(best.bound) + float(np.abs(core.worth).max(initial=0.0))):
            break
        prices = dual[:-1] if len(start) == 1 else 0.5 * (dual[:-1] + best.prices)
    assert best is not None
    return best
