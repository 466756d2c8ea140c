"""Depth-first branch and bound for multiple choice: the dual of every node, started from its parent's basis."""

from __future__ import annotations

import numpy as np
from numba import njit

from knapsolve.exact.choice.dual import INFEASIBLE, SOLVED, best_options, choice_simplex
from knapsolve.exact.choice.round import fits, improve, total

ENTER, BACK, DONE = 0, 1, 2


@njit(cache=True)
def bar(option, allowed, trail, mark):  # type: ignore[no-untyped-def]
    """Take an option out of play and note it on the trail at mark[1]."""
    allowed[option] = False
    trail[mark[1]] = option
    mark[1] += 1


@njit(cache=True)
def search(  # type: ignore[no-untyped-def]
    value, weight, start, class_of, limits, scaled_value, scaled_weight, scaled_limits, value_scale, allowed,
    best, known, step, margin, nodes, steps, mark, trail, trail_at, branch, second, node_bound,
    saved_basic, saved_class, saved_key, basic, basic_class, key,
):  # fmt: skip
    """Search at most `nodes` nodes; call again to go on.

    Parameters
    ----------
    value, weight, start, class_of, limits
        Options (N,), (N, m), classes (C + 1,), class of each option (N,), capacities (m,).
    scaled_value, scaled_weight, scaled_limits, value_scale
        The same divided to entries of about 1 for the dual, and the number by which values were divided.
    allowed
        (N,) bool, options in play.
    best, known
        (C,) best options and their value so far; written and returned.
    step, margin
        A better selection is worth `step` more at least (0 for real values); `margin` covers rounding of the bounds.
    steps
        Steps of the dual at which a node's bound is good enough.
    mark
        (3,) depth, length of the trail, phase (ENTER, BACK or DONE): where the search stands; written.
    trail, trail_at
        (N + 1,) options taken out of play, (N + 2,) length of the trail at each depth.
    branch, second, node_bound
        (N + 2,) option branched on, whether the second child is being searched, bound of the node.
    saved_basic, saved_class, saved_key
        (N + 2, m) bases by depth.
    basic, basic_class, key
        The dual's state, (m,), (m,), (C,).

    Returns
    -------
    known, count
        Value of the best options, and how many nodes were searched.
    """
    n, m = weight.shape
    classes = len(start) - 1
    prices = np.zeros(m)
    loss = np.empty(n)
    options = np.empty(classes, np.int64)
    residual = np.empty(m)
    preferred = np.empty(classes, np.int64)
    count = 0
    while count < nodes and mark[2] != DONE:
        depth = mark[0]
        if mark[2] == BACK:
            if depth == 0:
                mark[2] = DONE
                break
            depth -= 1
            mark[0] = depth
            while mark[1] > trail_at[depth]:
                mark[1] -= 1
                allowed[trail[mark[1]]] = True
            if second[depth] or node_bound[depth] < known + step - margin:
                continue
            second[depth] = True
            bar(branch[depth], allowed, trail, mark)
            for p in range(m):
                basic[p], basic_class[p] = saved_basic[depth, p], saved_class[depth, p]
                if basic[p] >= 0:
                    key[basic_class[p]] = saved_key[depth, p]
            depth += 1
            mark[0] = depth
            trail_at[depth] = mark[1]
            mark[2] = ENTER
        count += 1
        status, share = choice_simplex(
            scaled_value, scaled_weight, start, scaled_limits, allowed, prices, key, basic, basic_class, True, steps
        )
        mark[2] = BACK
        if status == INFEASIBLE:
            continue
        bound = best_options(scaled_value, scaled_weight, start, allowed, prices, preferred, loss)
        for i in range(m):
            bound += prices[i] * scaled_limits[i]
        bound *= value_scale
        if depth > 0:
            bound = min(bound, node_bound[depth - 1])
        node_bound[depth] = bound
        if bound < known + step - margin:
            continue
        # Round: of every class the option with the largest share, then swap what fits.
        chosen, most = -1, 0.0
        if status == SOLVED:
            for c in range(classes):
                options[c] = key[c]
            for p in range(m):
                if basic[p] < 0:
                    continue
                c = basic_class[p]
                rest, top = 1.0, 0.0
                for q in range(m):
                    if basic[q] >= 0 and basic_class[q] == c:
                        rest -= share[q]
                        if share[q] > top:
                            top = share[q]
                            options[c] = basic[q]
                if rest >= top:
                    options[c] = key[c]
                top = max(top, rest)
                if top < 1.0 - 1e-7 and top > most:
                    chosen, most = options[c], top
            worth = total(value, weight, options, limits, residual)
            if fits(residual):
                improve(value, weight, start, allowed, options, residual)
                worth = total(value, weight, options, limits, residual)
                if worth > known:
                    known = worth
                    for c in range(classes):
                        best[c] = options[c]
                    if bound < known + step - margin:
                        continue
        allowance = (bound - known - step + margin) / value_scale
        open_class = -1
        for c in range(classes):
            left = 0
            for o in range(start[c], start[c + 1]):
                if allowed[o]:
                    if loss[o] > allowance:
                        bar(o, allowed, trail, mark)
                    else:
                        left += 1
            if left > 1 and open_class < 0:
                open_class = c
        if open_class < 0:
            # One option a class is left.
            for c in range(classes):
                for o in range(start[c], start[c + 1]):
                    if allowed[o]:
                        options[c] = o
            worth = total(value, weight, options, limits, residual)
            if fits(residual) and worth > known:
                known = worth
                for c in range(classes):
                    best[c] = options[c]
            continue
        if chosen >= 0:
            left = 0
            c = class_of[chosen]
            for o in range(start[c], start[c + 1]):
                left += allowed[o]
            if left <= 1 or not allowed[chosen]:
                chosen = -1
        if chosen < 0:
            for o in range(start[open_class + 1] - 1, start[open_class] - 1, -1):
                if allowed[o]:
                    chosen = o
        # First child: the option is taken. The trail up to here belongs to this node.
        branch[depth], second[depth] = chosen, False
        trail_at[depth] = mark[1]
        for p in range(m):
            saved_basic[depth, p], saved_class[depth, p] = basic[p], basic_class[p]
            saved_key[depth, p] = key[basic_class[p]] if basic[p] >= 0 else 0
        c = class_of[chosen]
        for o in range(start[c], start[c + 1]):
            if allowed[o] and o != chosen:
                bar(o, allowed, trail, mark)
        mark[0] = depth + 1
        mark[2] = ENTER
    return known, count
