"""Linear relaxation of a few-types problem without a full sort: a sample tells where to look, one pass tells the rest.

The dual of a random sample gives prices within a few parts in a hundred of the true ones. Items far from the
thresholds those prices set are in or out whatever the true prices are; the dual of the few in between, under what
capacity is left, is the dual of the whole, which is checked afterwards and the band widened where it was too narrow.
The sample's own dual is found the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.few_types.bands import MOST_RUNS, settle, split, tally
from knapsolve.relaxation.dual import SLACK, minimise_runs_dual
from knapsolve.validation import read_only

SMALL = 2**12
"""Number of items up to which every item is taken."""
SPREAD = 3.5
"""Half-width of the first band, in standard deviations of the sampled thresholds."""
WIDEST = 1000.0
"""Half-width from which every item is taken."""
FEW_VALUES = 8
"""Items of one value from which they are counted, not listed."""


@dataclass(frozen=True, eq=False)
class Relaxation:
    """The linear relaxation's optimum, by type and by *run*: items of one type and value that nothing tells apart.

    Parameters
    ----------
    prices
        Dual prices, shape (m,).
    thresholds
        Price of one item of each type, shape (T,): an item is in where its value is above it.
    basis
        Basic columns, shape (m,): a type, or ``SLACK - i`` for the slack of resource i.
    counts
        Number of items taken, by type, shape (T,): all above the threshold, and the whole part of the basic run.
    values, kinds, sizes
        Value and type of an item of each run near its threshold, and how many there are, shape (r,).
    taken
        How many of each run are counted in `counts`, shape (r,).
    radius
        Distance of value and threshold within which every item belongs to a run.
    band, selected
        Where runs are single items, those items and whether each item outside them is in, shapes (r,) and (n,).
        Otherwise None.
    """

    prices: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    basis: NDArray[np.int64]
    counts: NDArray[np.int64]
    values: NDArray[np.float64]
    kinds: NDArray[np.int64]
    sizes: NDArray[np.int64]
    taken: NDArray[np.int64]
    radius: float
    band: NDArray[np.int64] | None
    selected: NDArray[np.bool_] | None

    def select(
        self, values: NDArray[Any], item_type: NDArray[Any], cut: NDArray[np.float64], quota: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return the selection, bool (n,), of items above their type's cut and of the first `quota` of those on it."""
        if self.band is None or self.selected is None:
            selected = np.empty(len(values), np.bool_)
            settle(values, item_type, cut, quota.copy(), selected)
            return selected
        inside = np.empty(len(self.band), np.bool_)
        settle(self.values, self.kinds, cut, quota.copy(), inside)
        selected = self.selected.copy()
        selected[self.band] = inside
        return selected


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
        Half-width of the band in standard deviations of the sampled thresholds; infinity takes every item.
    """
    n, types = len(values), type_weights.shape[1]
    size = max(ceil((2 * n) ** (2 / 3)), SMALL // 2, 32 * types)
    random = np.random.default_rng(seed)
    while True:
        low, high = np.full(types, np.nextafter(0.0, 1.0)), np.full(types, np.inf)
        guess = counted = None
        if n > SMALL:
            chosen = random.integers(0, n, min(size, n))
            value, kind = read_only(values[chosen]), read_only(item_type[chosen])
            distinct = len(np.unique(value))
            if FEW_VALUES * distinct <= min(len(value), n / types) and 2 * distinct * types <= MOST_RUNS:
                # Few values in all: count them all, and the band cannot be too narrow.
                counted = tally(values, item_type, low, high)
            if counted is None and size <= n // 2 and spread < WIDEST:
                guess = relax(value, kind, type_weights, limits * (len(value) / n), seed + 1)
                low, high, tied = _sampled_band(value, kind, guess, type_weights, spread)
                counted = tally(values, item_type, low, high) if tied else None
        doubt = _Doubt(low, high, counted, guess)
        relaxation = _relax_within(values, item_type, type_weights, limits, doubt, seed)
        if relaxation is not None:
            return relaxation
        spread *= 4


def _sampled_band(
    value: NDArray[Any], kind: NDArray[Any], guess: Relaxation, type_weights: NDArray[Any], spread: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Return thresholds (low, high), (T,) each, between which the true ones very likely lie, and whether values tie.

    The prices at which a sample fills the capacities have the covariance H^-1 C H^-1: C is that of the sample's usage,
    H its derivative, the sum over types of the density of values at the threshold times w w'.
    """
    thresholds = guess.thresholds
    types = len(thresholds)
    distance = np.abs(value - thresholds[kind])
    order = np.argsort(distance)
    order = order[np.argsort(kind[order], kind="stable")]  # up to 16 bits NumPy's stable sort counts
    distance, kind = distance[order], kind[order]
    sizes = np.bincount(kind, minlength=types)
    starts = np.cumsum(sizes) - sizes
    rank = np.maximum(2 * sizes / sqrt(len(value)), 8).astype(np.int64)
    seen = rank < sizes
    here, last = starts[seen], (starts + sizes)[seen] - 1
    least = 1e-6 * np.maximum(distance[last], np.abs(thresholds[seen]))
    within = np.maximum(distance[here + rank[seen]], least)
    density = rank[seen] / (2 * within)
    columns = type_weights.astype(np.float64)
    columns = columns[:, seen][guess.prices > 0]
    usage = guess.counts[seen] * columns
    derivative = np.linalg.pinv((density * columns) @ columns.T, hermitian=True)
    total = usage.sum(axis=1)
    covariance = derivative @ (usage @ columns.T - np.outer(total, total) / len(value)) @ derivative
    deviation = np.sqrt(np.maximum((columns * (covariance @ columns)).sum(axis=0), 0.0))
    width = np.full(types, np.inf)
    # A few items more, since prices of a finite sample move in steps.
    width[seen] = np.maximum(spread * (deviation + 0.5 / density), least)
    near = distance <= width[kind]
    fresh = np.concatenate(([True], (distance[1:] != distance[:-1]) | (kind[1:] != kind[:-1])))
    low, high = np.maximum(thresholds - width, np.nextafter(0.0, 1.0)), thresholds + width
    return low, high, bool(np.count_nonzero(fresh & near) * FEW_VALUES <= np.count_nonzero(near))


