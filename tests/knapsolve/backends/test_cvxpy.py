"""CVXPY with each mixed-integer solver it may find, with none, and absent itself."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from knapsolve import Knapsack, plugins, solve
from knapsolve.backends import external
from knapsolve.backends.cvxpy import Cvxpy
from knapsolve.backends.scaling import for_floats
from knapsolve.solver import Answer, Options
from knapsolve.testing import check_solver

PROBLEM = Knapsack([5, 4, 3], [2, 2, 2], 4)

needs_cvxpy = pytest.mark.needs("cvxpy")
needs_pyscipopt = pytest.mark.needs("pyscipopt")


class Through:
    """CVXPY where it finds one solver only."""

    name = "cvxpy"
    capabilities = Cvxpy.capabilities

    def __init__(self, module: str) -> None:
        self._module = module

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        return external.solve(self.name, self._module, for_floats, problem, options)


@needs_cvxpy
@pytest.mark.parametrize(
    ("solver", "name"),
    [
        (Cvxpy(), "HIGHS"),
        (Through("only_scipy_run"), "SCIPY"),
        pytest.param(Through("only_scip_run"), "SCIP", marks=needs_pyscipopt),
    ],
    ids=["whatever is installed", "scipy", "scip"],
)
def test_cvxpy_conforms_and_its_trace_names_the_solver(solver: Cvxpy | Through, name: str) -> None:
    answer = solver.solve(PROBLEM, Options())
    if not isinstance(solver, Cvxpy) or find_spec("highspy"):
        assert f"cvxpy: {name}: optimal" in answer.trace
    check_solver(solver, count=8)


@needs_cvxpy
def test_without_a_mixed_integer_solver_the_trace_says_what_to_install() -> None:
    answer = Through("no_integers_run").solve(PROBLEM, Options())
    assert answer.selected is None
    assert answer.bound == 12
    assert "no mixed-integer solver among HIGHS, SCIP, SCIPY; pip install highspy adds one" in answer.trace[0]


@needs_cvxpy
def test_a_limit_too_short_for_a_selection_leaves_the_start_and_a_bound() -> None:
    start = PROBLEM.values == 4
    answer = Cvxpy().solve(PROBLEM, Options(time_limit=1e-6, start=start))
    assert answer.selected is not None
    assert answer.bound >= 9


def test_without_cvxpy_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'CVXPY, which is not installed: pip install "knapprune\[cvxpy\]"'):
        solve(PROBLEM, Cvxpy())
