"""Keeping a Keras model's weights on grids: put there, read back, given other values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.grid_check import check_grids
from knapprune.adapters.keras.clone import check_writes
from knapprune.adapters.keras.grid import KernelGrid, check_backend, grid_of
from knapprune.adapters.keras.kernels import Kernel, find_kernels
from knapprune.network.grid import Grid


def hold(model: Any, grids: Mapping[str, Grid]) -> None:
    """Put grids on a model itself, in place of all earlier ones."""
    check_backend()
    check_writes(model)
    kernels = find_kernels(model)
    given = check_grids(
        grids, {name: tuple(own.variable.shape) for name, own in kernels.items()}, f"model {model.name!r}"
    )
    for name in given:
        if kernels[name].variable.dtype not in ("float32", "float64"):
            raise ValueError(
                f"grids: the weights of layer {name!r} are {kernels[name].variable.dtype}, which does not hold all "
                "values of a type; expected float32"
            )
    changed = [_hold(kernel, given.get(name)) for name, kernel in kernels.items()]
    # A step that was compiled before knows nothing of another constraint.
    if any(changed):
        model.train_function = None


def grids(model: Any) -> dict[str, Grid]:
    """Read the grids back."""
    held = {name: grid_of(kernel.constraint) for name, kernel in find_kernels(model).items()}
    return {name: own.grid for name, own in held.items() if own is not None}


def assign(model: Any, kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Put kernels into a model itself; of one that is held, the nearest values of its grid."""
    for name, known in find_kernels(model).items():
        if name in kernels:
            own = grid_of(known.constraint)
            known.variable.assign(kernels[name] if own is None else own.assign(known.array, kernels[name]))


def _hold(kernel: Kernel, grid: Grid | None) -> bool:
    """Hold a kernel, or let go of it; return whether another constraint is needed."""
    before = kernel.constraint
    own = grid_of(before)
    if grid is None:
        if own is not None:
            kernel.constrain(own.inner)
        return own is not None
    weights = kernel.array if own is None else own.behind(kernel.array)
    known = own is not None and own.takes(grid)
    if own is not None and known:
        own.change(grid)
    else:
        own = KernelGrid(grid, before if own is None else own.inner)
        kernel.constrain(own)
    kernel.variable.assign(own.place(weights))
    return not known
