"""Every combination of options that loses no more than a budget, in two lists that meet in the middle.

A selection's loss against the dual bound is what its options lose plus the price of the capacity it leaves unused.
Classes with a second option within the budget are dealt to two halves; each half lists its combinations (what they
lose, what weight they add), keeping the least loss of those of equal weight, and pairs are joined whose weights fill
the capacities all but for what the budget left over pays (Horowitz, Sahni, JACM 21, 1974, with losses for values).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.hashing import OFFSET, mix
from knapsolve.kernels.jit import njit

OVERFLOW, GIVE_UP = -1, -2


class Listed(NamedTuple):
    """A list of combinations."""

    loss: NDArray[np.float64]  # (F,)
    weight: NDArray[np.float64]  # (F, m)


class Losses(NamedTuple):
    """Which losses against the dual bound are of interest."""

    budget: float  # the largest
    known: float  # the one to beat
    floor: float  # one with which to be content


@njit(cache=True, nogil=True)
def combinations(start, loss, added, budget, room, work):  # type: ignore[no-untyped-def]  # noqa: C901
    """List the combinations of one option a class, or none, that lose at most `budget` together.

    Parameters
    ----------
    start, loss, added
        Classes (K + 1,), what each option loses (P,) and the weight it adds to that of its class's key (P, m).
        Classes with the largest losses come first, so that the list stays short until the end.
    budget
        Largest sum of losses.
    room, work
        Longest list, and how many extensions may be tried.

    Returns
    -------
    count, losses, weights, parents, options, alive
        Length of the list, OVERFLOW or GIVE_UP; loss (room,) and weight (room, m) of each combination, the
        combination it extends and the option it adds (room,), and whether none of equal weight loses less (room,).
    """
    m = added.shape[1]
    losses = np.empty(room)
    weights = np.empty((room, m))
    parents = np.empty(room, np.int32)
    options = np.empty(room, np.int32)
    alive = np.empty(room, np.bool_)
    slots = 4
    while slots < 2 * room:
        slots *= 2
    table = np.empty(slots, np.int32)
    for entry in range(slots):
        table[entry] = -1
    dying = np.empty(room, np.int32)
    count = 1
    losses[0], parents[0], options[0], alive[0] = 0.0, -1, -1, True
    total = np.zeros(m)
    bits = total.view(np.uint64)
    for i in range(m):
        weights[0, i] = 0.0
    for c in range(-1, len(start) - 1):
        # Where many combinations weigh the same the list stays short but the work does not.
        work -= count * (start[c + 1] - start[c]) if c >= 0 else 0
        if work < 0:
            return GIVE_UP, losses, weights, parents, options, alive
        extended = count if c >= 0 else 1
        first, last = (start[c], start[c + 1]) if c >= 0 else (0, 1)
        deaths = 0
        for s in range(extended):
            if not alive[s]:
                continue
            for o in range(first, last):
                if c >= 0:
                    lost = losses[s] + loss[o]
                    if lost > budget:
                        continue
                    for i in range(m):
                        total[i] = weights[s, i] + added[o, i]
                else:
                    # The empty combination enters the table by the same door.
                    lost = 0.0
                mixed = OFFSET
                for i in range(m):
                    mixed = mix(mixed, bits[i])
                slot = np.int64(mixed & np.uint64(slots - 1))
                known = table[slot]
                while known >= 0:
                    same = True
                    for i in range(m):
                        if weights[known, i] != total[i]:
                            same = False
                            break
                    if same:
                        break
                    slot = (slot + 1) & (slots - 1)
                    known = table[slot]
                if c < 0:
                    table[slot] = 0
                    continue
                if known >= 0:
                    if losses[known] <= lost:
                        continue
                    # Outdone, but another option of this class may still extend it.
                    dying[deaths] = known
                    deaths += 1
                if count == room or deaths == room:
                    return OVERFLOW, losses, weights, parents, options, alive
                table[slot] = count
                losses[count], parents[count], options[count], alive[count] = lost, s, o, True
                for i in range(m):
                    weights[count, i] = total[i]
                count += 1
        for d in range(deaths):
            alive[dying[d]] = False
    return count, losses, weights, parents, options, alive


@njit(cache=True, nogil=True)
def join(first, second, along, left, prices, losses, begin, work):  # type: ignore[no-untyped-def]
    """Find the pair of combinations that fits and loses least, unused capacity included.

    Parameters
    ----------
    first, second
        The lists as `Listed`, the first sorted by weight on resource `along`.
    left, prices
        (m,) capacity left by the keys, may be negative, and prices.
    losses
        See `Losses`.
    begin, work
        First of the second list to look at, and about how many pairs to look at in one call.

    Returns
    -------
    first, second, loss, end
        The pair, -1 where none beats the known loss, and where in the second list to go on.
    """
    first_loss, first_weight = first
    second_loss, second_weight = second
    budget, known, floor = losses
    m = len(left)
    best_first, best_second = -1, -1
    space = np.empty(m)
    s = begin - 1
    while s + 1 < len(second_loss) and work > 0 and known > floor:
        s += 1
        work -= 8
        spare = min(budget, known) - second_loss[s]
        if spare < 0.0:
            continue
        for i in range(m):
            space[i] = left[i] - second_weight[s, i]
        highest = space[along]
        lowest = highest - spare * (1.0 + 1e-9) / prices[along] if prices[along] > 0.0 else -np.inf
        f, above = 0, len(first_loss)
        while f < above:
            middle = (f + above) // 2
            if first_weight[middle, along] < lowest:
                f = middle + 1
            else:
                above = middle
        while f < len(first_loss) and first_weight[f, along] <= highest:
            work -= 1
            lost = first_loss[f] + second_loss[s]
            for i in range(m):
                slack = space[i] - first_weight[f, i]
                if slack < 0.0:
                    lost = np.inf
                    break
                lost += prices[i] * slack
            if lost < known:
                best_first, best_second, known = f, s, lost
            f += 1
    return best_first, best_second, known, s + 1 if known > floor else len(second_loss)
