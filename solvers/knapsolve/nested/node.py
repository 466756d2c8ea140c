"""Nodes of the search: the best bound of the options still allowed, and how they are split."""

from __future__ import annotations

import numpy as np

from knapsolve.nested.bound import Allowed, Floats, Relaxation
from knapsolve.nested.state import Search
from knapsolve.validation import LARGEST_SUM

CONVERGED = 1e-7
MOST_ROUNDS = 30
"""Prices tried at one node."""


def tune(state: Search, allowed: Allowed) -> Floats | None:
    """Look for the prices that bound a node best, and take options out of `allowed` on the way.

    Returns the shares of the options in the relaxation; None where the node holds nothing better than is known.
    """
    relaxation = state.relaxation
    if not _tighten_by_fixed(state, allowed):
        return None
    shares = np.zeros(len(allowed))
    for _ in range(MOST_ROUNDS):
        bound, row = relaxation.bound(allowed)
        _take_out(state, allowed, bound, row)
        if not _one_each(relaxation, allowed):
            return None
        mix, shares = relaxation.propose(allowed)
        if mix.infeasible:
            return None
        if state.late or bound - mix.value <= max(CONVERGED * abs(bound), state.rounding):
            break
        relaxation.evaluate(mix.prices, allowed, state.deadline)
    return shares if relaxation.bound(allowed)[0] > state.cut else None


def split(state: Search, allowed: Allowed, shares: Floats, bound: float) -> list[tuple[float, Allowed | None]]:
    """Split by the group that is mixed most evenly: its largest share, or any other."""
    group = state.relaxation.group
    several = np.flatnonzero(np.bincount(group[allowed]) > 1)
    largest = [float(np.where(allowed & (group == number), shares, -1.0).max()) for number in several]
    mixed = several[int(np.argmin(largest))]
    option = int(np.argmax(np.where(allowed & (group == mixed), shares, -1.0)))
    one, others = allowed.copy(), allowed.copy()
    one[group == mixed] = False
    one[option] = True
    others[option] = False
    return [(bound, one), (bound, others)]


def _take_out(state: Search, allowed: Allowed, bound: float, row: int) -> None:
    """Take out the options that lose more than the bound is above the best value; `allowed` is written."""
    best = state.relaxation.best(allowed)[row]
    loss = best[state.relaxation.group] - state.relaxation.gains[row]
    allowed &= bound - loss > state.cut


def _tighten_by_fixed(state: Search, allowed: Allowed) -> bool:
    """Take out options whose fixed use leaves too little for the other groups; say if any choice is left."""
    relaxation = state.relaxation
    while True:
        if not _one_each(relaxation, allowed):
            return False
        fixed = np.where(allowed[:, None], relaxation.fixed, LARGEST_SUM)
        least = np.minimum.reduceat(fixed, state.problem.start[:-1], axis=0)
        others = least.sum(axis=0) - least[relaxation.group]
        fits = (relaxation.fixed + others <= state.problem.capacities).all(axis=1)
        if fits[allowed].all():
            return True
        allowed &= fits


def _one_each(relaxation: Relaxation, allowed: Allowed) -> bool:
    return bool(np.bincount(relaxation.group[allowed], minlength=relaxation.groups).all())
