"""Depth-first branch and bound for multiple choice: the dual of every node, started from its parent's basis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.dual import INFEASIBLE, SOLVED, best_options, choice_simplex
from knapsolve.exact.choice.round import fits, improve, total
from knapsolve.kernels.jit import njit

ENTER, BACK, DONE = 0, 1, 2


class Stack(NamedTuple):
    """Where the search stands: what is out of play, and the nodes from the root down; all changed in place."""

    mark: NDArray[np.int64]  # (3,) depth, length of the trail, and phase: ENTER, BACK or DONE
    allowed: NDArray[np.bool_]  # (N,) options in play
    trail: NDArray[np.int64]  # (N + 1,) options taken out of play
    trail_at: NDArray[np.int64]  # (N + 2,) length of the trail, as all that follows by depth
    branch: NDArray[np.int64]  # (N + 2,) option branched on
    second: NDArray[np.bool_]  # (N + 2,) whether the second child is being searched
    bound: NDArray[np.float64]  # (N + 2,)
    basic: NDArray[np.int64]  # (N + 2, m) the dual's basis, as the next two
    basic_class: NDArray[np.int64]  # (N + 2, m)
    key: NDArray[np.int64]  # (N + 2, m) keys of these classes


def empty_stack(size: int, m: int) -> Stack:
    """Return the stack of so many options and resources before the root is searched."""
    return Stack(
        np.zeros(3, np.int64), np.ones(size, np.bool_), np.empty(size + 1, np.int64), np.zeros(size + 2, np.int64),
        np.empty(size + 2, np.int64), np.zeros(size + 2, np.bool_), np.zeros(size + 2),
        np.zeros((size + 2, m), np.int64), np.zeros((size + 2, m), np.int64), np.zeros((size + 2, m), np.int64),
    )  # fmt: skip


@njit(cache=True)
def bar(option, stack):  # type: ignore[no-untyped-def]
    """Take an option out of play and note it on the trail."""
    stack.allowed[option] = False
    stack.trail[stack.mark[1]] = option
    stack.mark[1] += 1


@njit(cache=True)
def search(classes, scaled, value_scale, basis, stack, best, known, step, margin, nodes, steps):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """Search at most `nodes` nodes; call again to go on.

    Parameters
    ----------
    classes, scaled, value_scale
        The `Classes`, the same divided to entries of about 1 for the dual, and by what values were divided.
    basis, stack
        The dual's state, and where the search stands.
    best, known
        (C,) best options and their value so far; written and returned.
    step, margin
        A better selection is worth `step` more at least (0 for real values); `margin` covers rounding of the bounds.
    steps
        Steps of the dual at which a node's bound is good enough.

    Returns
    -------
    known, count
        Value of the best options, and how many nodes were searched.
    """
    start, value, weight, limits = classes.start, classes.value, classes.weight, classes.limits
    basic, basic_class, key = basis.basic, basis.basic_class, basis.key
    mark, allowed, trail_at, node_bound = stack.mark, stack.allowed, stack.trail_at, stack.bound
    n, m = weight.shape
    number = len(start) - 1
    prices = np.zeros(m)
    loss = np.empty(n)
    options = np.empty(number, np.int64)
    residual = np.empty(m)
    preferred = np.empty(number, np.int64)
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
                allowed[stack.trail[mark[1]]] = True
            if stack.second[depth] or node_bound[depth] < known + step - margin:
                continue
            stack.second[depth] = True
            bar(stack.branch[depth], stack)
            for p in range(m):
                basic[p], basic_class[p] = stack.basic[depth, p], stack.basic_class[depth, p]
                if basic[p] >= 0:
                    key[basic_class[p]] = stack.key[depth, p]
            depth += 1
            mark[0] = depth
            trail_at[depth] = mark[1]
            mark[2] = ENTER
        count += 1
        status, share = choice_simplex(scaled, allowed, prices, basis, True, steps)
        mark[2] = BACK
        if status == INFEASIBLE:
            continue
        bound = best_options(scaled.value, scaled.weight, start, allowed, prices, preferred, loss)
        for i in range(m):
            bound += prices[i] * scaled.limits[i]
        bound *= value_scale
        if depth > 0:
            bound = min(bound, node_bound[depth - 1])
        node_bound[depth] = bound
        if bound < known + step - margin:
            continue
        # Round: of every class the option with the largest share, then swap what fits.
        chosen, chosen_class, most = -1, -1, 0.0
        if status == SOLVED:
            for c in range(number):
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
                    chosen, chosen_class, most = options[c], c, top
            worth = total(value, weight, options, limits, residual)
            if fits(residual):
                improve(value, weight, start, allowed, options, residual)
                worth = total(value, weight, options, limits, residual)
                if worth > known:
                    known = worth
                    for c in range(number):
                        best[c] = options[c]
                    if bound < known + step - margin:
                        continue
        allowance = (bound - known - step + margin) / value_scale
        open_class = -1
        for c in range(number):
            left = 0
            for o in range(start[c], start[c + 1]):
                if allowed[o]:
                    if loss[o] > allowance:
                        bar(o, stack)
                    else:
                        left += 1
            if left > 1 and open_class < 0:
                open_class = c
        if open_class < 0:
            # One option a class is left.
            for c in range(number):
                for o in range(start[c], start[c + 1]):
                    if allowed[o]:
                        options[c] = o
            worth = total(value, weight, options, limits, residual)
            if fits(residual) and worth > known:
                known = worth
                for c in range(number):
                    best[c] = options[c]
            continue
        if chosen >= 0:
            left = 0
            for o in range(start[chosen_class], start[chosen_class + 1]):
                left += allowed[o]
            if left <= 1 or not allowed[chosen]:
                chosen = -1
        if chosen < 0:
            chosen_class = open_class
            for o in range(start[open_class + 1] - 1, start[open_class] - 1, -1):
                if allowed[o]:
                    chosen = o
        # First child: the option is taken. The trail up to here belongs to this node.
        stack.branch[depth], stack.second[depth] = chosen, False
        trail_at[depth] = mark[1]
        for p in range(m):
            stack.basic[depth, p], stack.basic_class[depth, p] = basic[p], basic_class[p]
            stack.key[depth, p] = key[basic_class[p]] if basic[p] >= 0 else 0
        for o in range(start[chosen_class], start[chosen_class + 1]):
            if allowed[o] and o != chosen:
                bar(o, stack)
        mark[0] = depth + 1
        mark[2] = ENTER
    return known, count
