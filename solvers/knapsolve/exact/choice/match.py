"""Joining two lists of combinations: look up what fills the capacities but for a payable slack.

Where weights are whole, what a selection may leave unused of the dear resources, at their prices, comes to few vectors.
For each of them the partners of a combination have one weight on these resources, and a hash table lists them, the
least loss first. Where weights are real, the partners lie in a box as wide as the payable slack, hence in two
neighbouring cells of that width on each resource.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.hashing import OFFSET, mix
from knapsolve.kernels.jit import njit

MOST_VECTORS = 64
"""Vectors of unused capacity looked up for one combination."""
LARGEST_CODE = 2**60
CELLED = 3
"""Most resources that are divided into cells."""
TOLERANCE = 1e-9
"""Relative error within which a loss counts as within the budget."""


class Unused(NamedTuple):
    """What may be left unused of the resources looked at, in cells."""

    resources: NDArray[np.int64]  # (d,)
    width: NDArray[np.float64]  # (d,) of a cell on each; 1 for whole weights
    vectors: NDArray[np.int64]  # (V, d) how many cells are left unused
    costs: NDArray[np.float64]  # (V,) what these cost at least, rising


class Table(NamedTuple):
    """A list of combinations hashed by their cells on the resources looked at."""

    low: NDArray[np.float64]  # (d,) least weight
    span: NDArray[np.int64]  # (d,) number of cells
    codes: NDArray[np.int64]  # (F,) of the combinations
    head: NDArray[np.int64]  # first combination of each slot, or -1
    follows: NDArray[np.int64]  # (F,) the next one of its slot, later in the list, or -1


def slack_vectors(prices: NDArray[np.float64], spans: NDArray[np.int64], limit: float) -> Unused | None:
    """List what may be left unused of the dearest resources.

    Parameters
    ----------
    prices
        Price of each resource, shape (m,).
    spans
        Number of different weights that a list may have on each resource, shape (m,).
    limit
        Largest price of all unused capacity.

    Returns
    -------
    Unused or None
        None where even one resource has too many.
    """
    vectors, costs = np.zeros((1, 0), np.int64), np.zeros(1)
    resources: list[int] = []
    code = 1
    for i in np.argsort(-prices, kind="stable"):
        if prices[i] <= 0.0 or limit > MOST_VECTORS * prices[i] or code * int(spans[i]) > LARGEST_CODE:
            break
        amounts = np.arange(int(limit * (1 + TOLERANCE) / prices[i]) + 1)
        spent = costs[:, None] + prices[i] * amounts
        row, amount = np.nonzero(spent <= limit * (1 + TOLERANCE))
        if len(row) > MOST_VECTORS:
            break
        vectors, costs = np.column_stack([vectors[row], amounts[amount]]), spent[row, amount]
        resources.append(int(i))
        code *= int(spans[i])
    if not resources:
        return None
    rising = np.argsort(costs, kind="stable")
    width = np.ones(len(resources))
    return Unused(np.array(resources), width, np.ascontiguousarray(vectors[rising]), costs[rising])


def neighbouring_cells(prices: NDArray[np.float64], ranges: NDArray[np.float64], limit: float) -> Unused | None:
    """Divide the range of the weights on some resources into cells as wide as the payable slack.

    Parameters
    ----------
    prices
        Price of each resource, shape (m,).
    ranges
        Difference of the largest and the least weight of a list on each resource, shape (m,).
    limit
        Largest price of all unused capacity.

    Returns
    -------
    Unused or None
        Which cells below that of the capacity are neighbours; None where no resource is worth dividing.
    """
    with np.errstate(over="ignore"):
        cells = ranges * prices / (limit * (1 + TOLERANCE)) if 0.0 < limit < np.inf else np.zeros(len(prices))
    many = np.argsort(-cells, kind="stable")[:CELLED]
    resources = many[(cells[many] > 2.0) & (cells[many] < LARGEST_CODE ** (1.0 / CELLED) - 2)]
    if not len(resources):
        return None
    vectors = np.array(list(product((0, 1), repeat=len(resources))), np.int64)
    return Unused(resources, limit * (1 + TOLERANCE) / prices[resources], vectors, np.zeros(len(vectors)))


@njit(cache=True, nogil=True)
def index(weight, resources, width, low, span):  # type: ignore[no-untyped-def]
    """Hash a list of combinations, (F, m), as a `Table`; the first in the list come first in their chain."""
    count = len(weight)
    slots = 4
    while slots < 2 * count:
        slots *= 2
    head = np.empty(slots, np.int64)
    for entry in range(slots):
        head[entry] = -1
    follows = np.empty(count, np.int64)
    codes = np.empty(count, np.int64)
    for f in range(count - 1, -1, -1):
        code = np.int64(0)
        for d in range(len(resources)):
            code = code * span[d] + np.int64(np.floor((weight[f, resources[d]] - low[d]) / width[d]))
        codes[f] = code
        slot = np.int64(mix(OFFSET, np.uint64(code)) & np.uint64(slots - 1))
        follows[f] = head[slot]
        head[slot] = f
    return Table(low, span, codes, head, follows)


@njit(cache=True, nogil=True)
def match(first, table, second, unused, left, prices, losses, begin, work):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """Find the pair of combinations that fits and loses least, unused capacity included.

    Parameters
    ----------
    first, table
        A list, see `knapsolve.exact.choice.list.Listed`, by rising loss, and its `Table`.
    second
        Another, by rising loss.
    unused
        See `Unused`.
    left, prices
        (m,) capacity left by the keys, may be negative, and prices.
    losses
        See `knapsolve.exact.choice.list.Losses`.
    begin, work
        First of the second list to look at, and about how many pairs to look at in one call.

    Returns
    -------
    first, second, loss, end
        The pair, -1 where none beats the known loss, and where in the second list to go on.
    """
    first_loss, first_weight = first
    second_loss, second_weight = second
    low, span, codes, head, follows = table
    resources, width, vectors, costs = unused
    budget, known, floor = losses
    m = len(left)
    best_first, best_second = -1, -1
    mask = np.uint64(len(head) - 1)
    least = first_loss[0]
    limit = min(budget, known) * (1.0 + TOLERANCE)
    s = begin - 1
    while s + 1 < len(second_loss) and work > 0 and known > floor:
        s += 1
        lost_second = second_loss[s]
        if lost_second + least > limit:
            return best_first, best_second, known, len(second_loss)
        for v in range(len(costs)):
            if lost_second + least + costs[v] > limit:
                break
            work -= 1
            code = np.int64(0)
            for d in range(len(resources)):
                i = resources[d]
                needed = np.int64(np.floor((left[i] - second_weight[s, i] - low[d]) / width[d])) - vectors[v, d]
                if needed < 0 or needed >= span[d]:
                    code = np.int64(-1)
                    break
                code = code * span[d] + needed
            if code < 0:
                continue
            f = head[np.int64(mix(OFFSET, np.uint64(code)) & mask)]
            while f >= 0:
                work -= 1
                lost = first_loss[f] + lost_second
                if lost + costs[v] > limit:
                    break
                if codes[f] == code:
                    for i in range(m):
                        slack = left[i] - second_weight[s, i] - first_weight[f, i]
                        if slack < 0.0:
                            lost = np.inf
                            break
                        lost += prices[i] * slack
                    if lost < known:
                        best_first, best_second, known = f, s, lost
                        limit = min(budget, known) * (1.0 + TOLERANCE)
                f = follows[f]
    return best_first, best_second, known, s + 1 if known > floor else len(second_loss)
