"""The check of grids before any weight is put on one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from knapprune.network.grid import WIDEST, Grid


def check_grids(grids: Mapping[str, Grid], shapes: Mapping[str, tuple[int, ...]], where: str) -> dict[str, Grid]:
    """Check that grids are of layers that are there, in the shapes of their kernels, and can be listed.

    Returns those of layers that have weights; `where` names the model in messages.
    """
    given = {name: grid for name, grid in grids.items() if grid.digits.size}
    for name, grid in given.items():
        if name not in shapes:
            raise ValueError(f"grids: {where} has no layer {name!r} to hold, expected some of {list(shapes)}")
        if grid.digits.shape != shapes[name] or grid.digits.dtype != np.uint8:
            raise ValueError(
                f"grids: the digits of layer {name!r} are {grid.digits.dtype} of shape {grid.digits.shape}, "
                f"expected uint8 of shape {shapes[name]}"
            )
        if grid.width > WIDEST:
            raise ValueError(
                f"grids: the type of layer {name!r} has {grid.width} bits, expected at most {WIDEST} for weights that "
                "train on a grid"
            )
    return given
