"""From an answer to masks: what the solver selected, by weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hardware_model import HardwareModel
from knapprune.network.layers import Layer, Masks
from knapprune.selection.candidates import Candidates
from knapprune.selection.items import LayerItems
from knapsolve.nested.items import split

if TYPE_CHECKING:
    from knapsolve import Knapsack, Solution


def solve_knapsack(problem: Knapsack, solver: str, time_limit: float, gap: float = 0.0) -> Solution:
    """Solve, to a proof unless a gap will do, and refuse to go on without any selection."""
    from knapsolve import Status, solve

    solution = solve(problem, solver=solver, time_limit=time_limit, gap=gap)
    if solution.status not in (Status.OPTIMAL, Status.FEASIBLE):
        raise RuntimeError(
            f"solver {solution.solver!r} found no selection in {time_limit:g} s ({solution.status}); "
            "allow more time or take another solver or a coarser structure"
        )
    return solution


def takes_choices(solver: str) -> bool:
    """Say whether a solver takes items that exclude one another, as rows together with their memory words are."""
    from knapsolve.solver import AUTO, load

    return solver == AUTO or load(solver).capabilities.choices


def kept(groups: Sequence[Candidates], items: Sequence[LayerItems], selected: npt.NDArray[np.bool_]) -> Masks:
    """Say which weights the selected items of the prunable groups keep, by layer name."""
    prunable = [group for group in groups if group.prunable]
    parts = split(selected, [own.items for own in items])
    return {
        group.layer.name: own.kept(part)[group.labels] for group, own, part in zip(prunable, items, parts, strict=True)
    }


def masked(kernels: Mapping[str, npt.NDArray[np.generic]], masks: Masks) -> dict[str, npt.NDArray[np.generic]]:
    """Set to zero what masks leave out; a layer without one stays as it is."""
    return {
        name: np.where(masks[name], kernel, kernel.dtype.type(0)) if name in masks else kernel
        for name, kernel in kernels.items()
    }


def masks_of(
    resource_model: HardwareModel,
    layers: Sequence[Layer],
    kernels: Mapping[str, npt.NDArray[np.generic]],
    keep: Masks,
) -> Masks:
    """Turn what is kept into masks; a layer of which everything is kept has none."""
    masks: Masks = {}
    for layer in layers:
        nonzero = kernels[layer.name] != 0
        mask = keep.get(layer.name, np.ones(layer.kernel_shape, dtype=bool))
        # A weight that is zero now may grow again under training, but only where that costs nothing.
        living = mask & nonzero
        if (living != mask).any() and resource_model.use(layer, mask) != resource_model.use(layer, living):
            mask = living
        if not mask.all():
            masks[layer.name] = mask
    return masks
