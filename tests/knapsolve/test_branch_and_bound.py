"""Branch and bound over several resources."""

from __future__ import annotations

from knapsolve.exact.branch_and_bound import BranchAndBound
from knapsolve.testing import check_solver


def test_it_passes_the_conformance_suite():
    """Every family of small problems: equal to brute force, bounds valid, deterministic."""
    check_solver(BranchAndBound(), count=200)
