"""The core: what reduced costs leave in doubt, scaled for the simplex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.problem import Knapsack
from knapsolve.relaxation import tree
from knapsolve.relaxation.dual import SLACK, Dual, minimise_dual
from knapsolve.relaxation.lp import LinearProgram

FEW_ROWS = 12
"""Resources up to which the dual is minimised by passes over all items."""


@dataclass(frozen=True, eq=False)
class Program:
    """The problem as the kernels take it: items worth having, in floats, rows scaled.

    Parameters
    ----------
    items
        Indices of these items in the problem.
    values, columns, limits
        Values (n,), weights (n, m) and capacities (m,). Rows are scaled by powers of two to weights of at most 1, so
        that whole weights below 2**53 stay exact.
    row_scale
        What each row was divided by, shape (m,).
    """

    items: NDArray[np.int64]
    values: NDArray[np.float64]
    columns: NDArray[np.float64]
    limits: NDArray[np.float64]
    row_scale: NDArray[np.float64]


def program_of(problem: Knapsack) -> Program:
    """Return the items of positive value that fit alone, scaled.

    Parameters
    ----------
    problem
        A problem without choices or requirements.

    Returns
    -------
    Program
        Float capacities are lowered by a rounding error, so that summing in another order still fits.
    """
    weights = problem.weights
    fits = (weights <= problem.limits[:, None]).all(axis=0)
    items = np.flatnonzero((problem.values > 0) & fits)
    columns = weights[:, items].T.astype(np.float64)
    limits = problem.limits.astype(np.float64)
    if not problem.integer_weights:
        limits = limits * (1 - 1e-13)
    heaviest = columns.max(axis=0, initial=0.0)
    row_scale = np.exp2(np.ceil(np.log2(np.where(heaviest > 0.0, heaviest, 1.0))))
    return Program(
        items, problem.values[items].astype(np.float64), np.ascontiguousarray(columns / row_scale), limits / row_scale,
        row_scale,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A program with the minimiser of its dual.

    Parameters
    ----------
    program
        The program.
    dual
        Prices (for the scaled rows) and basis.
    reduced
        Reduced cost of each item at these prices, shape (n,).
    bound
        The dual bound, valid up to rounding.
    """

    program: Program
    dual: Dual
    reduced: NDArray[np.float64]
    bound: float


def relax_program(program: Program) -> Relaxed:
    """Solve the linear relaxation."""
    if program.columns.shape[1] > FEW_ROWS:
        dual = _many_rows(program)
    else:
        dual = minimise_dual(program.values, program.columns.T, program.limits)
    reduced = program.values - program.columns @ dual.prices
    bound = float(dual.prices @ program.limits + np.maximum(reduced, 0.0).sum())
    return Relaxed(program, dual, reduced, bound)


def _many_rows(program: Program) -> Dual:
    """Return the minimiser of the dual by the trees' simplex, which updates its inverse instead of forming it."""
    n, m = program.columns.shape
    basis = np.arange(n, n + m)
    _, prices, at_one = tree.relax(LinearProgram(program.values, program.columns, m), program.limits, basis)
    at_one[basis[basis < n]] = False
    return Dual(np.maximum(prices, 0.0), np.where(basis < n, basis, SLACK - (basis - n)), at_one)


@dataclass(frozen=True, eq=False)
class Core:
    """What is left of a program where every item that a better selection must have or leave is decided.

    Parameters
    ----------
    items
        Indices of the undecided items in the program, shape (c,).
    inside
        Whether each item of the program is decided to be chosen, bool, shape (n,).
    values, columns, limits
        The core's values (c,), columns (c, m) and what the decided items leave of the capacities (m,).
    base
        Value of the decided items.
    """

    items: NDArray[np.int64]
    inside: NDArray[np.bool_]
    values: NDArray[np.float64]
    columns: NDArray[np.float64]
    limits: NDArray[np.float64]
    base: float


def undecided(relaxed: Relaxed, cutoff: float) -> NDArray[np.bool_]:
    """Return which items of the program `core_of` leaves in doubt at this cutoff, shape (n,)."""
    return np.abs(relaxed.reduced) < relaxed.bound - cutoff


def core_of(relaxed: Relaxed, cutoff: float) -> Core:
    """Decide items by reduced cost: deviating from the relaxation's choice would bring the bound to the cutoff.

    Parameters
    ----------
    relaxed
        The program with its dual.
    cutoff
        Only selections worth more than this are of interest.

    Returns
    -------
    Core
        The remaining problem; every selection of the program worth more than `cutoff` is one of the core's.
    """
    program = relaxed.program
    open_items = undecided(relaxed, cutoff)
    inside = ~open_items & (relaxed.reduced > 0.0)
    items = np.flatnonzero(open_items)
    return Core(
        items,
        inside,
        program.values[items],
        np.ascontiguousarray(program.columns[items]),
        program.limits - program.columns[inside].sum(axis=0),
        float(program.values[inside].sum()),
    )


def spread(program: Program, core: Core, chosen: NDArray[np.bool_], n: int) -> NDArray[Any]:
    """Return the selection of all n items of the problem that a selection of the core's (c,) stands for."""
    inside = core.inside.copy()
    inside[core.items[chosen]] = True
    selected = np.zeros(n, np.bool_)
    selected[program.items[inside]] = True
    return selected
