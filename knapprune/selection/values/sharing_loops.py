"""The best values of one input at a time, where multipliers are shared: loops over weights and the values near them.

At given prices each input is an uncapacitated facility location problem on a line: its weights are the clients, the
values that it may multiply by the sites, opened once for all weights that hold them. What a weight is worth falls with
the distance from it to its value, so the sites that serve it well are an interval.

Where a site costs something, the dual is raised one interval at a time, from left to right by their right ends, until a
site in it is paid in full (dual ascent: Erlenkotter, "A dual-based procedure for uncapacitated facility location",
Operations Research 26, 1978). Intervals in that order are in standard greedy form, for which this is no heuristic: dual
and primal meet (Hoffman, Kolen, Sakarovitch, "Totally-balanced and greedy matrices", SIAM Journal on Algebraic and
Discrete Methods 6, 1985).

Where a site saves something, since a multiplier is built in place of shifts and additions, it does so once, and weights
bid for that (Bertsekas, "The auction algorithm", Annals of Operations Research 14, 1988).
"""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit

MOST_LEVELS = 64
"""Sites looked at that serve a weight better than what it has without; farther ones leave its dual as it is."""
LEAST_STEP = 1e-5
"""Least step of a bid, as a share of what weights are worth."""


@njit(cache=True, nogil=True, inline="always")
def _worth(saliency, weight, value):  # type: ignore[no-untyped-def]
    relative = (value - weight) / weight
    return saliency * max(1.0 - relative * relative, 0.0)


@njit(cache=True, nogil=True)
def respond(clients, sites, base, tables, price, moves, rows, bids, chosen, gains, worth, use):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Choose the values of each input at given prices, and bound what they can gain.

    Parameters
    ----------
    clients
        Tuple: where the weights of each input begin (inputs + 1,); weights (n,), rising for each input, in last bits;
        their saliency (n,); worth of their best value without a multiplier (n,); their place among the sites of their
        input, (n,): the first not below them or, where they do not move, the one of their own value, -1 without.
    sites
        Tuple: where the sites of each input begin (inputs + 1,), their values (k,), rising for each input, and blocks.
    base, tables
        Look-up tables of a weight that is not zero, and what one with a multiplier of its own has beyond that.
    price
        Of a block and of a look-up table, (2,).
    moves
        Whether a weight may hold what others of its input list.
    rows
        The first input, the one to stop at, and the step from one to the next.
    bids
        In how many steps at most the price of what a site saves rises to all that it saves.
    chosen
        (n,), written: the site of each weight, -1 for its best value without a multiplier, -2 for zero.
    gains, worth, use
        (inputs,), (inputs,), (inputs, 2), written: what no choice of values exceeds, less prices; the worth and the use
        of those chosen.
    """
    first, weight, saliency, private, place = clients
    first_site, value, block = sites
    flat = price[1] * base
    for row in range(rows[0], rows[1], rows[2]):
        a, b = first[row], first[row + 1]
        fa, fb = first_site[row], first_site[row + 1]
        n, k = b - a, fb - fa
        alone = np.empty(n)
        for i in range(n):
            alone[i] = private[a + i] - flat
            chosen[a + i] = -1
            if alone[i] <= 0.0:
                alone[i] = 0.0
                chosen[a + i] = -2
        total = 0.0
        cost = np.empty(k)
        saves, costs = False, False
        for f in range(k):
            cost[f] = price[0] * block[fa + f] + price[1] * tables
            saves |= cost[f] <= 0.0
            costs |= cost[f] > 0.0
        own = weight[a:b], saliency[a:b], place[a:b], value[fa:fb]
        answer = chosen[a:b]
        if saves:
            total += _bid(own, cost, flat, moves, bids, alone, answer)
        if costs:
            total -= _open(own, cost, flat, moves, alone, answer)
        used = np.zeros(k, np.bool_)
        kept = 0
        for i in range(n):
            total += alone[i]
            if answer[i] == -1:
                kept += 1
                worth[row] += private[a + i]
            elif answer[i] >= 0:
                kept += 1
                used[answer[i]] = True
                worth[row] += _worth(saliency[a + i], weight[a + i], value[fa + answer[i]])
                answer[i] += fa
        gains[row] = total
        use[row, 1] = kept * base
        for f in range(k):
            if used[f]:
                use[row, 0] += block[fa + f]
                use[row, 1] += tables


@njit(cache=True, nogil=True)
def _look(i, own, cost, rent, flat, most, moves, alone):  # type: ignore[no-untyped-def]
    """Find a weight's best site that still saves, its gain there and elsewhere, and the best site without saving."""
    weight, saliency, place, value = own
    k = len(value)
    site, top, second = -1, -np.inf, alone
    plain, plain_gain = -1, alone
    left, right = place[i] - 1, place[i]
    if not moves:
        left = -1
        if right < 0:
            return site, top, second, plain
    while left >= 0 or right < k:
        if right < k and (left < 0 or value[right] - weight[i] <= weight[i] - value[left]):
            f = right
            right = right + 1 if moves else k
        else:
            f = left
            left -= 1
        gain = _worth(saliency[i], weight[i], value[f]) - flat
        if gain + most <= second:
            break
        if cost[f] > 0.0:
            continue
        if gain > plain_gain:
            plain, plain_gain = f, gain
            if gain > second:
                second = gain
        if rent[f] >= -cost[f]:
            continue
        with_saving = gain - cost[f] - rent[f]
        if with_saving > top:
            second = max(second, top)
            site, top = f, with_saving
        elif with_saving > second:
            second = with_saving
    return site, top, second, plain


