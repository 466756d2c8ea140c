"""From a problem in the user's numbers to a program in a solver's, and back to a bound that still holds.

HiGHS computes with absolute tolerances of 1e-6, SCIP with relative ones, CP-SAT with integers. Scaling by powers of two
is exact, so only what is said here is lost, and what is lost widens the bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.backends.program import Program
from knapsolve.problem import Knapsack

FLOAT_VALUE_EXPONENT = 17
FLOAT_LIMIT_EXPONENT = 20
"""HiGHS sees the largest value near 2**17 and every capacity near 2**20: its tolerances are then 1e-11 of them. SCIP
needs it too: of whole weights near 1e11 as they are it proves optima that are none."""

OBJECTIVE_TOLERANCE = 1e-6
DUAL_TOLERANCE = 1e-7
"""HiGHS and SCIP drop a node that promises less than 1e-6 more; a reduced cost may have the wrong sign by 1e-7."""

INTEGER_SUM_EXPONENT = 60
"""CP-SAT refuses sums that could pass 2**62; one bit is kept for the limit, one for the complement."""

INTEGER_LOSS = 1e-10
"""What rounding to integers may cost, relative to the largest value or the capacity, where 2**60 leaves room."""


@dataclass(frozen=True, eq=False)
class Scaled:
    """A program and the way back: no selection is worth more than its scaled value times `unit` plus `loss`.

    Parameters
    ----------
    program
        The scaled program.
    unit
        Value of one unit of the scaled objective.
    loss
        Value that rounding and the solver's tolerances may hide.
    """

    program: Program
    unit: int | float
    loss: int | float

    def upper_bound(self, bound: int | float) -> int | float:
        """Return a bound in the problem's own numbers from one on the scaled objective."""
        if isinstance(bound, int) and isinstance(self.unit, int) and isinstance(self.loss, int):
            return bound * self.unit + self.loss
        widened = float(bound) * self.unit + self.loss
        if widened == 0.0:
            return 0.0  # No rounding makes nothing of something here.
        # Two roundings went into this; a third of a unit in the last place each cannot undo two steps up.
        return math.nextafter(math.nextafter(widened, math.inf), math.inf)


def for_floats(problem: Knapsack, start: NDArray[np.bool_] | None) -> Scaled:
    """Scale for a solver that computes in floats.

    Parameters
    ----------
    problem
        The problem, without fixed items.
    start
        A feasible selection, bool, shape (n,), or None.

    Returns
    -------
    Scaled
        Values and rows times powers of two; `loss` covers the tolerances of HiGHS and SCIP.
    """
    allowed = _allowed(problem)
    values = problem.values.astype(np.float64)
    shift = FLOAT_VALUE_EXPONENT - _exponent(np.abs(values).max(initial=0.0))
    limits = problem.limits.astype(np.float64)
    shifts = np.array([FLOAT_LIMIT_EXPONENT - _exponent(limit) for limit in limits])
    rows = np.ldexp(np.where(allowed, problem.weights, 0).astype(np.float64), shifts[:, None])
    unit = math.ldexp(1.0, -shift)
    tolerance = OBJECTIVE_TOLERANCE + DUAL_TOLERANCE * problem.n
    loss = unit * tolerance + float(np.abs(values).sum()) * 2.0**-52
    return Scaled(
        _program(problem, np.ldexp(values, shift), rows, np.ldexp(limits, shifts), allowed, start), unit, loss
    )


def for_integers(problem: Knapsack, start: NDArray[np.bool_] | None) -> Scaled:
    """Scale for a solver that computes in 64-bit integers.

    Integers, and floats that a power of two turns into integers, are passed exactly. Other values are rounded to the
    nearest integer; other weights are rounded down, so that no feasible selection is lost.

    Parameters
    ----------
    problem
        The problem, without fixed items.
    start
        A feasible selection, bool, shape (n,), or None.

    Returns
    -------
    Scaled
        Integer values and rows; `loss` is half a unit for every item whose value was rounded.
    """
    allowed = _allowed(problem)
    rows = np.zeros((problem.m, problem.n), dtype=np.int64)
    limits = np.zeros(problem.m, dtype=np.int64)
    for i in range(problem.m):
        rows[i], limits[i] = _integer_row(np.where(allowed, problem.weights[i], 0), problem.limits[i])
    objective, unit, loss = _integer_objective(np.where(allowed, problem.values, 0))
    return Scaled(_program(problem, objective, rows, limits, allowed, start), unit, loss)


