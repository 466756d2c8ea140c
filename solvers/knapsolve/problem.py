"""The problem: what to choose from, what it costs, how much there is. Frozen, validated, framework-free."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knapsolve import contents, validation

FEASIBILITY_TOLERANCE = 1e-9
"""Relative excess over a capacity that counts as rounding, where weights or capacities are not integers."""

_NUMBERS = ("values", "capacities", "dense_weights", "type_weights")
_LABELS = ("item_type", "choices", "requires", "fixed_in", "fixed_out")


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Knapsack:
    """Maximise ``values @ x`` over binary ``x`` with ``weights @ x <= capacities``.

    Integers stay integers: with integer values every reported value is exact, and with integer weights every
    capacity holds exactly. Otherwise a capacity may be exceeded by `FEASIBILITY_TOLERANCE` of itself, so that three
    weights of 0.1 fit a capacity of 0.3.

    Two problems are equal where all that they hold is, whole numbers and floats told apart, and so is how their weights
    came, by items or by types. The hash is that of the content: do not write to the arrays of a problem in a set.

    Parameters
    ----------
    values
        Value of each item, shape (n,). May be negative; such an item is chosen only where it is forced.
    weights
        Weight of each item on each resource, shape (m, n), or (n,) for one resource. Not negative.
    capacities
        Capacity of each resource, shape (m,), or a number for one resource. Not negative.
    choices
        Label of each item, shape (n,): at most one item of each label >= 0 is chosen (multiple choice); items
        labelled -1 are free.
    exactly_one
        Whether exactly one item of each label is chosen instead of at most one.
    requires
        Pairs (a, b), shape (k, 2): item a can be chosen only if item b is.
    fixed_in, fixed_out
        Indices of items that must, or must not, be chosen.

    Raises
    ------
    TypeError
        If an array does not hold real numbers.
    ValueError
        If a shape does not match, an entry is NaN, infinite or (for weights and capacities) negative, a sum would
        overflow, or an index is out of range.

    Examples
    --------
    >>> problem = Knapsack([10, 13, 7], [[3, 4, 2], [1, 0, 2]], [6, 2])
    >>> problem.n, problem.m
    (3, 2)
    """

    values: NDArray[Any]
    capacities: NDArray[Any]
    dense_weights: NDArray[Any] | None
    item_type: NDArray[Any] | None
    type_weights: NDArray[Any] | None
    choices: NDArray[np.int64] | None
    exactly_one: bool
    requires: NDArray[np.int64] | None
    fixed_in: NDArray[np.int64] | None
    fixed_out: NDArray[np.int64] | None

    def __init__(
        self,
        values: ArrayLike,
        weights: ArrayLike,
        capacities: ArrayLike,
        *,
        choices: ArrayLike | None = None,
        exactly_one: bool = False,
        requires: ArrayLike | None = None,
        fixed_in: ArrayLike | None = None,
        fixed_out: ArrayLike | None = None,
    ) -> None:
        value_array = validation.numbers("values", values, dimensions=1)
        weight_array = validation.numbers("weights", weights, dimensions=None, minimum=0)
        if weight_array.ndim == 1:
            weight_array = validation.read_only(weight_array.reshape(1, -1))
        validation.shape("weights", weight_array, (None, len(value_array)), "(m, n) with n = len(values)")
        self._fill(value_array, capacities, weight_array, None, None)
        self._constrain(choices, exactly_one, requires, fixed_in, fixed_out)

    @classmethod
    def from_types(  # noqa: PLR0913
        cls,
        values: ArrayLike,
        item_type: ArrayLike,
        type_weights: ArrayLike,
        capacities: ArrayLike,
        *,
        choices: ArrayLike | None = None,
        exactly_one: bool = False,
        requires: ArrayLike | None = None,
        fixed_in: ArrayLike | None = None,
        fixed_out: ArrayLike | None = None,
    ) -> Self:
        """Build a problem whose items fall into a few types of equal weights.

        Parameters
        ----------
        values
            Value of each item, shape (n,).
        item_type
            Type of each item, shape (n,), integers in 0..T-1. The smallest dtype that holds T is the fastest.
        type_weights
            Weight of one item of each type on each resource, shape (m, T), or (T,) for one resource.
        capacities
            Capacity of each resource, shape (m,), or a number for one resource.
        choices, exactly_one, requires, fixed_in, fixed_out
            As in `Knapsack`.

        Returns
        -------
        Knapsack
            The problem; its dense weights are formed only if a solver asks for them.

        Raises
        ------
        TypeError, ValueError
            As in `Knapsack`; also if a type is out of range.

        Examples
        --------
        >>> Knapsack.from_types([5, 3, 4], [0, 0, 1], [[2, 1]], 3).weights
        array([[2, 2, 1]])
        """
        value_array = validation.numbers("values", values, dimensions=1)
        table = validation.numbers("type_weights", type_weights, dimensions=None, minimum=0)
        if table.ndim == 1:
            table = validation.read_only(table.reshape(1, -1))
        validation.shape("type_weights", table, (None, None), "(m, T)")
        types = validation.integers("item_type", item_type, length=len(value_array), low=0, high=table.shape[1])
        problem = cls.__new__(cls)
        problem._fill(value_array, capacities, None, types, table)
        problem._constrain(choices, exactly_one, requires, fixed_in, fixed_out)
        return problem

    def _fill(
        self,
        values: NDArray[Any],
        capacities: ArrayLike,
        dense_weights: NDArray[Any] | None,
        item_type: NDArray[Any] | None,
        type_weights: NDArray[Any] | None,
    ) -> None:
        n = len(values)
        table = dense_weights if type_weights is None else type_weights
        assert table is not None
        limits = validation.numbers("capacities", capacities, dimensions=None, minimum=0)
        limits = validation.read_only(limits.reshape(1) if limits.ndim == 0 else limits)
        validation.shape("capacities", limits, (table.shape[0],), "(m,) with m = number of rows of the weights")
        validation.no_overflow("values", values, n)
        validation.no_overflow("weights" if type_weights is None else "type_weights", table, n)
        set_field = object.__setattr__
        set_field(self, "values", values)
        set_field(self, "capacities", limits)
        set_field(self, "dense_weights", dense_weights)
        set_field(self, "item_type", item_type)
        set_field(self, "type_weights", type_weights)

    def _constrain(
        self,
        choices: ArrayLike | None,
        exactly_one: bool,
        requires: ArrayLike | None,
        fixed_in: ArrayLike | None,
        fixed_out: ArrayLike | None,
    ) -> None:
        labels = None if choices is None else validation.integers("choices", choices, length=self.n, low=-1)
        exactly = validation.flag("exactly_one", exactly_one)
        needs = None if requires is None else validation.pairs("requires", requires, self.n)
        inside = None if fixed_in is None else validation.indices("fixed_in", fixed_in, self.n)
        outside = None if fixed_out is None else validation.indices("fixed_out", fixed_out, self.n)
        if inside is not None and outside is not None:
            both = np.intersect1d(inside, outside)
            if len(both):
                raise ValueError(f"fixed_in and fixed_out must not overlap; both hold item {both[0]}")
        set_field = object.__setattr__
        set_field(self, "choices", labels)
        set_field(self, "exactly_one", exactly)
        set_field(self, "requires", needs)
        set_field(self, "fixed_in", inside)
        set_field(self, "fixed_out", outside)

    def with_capacities(self, capacities: ArrayLike) -> Self:
        """Return the same problem under other capacities; all else is shared, not copied.

        Parameters
        ----------
        capacities
            As in `Knapsack`.

        Raises
        ------
        TypeError, ValueError
            As in `Knapsack`.

        Examples
        --------
        >>> Knapsack([10, 13, 7], [3, 4, 2], 6).with_capacities(9).capacities
        array([9])
        """
        limits = validation.numbers("capacities", capacities, dimensions=None, minimum=0)
        limits = validation.read_only(limits.reshape(1) if limits.ndim == 0 else limits)
        validation.shape("capacities", limits, (self.m,), "(m,) with m = number of rows of the weights")
        other = copy(self)
        other.__dict__.pop("limits", None)  # kept of the other capacities
        object.__setattr__(other, "capacities", limits)
        return other

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.values)

    @property
    def m(self) -> int:
        """Number of resources."""
        return len(self.capacities)

    @property
    def integer_values(self) -> bool:
        """Whether values are integers, so that every value and bound is exact."""
        return bool(self.values.dtype == np.int64)

    @property
    def integer_weights(self) -> bool:
        """Whether weights are integers, so that every capacity holds exactly."""
        table = self.dense_weights if self.type_weights is None else self.type_weights
        assert table is not None
        return bool(table.dtype == np.int64)

    @cached_property
    def weights(self) -> NDArray[Any]:
        """Weights of all items, shape (m, n); formed and kept on first use where the problem came by types."""
        if self.dense_weights is not None:
            return self.dense_weights
        assert self.type_weights is not None
        return validation.read_only(np.ascontiguousarray(self.type_weights[:, self.item_type]))

    @cached_property
    def limits(self) -> NDArray[Any]:
        """Right-hand sides that solvers enforce strictly, shape (m,): the capacities with the tolerance built in.

        Integers where weights are integers (a capacity of 7.9 is 7), otherwise floats.
        """
        if self.integer_weights:
            if self.capacities.dtype == np.int64:
                return self.capacities
            floats = np.floor(self.capacities * (1 + FEASIBILITY_TOLERANCE))
            return validation.read_only(np.minimum(floats, float(2**62)).astype(np.int64))
        return validation.read_only(self.capacities.astype(np.float64) * (1 + FEASIBILITY_TOLERANCE))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Knapsack):
            return NotImplemented
        return (
            all(contents.equal(getattr(self, key), getattr(other, key), same_kind=True) for key in _NUMBERS)
            and all(contents.equal(getattr(self, key), getattr(other, key)) for key in _LABELS)
            and self.exactly_one == other.exactly_one
        )

    def __hash__(self) -> int:
        return hash((self.exactly_one, *(contents.digest(getattr(self, key)) for key in (*_NUMBERS, *_LABELS))))

    def __repr__(self) -> str:
        form = "" if self.type_weights is None else f", types={self.type_weights.shape[1]}"
        extras = [name for name in ("choices", "requires", "fixed_in", "fixed_out") if getattr(self, name) is not None]
        return f"Knapsack(n={self.n}, m={self.m}{form}{''.join(', ' + name for name in extras)})"