@njit(cache=True, nogil=True)
def _bid(own, cost, flat, moves, bids, alone, answer):  # type: ignore[no-untyped-def]
    """Let weights bid for what sites save; raises `alone` to what each has then, and returns the sum of the rents."""
    saliency = own[1]
    n, k = len(alone), len(cost)
    rent, owner = np.zeros(k), np.full(k, -1)
    most = max(-cost.min(), 0.0)
    # Steps far below what a weight is worth take long and change no bound.
    step = max(most / bids, LEAST_STEP * saliency.mean())
    waiting = np.arange(n)[::-1].copy()
    count = n
    while count:
        count -= 1
        i = waiting[count]
        site, top, second, plain = _look(i, own, cost, rent, flat, most, moves, alone[i])
        if site >= 0 and top > second:
            rent[site] = min(rent[site] + top - second + step, -cost[site])
            if owner[site] >= 0:
                waiting[count] = owner[site]
                count += 1
            owner[site] = i
            answer[i] = site
        elif plain >= 0:
            answer[i] = plain
        elif answer[i] >= 0:
            answer[i] = -1 if alone[i] > 0.0 else -2
    total = 0.0
    for f in range(k):
        total += rent[f]
    for i in range(n):
        site, top, second, _ = _look(i, own, cost, rent, flat, most, moves, alone[i])
        alone[i] = max(top, second)
    return total


@njit(cache=True, nogil=True)
def _open(own, cost, flat, moves, alone, answer):  # type: ignore[no-untyped-def]
    """Open sites that cost something; raises `alone` to the best that each weight may have, and returns the dual."""
    weight, saliency, place, value = own
    n, k = len(alone), len(cost)
    low, high = np.empty(4 * n + MOST_LEVELS, np.int64), np.empty(4 * n + MOST_LEVELS, np.int64)
    cap = np.empty(len(low))
    held = alone.copy()
    count = 0
    for i in range(n):
        left, right = place[i] - 1, place[i]
        if not moves:
            left = -1
            if right < 0:
                continue
        if count + MOST_LEVELS > len(cap):
            low, high, cap = np.append(low, low), np.append(high, high), np.append(cap, cap)
        before, start = 0.0, count
        while left >= 0 or right < k:
            if right < k and (left < 0 or value[right] - weight[i] <= weight[i] - value[left]):
                f = right
                right = right + 1 if moves else k
            else:
                f = left
                left -= 1
            if cost[f] <= 0.0:
                continue
            gain = _worth(saliency[i], weight[i], value[f]) - flat
            if count > start:
                cap[count - 1] = before - max(gain, held[i])
            else:
                alone[i] = max(gain, held[i])
            if gain <= held[i] or count - start == MOST_LEVELS:
                break
            low[count] = f if count == start else min(low[count - 1], f)
            high[count] = f if count == start else max(high[count - 1], f)
            cap[count] = gain - held[i]
            before = gain
            count += 1
    opened = np.zeros(k, np.bool_)
    dual = _ascend(low[:count], high[:count], cap[:count], cost, opened)
    _settle(own, flat, moves, held, opened, answer)
    return dual


@njit(cache=True, nogil=True)
def _ascend(low, high, cap, cost, opened):  # type: ignore[no-untyped-def]
    """Raise the dual of each interval as far as its cap and the sites in it allow; marks the sites that open."""
    k = len(cost)
    begin = np.zeros(k + 1, np.int64)
    for r in range(len(high)):
        begin[high[r] + 1] += 1
    for f in range(k):
        begin[f + 1] += begin[f]
    order = np.empty(len(high), np.int64)
    for r in range(len(high)):
        order[begin[high[r]]] = r
        begin[high[r]] += 1
    slack = np.where(cost > 0.0, cost, np.inf)
    paid = np.zeros(k, np.bool_)
    # The left end of the intervals with a dual above zero that hold a site.
    reach = np.arange(k)
    last, dual = -1, 0.0
    for interval in order:
        if last >= low[interval]:
            continue
        least = cap[interval]
        for f in range(low[interval], high[interval] + 1):
            least = min(least, slack[f])
        if least <= 0.0:
            continue
        dual += least
        for f in range(low[interval], high[interval] + 1):
            slack[f] -= least
            reach[f] = min(reach[f], low[interval])
            if slack[f] <= 1e-12 * cost[f]:
                paid[f] = True
                last = max(last, f)
    barred = k
    for f in range(k - 1, -1, -1):
        if paid[f] and f < barred:
            opened[f] = True
            barred = reach[f]
    return dual


@njit(cache=True, nogil=True)
def _settle(own, flat, moves, held, opened, answer):  # type: ignore[no-untyped-def]
    """Let each weight hold the nearest value that is opened where it gains more by that."""
    weight, saliency, place, value = own
    k = len(value)
    after, before = np.full(k + 1, k), np.full(k + 1, -1)
    for f in range(k):
        before[f + 1] = f if opened[f] else before[f]
    for f in range(k - 1, -1, -1):
        after[f] = f if opened[f] else after[f + 1]
    for i in range(len(held)):
        best = held[i]
        if not moves:
            f = place[i]
            if f >= 0 and opened[f] and _worth(saliency[i], weight[i], value[f]) - flat > best:
                answer[i] = f
            continue
        for f in (before[place[i]], after[place[i]]):
            if 0 <= f < k:
                gain = _worth(saliency[i], weight[i], value[f]) - flat
                if gain > best:
                    best = gain
                    answer[i] = f