@dataclass(frozen=True, eq=False)
class _Doubt:
    """What a sample says of the items in doubt.

    Parameters
    ----------
    low, high
        Thresholds between which the true ones very likely lie, shape (T,) each.
    counted
        Runs of these items, and how many of each type are above them, see `tally`; None to take each by itself.
    guess
        The sample's relaxation, or None.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    counted: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None
    guess: Relaxation | None


def _relax_within(
    values: NDArray[Any],
    item_type: NDArray[Any],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    doubt: _Doubt,
    seed: int,
) -> Relaxation | None:
    """Solve the relaxation of the items in doubt; None where the band turns out too narrow to decide the rest."""
    low, high, counted, guess = doubt.low, doubt.high, doubt.counted, doubt.guess
    band = selected = None
    if counted is None:
        selected = np.empty(len(values), np.bool_)
        band, counts = split(values, item_type, low, high, selected)
        first, sizes = band, np.ones(len(band), np.int64)
    else:
        first, sizes, counts = counted
    left = limits - type_weights @ counts
    if (left < 0).any():
        return None
    value, kind = values[first].astype(np.float64), item_type[first].astype(np.int64)
    if counted is None and SMALL < len(first) <= len(values) // 2:
        # The band is a problem of the same kind, and a far smaller band within it decides it.
        guess = relax(read_only(values[first]), read_only(item_type[first]), type_weights, left, seed)
    within = Near(value, kind, sizes, counts, left, low, high)
    return relax_near(within, type_weights, guess, band, selected)


@dataclass(frozen=True, eq=False)
class Near:
    """Runs near their thresholds, and what is decided of all others.

    Parameters
    ----------
    values, kinds, sizes
        The runs, shape (r,).
    counts
        Number of items above them that are in, by type, shape (T,).
    left
        Capacities that these leave, shape (m,).
    low, high
        Values that no item below, or above, the runs of a type passes, shape (T,).
    """

    values: NDArray[np.float64]
    kinds: NDArray[np.int64]
    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]
    left: NDArray[Any]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def relax_near(
    near: Near,
    type_weights: NDArray[Any],
    guess: Relaxation | None,
    band: NDArray[np.int64] | None = None,
    selected: NDArray[np.bool_] | None = None,
) -> Relaxation | None:
    """Solve the relaxation of a few runs; None where thresholds end beyond them.

    Parameters
    ----------
    near
        The runs.
    type_weights
        Weights by type, shape (m, T).
    guess
        A relaxation whose basis is one to begin with, or None.
    band, selected
        As in `Relaxation`.
    """
    value, kind, sizes = near.values, near.kinds, near.sizes
    start = None if guess is None else _nearest(guess, value, kind)
    dual = minimise_runs_dual(value, kind, sizes, type_weights, near.left, start)
    thresholds = dual.prices @ type_weights
    # A run at its threshold costs nothing, however long it is: rounding must not make it cost anything.
    tied = np.flatnonzero(np.abs(value - thresholds[kind]) <= 1e-12 * value)
    thresholds[kind[tied]] = value[tied]
    # Items outside the band must stay on their side of the true thresholds, and stay there with room to spare.
    positive_low = np.where(near.low > np.nextafter(0.0, 1.0), near.low, -np.inf)
    radius = float(min((near.high - thresholds).min(initial=np.inf), (thresholds - positive_low).min(initial=np.inf)))
    if radius <= 0.0:
        return None
    basis = np.array([kind[b] if b >= 0 else b for b in dual.basis], np.int64)
    taken = np.where(value > thresholds[kind], sizes, 0)
    tied = tied[value[tied] == thresholds[kind[tied]]]
    taken[tied] = sizes[tied] * dual.at_one[tied]
    amounts = _amounts(basis, type_weights, near.left - type_weights @ np.bincount(kind, taken, len(thresholds)))
    for b, amount in zip(dual.basis, amounts, strict=True):
        if b in tied:
            taken[b] = min(max(int(amount + 1e-9), 0), sizes[b])
    counts = near.counts + np.bincount(kind, taken, len(thresholds)).astype(np.int64)
    return Relaxation(
        dual.prices, thresholds, basis, counts, read_only(value), read_only(kind), sizes, taken, radius, band, selected
    )


def _nearest(guess: Relaxation, value: NDArray[np.float64], kind: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the guessed basis with the runs of its types nearest to its thresholds; None where a type has none."""
    start = guess.basis.copy()
    for p in np.flatnonzero(start >= 0):
        mine = np.flatnonzero(kind == start[p])
        if not len(mine):
            return None
        start[p] = mine[np.argmin(np.abs(value[mine] - guess.thresholds[start[p]]))]
    return start


def _amounts(basis: NDArray[np.int64], type_weights: NDArray[Any], left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of each basic column fills what is left, shape (m,)."""
    try:
        return np.asarray(np.linalg.solve(basis_matrix(basis, type_weights), left), np.float64)
    except np.linalg.LinAlgError:
        return np.zeros(len(left))  # counts to start from, nothing more


def basis_matrix(basis: NDArray[np.int64], type_weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return the basic columns, shape (m, m)."""
    m = len(basis)
    columns = [type_weights[:, b].astype(np.float64) if b >= 0 else np.eye(m)[SLACK - b] for b in basis]
    return np.column_stack(columns)
