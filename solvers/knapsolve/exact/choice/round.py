"""From the options that the dual prefers to a selection that fits: repair, then improve."""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit


@njit(cache=True)
def total(value, weight, options, limits, residual):  # type: ignore[no-untyped-def]
    """Return the value of one option a class, (C,), and write what it leaves of each capacity, (m,)."""
    for i in range(len(limits)):
        residual[i] = limits[i]
    worth = 0.0
    for c in range(len(options)):
        o = options[c]
        worth += value[o]
        for i in range(len(limits)):
            residual[i] -= weight[o, i]
    return worth


@njit(cache=True)
def fits(residual):  # type: ignore[no-untyped-def]
    """Return whether no capacity, (m,), is overdrawn."""
    fitting = True
    for i in range(len(residual)):
        fitting &= residual[i] >= 0.0
    return fitting


@njit(cache=True)
def sweep(weight, start, limits, loss, options):  # type: ignore[no-untyped-def]
    """Go once through the classes and swap, while something does not fit, to what is nearest to fitting.

    Parameters
    ----------
    weight, start, limits
        Options (N, m), classes (C + 1,), capacities (m,).
    loss
        (N,) what each option loses.
    options
        (C,) options; written.
    """
    m = len(limits)
    residual = np.empty(m)
    scale = np.empty(m)
    for i in range(m):
        residual[i] = limits[i]
        scale[i] = 1.0 / limits[i] if limits[i] > 0.0 else 1.0
    for c in range(len(options)):
        for i in range(m):
            residual[i] -= weight[options[c], i]
    for c in range(len(options)):
        if fits(residual):
            return
        k = options[c]
        best, least, lost = k, np.inf, 0.0
        for o in range(start[c], start[c + 1]):
            excess = 0.0
            for i in range(m):
                excess -= min(residual[i] + weight[k, i] - weight[o, i], 0.0) * scale[i]
            if excess < least or (excess == least and loss[o] < lost):
                best, least, lost = o, excess, loss[o]
        for i in range(m):
            residual[i] += weight[k, i] - weight[best, i]
        options[c] = best


@njit(cache=True)
def repair(weight, start, limits, loss, options, residual):  # type: ignore[no-untyped-def]  # noqa: C901
    """Swap options until everything fits; return whether it does.

    Each step takes the swap that loses least per unit of excess removed, the excess being measured in capacities; a
    class is swapped only in ways that lower the total excess, so the steps end.

    Parameters
    ----------
    weight, start, limits
        Options (N, m), classes (C + 1,), capacities (m,).
    loss
        (N,) what each option loses; infinite where it is not allowed.
    options, residual
        (C,) options and (m,) what they leave; both written.
    """
    m = len(limits)
    scale = np.empty(m)
    for i in range(m):
        scale[i] = 1.0 / limits[i] if limits[i] > 0.0 else 1.0
    for _ in range(10 * len(options) + 10):
        excess = 0.0
        for i in range(m):
            excess -= min(residual[i], 0.0) * scale[i]
        if excess == 0.0:
            return True
        best, best_class, best_rate = -1, -1, np.inf
        for c in range(len(options)):
            k = options[c]
            for o in range(start[c], start[c + 1]):
                if o == k or loss[o] == np.inf:
                    continue
                after = 0.0
                for i in range(m):
                    after -= min(residual[i] + weight[k, i] - weight[o, i], 0.0) * scale[i]
                if after < excess * (1.0 - 1e-12):
                    rate = (max(loss[o] - loss[k], 0.0) + 1e-12) / (excess - after)
                    if rate < best_rate:
                        best, best_class, best_rate = o, c, rate
        if best < 0:
            return False
        for i in range(m):
            residual[i] += weight[options[best_class], i] - weight[best, i]
        options[best_class] = best
    return False


