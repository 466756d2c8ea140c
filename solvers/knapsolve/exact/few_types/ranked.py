"""Items ranked within their types as far as they are looked at, once for all capacities.

One pass deals the items into cells by type and by the leading bits of their values. A relaxation looks at the cells
first, each as one run of equal items. That gives the thresholds up to a cell; the dual of the items around them, under
what those above leave, is the dual of all, which is checked. Cells are sorted when a threshold first comes near.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.few_types.relaxation import Near, Relaxation, relax_near
from knapsolve.kernels.jit import njit
from knapsolve.kernels.parallel import each, slices

CELLS = 2**13
"""Number of cells of many items."""
LEAST_CELLS = 4
"""Cells of a type, however many types there are."""
FEW_ITEMS = 2**10
"""Number of items up to which a type is one cell."""
MEAN_ITEMS = 64
"""Items of a cell on average, at least."""
SAMPLE = 2**12
OUTLIERS = 1e-3
"""Share of a sample, at either end, that shares the cells of what is next to it."""
REACH = 1
"""Cells on either side of a threshold's own that are looked at first."""
WIDER = 8
"""By how much a band that was too narrow is widened."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """The items that are worth anything, by type, and within a type by cell, the most valuable ones first.

    Parameters
    ----------
    values
        Their values, shape (r,); within a cell in no order until it is in `sorted`.
    starts
        Where each cell begins, and where the last one ends, shape (T * cells + 1,).
    cells
        Number of cells of a type.
    base, shift
        The cell of a value, counted from the least, is its bits without the last `shift`, less `base`.
    sorted
        Bool, shape (T * cells,), written: the cells whose values are in order.
    """

    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    cells: int
    base: int
    shift: int
    sorted: NDArray[np.bool_]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of items of each type, shape (T,)."""
        return np.diff(self.starts[:: self.cells])

    @cached_property
    def coarse(self) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Value of an item of each cell that has any, the cell's type and how many there are, shape (c,) each."""
        sizes = np.diff(self.starts)
        cells = np.flatnonzero(sizes)
        return self.values[self.starts[cells] + sizes[cells] // 2], cells // self.cells, sizes[cells]

    @property
    def types(self) -> int:
        """Number of types."""
        return len(self.sorted) // self.cells

    def place(self, thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return in which of its type's cells an item at the type's threshold would be, 0 the best, shape (T,)."""
        bits = np.maximum(thresholds, 0.0).view(np.int64) >> self.shift
        cells: NDArray[np.int64] = self.cells - 1 - np.clip(bits - self.base, 0, self.cells - 1)
        return cells

    def floor(self, cell: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the least value of a type's cells, 0 the best: all in them are at least that, all behind them less."""
        return ((self.base + self.cells - 1 - cell) << self.shift).view(np.float64)

    def runs(
        self, first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the runs of the cells from `first` to before `last` of each type, (T,) each.

        Returns
        -------
        values, kinds, sizes
            Value and type of an item of each run, most valuable first, and how many there are, shape (r,).
        """
        for cell in spread(first, last)[0]:
            self.sort(cell)
        places, kinds = spread(self.starts[first], self.starts[last])
        values = self.values[places]
        fresh = np.ones(len(values), np.bool_)
        fresh[1:] = (values[1:] != values[:-1]) | (kinds[1:] != kinds[:-1])
        heads = np.flatnonzero(fresh)
        return values[heads], kinds[heads], np.diff(np.append(heads, len(values)))

    def sort(self, cell: int) -> None:
        """Put the values of a cell in order, unless they are."""
        if not self.sorted[cell]:
            own = self.values[self.starts[cell] : self.starts[cell + 1]]
            own[::-1].sort()
            self.sorted[cell] = True

    def cuts(self, counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the value of the last item taken of each type, and how many of that value are, (T,) each.

        Parameters
        ----------
        counts
            Number of items taken of each type, shape (T,).
        """
        cut, quota = np.full(len(counts), np.inf), np.zeros(len(counts), np.int64)
        for t in np.flatnonzero(counts):
            taken = self.starts[t * self.cells] + counts[t]
            cell = int(np.searchsorted(self.starts, taken)) - 1
            self.sort(cell)
            own = self.values[self.starts[cell] : taken]
            cut[t] = own[-1]
            quota[t] = np.count_nonzero(own == cut[t])
        return cut, quota

    def totals(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the value of the best items of each type, for many answers at once.

        Sums go from one count to the next, so that little more is rounded than in the sum of one selection.

        Parameters
        ----------
        counts
            Number of items taken by answer and type, shape (k, T).
        """
        total = np.zeros(len(counts))
        for t in range(self.types):
            start = self.starts[t * self.cells]
            stops, which = np.unique(np.append(counts[:, t], 0), return_inverse=True)
            for stop in stops[1:]:
                self.sort(int(np.searchsorted(self.starts, start + stop)) - 1)
            parts = [self.values[start + one : start + other].sum() for one, other in pairwise(stops)]
            total += np.concatenate(([0.0], np.cumsum(parts)))[which[:-1]]
        return total


def spread(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all numbers from `first` to before `last`, pair by pair, and the number of the pair that each is of."""
    lengths = last - first
    pairs = np.repeat(np.arange(len(first)), lengths)
    return first[pairs] + np.arange(len(pairs)) - np.repeat(np.cumsum(lengths) - lengths, lengths), pairs


def ranked(values: NDArray[Any], item_type: NDArray[Any], types: int) -> Ranked:
    """Deal items into cells.

    Parameters
    ----------
    values, item_type
        Items, shape (n,).
    types
        Number of types.
    """
    floats = np.ascontiguousarray(values, np.float64)
    cells = 1 if len(values) <= FEW_ITEMS else max(min(CELLS, len(values) // MEAN_ITEMS) // types, LEAST_CELLS)
    base, shift = _scale(floats, cells)
    bits, bounds = floats.view(np.int64), slices(len(floats))

    def count(start: int, stop: int) -> NDArray[np.int64]:
        found = np.zeros(types * cells, np.int64)
        count_slice(bits[start:stop], item_type[start:stop], base, shift, cells, found)
        return found

    found = np.array([*each(count, bounds), np.zeros(types * cells, np.int64)])
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(found.sum(axis=0))))
    # Where the items of each slice go: behind those of the slices before it.
    at = starts[:-1] + np.cumsum(found, axis=0) - found
    dealt = np.empty(starts[-1], np.float64)

    def deal(start: int, stop: int) -> None:
        own = at[bounds.index((start, stop))]
        deal_slice(floats[start:stop], bits[start:stop], item_type[start:stop], base, shift, cells, own, dealt)

    each(deal, bounds)
    return Ranked(dealt, starts, cells, base, shift, np.diff(starts) < 2)


def _scale(values: NDArray[np.float64], cells: int) -> tuple[int, int]:
    """Return `Ranked.base` and `Ranked.shift` under which cells go from the least of the values to the largest."""
    sample = values[np.linspace(0, len(values) - 1, min(len(values), SAMPLE)).astype(np.int64)]
    sample = np.sort(sample[sample > 0])
    if not len(sample):
        return 0, 62
    out = int(len(sample) * OUTLIERS)
    least, most = (int(bits) for bits in sample[[out, len(sample) - 1 - out]].view(np.int64))
    shift = 0
    while (most >> shift) - (least >> shift) >= cells:
        shift += 1
    return least >> shift, shift


@njit(cache=True, nogil=True)
def count_slice(bits, item_type, base, shift, cells, found):  # type: ignore[no-untyped-def]
    """Count the items of positive value by type and cell.

    Parameters: bits of the values and types (n,); base, shift and cells as in `Ranked`; found (T * cells,), written.
    """
    for j in range(len(bits)):
        if bits[j] > 0:
            cell = min(max((bits[j] >> shift) - base, 0), cells - 1)
            found[int(item_type[j]) * cells + cells - 1 - cell] += 1


@njit(cache=True, nogil=True)
def deal_slice(values, bits, item_type, base, shift, cells, at, dealt):  # type: ignore[no-untyped-def]
    """Put the values of positive items where their cells go on.

    Parameters: values, their bits and types (n,); base, shift and cells as in `Ranked`; at (T * cells,), where the
    next item of each cell goes, and dealt (r,), both written.
    """
    for j in range(len(bits)):
        if bits[j] > 0:
            cell = min(max((bits[j] >> shift) - base, 0), cells - 1)
            own = int(item_type[j]) * cells + cells - 1 - cell
            dealt[at[own]] = values[j]
            at[own] += 1


def relax_ranked(
    items: Ranked,
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    near: Relaxation | None = None,
    *,
    fits: NDArray[np.bool_] | None = None,
    reach: int = REACH,
) -> Relaxation:
    """Solve the linear relaxation under some capacities.

    Parameters
    ----------
    items
        The items.
    type_weights
        Weights by type, shape (m, T).
    limits
        Capacities, shape (m,).
    near
        The relaxation under other capacities, to begin with its prices, or None.
    fits
        The types to take items of, shape (T,), or None for all.
    reach
        Cells on either side of a threshold's own that are looked at first.
    """
    some = np.ones(items.types, np.bool_) if fits is None else fits
    starts = np.arange(items.types) * items.cells
    ends = np.where(some, starts + items.cells, starts)
    if items.cells > 1:
        near = _coarse(items, some, type_weights, limits, near)
    while True:
        at = starts + (0 if near is None else items.place(near.thresholds))
        first, last = np.clip(at - reach, starts, ends), np.clip(at + reach + 1, starts, ends)
        found = _banded(items, first, last, (starts, ends), type_weights, limits, near)
        if found is not None:
            return found
        reach *= WIDER


def _coarse(
    items: Ranked,
    fits: NDArray[np.bool_],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    near: Relaxation | None,
) -> Relaxation:
    """Solve the relaxation of the types that fit as if all items of a cell were worth what one of them is."""
    values, kinds, sizes = items.coarse
    if not fits.all():
        some = fits[kinds]
        values, kinds, sizes = values[some], kinds[some], sizes[some]
    none, far = np.zeros(items.types, np.int64), np.full(items.types, np.inf)
    found = relax_near(Near(values, kinds, sizes, none, limits, -far, far), type_weights, near)
    assert found is not None  # nothing is beyond all cells
    return found


def _banded(
    items: Ranked,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    whole: tuple[NDArray[np.int64], NDArray[np.int64]],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    near: Relaxation | None,
) -> Relaxation | None:
    """Solve the relaxation of the cells of each type from `first` to before `last`; None where that is too narrow."""
    starts, ends = whole
    counts = items.starts[first] - items.starts[starts]
    left = limits - type_weights @ counts
    if (left < 0).any():
        return None
    values, kinds, sizes = items.runs(first, last)
    low = np.where(last < ends, items.floor(last - 1 - starts), -np.inf)
    high = np.where(first > starts, items.floor(first - 1 - starts), np.inf)
    return relax_near(Near(values, kinds, sizes, counts, left, low, high), type_weights, near)
