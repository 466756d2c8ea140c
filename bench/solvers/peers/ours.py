"""Every solver that ``knapsolve`` knows, plugins included, through its own front door."""

from __future__ import annotations

from functools import partial

from bench.solvers.peers.contestant import Contestant, Outcome
from knapsolve import Knapsack, solve
from knapsolve.solver import AUTO, load, missing_capabilities


def ours(name: str) -> Contestant:
    """Return the contestant for a name out of ``knapsolve.solvers()``."""
    return Contestant(name, partial(_run, name), "knapprune", partial(_refuses, name))


def _run(name: str, problem: Knapsack, limit: float) -> Outcome:
    solution = solve(problem, solver=name, time_limit=limit)
    selected = solution.selected if solution.status in ("OPTIMAL", "FEASIBLE") else None
    note = solution.trace[-1] if solution.trace and solution.status != "OPTIMAL" else ""
    if solution.solver != name:
        note = f"by {solution.solver}" + (f"; {note}" if note else "")
    return Outcome(str(solution.status), selected, float(solution.bound), note)


def _refuses(name: str, problem: Knapsack) -> str:
    return "" if name == AUTO else ", ".join(missing_capabilities(problem, load(name).capabilities))
