"""Both cores for passes over many items: compiled kernels that release the interpreter lock, on threads.

Threads of Python's own, not Numba's: those cannot be used from two threads at once, nor after a fork.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

SLICE = 2**19
"""Items of one slice; fixed, so that results do not depend on the number of cores."""


def slices(n: int) -> list[tuple[int, int]]:
    """Return the bounds of consecutive slices of n items."""
    return [(start, min(start + SLICE, n)) for start in range(0, n, SLICE)]


def each(work: Callable[[int, int], T], bounds: Sequence[tuple[int, int]]) -> list[T]:
    """Call ``work(start, stop)`` for every slice, at once where there are several; results in order."""
    workers = min(os.cpu_count() or 1, len(bounds))
    if workers <= 1:
        return [work(start, stop) for start, stop in bounds]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda bound: work(*bound), bounds))
