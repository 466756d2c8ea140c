"""The grids on which values that were chosen may go on training: no weight gets more digits than it was given."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from knapprune.network.digits import signed_digits
from knapprune.network.grid import WIDEST, Grid
from knapprune.network.layers import Kernels, Layer


def grids_of(values: Kernels, layers: Iterable[Layer], *, any_digits: bool = False) -> dict[str, Grid]:
    """Let each weight move among the values of its type that have at most as many digits as the one it holds.

    With `any_digits`, a weight that is not zero may move among all of them. Layers of wider types than can be kept on a
    grid are left out: their values are held until somebody trains them.
    """
    types = {layer.name: layer.weight_type.type for layer in layers if layer.weight_type is not None}
    grids = {}
    for name, kernel in values.items():
        kind = types[name]
        if kind.width > WIDEST:
            continue
        step = 2.0**-kind.fraction
        multiples = np.rint(np.asarray(kernel, np.float64) / step).astype(np.int64)
        digits = signed_digits(multiples)
        if any_digits:
            digits = np.where(digits > 0, kind.width, 0).astype(digits.dtype)
        grids[name] = Grid(step, kind.low, kind.high, digits)
    return grids
