"""The nested knapsack: groups of options, items within the options, capacities that all share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knapsolve import validation
from knapsolve.nested.items import Items


@dataclass(frozen=True, eq=False)
class Option:
    """One option of a group.

    Parameters
    ----------
    value
        What it is worth without any of its items.
    fixed
        What it uses of each resource without any of its items, whole numbers, shape (m,).
    items
        What else can be taken with it; None for nothing.
    """

    value: float
    fixed: NDArray[np.int64]
    items: Items | None = None


@dataclass(frozen=True, eq=False, init=False, repr=False)
class NestedKnapsack:
    """Take one option of each group, and items of the options taken, for the most value within the capacities.

    Parameters
    ----------
    groups
        Options of each group, at least one each. Values are taken as floats; weights are whole numbers, not negative.
        Items of one choice stand side by side.
    capacities
        Capacity of each resource, whole numbers, shape (m,).

    Raises
    ------
    TypeError
        If an option is none, or an array does not hold numbers of the kind it should.
    ValueError
        If there is no group, one has no option, a shape does not match, an entry is NaN, infinite or (for weights and
        capacities) negative, a sum would overflow, or items of one choice do not stand side by side. The message names
        the option.

    Examples
    --------
    >>> import numpy as np
    >>> items = Items(np.array([5.0, 3.0]), np.array([0, 0]), np.array([[2]]))
    >>> problem = NestedKnapsack([[Option(4, [3]), Option(0, [1], items)], [Option(1, [0])]], [5])
    >>> len(problem.groups), problem.m
    (2, 1)
    """

    groups: tuple[tuple[Option, ...], ...]
    capacities: NDArray[np.int64]

    def __init__(self, groups: Sequence[Sequence[Option]], capacities: ArrayLike) -> None:
        limits = validation.numbers("capacities", capacities, dimensions=1, minimum=0)
        limits = validation.integers("capacities", limits, length=len(limits), low=0)
        validation.no_overflow("capacities", limits, 1)
        if not len(limits):
            raise ValueError("capacities must hold at least one; got none")
        own = tuple(
            tuple(_checked(f"groups[{g}][{o}]", option, len(limits)) for o, option in enumerate(options))
            for g, options in enumerate(groups)
        )
        if not own or not all(own):
            raise ValueError(f"groups must have at least one option each; got {list(map(len, own))}")
        _check_sums(own)
        object.__setattr__(self, "groups", own)
        object.__setattr__(self, "capacities", limits)

    @property
    def m(self) -> int:
        """Number of resources."""
        return len(self.capacities)

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """All options, group after group."""
        return tuple(option for options in self.groups for option in options)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """First option of each group, and the number of options, shape (G + 1,)."""
        return np.cumsum([0, *map(len, self.groups)], dtype=np.int64)

    @cached_property
    def group(self) -> NDArray[np.int64]:
        """Group of each option, shape (N,), ascending."""
        return np.repeat(np.arange(len(self.groups)), np.diff(self.start))

    def __repr__(self) -> str:
        return f"NestedKnapsack(groups={len(self.groups)}, options={len(self.options)}, m={self.m})"


def _checked(name: str, option: Option, m: int) -> Option:
    """Check an option, and return it with arrays that cannot be written."""
    if not isinstance(option, Option):
        raise TypeError(f"{name} must be an Option; got {type(option).__name__}")
    value = validation.numbers(f"{name}.value", option.value, dimensions=0)
    fixed = validation.integers(f"{name}.fixed", option.fixed, length=m, low=0)
    items = None if option.items is None else _checked_items(f"{name}.items", option.items, m)
    return Option(float(value), validation.read_only(fixed.astype(np.int64)), items)


def _checked_items(name: str, items: Items, m: int) -> Items:
    if not isinstance(items, Items):
        raise TypeError(f"{name} must be Items or None; got {type(items).__name__}")
    values = validation.numbers(f"{name}.values", items.values, dimensions=1)
    table = validation.numbers(f"{name}.type_weights", items.type_weights, dimensions=2, minimum=0)
    validation.shape(f"{name}.type_weights", table, (m, None), "(m, T)")
    if table.size and table.dtype != np.int64:
        raise TypeError(f"{name}.type_weights must hold whole numbers; got dtype {table.dtype}")
    n = len(values)
    return Items(
        validation.read_only(values.astype(np.float64, copy=False)),
        validation.integers(f"{name}.item_type", items.item_type, length=n, low=0, high=table.shape[1]),
        validation.read_only(table.astype(np.int64, copy=False)),
        None if items.choice is None else _checked_choice(f"{name}.choice", items.choice, n),
    )


def _checked_choice(name: str, choice: ArrayLike, n: int) -> NDArray[np.int64]:
    labels = validation.integers(name, choice, length=n, low=-1).astype(np.int64, copy=False)
    begins = labels[np.flatnonzero(np.diff(labels, prepend=-2))]
    known, runs = np.unique(begins[begins >= 0], return_counts=True)
    if (runs > 1).any():
        broken = np.flatnonzero(runs > 1)[0]
        raise ValueError(f"{name} must hold each label in one run; got label {known[broken]} in {runs[broken]} runs")
    return validation.read_only(labels)


def _check_sums(groups: tuple[tuple[Option, ...], ...]) -> None:
    """Refuse weights and values of which a choice's sum could overflow."""
    most = sum(max(0 if option.items is None else len(option.items.values) for option in own) for own in groups)
    for g, own in enumerate(groups):
        for o, option in enumerate(own):
            name = f"groups[{g}][{o}]"
            validation.no_overflow(f"{name}.fixed", option.fixed, len(groups))
            if option.items is not None:
                validation.no_overflow(f"{name}.items.values", option.items.values, most)
                validation.no_overflow(f"{name}.items.type_weights", option.items.type_weights, most)
