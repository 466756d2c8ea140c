"""From what can be pruned in a layer to items of a knapsack, and from selected items back to what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from knapprune.selection.budget import Cap
from knapprune.selection.candidates import Candidates

if TYPE_CHECKING:
    from knapprune.selection.shared_words import RowOptions
    from knapsolve import Knapsack


@dataclass(frozen=True)
class Items:
    """The items of one layer.

    Parameters
    ----------
    values
        Shape (items,).
    item_type
        Shape (items,): index of each item's costs.
    type_weights
        Shape (caps, types).
    choice
        Shape (items,): at most one item of each number from 0 can be selected; -1 is free. None where all are free.
    alive
        Shape (labels,): the labels that the items are made of.
    options
        The options that the items are, where rows share memory words; None where an item is a label.
    """

    values: npt.NDArray[np.float64]
    item_type: npt.NDArray[np.int64]
    type_weights: npt.NDArray[np.int64]
    choice: npt.NDArray[np.int64] | None
    alive: npt.NDArray[np.bool_]
    options: RowOptions | None = None

    def only(self, which: npt.NDArray[np.bool_]) -> Items:
        """Leave items out."""
        choice = None if self.choice is None else self.choice[which]
        return Items(self.values[which], self.item_type[which], self.type_weights, choice, self.alive)

    def kept(self, selected: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Say which labels selected items keep."""
        keep = np.zeros(len(self.alive), dtype=bool)
        count = int(self.alive.sum())
        keep[self.alive] = selected if self.options is None else self.options.rows_kept(selected, count)
        return keep


def items_of(group: Candidates, values: npt.NDArray[np.float64], caps: Sequence[Cap]) -> Items:
    """Make a layer's items."""
    table = np.stack([group.cost_of_types(cap) for cap in caps])
    label_type = group.costs.label_type[group.alive]
    if group.words is None:
        return Items(values, label_type, table, None, group.alive)
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
    return Items(options.value, item_type.astype(np.int64), weights, choice, group.alive, options)


def knapsack(items: Sequence[Items], capacities: Sequence[int]) -> Knapsack:
    """Put the items of several layers into one knapsack."""
    from knapsolve import Knapsack

    types, classes = 0, 0
    item_types, choices = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for own in items:
        item_types.append(own.item_type + types)
        types += own.type_weights.shape[1]
        choice = np.full(len(own.values), -1) if own.choice is None else own.choice
        choices.append(np.where(choice >= 0, choice + classes, -1))
        classes += int(choice.max(initial=-1)) + 1
    return Knapsack.from_types(
        np.concatenate([np.zeros(0), *(own.values for own in items)]),
        np.concatenate(item_types),
        np.concatenate([np.zeros((len(capacities), 0), dtype=np.int64), *(own.type_weights for own in items)], axis=1),
        list(capacities),
        choices=np.concatenate(choices) if classes else None,
    )


def split(selected: npt.NDArray[np.bool_], items: Sequence[Items]) -> list[npt.NDArray[np.bool_]]:
    """Split a selection by layer."""
    ends = np.cumsum([len(own.values) for own in items])
    return np.split(selected, ends[:-1]) if len(ends) else []
