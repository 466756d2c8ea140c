"""Seeded generators of problems, one family a name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.solvers.generators import chu_beasley, files, multiple_choice, pisinger, precedence, pruning
from knapsolve import Knapsack

Generator = Callable[..., Knapsack]

FAMILIES: dict[str, Generator] = {
    "pruning": pruning.six_types,
    "pruning-dense": partial(pruning.six_types, dense=True),
    "pruning-many-types": pruning.many_types,
    "pruning-equal-values": partial(pruning.six_types, values="equal"),
    "pruning-integer-values": partial(pruning.six_types, values="integer"),
    "pruning-quantised-values": partial(pruning.six_types, values="quantised"),
    "pruning-non-binding": partial(pruning.six_types, capacity=1.0),
    "pruning-zero-capacity": partial(pruning.six_types, capacity=0.0),
    **{f"pisinger-{name}": partial(pisinger.problem, family) for name, family in pisinger.FAMILIES.items()},
    "chu-beasley": chu_beasley.problem,
    "choice-uncorrelated": partial(multiple_choice.own_options, correlated=False),
    "choice-correlated": partial(multiple_choice.own_options, correlated=True),
    "choice-few-option-types": multiple_choice.shared_options,
    "requires-pit": precedence.open_pit,
    "requires-graph": precedence.random_graph,
    "requires-tree": precedence.tree,
    "file": files.problem,
}
"""Each takes n, m, a ``numpy.random.Generator`` and its own keywords."""


def generate(family: str, n: int, m: int, seed: int, **options: object) -> Knapsack:
    """Return the problem of a family, the same for the same arguments."""
    return FAMILIES[family](n, m, np.random.default_rng(seed), **options)
