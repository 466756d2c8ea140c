"""How each mixed-integer solver behind CVXPY is told of gap, time and seed, and where it leaves its bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from knapsolve.backends.program import Job


@dataclass(frozen=True)
class Dialect:
    """One solver's own names for what every job says.

    Parameters
    ----------
    options
        Returns the keywords of CVXPY's ``solve`` for a job and the seconds it may still take, or None.
    bound
        Returns the solver's lower bound on what CVXPY minimises, from its ``extra_stats``.
    """

    options: Callable[[Job, float | None], dict[str, Any]]
    bound: Callable[[Any], float]


def _highs(job: Job, seconds: float | None) -> dict[str, Any]:
    return {"mip_rel_gap": job.gap, "mip_abs_gap": 0.0, "random_seed": job.seed} | _limit("time_limit", seconds)


def _scip(job: Job, seconds: float | None) -> dict[str, Any]:
    gaps = {"limits/gap": job.gap, "limits/absgap": 0.0}
    # Relative to a row's limit. The default, 1e-6, accepts a capacity of a million passed by one.
    others = {"numerics/feastol": 1e-9, "randomization/randomseedshift": job.seed}
    return {"scip_params": gaps | others | _limit("limits/time", seconds)}


def _scipy(job: Job, seconds: float | None) -> dict[str, Any]:
    return {"scipy_options": {"mip_rel_gap": job.gap} | _limit("time_limit", seconds)}


def _limit(name: str, seconds: float | None) -> dict[str, float]:
    return {} if seconds is None else {name: seconds}


PREFERENCE = {
    "HIGHS": Dialect(_highs, lambda info: float(info.mip_dual_bound)),
    "SCIP": Dialect(_scip, lambda extra: float(extra["model"].getDualbound())),
    "SCIPY": Dialect(_scipy, lambda extra: float(extra["mip_dual_bound"])),
}
"""Best first. HIGHS tells most while it works. SCIPY is HiGHS too, silent until it ends, but always there, for CVXPY
needs SciPy. CBC and GLPK_MI are left out: through CVXPY they give no bound."""
