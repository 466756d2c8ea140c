"""The answer, and the independent check that every answer passes before it is returned.

Every selection is checked where it is adopted: one that cannot be an answer is refused, and the one before it stays.
That a search offers such a selection is a fault of the search, not of the user, who is told by a warning and gets the
last good selection. Nothing that rests on what was refused, neither a proof nor a bound, is believed.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve import contents
from knapsolve.plugins import require
from knapsolve.problem import Knapsack
from knapsolve.solver import Options

MANY_ITEMS = 2**15
"""Number of items from which a compiled pass pays for its loading."""

MOST_RESOURCES = 10
"""How many resources a table of a solution names."""

MOST_LINES = 10
"""How many lines of the trace it shows."""


class Status(StrEnum):
    """What is known of an answer."""

    OPTIMAL = "OPTIMAL"
    """Proved: no selection is worth more, up to the solution's stated tolerance."""
    FEASIBLE = "FEASIBLE"
    """A selection that keeps every constraint, with a bound on how much better another could be."""
    INFEASIBLE = "INFEASIBLE"
    """Proved: no selection keeps every constraint."""
    NO_SOLUTION = "NO_SOLUTION"
    """The solver was stopped before it found a selection; the bound still holds."""


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """A selection with everything that is known of it.

    Two solutions are equal where all but `seconds` and `trace` is: when and how an answer was found is no part of it.

    Parameters
    ----------
    selected
        Whether each item is chosen, bool, shape (n,). All False where there is no selection.
    value
        Value of the selection, recomputed from it; minus infinity where there is none.
    bound
        No selection is worth more than this (up to `tolerance`). Minus infinity where none exists.
    status
        What is known.
    usage, slack
        Use of each resource and what is left of its capacity, shape (m,).
    prices
        Dual price of one unit of each resource, shape (m,), or None if the solver gives none.
    solver
        Name of the solver that found the selection.
    seconds
        Wall-clock time of the whole call.
    tolerance
        Relative error within which OPTIMAL is proved: 0 for whole values, else at least the rounding of a sum.
    trace
        What was tried and why, a line each.
    """

    selected: NDArray[np.bool_]
    value: int | float
    bound: int | float
    status: Status
    usage: NDArray[Any]
    slack: NDArray[Any]
    prices: NDArray[np.float64] | None
    solver: str
    seconds: float
    tolerance: float = 0.0
    trace: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """Relative distance of value and bound, ``(bound - value) / max(|bound|, |value|)``; 0 when proved."""
        return relative_gap(self.value, self.bound) if self.status is not Status.OPTIMAL else 0.0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Solution):
            return NotImplemented
        return self._plain() == other._plain() and all(
            contents.equal(getattr(self, key), getattr(other, key)) for key in ("selected", "usage", "slack", "prices")
        )

    def __hash__(self) -> int:
        return hash(self._plain())  # the arrays can be written to, and are left out

    def _plain(self) -> tuple[Any, ...]:
        return self.value, self.bound, self.status, self.solver, self.tolerance

    def __repr__(self) -> str:
        known = {key: getattr(self, key) for key in ("selected", "value", "bound", "gap", "usage", "slack", "prices")}
        return contents.in_a_line(f"Solution[{self.status}]", {**known, "solver": self.solver, "seconds": self.seconds})

    def _repr_html_(self) -> str:
        return contents.as_html(self.rows(), "Solution of a knapsack")

    def rows(self) -> list[tuple[str, str]]:
        """Return what a table of the solution says: what is known, the resources, the solver, the trace."""
        rows = [("status", str(self.status))]
        known = {"value": f"{self.value}", "bound": f"{self.bound}", "gap": f"{self.gap:.3g}"}
        rows += [(key, text) for key, text in known.items() if np.isfinite(getattr(self, key))]
        rows.append(("chosen", f"{int(self.selected.sum())} of {len(self.selected)} items"))
        for i in range(min(len(self.usage), MOST_RESOURCES)):
            rows.append((f"resource {i}", f"{self.usage[i]} used, {self.slack[i]} left"))
        if len(self.usage) > MOST_RESOURCES:
            rows.append(("", f"and {len(self.usage) - MOST_RESOURCES} more resources"))
        rows += [("solver", self.solver), ("seconds", f"{self.seconds:.3f}")]
        rows += [("trace", line) for line in self.trace[:MOST_LINES]]
        if len(self.trace) > MOST_LINES:
            rows.append(("", f"and {len(self.trace) - MOST_LINES} more lines"))
        return rows

    def to_frame(self, problem: Knapsack | None = None) -> Any:
        """Return a pandas DataFrame with a row an item.

        Parameters
        ----------
        problem
            What was solved, for its values and weights, or None.

        Returns
        -------
        pandas.DataFrame
            Column `selected` and, of the problem, `value`, `weight_0`, `weight_1`, ... before it.

        Raises
        ------
        MissingPackageError
            If pandas is not installed; the message says how to install it.
        ValueError
            If the problem has another number of items.
        """
        require("pandas", "Solution.to_frame", "pip install pandas")
        import pandas

        columns: dict[str, NDArray[Any]] = {}
        if problem is not None:
            if problem.n != len(self.selected):
                raise ValueError(f"problem must have the {len(self.selected)} items that were solved; got {problem.n}")
            columns = {"value": problem.values, **{f"weight_{i}": row for i, row in enumerate(problem.weights)}}
        return pandas.DataFrame({**columns, "selected": self.selected})

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `selected` holds the indices of chosen items, non-finite numbers are None."""
        return {
            "status": str(self.status),
            "solver": self.solver,
            "value": _json_number(self.value),
            "bound": _json_number(self.bound),
            "gap": _json_number(self.gap),
            "tolerance": self.tolerance,
            "selected": np.flatnonzero(self.selected).tolist(),
            "usage": self.usage.tolist(),
            "slack": self.slack.tolist(),
            "prices": None if self.prices is None else self.prices.tolist(),
            "seconds": self.seconds,
            "trace": list(self.trace),
        }


def _json_number(number: int | float) -> int | float | None:
    return number if np.isfinite(number) else None


def relative_gap(value: int | float, bound: int | float) -> float:
    """Return (bound - value) / max(|bound|, |value|), 0 where the bound is met, infinity where there is no value."""
    if bound <= value:
        return 0.0
    if not (np.isfinite(value) and np.isfinite(bound)):
        return float("inf")
    return float((bound - value) / max(abs(bound), abs(value)))


def evaluate(problem: Knapsack, selected: NDArray[np.bool_]) -> tuple[int | float, NDArray[Any]]:
    """Recompute value and usage of a selection from the problem alone.

    Parameters
    ----------
    problem
        The problem.
    selected
        Bool array, shape (n,).

    Returns
    -------
    value, usage
        The selection's value (int where values are integers) and its use of each resource, shape (m,).
    """
    if problem.type_weights is not None:
        assert problem.item_type is not None
        total, counts = _by_type(problem.values, problem.item_type, problem.type_weights.shape[1], selected)
        usage = problem.type_weights @ counts
    elif problem.n >= MANY_ITEMS:
        from knapsolve.kernels.totals import row_totals

        total, *used = row_totals([problem.values, *np.ascontiguousarray(problem.weights)], selected)
        usage = np.array(used)
    else:
        assert problem.dense_weights is not None
        total = problem.values[selected].sum()
        usage = problem.dense_weights[:, selected].sum(axis=1)
    return (int(total) if problem.integer_values else float(total)), usage


def _by_type(
    values: NDArray[Any], item_type: NDArray[Any], types: int, selected: NDArray[np.bool_]
) -> tuple[Any, NDArray[np.int64]]:
    """Return the value of the chosen items and how many there are of each type."""
    if len(values) < MANY_ITEMS:
        return values[selected].sum(), np.bincount(item_type[selected], minlength=types)
    # One pass on all cores instead of NumPy's three; the kernel loads only for those who need it.
    from knapsolve.kernels.totals import totals

    return totals(values, item_type, types, selected)


def violation(problem: Knapsack, selected: NDArray[np.bool_], usage: NDArray[Any]) -> str | None:
    """Return a sentence on the first constraint the selection breaks, or None if it keeps them all."""
    over = np.flatnonzero(usage > problem.limits)
    if len(over):
        i = over[0]
        return f"resource {i} is over its capacity: {usage[i]} > {problem.capacities[i]}"
    if problem.fixed_in is not None and not selected[problem.fixed_in].all():
        return f"item {problem.fixed_in[~selected[problem.fixed_in]][0]} is forced in but not chosen"
    if problem.fixed_out is not None and selected[problem.fixed_out].any():
        return f"item {problem.fixed_out[selected[problem.fixed_out]][0]} is forced out but chosen"
    if problem.choices is not None:
        labelled = problem.choices >= 0
        labels, chosen = np.unique(problem.choices[labelled & selected], return_counts=True)
        if (chosen > 1).any():
            return f"choice {labels[chosen > 1][0]} has more than one item chosen"
        if problem.exactly_one:
            missing = np.setdiff1d(problem.choices[labelled], labels)
            if len(missing):
                return f"choice {missing[0]} has no item chosen"
    if problem.requires is not None:
        broken = selected[problem.requires[:, 0]] & ~selected[problem.requires[:, 1]]
        if broken.any():
            a, b = problem.requires[broken][0]
            return f"item {a} is chosen but item {b}, which it requires, is not"
    return None


def refuse(finder: str, reason: str, instead: str = "the best one before it is kept") -> str:
    """Warn that a selection was refused; return a sentence for the trace.

    Parameters
    ----------
    finder
        Who found it.
    reason
        Why it cannot be an answer.
    instead
        What is done instead.

    Returns
    -------
    str
        For `Answer.trace`.

    Warns
    -----
    RuntimeWarning
        Always.
    """
    sentence = f"{finder}: a selection was refused: {reason}"
    warnings.warn(f"{sentence}; {instead}", RuntimeWarning, stacklevel=3)
    return sentence


def malformed(problem: Knapsack, selected: Any) -> str | None:
    """Return a sentence where a selection is no bool array of shape (n,), else None."""
    if isinstance(selected, np.ndarray) and selected.dtype == np.bool_ and selected.shape == (problem.n,):
        return None
    got = f"{selected.dtype} {selected.shape}" if isinstance(selected, np.ndarray) else type(selected).__name__
    return f"it must be a bool array of shape ({problem.n},); got {got}"


def valued(problem: Knapsack, selected: Any) -> tuple[int | float, str | None]:
    """Return a selection's value, minus infinity where it has none, and why it cannot be an answer, None where it can.

    Parameters
    ----------
    problem
        The problem.
    selected
        What a solver returned for a selection.
    """
    reason = malformed(problem, selected)
    if reason is not None:
        return -np.inf, reason
    value, usage = evaluate(problem, selected)
    return value, violation(problem, selected, usage)


def start_of(problem: Knapsack, options: Options) -> NDArray[np.bool_] | None:
    """Return the selection that a solver is given to start from; None without one, or where it breaks a constraint.

    Parameters
    ----------
    problem
        The problem.
    options
        What the solver is called with.

    Warns
    -----
    RuntimeWarning
        Where `Options.start` breaks a constraint.
    """
    if options.start is None:
        return None
    reason = valued(problem, options.start)[1]
    if reason is not None:
        refuse("Options.start", reason, "the search begins without it")
        return None
    return options.start
