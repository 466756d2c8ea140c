"""Whose label a multiplier or a piece of memory is: one label's own, or shared by several."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from knapprune.network.layers import Layer

Labels = npt.NDArray[np.signedinteger]


def of_one_label(
    labels: Labels, owner: npt.NDArray[np.signedinteger], blocks: npt.NDArray[np.int64], label_count: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Sum the blocks of multipliers whose weights all have one label, by label, and those of the others."""
    used = owner >= 0
    own, of_weight = owner[used], labels[used]
    label = np.empty(len(blocks), dtype=np.int64)
    label[own] = of_weight
    shared = np.zeros(len(blocks), dtype=bool)
    shared[own[label[own] != of_weight]] = True
    return _sums(label[~shared], blocks[~shared], label_count), int(blocks[shared].sum())


def label_range_of_rows(layer: Layer, labels: Labels, alive: npt.NDArray[np.bool_]) -> tuple[Labels, Labels]:
    """Lowest and highest label among the non-zero weights of each row, shape (rows,)."""
    rows = layer.flat(np.where(alive, labels, labels.dtype.type(-1))).reshape(-1, layer.reuse_factor)
    none = labels.dtype.type(_no_label(labels))
    return np.where(rows < 0, none, rows).min(axis=1), rows.max(axis=1)


def label_range_of_pieces(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64], lowest: Labels, highest: Labels
) -> tuple[Labels, Labels]:
    """Lowest and highest label among the non-zero weights of the rows with a bit in each piece, shape (pieces,)."""
    # reduceat works on [start, stop) pairs; every second result is the gap between two pieces. The pad allows a stop
    # behind the last row.
    bounds = np.stack([first, last + 1], axis=1).ravel()
    low = np.minimum.reduceat(np.pad(lowest, (0, 1), constant_values=_no_label(lowest)), bounds)[::2]
    high = np.maximum.reduceat(np.pad(highest, (0, 1), constant_values=-1), bounds)[::2]
    return low, high


def count_by_owner(
    lowest: Labels, highest: Labels, label_count: int, cost: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], int]:
    """Add up what one label owns, by label, and what several share; units without a label cost nothing."""
    owned = lowest == highest
    return _sums(lowest[owned], cost[owned], label_count), int(cost[(highest >= 0) & ~owned].sum())


def distinct_columns(own: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Reduce the columns to the distinct ones and say which one each was."""
    # One integer a column sorts far faster than np.unique(axis=1) does.
    key = own[0] * (int(own[1].max(initial=0)) + 1) + own[1]
    _, index, label_type = np.unique(key, return_index=True, return_inverse=True)
    return own[:, index], label_type.astype(np.int64, copy=False)


def _sums(of: Labels, blocks: npt.NDArray[np.int64], label_count: int) -> npt.NDArray[np.int64]:
    """Sum blocks by label; a double holds such counts exactly."""
    return np.bincount(of, weights=blocks, minlength=label_count).astype(np.int64)


def _no_label(labels: Labels) -> int:
    """Return what stands for "no non-zero weight here" in a running minimum of labels."""
    return int(np.iinfo(labels.dtype).max)
