"""Every registered solver runs the same suite that plugin authors are given."""

import pytest

from knapsolve.solver import AUTO, installed, load, solvers
from knapsolve.testing import FAMILIES, check_family, check_time_limit
from shared.solvers import by_name

REGISTERED = [name for name in solvers() if name != AUTO]
NAMES = [name for name in REGISTERED if installed(load(name))]
OURS = {"few-types", "bellman", "greedy", "highs", "scip", "cpsat", "cvxpy"}


def test_our_own_solvers_are_registered() -> None:
    assert set(REGISTERED) >= OURS


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", by_name(NAMES))
def test_every_solver_keeps_every_rule(name: str, family: str) -> None:
    check_family(load(name), family, count=25)


@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_solver_still_answers_with_a_bound(name: str) -> None:
    check_time_limit(load(name))
