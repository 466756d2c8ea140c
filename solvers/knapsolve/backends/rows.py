"""The constraints of a program as the sparse rows that every MILP library takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.backends.program import Program


@dataclass(frozen=True, eq=False)
class Rows:
    """Sparse rows ``lower <= A @ x <= upper``, coefficients in the order of row and column.

    Parameters
    ----------
    rows, columns, coefficients
        Row, column and value of each coefficient, shape (k,).
    lower, upper
        Bounds of each row, shape (r,); ``-inf`` where there is no lower bound.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def constraints(program: Program) -> Rows:
    """Return the rows of a program: capacities, then choice classes, then requirements.

    Parameters
    ----------
    program
        What to solve; bounds on single items (`Program.allowed`) are not among the rows.

    Returns
    -------
    Rows
        One row for each capacity, each class, and each pair of two different items.
    """
    m, classes = len(program.limits), len(program.classes)
    rows, columns = np.nonzero(program.rows)
    all_rows, all_columns, coefficients = [rows], [columns], [program.rows[rows, columns].astype(np.float64)]
    for k, members in enumerate(program.classes):
        all_rows.append(np.full(len(members), m + k))
        all_columns.append(np.sort(members))
        coefficients.append(np.ones(len(members)))
    first = m + classes
    pairs = program.requires[program.requires[:, 0] != program.requires[:, 1]]
    all_rows.append(np.repeat(np.arange(first, first + len(pairs)), 2))
    all_columns.append(np.sort(pairs, axis=1).ravel())
    # x_a - x_b <= 0, the two columns in ascending order
    coefficients.append(np.where(np.sort(pairs, axis=1) == pairs[:, :1], 1.0, -1.0).ravel())
    least = 1.0 if program.exactly_one else -np.inf
    return Rows(
        rows=np.concatenate(all_rows),
        columns=np.concatenate(all_columns),
        coefficients=np.concatenate(coefficients),
        lower=np.repeat([-np.inf, least, -np.inf], [m, classes, len(pairs)]),
        upper=np.concatenate([program.limits.astype(np.float64), np.ones(classes), np.zeros(len(pairs))]),
    )