@njit(cache=True)
def improve(value, weight, start, allowed, options, residual):  # type: ignore[no-untyped-def]
    """Swap one option at a time for the most valuable that fits, while any does.

    Writes options (C,) and residual (m,).
    """
    m = len(residual)
    changed = True
    while changed:
        changed = False
        for c in range(len(options)):
            k = options[c]
            best = k
            for o in range(start[c], start[c + 1]):
                if not allowed[o] or value[o] <= value[best]:
                    continue
                fits = True
                for i in range(m):
                    if residual[i] + weight[k, i] - weight[o, i] < 0.0:
                        fits = False
                        break
                if fits:
                    best = o
            if best != k:
                for i in range(m):
                    residual[i] += weight[k, i] - weight[best, i]
                options[c] = best
                changed = True


@njit(cache=True)
def exchange(value, weight, start, allowed, options, residual):  # type: ignore[no-untyped-def]  # noqa: C901
    """Swap the options of two classes at once where that gains and fits; return whether anything changed.

    Takes the first gain found for each pair of classes; options (C,) and residual (m,) are written.
    """
    m = len(residual)
    classes = len(options)
    changed = False
    left = np.empty(m)
    for c in range(classes):
        for o in range(start[c], start[c + 1]):
            k = options[c]
            if o == k or not allowed[o]:
                continue
            for i in range(m):
                left[i] = residual[i] + weight[k, i] - weight[o, i]
            lost = value[k] - value[o]
            best, best_class, most = -1, -1, lost + 1e-9 * abs(lost)
            for d in range(classes):
                if d == c:
                    continue
                j = options[d]
                for q in range(start[d], start[d + 1]):
                    if value[q] - value[j] <= most or not allowed[q]:
                        continue
                    fits = True
                    for i in range(m):
                        if left[i] + weight[j, i] - weight[q, i] < 0.0:
                            fits = False
                            break
                    if fits:
                        best, best_class, most = q, d, value[q] - value[j]
            if best >= 0:
                j = options[best_class]
                for i in range(m):
                    residual[i] = left[i] + weight[j, i] - weight[best, i]
                options[c], options[best_class] = o, best
                changed = True
    return changed


@njit(cache=True)
def multistart(value, weight, start, limits, allowed, prices, shakes, rounds, best):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """Repair and improve what the dual prefers, at its prices and at prices shaken a little.

    Parameters
    ----------
    value, weight, start, limits
        Options (N,), (N, m), classes (C + 1,), capacities (m,).
    allowed, prices
        (N,) options in play and (m,) prices.
    shakes, rounds
        (starts, m) factors of the prices, and how many rounds of pair exchanges each start gets.
    best
        (C,) the best options found; written.

    Returns
    -------
    float
        Their value; minus infinity where none was found.
    """
    m = len(limits)
    classes = len(start) - 1
    options = np.empty(classes, np.int64)
    residual = np.empty(m)
    shaken = np.empty(m)
    spoiled = np.empty(len(value))
    top = -np.inf
    for trial in range(len(shakes)):
        for i in range(m):
            shaken[i] = prices[i] * shakes[trial, i]
        for c in range(classes):
            most = -np.inf
            for o in range(start[c], start[c + 1]):
                if not allowed[o]:
                    spoiled[o] = np.inf
                    continue
                worth = value[o]
                for i in range(m):
                    worth -= shaken[i] * weight[o, i]
                spoiled[o] = worth
                if worth > most:
                    most = worth
                    options[c] = o
            for o in range(start[c], start[c + 1]):
                if allowed[o]:
                    spoiled[o] = most - spoiled[o]
        total(value, weight, options, limits, residual)
        if not repair(weight, start, limits, spoiled, options, residual):
            continue
        improve(value, weight, start, allowed, options, residual)
        for _ in range(rounds):
            if not exchange(value, weight, start, allowed, options, residual):
                break
            improve(value, weight, start, allowed, options, residual)
        worth = total(value, weight, options, limits, residual)
        if worth > top and fits(residual):
            top = worth
            for c in range(classes):
                best[c] = options[c]
    return top
