"""OR-Library's multidimensional knapsacks: several to a file (mknap1, mknapcb*), or one (SAC-94, Glover-Kochenberger).

Source: Beasley, "OR-Library", 1990; Chu and Beasley, 1998; Glover and Kochenberger, 1996.
"""

from __future__ import annotations

from knapsolve.files.tokens import Tokens, built
from knapsolve.problem import Knapsack


def read_single(tokens: Tokens) -> Knapsack:
    """Read ``n m optimum``, n values, m rows of n weights, m capacities, and nothing more.

    Raises
    ------
    FormatError
        If the file is truncated, has extra tokens or tokens that are no numbers.
    """
    problem = _problem(tokens)
    tokens.end()
    return problem


def read_several(tokens: Tokens, index: int) -> Knapsack:
    """Read the problem at `index` of a file that begins with the number of its problems.

    Raises
    ------
    FormatError
        As in `read_single`.
    ValueError
        If there is no such problem in the file.
    """
    total = tokens.count("the number of problems", low=1)
    if index >= total:
        raise ValueError(f"index must be in 0..{total - 1} for {tokens.name}; got {index}")
    problems = [_problem(tokens) for _ in range(total)]  # all of them, so that a damaged file is never half trusted
    tokens.end()
    return problems[index]


def _problem(tokens: Tokens) -> Knapsack:
    n = tokens.count("the number of items", low=1)
    m = tokens.count("the number of resources", low=1)
    tokens.numbers(1, "the best known value")
    values = tokens.numbers(n, "values")
    weights = tokens.numbers(n * m, "weights").reshape(m, n)
    return built(tokens.name, Knapsack, values, weights, tokens.numbers(m, "capacities"))
