"""The line search of the multiple-choice dual: where along a ray of prices is the bound lowest?

Along a ray each class's best reduced value is the upper envelope of its options' lines, so the bound is convex and
piecewise linear, and its minimum lies where its slope changes sign. Pairs of options, one from either end of the
bracket, vote with their crossings for where to look next (Dyer, Zemel 1984); a class whose best option is the same at
both ends of the bracket is decided and dropped.
"""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit

TIE = 1e-12
"""Difference of reduced values (scaled to 1) that counts as a tie."""


@njit(cache=True)
def weighted_select(at, step, count, target):  # type: ignore[no-untyped-def]
    """Return the least entry of `at` up to which the steps sum to `target` at least; reorders both arrays.

    A quickselect: expected time linear in `count`.
    """
    low, high = 0, count
    while high - low > 1:
        a, b, c = at[low], at[(low + high) // 2], at[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        less, scan, more = low, low, high
        before, equal = 0.0, 0.0
        while scan < more:
            if at[scan] < pivot:
                before += step[scan]
                at[less], at[scan] = at[scan], at[less]
                step[less], step[scan] = step[scan], step[less]
                less += 1
                scan += 1
            elif at[scan] > pivot:
                more -= 1
                at[more], at[scan] = at[scan], at[more]
                step[more], step[scan] = step[scan], step[more]
            else:
                equal += step[scan]
                scan += 1
        if before >= target and less > low:
            high = less
        elif before + equal >= target or more >= high:
            return pivot
        else:
            target -= before + equal
            low = more
    return at[low]


@njit(cache=True)
def line_minimum(reduced, slope, start, allowed, tied, key, descent, wall):  # type: ignore[no-untyped-def]  # noqa: C901
    """Minimise the bound over 0 <= t <= wall and move the keys of free classes there.

    Parameters
    ----------
    reduced, slope
        (N,) reduced value of each option at t = 0, and how much it falls per unit of t.
    start, allowed, tied
        (C + 1,) classes, (N,) options in play, (C,) nonzero where a class takes no part.
    key
        (C,) best options just after t = 0; written: best options just before the minimum.
    descent
        Slope of the bound just after t = 0, negative.
    wall
        Largest t, or infinity.

    Returns
    -------
    t, entering_class, entering
        The minimum and the pair that ties there: class and option; the class is -1 where the wall was met, -2 where
        the bound falls for ever, which proves that no selection exists, -3 where rounding hides whether it does.
    """
    classes = len(key)
    active = np.empty(classes, np.int64)
    right = np.empty(classes, np.int64)
    count = 0
    right_slope = descent
    for c in range(classes):
        if tied[c]:
            continue
        best = key[c]
        k = best
        if wall == np.inf:
            for o in range(start[c], start[c + 1]):
                if allowed[o] and (slope[o] < slope[best] or (slope[o] == slope[best] and reduced[o] > reduced[best])):
                    best = o
        else:
            top = reduced[k] - wall * slope[k]
            for o in range(start[c], start[c + 1]):
                if allowed[o] and slope[o] < slope[k] and reduced[o] - wall * slope[o] > top:
                    top = reduced[o] - wall * slope[o]
                    best = o
        if slope[best] < slope[k]:
            right_slope += slope[k] - slope[best]
            active[count] = c
            right[count] = best
            count += 1
    if right_slope < 0.0 or count == 0:
        if wall == np.inf:
            # A slope that rounding alone may have made negative proves nothing.
            return 0.0, -2 if right_slope < -1e-9 * (1.0 + classes) else -3, 0
        for a in range(count):
            key[active[a]] = right[a]
        return wall, -1, 0
    at = np.empty(count)
    step = np.empty(count)
    near_left = np.empty(count, np.int64)
    near_right = np.empty(count, np.int64)
    low = 0.0
    t = 0.0
    for _ in range(300):
        for a in range(count):
            k, r = key[active[a]], right[a]
            step[a] = slope[k] - slope[r]
            at[a] = max((reduced[k] - reduced[r]) / step[a], low)
        t = weighted_select(at, step, count, -descent)
        before, after = descent, descent
        for a in range(count):
            c = active[a]
            k, r = key[c], right[a]
            left_top, right_top = reduced[k] - t * slope[k], reduced[r] - t * slope[r]
            top, best = left_top, k
            if right_top > top:
                top, best = right_top, r
            for o in range(start[c], start[c + 1]):
                if allowed[o] and slope[r] < slope[o] < slope[k]:
                    value = reduced[o] - t * slope[o]
                    if value > top + TIE:
                        top, best = value, o
            near_left[a] = k if left_top >= top - TIE else best
            near_right[a] = r if right_top >= top - TIE else best
            before += slope[k] - slope[near_left[a]]
            after += slope[k] - slope[near_right[a]]
        if before < 0.0 <= after:
            # Ties cross one by one; the one that turns the slope enters, those behind it stay.
            enters = -1
            for a in range(count):
                key[active[a]] = near_left[a]
                if before < 0.0 and near_left[a] != near_right[a]:
                    before += slope[near_left[a]] - slope[near_right[a]]
                    if enters >= 0:
                        key[active[enters]] = near_right[enters]
                    enters = a
            return t, active[enters], near_right[enters]
        kept = 0
        for a in range(count):
            c = active[a]
            if after < 0.0:
                key[c] = near_right[a]
                other = right[a]
            else:
                other = near_left[a]
            if other != key[c]:
                active[kept] = c
                right[kept] = other
                kept += 1
        if after < 0.0:
            descent, low = after, t
        if kept == 0:
            break
        count = kept
    return t, -1, 0
