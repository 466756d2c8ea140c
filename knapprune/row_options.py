"""What can be kept of DSP rows that share memory words: for each chain of rows, every option worth considering.

A word is paid once while any row with a bit in it lives, so the rows of a layer are no independent items. But only
neighbours share: rows of ``W`` bits and words of 36 fall into chains of ``lcm(W, 36) / W`` rows that share nothing with
the next chain. For each chain, dynamic programming along its rows gives the most valuable rows for each number of rows
and words; the state is whether the word that the next row begins in is paid. What is left are classes of options of
which one each is taken: a multiple-choice knapsack (Kellerer, Pferschy, Pisinger, "Knapsack problems", 2004, ch. 11)
with few types of options.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from knapprune.hardware.model import SharedWords

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
    rows, blocks
        Shape (options,): rows kept, and memory blocks paid for them.
    value
        Shape (options,): value of the rows kept.
    keep
        Shape (options,): bit ``i`` says whether the chain's row ``i`` is kept.
    start
        Shape (chains,): each chain's first row among those that were given.
    """

    chain: Integers
    rows: Integers
    blocks: Integers
    value: Floats
    keep: Integers
    start: Integers

    def rows_kept(self, taken: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.bool_]:
        """Turn options that were taken into rows.

        Parameters
        ----------
        taken
            Shape (options,): at most one of each chain.
        count
            Number of rows that were given.

        Returns
        -------
        numpy.ndarray
            Shape (count,): whether each row is kept.
        """
        bits = (self.keep[taken, None] >> np.arange(LONGEST_CHAIN)) & 1 == 1
        kept = np.zeros(count, dtype=bool)
        kept[(self.start[self.chain[taken], None] + np.arange(LONGEST_CHAIN))[bits]] = True
        return kept


def row_options(values: Floats, words: SharedWords, rows_cost: bool = True) -> RowOptions:
    """List the options of each chain that no other option of it dominates.

    Parameters
    ----------
    values
        Shape (rows,), not negative: what each row is worth.
    words
        The words of these rows, each of which has a bit that counts.
    rows_cost
        Whether fewer rows are better at equal value and words.

    Returns
    -------
    RowOptions
        By chain, then by rows and words.

    Raises
    ------
    ValueError
        If more rows than `LONGEST_CHAIN` share words one with the next.
    """
    count = len(values)
    breaks = np.flatnonzero(words.first[1:] > words.last[:-1]) + 1
    start = np.concatenate([[0], breaks, [count]])[0 if count else 1 :].astype(np.int64)
    longest = int(np.diff(start).max(initial=0))
    if longest > LONGEST_CHAIN:
        raise ValueError(f"words: {longest} rows share words one with the next, expected at most {LONGEST_CHAIN}")
    # Mostly every row needs the same planes of its words, and a paid word is one bit. Elsewhere a set of planes is.
    irregular = (words.planes[1:] != words.planes[:-1]).any(axis=1)
    irregular[breaks - 1] = False
    odd = np.unique(np.searchsorted(start, np.flatnonzero(irregular), "right") - 1)
    widths = words.last[start[1:] - 1] - words.first[start[:-1]] + 1 if count else np.zeros(0, np.int64)
    room = int((np.diff(start) * widths).sum())
    whole = np.empty((4, room), np.int64)
    value = np.empty(room)
    skip = np.zeros(len(start) - 1, np.bool_)
    skip[odd] = True
    found = chain_options(
        np.ascontiguousarray(values, np.float64), words.first, words.last, start, skip, rows_cost, whole, value
    )
    chain, rows, blocks, keep = whole[:, :found]
    blocks = blocks * words.planes[start[chain]].sum(axis=1)
    options = RowOptions(chain, rows, blocks, value[:found], keep, start[:-1])
    return _with_irregular(options, odd, start, values, words, rows_cost) if len(odd) else options


