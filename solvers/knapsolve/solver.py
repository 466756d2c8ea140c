"""The solver seam: what a solver is, what it declares, and how it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from knapsolve import plugins
from knapsolve.contents import in_a_line
from knapsolve.plugins import create, find, ignored
from knapsolve.problem import Knapsack

ENTRY_POINT_GROUP = "knapprune.solvers"
AUTO = "auto"


@dataclass(frozen=True)
class Capabilities:
    """What a solver can do; checked before it is called.

    Parameters
    ----------
    exact
        Whether it can prove optimality (given time and memory).
    dimensions
        Largest number of resources, or None for any.
    choices, requires
        Whether it handles `Knapsack.choices` and `Knapsack.requires`.
    integer_weights
        Whether it needs weights and capacities to be whole numbers.
    anytime
        Whether it returns its best selection when the time limit strikes.
    """

    exact: bool
    dimensions: int | None = None
    choices: bool = False
    requires: bool = False
    integer_weights: bool = False
    anytime: bool = False


@dataclass(frozen=True)
class Progress:
    """One report from a running solver: seconds since its start, best value and bound so far."""

    seconds: float
    value: float
    bound: float


@dataclass(frozen=True, eq=False, repr=False)
class Options:
    """How to solve.

    Parameters
    ----------
    time_limit
        Wall-clock seconds after which the best selection so far is returned, or None.
    gap
        Relative gap at which to stop; 0 asks for a proof.
    seed
        Seed of every random decision.
    on_progress
        Called with a `Progress` whenever value or bound improves, or None.
    start
        A known feasible selection, bool, shape (n,), or None.
    """

    time_limit: float | None = None
    gap: float = 0.0
    seed: int = 0
    on_progress: Callable[[Progress], None] | None = None
    start: NDArray[np.bool_] | None = None

    def __repr__(self) -> str:
        return in_a_line("Options", vars(self))


@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """What a solver returns; the value is recomputed from the selection by the caller.

    Parameters
    ----------
    selected
        Bool array, shape (n,), keeping every constraint, or None if none was found.
    bound
        A valid upper bound on the value of every feasible selection, up to `tolerance`.
    prices
        Dual prices, shape (m,), or None.
    tolerance
        Relative error within which `bound` is valid and optimality claimed (0: none but rounding of the sum).
    infeasible
        Whether it is proved that no selection keeps every constraint.
    solver
        Name of the solver that found the selection, where it differs from the one that was called.
    trace
        What happened, a line each.
    """

    selected: NDArray[np.bool_] | None
    bound: int | float
    prices: NDArray[np.float64] | None = None
    tolerance: float = 0.0
    infeasible: bool = False
    solver: str | None = None
    trace: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return in_a_line("Answer", vars(self))


@runtime_checkable
class Solver(Protocol):
    """Anything that answers a knapsack. See ``docs/guides/solver.md``.

    ``fixed_in`` and ``fixed_out`` are resolved before a solver is called; it never sees them.
    """

    name: str
    capabilities: Capabilities

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the best selection found and a valid bound."""
        ...


def solvers() -> list[str]:
    """Return the names that `solve` accepts: every registered solver, and ``"auto"``. Loads none of them."""
    return [*find(ENTRY_POINT_GROUP), AUTO]


def unknown_solver(name: Any) -> ValueError:
    """Return the error for a name that is not registered, listing those that are."""
    return ValueError(f"solver must be one of {', '.join(solvers())}; got {name!r}")


@cache
def load(name: str) -> Solver:
    """Load one registered solver.

    Raises
    ------
    ValueError
        If the name is not registered.
    PluginError
        If the solver's own module cannot be loaded; the message names its distribution.
    """
    entry = find(ENTRY_POINT_GROUP).get(name)
    if entry is None:
        raise unknown_solver(name)
    return cast("Solver", create(entry, Solver))


def load_all() -> dict[str, Solver]:
    """Load every registered solver; one that cannot be loaded warns, naming its distribution, and is left out."""
    loaded = {}
    for name, entry in find(ENTRY_POINT_GROUP).items():
        with ignored(entry):
            loaded[name] = load(name)
    return loaded


def installed(solver: Solver) -> bool:
    """Return whether the package that a solver names as `package`, if it names one, is installed."""
    package = getattr(solver, "package", None)
    return package is None or plugins.installed(package)


def ensure_installed(solver: Solver) -> None:
    """Raise MissingPackageError, saying how to install it, where the package that a solver needs is not there."""
    if not installed(solver):
        plugins.require(solver.package, f"solver {solver.name!r}", remedy(solver))  # type: ignore[attr-defined]


def remedy(solver: Solver) -> str:
    """Return the command that installs what a solver needs: its `remedy`, or pip with its `distribution`."""
    said: str = getattr(solver, "remedy", f"pip install {getattr(solver, 'distribution', solver.name)}")
    return said


def missing_capabilities(problem: Knapsack, capabilities: Capabilities) -> list[str]:
    """Return what the problem needs and the solver lacks, in words; empty if it can be solved."""
    missing = []
    if capabilities.dimensions is not None and problem.m > capabilities.dimensions:
        missing.append(f"{problem.m} resources (it takes {capabilities.dimensions})")
    if problem.choices is not None and not capabilities.choices:
        missing.append("choices")
    if problem.requires is not None and not capabilities.requires:
        missing.append("requires")
    if capabilities.integer_weights and not whole_weights(problem):
        missing.append("weights that are not whole numbers")
    return missing


def whole_weights(problem: Knapsack) -> bool:
    """Return whether every weight is a whole number that int64 holds, whatever its dtype."""
    if problem.integer_weights:
        return True
    table = problem.dense_weights if problem.type_weights is None else problem.type_weights
    assert table is not None
    return bool((table == np.floor(table)).all() and (table < 2.0**53).all())


def ensure_capable(problem: Knapsack, solver: Solver) -> None:
    """Raise ValueError, naming what is missing and which solvers have it, unless the solver can take the problem."""
    missing = missing_capabilities(problem, solver.capabilities)
    if missing:
        able = [
            name
            for name, other in load_all().items()
            if installed(other) and not missing_capabilities(problem, other.capabilities)
        ]
        raise ValueError(
            f"solver {solver.name!r} cannot handle {' and '.join(missing)}; {', '.join([*sorted(able), AUTO])} can"
        )