def _allowed(problem: Knapsack) -> NDArray[np.bool_]:
    return np.asarray((problem.weights <= problem.limits[:, None]).all(axis=0), dtype=np.bool_)


def _exponent(magnitude: float) -> int:
    """Return the k with 2**(k-1) <= magnitude < 2**k; 0 for 0."""
    return math.frexp(magnitude)[1]


def _are_small_integers(numbers: NDArray[Any]) -> bool:
    """Return whether the numbers can be passed as they are: whole, and not too large to add up."""
    total = float(np.abs(numbers.astype(np.float64)).sum())
    return total < 2.0**INTEGER_SUM_EXPONENT and (
        numbers.dtype == np.int64 or bool((numbers == np.floor(numbers)).all())
    )


def _integer_row(weights: NDArray[Any], limit: Any) -> tuple[NDArray[np.int64], int]:
    n = max(len(weights), 1)
    if _are_small_integers(weights):
        whole, whole_limit = weights.astype(np.int64), math.floor(limit)
    else:
        # Every weight is at most the limit, so n times the limit bounds the sum.
        room = INTEGER_SUM_EXPONENT - _exponent(n)
        wanted = _exponent(n / INTEGER_LOSS)
        shift = min(room, wanted) - _exponent(float(limit))
        whole = np.floor(np.ldexp(weights.astype(np.float64), shift)).astype(np.int64)
        whole_limit = math.floor(math.ldexp(float(limit), shift))
    divisor = int(np.gcd.reduce(whole, initial=0)) or 1
    # A limit beyond the sum of the weights binds nothing; cutting it keeps the solver's arithmetic small.
    return whole // divisor, min(whole_limit // divisor, int(whole.sum()) // divisor)


def _integer_objective(values: NDArray[Any]) -> tuple[NDArray[np.int64], int | float, int | float]:
    total = float(np.abs(values.astype(np.float64)).sum())
    loss: int | float = 0
    shift = 0
    if _are_small_integers(values):
        whole = values.astype(np.int64)
    else:
        floats = values.astype(np.float64)
        n = max(len(floats), 1)
        room = INTEGER_SUM_EXPONENT - 1 - _exponent(total)
        wanted = _exponent(n / INTEGER_LOSS) - _exponent(float(np.abs(floats).max(initial=0.0)))
        shift = min(room, wanted)
        shifted = np.ldexp(floats, shift)
        whole = np.rint(shifted).astype(np.int64)
        rounded = int((whole != shifted).sum())
        loss = math.ldexp(0.5 * rounded, -shift)
        if values.dtype == np.int64:
            loss += total * 2.0**-52  # turning them into floats rounded them already
    divisor = int(np.gcd.reduce(whole, initial=0)) or 1
    unit: int | float = divisor if shift == 0 else math.ldexp(float(divisor), -shift)
    return whole // divisor, unit, loss


def _program(
    problem: Knapsack,
    objective: NDArray[Any],
    rows: NDArray[Any],
    limits: NDArray[Any],
    allowed: NDArray[np.bool_],
    start: NDArray[np.bool_] | None,
) -> Program:
    none = np.zeros((0, 2), dtype=np.int64)
    return Program(
        objective=objective,
        rows=rows,
        limits=limits,
        allowed=allowed,
        classes=_classes(problem),
        exactly_one=problem.exactly_one,
        requires=none if problem.requires is None else problem.requires,
        start=start,
    )


def _classes(problem: Knapsack) -> tuple[NDArray[np.int64], ...]:
    if problem.choices is None:
        return ()
    order = np.argsort(problem.choices, kind="stable")
    labels = problem.choices[order]
    first = int(np.searchsorted(labels, 0))
    cuts = np.flatnonzero(np.diff(labels[first:])) + 1
    return tuple(part for part in np.split(order[first:], cuts) if len(part))
