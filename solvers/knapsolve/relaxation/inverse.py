"""The inverse of a small matrix: what every dual keeps of its basis."""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit


@njit(cache=True, nogil=True, error_model="numpy")
def invert(matrix, inverse, least):  # type: ignore[no-untyped-def]  # noqa: C901
    """Write the inverse of a matrix (m, m), which is destroyed; return whether it has one.

    It has none where a pivot is not above `least` in size. Gauss-Jordan elimination with partial pivoting in plain
    loops: `np.linalg` takes seconds to compile.
    """
    m = len(matrix)
    for i in range(m):
        for k in range(m):
            inverse[i, k] = 1.0 if i == k else 0.0
    for c in range(m):
        pivot = c
        for i in range(c + 1, m):
            if abs(matrix[i, c]) > abs(matrix[pivot, c]):
                pivot = i
        size = abs(matrix[pivot, c])
        if not size > least or size == np.inf:
            return False
        if pivot != c:
            for k in range(m):
                matrix[c, k], matrix[pivot, k] = matrix[pivot, k], matrix[c, k]
                inverse[c, k], inverse[pivot, k] = inverse[pivot, k], inverse[c, k]
        scale = 1.0 / matrix[c, c]
        for k in range(m):
            matrix[c, k] *= scale
            inverse[c, k] *= scale
        for i in range(m):
            factor = matrix[i, c]
            if i != c and factor != 0.0:
                for k in range(m):
                    matrix[i, k] -= factor * matrix[c, k]
                    inverse[i, k] -= factor * inverse[c, k]
    return True
