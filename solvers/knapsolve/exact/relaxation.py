"""Linear relaxation of a few-types problem without a full sort: a sample tells where to look, one pass tells the rest.

The dual of a random sample gives prices within a few parts in a hundred of the true ones. Items far from the
thresholds those prices set are in or out whatever the true prices are; the dual of the few in between, under what
capacity is left, is the dual of the whole, which is checked afterwards and the band widened where it was too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.dual import SLACK, minimise_dual
from knapsolve.exact.bands import split
from knapsolve.validation import read_only

SAMPLE = 2**15
"""Sample size, and the number of items up to which every item is taken."""
SPREAD = 4.0
"""Half-width of the first band, in standard deviations (1/sqrt(SAMPLE)) of a sampled rank."""


@dataclass(frozen=True, eq=False)
class Relaxation:
    """The linear relaxation's optimum, by type.

    Parameters
    ----------
    prices
        Dual prices, shape (m,).
    thresholds
        Price of one item of each type, shape (T,): an item is in where its value is above it.
    basis
        Basic columns, shape (m,): a type, or ``SLACK - i`` for the slack of resource i.
    selected
        Items above their threshold, bool, shape (n,).
    counts
        Number of selected items by type, shape (T,).
    band
        Indices of the items near their threshold, all others being further away than `radius`.
    radius
        Distance of value and threshold within which every item is in the band.
    """

    prices: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    basis: NDArray[np.int64]
    selected: NDArray[np.bool_]
    counts: NDArray[np.int64]
    band: NDArray[np.int64]
    radius: float


def relax(
    values: NDArray[Any],
    item_type: NDArray[Any],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    seed: int,
    spread: float = SPREAD,
) -> Relaxation:
    """Solve the linear relaxation.

    Parameters
    ----------
    values, item_type
        Items, shape (n,).
    type_weights
        Weights by type, shape (m, T).
    limits
        Capacities, shape (m,).
    seed
        Seed of the sample.
    spread
        Half-width of the band in standard deviations of a sampled rank; infinity takes every item.
    """
    n, types = len(values), type_weights.shape[1]
    everything = n <= SAMPLE or np.isinf(spread)
    while True:
        if everything:
            low, high = np.full(types, np.nextafter(0.0, 1.0)), np.full(types, np.inf)
        else:
            low, high = _sampled_band(values, item_type, type_weights, limits, seed, spread)
        relaxation = _relax_within(values, item_type, type_weights, limits, low, high)
        if relaxation is not None:
            return relaxation
        everything = spread > 100
        spread *= 4


def _sampled_band(
    values: NDArray[Any],
    item_type: NDArray[Any],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    seed: int,
    spread: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return thresholds (low, high), (T,) each, between which the true thresholds very likely lie."""
    chosen = np.random.default_rng(seed).integers(0, len(values), SAMPLE)
    value, kind = values[chosen].astype(np.float64), item_type[chosen]
    prices = minimise_dual(value, type_weights[:, kind], limits * (SAMPLE / len(values))).prices
    thresholds = prices @ type_weights
    low = np.full(len(thresholds), np.nextafter(0.0, 1.0))
    high = np.full(len(thresholds), np.inf)
    order = np.lexsort((value, kind))
    value, kind = value[order], kind[order]
    starts = np.searchsorted(kind, np.arange(len(thresholds) + 1))
    for t, threshold in enumerate(thresholds):
        mine = value[starts[t] : starts[t + 1]]
        reach = max(16, ceil(spread * len(mine) / sqrt(SAMPLE)))
        rank = int(np.searchsorted(mine, threshold))
        # The band lies around the threshold itself; ranks only tell how far apart values are there. A sampled rank
        # would be off by more than the threshold is.
        first, last = max(rank - 4 * reach, 0), min(rank + 4 * reach, len(mine)) - 1
        if last <= first:
            continue
        width = max((mine[last] - mine[first]) / (last - first) * reach, 1e-6 * abs(mine[-1]))
        low[t] = max(low[t], threshold - width)
        high[t] = threshold + width
    return low, high


def _relax_within(
    values: NDArray[Any],
    item_type: NDArray[Any],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> Relaxation | None:
    """Solve the relaxation of the items in doubt; None where the band turns out too narrow to decide the rest."""
    selected = np.empty(len(values), np.bool_)
    band, counts = split(values, item_type, low, high, selected)
    left = limits - type_weights @ counts
    if (left < 0).any():
        return None
    kind = item_type[band]
    dual = minimise_dual(values[band], type_weights[:, kind], left)
    thresholds = dual.prices @ type_weights
    # Items outside the band must stay on their side of the true thresholds, and stay there with room to spare.
    positive_low = np.where(low > np.nextafter(0.0, 1.0), low, -np.inf)
    radius = float(min((high - thresholds).min(initial=np.inf), (thresholds - positive_low).min(initial=np.inf)))
    if radius <= 0.0:
        return None
    inside = values[band] > thresholds[kind]
    selected[band] = inside
    counts += np.bincount(kind[inside], minlength=len(counts))
    basis = np.array([kind[b] if b >= 0 else b for b in dual.basis], np.int64).reshape(-1)
    return Relaxation(dual.prices, thresholds, basis, selected, counts, read_only(band), radius)


def basis_matrix(basis: NDArray[np.int64], type_weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return the basic columns, shape (m, m)."""
    m = len(basis)
    columns = [type_weights[:, b].astype(np.float64) if b >= 0 else np.eye(m)[SLACK - b] for b in basis]
    return np.column_stack(columns)
