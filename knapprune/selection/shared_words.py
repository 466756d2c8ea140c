"""What can be kept of DSP rows that share memory words: for each chain of rows, every option worth considering.

A word is paid once while any row with a bit in it lives, so the rows of a layer are no independent items. But only
neighbours share: rows of ``W`` bits and words of ``P`` fall into chains of ``lcm(W, P) / W`` rows that share nothing
with the next chain. For each chain, dynamic programming along its rows gives the most valuable rows for each number of
rows and each cost of words; the state is whether the word that the next row begins in is paid. What is left are classes
of options of which one each is taken: a multiple-choice knapsack (Kellerer, Pferschy, Pisinger, "Knapsack problems",
2004, ch. 11) with few types of options.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hardware_model import SharedWords
from knapsolve.kernels.jit import njit

#: Rows of a chain: one bit of a signed 64-bit integer each.
LONGEST_CHAIN = 62

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RowOptions:
    """Options of the chains of one layer; keeping none of a chain's rows is one more, which is not listed.

    Parameters
    ----------
    chain
        Shape (options,): the chain that each option is of, ascending.
    rows, cost
        Shape (options,): rows kept, and what the words with a bit of them cost.
    value
        Shape (options,): value of the rows kept.
    keep
        Shape (options,): bit ``i`` says whether the chain's row ``i`` is kept.
    start
        Shape (chains,): each chain's first row among those that were given.
    """

    chain: Integers
    rows: Integers
    cost: Integers
    value: Floats
    keep: Integers
    start: Integers

    def rows_kept(self, taken: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.bool_]:
        """Turn options that were taken into rows."""
        bits = (self.keep[taken, None] >> np.arange(LONGEST_CHAIN)) & 1 == 1
        kept = np.zeros(count, dtype=bool)
        kept[(self.start[self.chain[taken], None] + np.arange(LONGEST_CHAIN))[bits]] = True
        return kept


def row_options(values: Floats, words: SharedWords, rows_cost: bool = True) -> RowOptions:
    """List the options of each chain that no other option of it dominates."""
    count = len(values)
    breaks = np.flatnonzero(words.first[1:] > words.last[:-1]) + 1
    start = np.concatenate([[0], breaks, [count]])[0 if count else 1 :].astype(np.int64)
    longest = int(np.diff(start).max(initial=0))
    if longest > LONGEST_CHAIN:
        raise ValueError(f"words: {longest} rows share words one with the next, expected at most {LONGEST_CHAIN}")
    spent = np.concatenate([[0], np.cumsum(words.cost, dtype=np.int64)])
    # A word of a deep memory costs several units, mostly all words alike: only multiples can be spent.
    unit = _common_divisors(start, words)
    most = (spent[words.last[start[1:] - 1] + 1] - spent[words.first[start[:-1]]]) // unit if count else unit
    room = int((np.diff(start) * most).sum())
    whole = np.empty((4, room), np.int64)
    value = np.empty(room)
    options = chain_options(
        np.ascontiguousarray(values, np.float64), words.first, words.last, spent, unit, start, rows_cost, whole, value
    )
    chain, rows, cost, keep = whole[:, :options]
    return RowOptions(chain, rows, cost, value[:options], keep, start[:-1])


def _common_divisors(start: Integers, words: SharedWords) -> Integers:
    """Find the greatest common divisor of the costs of each chain's words, shape (chains,)."""
    if len(start) < 2:
        return np.ones(0, np.int64)
    first, last = words.first[start[:-1]], words.last[start[1:] - 1]
    # reduceat works on [start, stop) pairs; every second result is the gap between two chains.
    bounds = np.stack([first, last + 1], axis=1).ravel()
    return np.gcd.reduceat(np.append(words.cost, 0), bounds)[::2]


@njit(cache=True, nogil=True)
def chain_options(value, first, last, spent, unit, start, rows_cost, whole, best_value):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """List the undominated options of each chain."""
    most_rows, most = 0, 0
    for c in range(len(start) - 1):
        most_rows = max(most_rows, start[c + 1] - start[c])
        most = max(most, (spent[last[start[c + 1] - 1] + 1] - spent[first[start[c]]]) // unit[c])
    # table[i, paid, k, w]: best value of k of the first i rows with w units paid; paid says whether the word that row i
    # begins in is one of them. origin: the state before, and whether row i - 1 is kept (2).
    table = np.empty((most_rows + 1, 2, most_rows + 1, most + 1))
    origin = np.empty((most_rows + 1, 2, most_rows + 1, most + 1), np.int8)
    front = np.empty(most + 1)
    options = 0
    for c in range(len(start) - 1):
        begin, rows, step = start[c], start[c + 1] - start[c], unit[c]
        before = spent[first[begin]]
        total = (spent[last[begin + rows - 1] + 1] - before) // step
        for paid in range(2):
            for w in range((spent[first[begin] + 1] - before) // step + 1):
                table[0, paid, 0, w] = -1.0
        table[0, 0, 0, 0] = 0.0
        for i in range(rows):
            r = begin + i
            reached = (spent[last[r] + 1] - before) // step
            for paid in range(2):
                for k in range(i + 2):
                    for w in range(reached + 1):
                        table[i + 1, paid, k, w] = -1.0
            shares = i + 1 < rows and first[r + 1] == last[r]
            stays = shares and first[r] == last[r]
            span = (spent[last[r] + 1] - spent[first[r]]) // step
            shared = (spent[first[r] + 1] - spent[first[r]]) // step
            for paid in range(2):
                for k in range(i + 1):
                    for w in range((spent[first[r] + 1] - before) // step + 1):
                        known = table[i, paid, k, w]
                        if known < 0.0:
                            continue
                        after = paid if stays else 0
                        if known > table[i + 1, after, k, w]:
                            table[i + 1, after, k, w] = known
                            origin[i + 1, after, k, w] = paid
                        after = 1 if shares else 0
                        more = w + span - paid * shared
                        if known + value[r] > table[i + 1, after, k + 1, more]:
                            table[i + 1, after, k + 1, more] = known + value[r]
                            origin[i + 1, after, k + 1, more] = 2 + paid
        for w in range(total + 1):
            front[w] = 0.0
        for more_rows in range(rows):
            # Where rows cost nothing, the best of any number of rows is found among all before anything is listed.
            k = more_rows + 1 if rows_cost else 0
            reach = 0.0
            for w in range(total + 1):
                at, worth = k, table[rows, 0, k, w]
                if not rows_cost:
                    for other in range(rows + 1):
                        if table[rows, 0, other, w] > worth:
                            at, worth = other, table[rows, 0, other, w]
                reach = max(reach, front[w])
                if worth > reach:
                    reach = worth
                    whole[0, options], whole[1, options], whole[2, options] = c, at, w * step
                    best_value[options] = worth
                    kept, state, left, there = 0, 0, at, w
                    for back in range(rows, 0, -1):
                        move = origin[back, state, left, there]
                        state = move & 1
                        if move >= 2:
                            r = begin + back - 1
                            kept |= 1 << (back - 1)
                            left -= 1
                            there -= (spent[last[r] + 1] - spent[first[r] + state]) // step
                    whole[3, options] = kept
                    options += 1
                front[w] = reach
            if not rows_cost:
                break
    return options
