"""The restricted master problem: the best mix, one in all a group, of what its options answered to prices so far.

That is the linear relaxation of a multiple-choice knapsack with exactly one item a class, whose dual gives the next
prices (Dantzig, Wolfe, "Decomposition principle for linear programs", Operations Research 8, 1960).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.classes import Classes
from knapsolve.exact.choice.dual import INFEASIBLE, choice_simplex, most_steps, slack_basis
from knapsolve.exact.choice.relaxation import loosen, scale


@dataclass(frozen=True, eq=False)
class Mix:
    """A mix of answers.

    Parameters
    ----------
    prices
        Dual price of one unit of each resource, shape (m,), not negative.
    shares
        Share of each answer, shape (K,).
    value
        Upper bound on the value of every mix; that of the best, but for rounding, where the simplex ended.
    infeasible
        Whether it is proved that no mix keeps the capacities.
    """

    prices: NDArray[np.float64]
    shares: NDArray[np.float64]
    value: float
    infeasible: bool


def best_mix(answers: Classes) -> Mix:
    """Mix answers, a class for each group, as well as the capacities allow.

    The simplex may be given up before its end: its prices are valid for that, too, though not the best.
    """
    m, count = len(answers.limits), len(answers.start) - 1
    scaled, value_scale, weight_scale = scale(answers)
    prices, basis = np.zeros(m), slack_basis(m, count)
    allowed = np.ones(len(answers.value), np.bool_)
    status, share = choice_simplex(loosen(scaled), allowed, prices, basis, True, most_steps(m))
    shares = np.zeros(len(answers.value))
    shares[basis.key] = 1.0
    tied = basis.basic >= 0
    np.subtract.at(shares, basis.key[basis.basic_class[tied]], share[tied])
    shares[basis.basic[tied]] = share[tied]
    prices = prices * value_scale / weight_scale
    best = np.maximum.reduceat(answers.value - answers.weight @ prices, answers.start[:-1])
    return Mix(prices, np.clip(shares, 0.0, 1.0), float(best.sum() + prices @ answers.limits), status == INFEASIBLE)
