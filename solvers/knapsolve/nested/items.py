"""Items of an option, and those of several options in one knapsack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.problem import Knapsack


@dataclass(frozen=True, eq=False)
class Items:
    """Items that come by types.

    Parameters
    ----------
    values
        Value of each item, shape (n,).
    item_type
        Type of each item, shape (n,), integers in 0..T-1.
    type_weights
        Weight of one item of each type on each resource, shape (m, T).
    choice
        Label of each item, shape (n,): at most one item of each label >= 0 is taken; items labelled -1 are free. None
        where all are.
    """

    values: NDArray[np.float64]
    item_type: NDArray[Any]
    type_weights: NDArray[np.int64]
    choice: NDArray[np.int64] | None = None

    def only(self, which: NDArray[np.bool_]) -> Items:
        """Leave items out."""
        choice = None if self.choice is None else self.choice[which]
        return Items(self.values[which], self.item_type[which], self.type_weights, choice)


def joined(items: Sequence[Items], m: int) -> Items:
    """Put items side by side, under m resources; labels of the one have nothing to do with those of the other."""
    types, labels = 0, 0
    item_types, choices = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for own in items:
        item_types.append(own.item_type + types)
        types += own.type_weights.shape[1]
        choice = np.full(len(own.values), -1) if own.choice is None else own.choice
        choices.append(np.where(choice >= 0, choice + labels, -1))
        labels += int(choice.max(initial=-1)) + 1
    return Items(
        np.concatenate([np.zeros(0), *(own.values for own in items)]),
        np.concatenate(item_types),
        np.concatenate([np.zeros((m, 0), dtype=np.int64), *(own.type_weights for own in items)], axis=1),
        np.concatenate(choices) if labels else None,
    )


def knapsack(items: Sequence[Items], capacities: Sequence[int]) -> Knapsack:
    """Put items side by side into one knapsack."""
    all_of = joined(items, len(capacities))
    return Knapsack.from_types(
        all_of.values, all_of.item_type, all_of.type_weights, list(capacities), choices=all_of.choice
    )


def split(selected: NDArray[np.bool_], items: Sequence[Items]) -> list[NDArray[np.bool_]]:
    """Split a selection of items side by side into one of each."""
    ends = np.cumsum([len(own.values) for own in items])
    return np.split(selected, ends[:-1]) if len(ends) else []
