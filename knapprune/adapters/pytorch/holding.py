"""The grids of a model's kernels, by the names that hls4ml gives its layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.pytorch.grid import assign_numbers, grid_of, put_grid, release
from knapprune.adapters.pytorch.kernels import Kernel, kernels
from knapprune.network.grid import WIDEST, Grid


def hold(module: Any, grids: Mapping[str, Grid]) -> None:
    """Keep the kernels named on their grids, and let the others go."""
    known = kernels(module)
    given = {name: grid for name, grid in grids.items() if grid.digits.size}
    for name, grid in given.items():
        if name not in known:
            raise ValueError(f"grids: the model has no layer {name!r} to hold, expected some of {list(known)}")
        _check(name, grid, known[name])
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    release(module, keep={names[id(known[name].tensor)] for name in given})
    for name, grid in given.items():
        kernel = known[name]
        kind = (grid.step, grid.low, grid.high)
        put_grid(kernel.module, kernel.parameter, kind, kernel.as_tensor(grid.digits))


def grids(module: Any) -> dict[str, Grid]:
    """Read the grids of `hold` back."""
    found = {name: (kernel, grid_of(kernel.module, kernel.parameter)) for name, kernel in kernels(module).items()}
    return {
        name: Grid(grid[0], grid[1], grid[2], kernel.array(grid[3]))
        for name, (kernel, grid) in found.items()
        if grid is not None
    }


def assign(module: Any, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Put kernels into a module, brought to their grids where they have one."""
    for name, kernel in kernels(module).items():
        if name in arrays:
            assign_numbers(kernel.module, kernel.parameter, kernel.as_tensor(arrays[name]))


def _check(name: str, grid: Grid, kernel: Kernel) -> None:
    if grid.digits.shape != kernel.shape or grid.digits.dtype != np.uint8:
        raise ValueError(
            f"grids: the digits of layer {name!r} are {grid.digits.dtype} of shape {grid.digits.shape}, "
            f"expected uint8 of shape {kernel.shape}"
        )
    width = (grid.high - grid.low).bit_length()
    if width > WIDEST:
        raise ValueError(f"grids: the type of layer {name!r} has {width} bits, expected at most {WIDEST}")
    held = kernel.tensor.dtype
    ends = torch.tensor([grid.low + 1, grid.high], dtype=torch.float64) * grid.step
    if not torch.equal(ends.to(held).double(), ends):
        raise ValueError(f"grids: the weights of layer {name!r} are {held}, which does not hold {width} bits exactly")