@njit(cache=True, nogil=True)
def chain_options(value, first, last, start, skip, rows_cost, whole, best_value):  # type: ignore[no-untyped-def]
    """List the undominated options of each chain whose rows all need the same planes.

    Parameters
    ----------
    value, first, last
        (rows,) values, first and last word of each row.
    start
        (chains + 1,) first row of each chain, and the number of rows.
    skip
        (chains,) chains to leave out.
    rows_cost
        Whether fewer rows are better at equal value and words.
    whole, best_value
        (4, room) and (room,): written; chain, rows, words and the bits of the rows kept, and the value.

    Returns
    -------
    int
        Number of options.
    """
    most_rows, most_words = 0, 0
    for c in range(len(start) - 1):
        most_rows = max(most_rows, start[c + 1] - start[c])
        most_words = max(most_words, last[start[c + 1] - 1] - first[start[c]] + 1)
    # table[i, paid, k, w]: best value of k of the first i rows with w words paid; paid says whether the word that row i
    # begins in is one of them. origin: the state before, and whether row i - 1 is kept (2).
    table = np.empty((most_rows + 1, 2, most_rows + 1, most_words + 1))
    origin = np.empty((most_rows + 1, 2, most_rows + 1, most_words + 1), np.int8)
    front = np.empty(most_words + 1)
    found = 0
    for c in range(len(start) - 1):
        if skip[c]:
            continue
        begin, rows = start[c], start[c + 1] - start[c]
        words = last[begin + rows - 1] - first[begin] + 1
        table[0, 0, 0, 0], table[0, 1, 0, 0] = 0.0, -1.0
        table[0, 0, 0, 1], table[0, 1, 0, 1] = -1.0, -1.0
        for i in range(rows):
            r = begin + i
            reached = last[r] - first[begin] + 1
            for paid in range(2):
                for k in range(i + 2):
                    for w in range(reached + 1):
                        table[i + 1, paid, k, w] = -1.0
            shares = i + 1 < rows and first[r + 1] == last[r]
            stays = shares and first[r] == last[r]
            span = last[r] - first[r] + 1
            for paid in range(2):
                for k in range(i + 1):
                    for w in range(first[r] - first[begin] + 2):
                        known = table[i, paid, k, w]
                        if known < 0.0:
                            continue
                        after = paid if stays else 0
                        if known > table[i + 1, after, k, w]:
                            table[i + 1, after, k, w] = known
                            origin[i + 1, after, k, w] = paid
                        after = 1 if shares else 0
                        more = w + span - paid
                        if known + value[r] > table[i + 1, after, k + 1, more]:
                            table[i + 1, after, k + 1, more] = known + value[r]
                            origin[i + 1, after, k + 1, more] = 2 + paid
        for w in range(words + 1):
            front[w] = 0.0
        for step in range(rows):
            # Where rows cost nothing, the best of any number of rows is found among all before anything is listed.
            k = step + 1 if rows_cost else 0
            reach = 0.0
            for w in range(words + 1):
                at, worth = k, table[rows, 0, k, w]
                if not rows_cost:
                    for other in range(rows + 1):
                        if table[rows, 0, other, w] > worth:
                            at, worth = other, table[rows, 0, other, w]
                reach = max(reach, front[w])
                if worth > reach:
                    reach = worth
                    whole[0, found], whole[1, found], whole[2, found] = c, at, w
                    best_value[found] = worth
                    kept, state, left, there = 0, 0, at, w
                    for back in range(rows, 0, -1):
                        move = origin[back, state, left, there]
                        state = move & 1
                        if move >= 2:
                            kept |= 1 << (back - 1)
                            left -= 1
                            there -= last[begin + back - 1] - first[begin + back - 1] + 1 - state
                    whole[3, found] = kept
                    found += 1
                front[w] = reach
            if not rows_cost:
                break
    return found


def _with_irregular(
    options: RowOptions, odd: Integers, start: Integers, values: Floats, words: SharedWords, rows_cost: bool
) -> RowOptions:
    """Add the options of chains whose rows need different planes: rare, so plain Python sets of planes do.

    The number of sets can double with every row of a word; of weights of 4 bits and more there are at most 10.
    """
    lists: list[list[tuple[int, int, int, float, int]]] = []
    for chain in odd.tolist():
        own = range(start[chain], start[chain + 1])
        states: dict[tuple[int, int, int], tuple[float, int]] = {(0, 0, 0): (0.0, 0)}
        for r in own:
            planes = sum(1 << plane for plane in np.flatnonzero(words.planes[r]).tolist())
            span = int(words.last[r] - words.first[r])
            shares = r + 1 in own and words.first[r + 1] == words.last[r]
            after: dict[tuple[int, int, int], tuple[float, int]] = {}
            for (paid, rows, blocks), (value, keep) in states.items():
                new = (planes & ~paid).bit_count() + span * planes.bit_count()
                open_word = planes if span else planes | paid
                _improve(after, (paid if shares and not span else 0, rows, blocks), (value, keep))
                _improve(
                    after,
                    (open_word if shares else 0, rows + 1, blocks + new),
                    (value + float(values[r]), keep | 1 << (r - own.start)),
                )
            states = after
        lists.append(_undominated(chain, states, rows_cost))
    added = [option for found in lists for option in found]
    chain = np.concatenate([options.chain, _column(added, 0, np.int64)])
    order = np.argsort(chain, kind="stable")
    return RowOptions(
        chain[order],
        np.concatenate([options.rows, _column(added, 1, np.int64)])[order],
        np.concatenate([options.blocks, _column(added, 2, np.int64)])[order],
        np.concatenate([options.value, _column(added, 3, np.float64)])[order],
        np.concatenate([options.keep, _column(added, 4, np.int64)])[order],
        options.start,
    )


def _column(rows: list[tuple[int, int, int, float, int]], at: int, kind: type) -> npt.NDArray[Any]:
    return np.array([row[at] for row in rows], kind)


def _improve(
    states: dict[tuple[int, int, int], tuple[float, int]], key: tuple[int, int, int], reached: tuple[float, int]
) -> None:
    if key not in states or reached[0] > states[key][0]:
        states[key] = reached


def _undominated(
    chain: int, states: dict[tuple[int, int, int], tuple[float, int]], rows_cost: bool
) -> list[tuple[int, int, int, float, int]]:
    ranked = sorted(
        (blocks, rows if rows_cost else 0, -value, rows, keep) for (_, rows, blocks), (value, keep) in states.items()
    )
    listed: list[tuple[int, int, int, float, int]] = []
    front: list[tuple[int, float]] = [(0, 0.0)]
    for blocks, cost, loss, rows, keep in ranked:
        if all(cost < known_cost or -loss > known_value for known_cost, known_value in front):
            front.append((cost, -loss))
            listed.append((chain, rows, blocks, -loss, keep))
    return listed
