"""Linear relaxation of a multiple-choice problem: the dual of a sample says where to look, one pass says the rest.

Sampled classes give prices, and the spread of their demand says how far off those may be. Where one option beats the
others of its class at every price in that box, the class is decided; the dual of the undecided ones, under what
capacity is left, is the dual of the whole if its prices lie in the box, which is checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.classes import Classes
from knapsolve.exact.choice.dual import INFEASIBLE, UNFINISHED, best_options, choice_simplex, most_steps, slack_basis
from knapsolve.kernels.jit import njit
from knapsolve.limits.interruption import late

SAMPLE = 2**12
"""Least number of classes in the sample; four times as many are solved whole."""
SHARE = 32
"""Of so many classes one is in the sample, where that makes more."""
WORK = 2**22
"""Options looked at between two looks at the clock, in steps of the dual."""
TIE = 1e-12
"""Difference of reduced values, relative to the largest value, that counts as a tie."""
MANY_TIES = 256
"""Ties in a sample that are no accident."""
LOOSENED = 1e-9
"""What scaled limits are loosened by for the simplex."""
SWEEPS = 20
SPREAD = 4.0
"""Half-width of the box, in standard deviations of the sampled demand."""


@dataclass(frozen=True, eq=False)
class ChoiceRelaxation:
    """The dual at its minimum.

    Parameters
    ----------
    prices
        Dual prices, shape (m,).
    bound
        Upper bound on the value of every selection.
    key
        Best option of each class at those prices, shape (C,).
    loss
        Loss of each option against its class's best, shape (N,).
    infeasible
        Whether it is proved that no selection exists.
    """

    prices: NDArray[np.float64]
    bound: float
    key: NDArray[np.int64]
    loss: NDArray[np.float64]
    infeasible: bool


def relax(classes: Classes, seed: int, deadline: float | None = None) -> ChoiceRelaxation:
    """Minimise the dual bound over the prices, or lower it until the deadline (`knapsolve.limits.clock.now`).

    ``classes`` must have an option in every class.
    """
    count = len(classes.start) - 1
    for trusting in (True, False) if count > 4 * SAMPLE else (False,):
        infeasible = False
        sampled = _sampled_prices(classes, seed, deadline, trusting) if count > 4 * SAMPLE else None
        if sampled is None:
            sampled = *minimise(classes, deadline), True
            infeasible = sampled[1]
        prices = sampled[0]
        key, loss = np.empty(count, np.int64), np.empty(len(classes.value))
        allowed = np.ones(len(classes.value), np.bool_)
        best = best_options(classes.value, classes.weight, classes.start, allowed, prices, key, loss)
        tie = TIE * float(np.abs(classes.value).max(initial=0.0))
        if not late(deadline):
            settle_ties(classes.weight, classes.start, classes.limits, prices, loss, tie, key)
        relaxation = ChoiceRelaxation(prices, float(best + prices @ classes.limits), key, loss, infeasible)
        if sampled[2] or late(deadline) or _nearly_filled(classes, relaxation):
            break
    return relaxation


def _nearly_filled(classes: Classes, relaxation: ChoiceRelaxation) -> bool:
    """Return whether the keys fill the capacities but for an option or two, which proves the prices good."""
    left = classes.limits - classes.weight[relaxation.key].sum(axis=0)
    reach = len(left) * classes.weight.max(axis=0)
    return bool(((left >= -reach) & ((left <= reach) | (relaxation.prices == 0.0))).all())


def minimise(classes: Classes, deadline: float | None = None) -> tuple[NDArray[np.float64], bool]:
    """Return prices at the dual's minimum, shape (m,), or those at the deadline, and whether no selection exists."""
    m, count = len(classes.limits), len(classes.start) - 1
    scaled, value_scale, weight_scale = scale(classes)
    loose, prices, basis = loosen(scaled), np.zeros(m), slack_basis(m, count)
    allowed = np.ones(len(classes.value), np.bool_)
    left, status, fresh = most_steps(m), UNFINISHED, True
    while status == UNFINISHED and left > 0 and (fresh or not late(deadline)):
        steps = min(left, 1 + WORK // len(allowed)) if deadline is not None else left
        status, _ = choice_simplex(loose, allowed, prices, basis, fresh, steps)
        left, fresh = left - steps, False
    # Adding zero turns -0.0 into 0.0, by which others divide.
    return prices * value_scale / weight_scale + 0.0, status == INFEASIBLE


def scale(classes: Classes) -> tuple[Classes, float, NDArray[np.float64]]:
    """Divide values and weights so that one tolerance fits them all; return by what, (m,) for the weights."""
    weight_scale = classes.weight.max(axis=0, initial=0.0)
    weight_scale[weight_scale == 0.0] = 1.0
    value_scale = float(np.abs(classes.value).max(initial=0.0)) or 1.0
    scaled = classes._replace(
        value=classes.value / value_scale, weight=classes.weight / weight_scale, limits=classes.limits / weight_scale
    )
    return scaled, value_scale, weight_scale


def loosen(scaled: Classes) -> Classes:
    """Let scaled limits be a little wider.

    One that can be kept exactly, and no better, would leave the slope of the dual at infinity to rounding, and the
    simplex without an answer. Bounds are computed from the given limits.
    """
    return scaled._replace(limits=scaled.limits + LOOSENED)


def restrict(classes: Classes, kept: NDArray[np.bool_], limits: NDArray[np.float64]) -> Classes:
    """Return the problem of the kept options, bool, shape (N,), alone; classes without any are dropped."""
    start, item, value, weight = compress(classes.start, classes.item, classes.value, classes.weight, kept)
    return Classes(start, item, value, weight, limits)


@njit(cache=True)
def compress(start, item, value, weight, kept):  # type: ignore[no-untyped-def]
    """Kernel of `restrict`: classes (C + 1,), items and values (N,), weights (N, m) of the kept options (N,)."""
    m = weight.shape[1]
    options, classes = 0, 0
    for c in range(len(start) - 1):
        before = options
        for o in range(start[c], start[c + 1]):
            options += kept[o]
        classes += options > before
    few_start = np.empty(classes + 1, np.int64)
    few_item = np.empty(options, np.int64)
    few_value = np.empty(options)
    few_weight = np.empty((options, m))
    at, classes = 0, 0
    few_start[0] = 0
    for c in range(len(start) - 1):
        for o in range(start[c], start[c + 1]):
            if kept[o]:
                few_item[at], few_value[at] = item[o], value[o]
                for i in range(m):
                    few_weight[at, i] = weight[o, i]
                at += 1
        if at > few_start[classes]:
            classes += 1
            few_start[classes] = at
    return few_start, few_item, few_value, few_weight


def _sampled_prices(
    classes: Classes, seed: int, deadline: float | None, trusting: bool
) -> tuple[NDArray[np.float64], bool, bool] | None:
    """Return the dual's prices by way of a sample, that they prove nothing infeasible, and whether they are exact.

    None where that fails and the whole must be solved. Where time is up the sample's own prices must do; and where
    many options of the sample tie at them, the whole has very likely the same, which `trusting` returns unchecked.
    """
    count, m = len(classes.start) - 1, len(classes.limits)
    size = max(SAMPLE, count // SHARE)
    chosen = np.unique(np.random.default_rng(seed).integers(0, count, size))
    size = len(chosen)
    sizes = (classes.start[1:] - classes.start[:-1])[chosen]
    start = np.concatenate(([0], np.cumsum(sizes)))
    options = np.repeat(classes.start[chosen] - start[:-1], sizes) + np.arange(start[-1])
    share = classes.limits * (size / count)
    sample = Classes(start, classes.item[options], classes.value[options], classes.weight[options], share)
    centre, infeasible = minimise(sample, deadline)
    if infeasible:
        return None
    key = np.empty(size, np.int64)
    everything = np.ones(len(sample.value), np.bool_)
    loss = np.empty(len(sample.value))
    best_options(sample.value, sample.weight, start, everything, centre, key, loss)
    tied = np.count_nonzero(loss <= TIE * sample.value.max(initial=0.0)) - size
    if trusting and tied > MANY_TIES:
        return centre, False, False
    deviation = sample.weight[key].std(axis=0) * np.sqrt(size)
    half = np.zeros(m)
    for i in range(m):
        reach = np.zeros(m)
        for sign in (-1.0, 1.0):
            shifted = share.copy()
            shifted[i] = max(shifted[i] + sign * SPREAD * deviation[i], 0.0)
            moved, infeasible = minimise(sample._replace(limits=shifted), deadline)
            if infeasible:
                return None
            reach = np.maximum(reach, np.abs(moved - centre))
        half += reach
    half += 1e-9 * centre
    if late(deadline):
        return centre, False, True
    kept = np.empty(len(classes.value), np.bool_)
    fixed = np.empty(m)
    within_box(classes.value, classes.weight, classes.start, centre, half, kept, fixed)
    left = classes.limits - fixed
    if not kept.any():
        return centre, False, True
    prices, infeasible = minimise(restrict(classes, kept, left), deadline)
    if late(deadline):
        return prices, False, True
    inside = (np.abs(prices - centre) <= half * (1 + 1e-12)) & (
        (prices > np.maximum(centre - half, 0.0)) | (prices == 0)
    )
    inside &= prices < centre + np.where(half > 0, half, 1.0)
    return None if infeasible or not inside.all() else (prices, False, True)


@njit(cache=True)
def within_box(value, weight, start, centre, half, kept, fixed):  # type: ignore[no-untyped-def]
    """Find the options that may be best of their class at some prices within `half` of `centre`.

    Parameters
    ----------
    value, weight, start
        Options (N,), (N, m), classes (C + 1,).
    centre, half
        (m,) the box of prices.
    kept
        (N,) bool, written: options in question, of classes that have more than one.
    fixed
        (m,) written: weight of the decided classes' options.
    """
    m = len(centre)
    for i in range(m):
        fixed[i] = 0.0
    for c in range(len(start) - 1):
        best, top = start[c], -np.inf
        for o in range(start[c], start[c + 1]):
            worth = value[o]
            for i in range(m):
                worth -= centre[i] * weight[o, i]
            if worth > top:
                best, top = o, worth
        count = 0
        for o in range(start[c], start[c + 1]):
            ahead = top - value[o]
            for i in range(m):
                ahead += centre[i] * weight[o, i] - half[i] * abs(weight[o, i] - weight[best, i])
            kept[o] = o == best or ahead <= 0.0
            count += kept[o]
        if count == 1:
            kept[best] = False
            for i in range(m):
                fixed[i] += weight[best, i]


@njit(cache=True)
def settle_ties(weight, start, limits, prices, loss, tie, key):  # type: ignore[no-untyped-def]  # noqa: C901
    """Where options of a class tie, prefer the one that brings the sum of weights nearest to the capacities.

    Parameters
    ----------
    weight, start, limits, prices
        Options (N, m), classes (C + 1,), capacities and prices (m,).
    loss, tie
        (N,) what each option loses, and up to what loss it ties.
    key
        (C,) best options; written.
    """
    m = len(limits)
    left = np.empty(m)
    scale = np.ones(m)
    for i in range(m):
        left[i] = limits[i]
    for o in range(len(weight)):
        for i in range(m):
            scale[i] = max(scale[i], weight[o, i])
    for c in range(len(key)):
        for i in range(m):
            left[i] -= weight[key[c], i]
    tied = np.zeros(len(key), np.bool_)
    for c in range(len(key)):
        count = 0
        for o in range(start[c], start[c + 1]):
            count += loss[o] <= tie
        tied[c] = count > 1
    for _ in range(SWEEPS):
        changed = False
        for c in range(len(key)):
            if not tied[c]:
                continue
            best, least = key[c], np.inf
            for o in range(start[c], start[c + 1]):
                if loss[o] > tie:
                    continue
                distance = 0.0
                for i in range(m):
                    after = left[i] + weight[key[c], i] - weight[o, i]
                    # Squares do not get stuck in a corner as sums of distances do.
                    short = after if prices[i] > 0.0 else min(after, 0.0)
                    distance += (short / scale[i]) ** 2
                if distance < least:
                    best, least = o, distance
            if best != key[c]:
                for i in range(m):
                    left[i] += weight[key[c], i] - weight[best, i]
                key[c] = best
                changed = True
            if least == 0.0:
                return
        if not changed:
            break
