"""One hash for the kernels' tables: FNV-1a over 64-bit words, with the high bits folded down."""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit

OFFSET = np.uint64(14695981039346656037)
"""Hash of nothing."""


@njit(cache=True)
def mix(mixed, word):  # type: ignore[no-untyped-def]
    """Return the hash after one more 64-bit word (uint64); it wraps around on purpose."""
    mixed = (mixed ^ word) * np.uint64(1099511628211)
    return mixed ^ (mixed >> np.uint64(29))
