"""From what can be pruned in a layer to items of a knapsack, and from selected items back to what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from knapprune.selection.budget import Cap
from knapprune.selection.candidates import Candidates
from knapsolve.nested.items import Items

if TYPE_CHECKING:
    from knapprune.selection.shared_words import RowOptions


@dataclass(frozen=True)
class LayerItems:
    """The items of one layer, and the labels that they stand for.

    Parameters
    ----------
    items
        The items; weights are what they use of each cap.
    alive
        Shape (labels,): the labels that the items are made of.
    options
        The options that the items are, where rows share memory words; None where an item is a label.
    """

    items: Items
    alive: npt.NDArray[np.bool_]
    options: RowOptions | None = None

    def kept(self, selected: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Say which labels selected items keep."""
        keep = np.zeros(len(self.alive), dtype=bool)
        count = int(self.alive.sum())
        keep[self.alive] = selected if self.options is None else self.options.rows_kept(selected, count)
        return keep


def items_of(group: Candidates, values: npt.NDArray[np.float64], caps: Sequence[Cap]) -> LayerItems:
    """Make a layer's items."""
    table = np.stack([group.cost_of_types(cap) for cap in caps])
    label_type = group.costs.label_type[group.alive]
    if group.words is None:
        return LayerItems(Items(values, label_type, table), group.alive)
    from knapprune.selection.shared_words import row_options

    row_costs = table[:, label_type[0]]
    options = row_options(values, group.words.of(np.flatnonzero(group.alive)), bool(row_costs.any()))
    word_costs = np.array([group.cost_of_words(cap) for cap in caps], dtype=np.int64)
    stride = int(options.cost.max(initial=0)) + 1
    kinds, item_type = np.unique(options.rows * stride + options.cost, return_inverse=True)
    weights = np.outer(row_costs, kinds // stride) + np.outer(word_costs, kinds % stride)
    # A chain of one option is an item like any other.
    several = np.bincount(options.chain, minlength=len(options.start))[options.chain] > 1
    choice = np.where(several, options.chain, -1)
    return LayerItems(Items(options.value, item_type.astype(np.int64), weights, choice), group.alive, options)
