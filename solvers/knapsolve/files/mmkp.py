"""Khan's multiple-choice multidimensional knapsacks, I01 to I13: exactly one item of each class.

Source: Khan, "Quality adaptation in a multisession multimedia system", 1998.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.files.tokens import Tokens, built
from knapsolve.problem import Knapsack


def read_classes(tokens: Tokens) -> Knapsack:
    """Read ``classes items resources``, the capacities, then for each class its number and its items.

    An item is its value and its weight on each resource. The heuristics' solutions that follow in the published
    files are passed over.

    Raises
    ------
    FormatError
        If the file is truncated, a class number is out of order, or other tokens follow.
    """
    classes = tokens.count("the number of classes", low=1)
    size = tokens.count("the number of items of a class", low=1)
    m = tokens.count("the number of resources", low=1)
    capacities = tokens.numbers(m, "capacities")
    items = []
    for label in range(1, classes + 1):
        number = tokens.count("the number of a class")
        if number != label:
            raise tokens.refuse(1, f"class {label}")
        items.append(tokens.numbers(size * (1 + m), f"items of class {label}").reshape(size, 1 + m))
    if tokens.peek() != "Solutions":
        tokens.end()
    table = np.concatenate(items)
    choices = np.repeat(np.arange(classes), size)
    values, weights = _narrow(table[:, 0]), _narrow(table[:, 1:].T)
    return built(tokens.name, Knapsack, values, weights, capacities, choices=choices, exactly_one=True)


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers as int64: a fraction among the values must not turn the weights into floats."""
    whole = (array == np.floor(array)).all() and (np.abs(array) < 2.0**53).all()
    return np.ascontiguousarray(array.astype(np.int64) if whole else array)
