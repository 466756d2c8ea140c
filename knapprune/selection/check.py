"""What is checked of every selection: that it keeps its budget, and whether the network can still answer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from knapprune.hardware.resources import Resources
from knapprune.network.layers import Layer, Masks
from knapprune.selection.budget import Cap
from knapprune.selection.outputs import last_layer, lost_outputs

_NAMED = 10
"""Outputs that a warning lists."""


class SelectionWarning(UserWarning):
    """A selection that keeps its budget, but hardly as the user would want it."""


def check_result(
    caps: tuple[Cap, ...],
    after: Resources,
    masks: Masks,
    kernels: Mapping[str, npt.NDArray[np.generic]],
    layers: Sequence[Layer],
) -> None:
    """Hold a selection against its budget, and warn of what it leaves without a weight."""
    for cap in caps:
        if cap.use(after) > cap.limit:
            raise RuntimeError(f"{cap}, but the selection uses {cap.use(after)}: the hardware model contradicts itself")
    emptied = [name for name, mask in masks.items() if not (mask & (kernels[name] != 0)).any() and kernels[name].any()]
    if emptied:
        warnings.warn(
            f"no weight of {', '.join(map(repr, emptied))} is kept: the budget is too small for this network",
            SelectionWarning,
            stacklevel=4,
        )
    last = last_layer(layers)
    if last is None or last.name in emptied or last.name not in masks:
        return
    lost = lost_outputs(last, kernels[last.name], masks[last.name])
    if lost.size:
        listed = ", ".join(map(str, lost[:_NAMED])) + (", ..." if lost.size > _NAMED else "")
        warnings.warn(
            f"no weight of {lost.size} of the {last.n_out} outputs of {last.name!r} is kept ({listed}): they "
            "say nothing of the input any more; the budget is too small, or that layer needs one of its own",
            SelectionWarning,
            stacklevel=4,
        )
