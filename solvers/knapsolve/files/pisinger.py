"""One-dimensional knapsacks: Pisinger's knapPI files and Jooken's hard instances.

Source: Pisinger, "Where are the hard knapsack problems?", 2005; Jooken, Leyman, De Causmaecker, 2022.
"""

from __future__ import annotations

import numpy as np

from knapsolve.files.tokens import Tokens, built
from knapsolve.problem import Knapsack


def read_pairs(tokens: Tokens) -> Knapsack:
    """Read knapPI: n, then n lines ``value weight``, then the capacity.

    Raises
    ------
    FormatError
        If the file is truncated, has extra tokens or tokens that are no numbers.
    """
    n = tokens.count("the number of items", low=1)
    items = tokens.numbers(2 * n, "value and weight of every item").reshape(n, 2)
    capacity = tokens.numbers(1, "the capacity")
    tokens.end()
    return built(tokens.name, Knapsack, np.ascontiguousarray(items[:, 0]), np.ascontiguousarray(items[:, 1]), capacity)


def read_triples(tokens: Tokens) -> Knapsack:
    """Read Jooken: n, then n lines ``index value weight`` with indices from 0, then the capacity.

    Raises
    ------
    FormatError
        As in `read_pairs`; also if the indices are not 0, 1, 2, ...
    """
    n = tokens.count("the number of items", low=1)
    items = tokens.numbers(3 * n, "index, value and weight of every item").reshape(n, 3)
    wrong = np.flatnonzero(items[:, 0] != np.arange(n))
    if len(wrong):
        raise tokens.refuse(3 * (n - int(wrong[0])), f"{wrong[0]}, the index of the next item")
    capacity = tokens.numbers(1, "the capacity")
    tokens.end()
    return built(tokens.name, Knapsack, np.ascontiguousarray(items[:, 1]), np.ascontiguousarray(items[:, 2]), capacity)
