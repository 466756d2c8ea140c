"""The grids of a model's kernels, by the names that hls4ml gives its layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.grid_check import check_grids
from knapprune.adapters.pytorch.grid import assign_numbers, grid_of, put_grid, release
from knapprune.adapters.pytorch.kernels import kernels
from knapprune.network.grid import Grid


def hold(module: Any, grids: Mapping[str, Grid]) -> None:
    """Keep the kernels named on their grids, and let the others go."""
    known = kernels(module)
    given = check_grids(grids, {name: kernel.shape for name, kernel in known.items()}, "the model")
    for name, grid in given.items():
        _check_exact(name, grid, known[name].tensor.dtype)
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    release(module, keep={names[id(known[name].tensor)] for name in given})
    for name, grid in given.items():
        kernel = known[name]
        kind = (grid.step, grid.low, grid.high)
        put_grid(kernel.module, kernel.parameter, kind, kernel.as_tensor(grid.digits))


def grids(module: Any) -> dict[str, Grid]:
    """Read the grids of `hold` back."""
    held = {name: (kernel, grid_of(kernel.module, kernel.parameter)) for name, kernel in kernels(module).items()}
    return {
        name: Grid(grid[0], grid[1], grid[2], kernel.array(grid[3]))
        for name, (kernel, grid) in held.items()
        if grid is not None
    }


def assign(module: Any, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Put kernels into a module, brought to their grids where they have one."""
    for name, kernel in kernels(module).items():
        if name in arrays:
            assign_numbers(kernel.module, kernel.parameter, kernel.as_tensor(arrays[name]))


def _check_exact(name: str, grid: Grid, dtype: Any) -> None:
    ends = torch.tensor([grid.low + 1, grid.high], dtype=torch.float64) * grid.step
    if not torch.equal(ends.to(dtype).double(), ends):
        raise ValueError(
            f"grids: the weights of layer {name!r} are {dtype}, which does not hold {grid.width} bits exactly"
        )
