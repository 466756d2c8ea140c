"""Fetch groups: weights whose activations are fetched together, each group keeping the same number of weights.

An accelerator fetches ``g`` activations at once and multiplies them with the weights at their places. Where every such
group of weights keeps exactly ``g - p`` of them, no fetch waits for a fuller group and every group fills the same words
of the weight buffer (Kang, "Accelerator-aware pruning for convolutional neural networks", IEEE TCSVT 30(7), 2020, arXiv
1804.09862).

This is no labelling as in :mod:`knapprune.hardware.structures`: the groups do not live or die, they all lose equally
many. So what is best for a given ``p`` needs no solver, it is the ``g - p`` most salient weights of each group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.layers import Layer

NAME = "fetch-group"
#: Kernel axes by name, counted from the end: kernels are (height, width, in, out), (width, in, out) or (in, out).
AXES = {"in": -2, "out": -1, "width": -3, "height": -4}


@dataclass(frozen=True)
class FetchGroup:
    """Keep ``size - pruned`` weights of each group of ``size`` weights.

    A group is ``size`` consecutive weights along one axis of the kernel, all else equal. Where the axis is no multiple
    of ``size``, the last group has only r weights and keeps ``min(r, size - pruned)``: the hardware has
    ``size - pruned`` places for each group anyway, so keeping fewer would save neither a cycle nor a word.

    Parameters
    ----------
    size
        Activations that are fetched together: g, at least 1.
    pruned
        Weights that each group loses: p, from 0 to ``size - 1``. None lets :func:`knapprune.select` choose it layer by
        layer under the budget.
    axis
        The axis along which activations are fetched: ``"in"`` (input channels), ``"width"``, ``"height"``, or
        ``"out"`` for groups of outputs that share an activation. A layer without that axis is grouped along its inputs.

    Raises
    ------
    ValueError
        For a size, a number of pruned weights or an axis out of range.

    Examples
    --------
    >>> str(FetchGroup(16, 12))
    'fetch-group:12/16'
    >>> FetchGroup.parse("fetch-group:8:width")
    FetchGroup(size=8, pruned=None, axis='width')
    """

    size: int = 16
    pruned: int | None = None
    axis: str = "in"

    def __post_init__(self) -> None:
        if not _is_whole(self.size) or self.size < 1:
            raise ValueError(f"size: got {self.size!r}, expected a whole number, 1 or more")
        if self.pruned is not None and (not _is_whole(self.pruned) or not 0 <= self.pruned < self.size):
            raise ValueError(
                f"pruned: got {self.pruned!r}, expected None or a whole number from 0 to size - 1 = {self.size - 1}"
            )
        if self.axis not in AXES:
            raise ValueError(f"axis: got {self.axis!r}, expected one of {list(AXES)}")

    def __str__(self) -> str:
        share = f"{self.size}" if self.pruned is None else f"{self.pruned}/{self.size}"
        return f"{NAME}:{share}" + ("" if self.axis == "in" else f":{self.axis}")

    @classmethod
    def parse(cls, name: str) -> FetchGroup:
        """Read a name: ``fetch-group:p/g``, or ``fetch-group:g`` for a p chosen by layer; ``:axis`` may follow.

        Parameters
        ----------
        name
            Such as ``"fetch-group:12/16"`` or ``"fetch-group:16:width"``.

        Returns
        -------
        FetchGroup
            The structure.

        Raises
        ------
        ValueError
            If it is no such name.
        """
        match = re.fullmatch(rf"{NAME}:(?:(\d+)/)?(\d+)(?::(\w+))?", name)
        if match is None:
            raise ValueError(
                f"structure: got {name!r}, expected '{NAME}:p/g' such as '{NAME}:12/16', or '{NAME}:16' where the "
                "budget chooses p by layer"
            )
        pruned, size, axis = match.groups()
        return cls(int(size), None if pruned is None else int(pruned), axis or "in")

    def kernel_axis(self, layer: Layer) -> int:
        """Find the kernel's axis along which the groups lie.

        Parameters
        ----------
        layer
            The layer.

        Returns
        -------
        int
            Negative, counted from the end.

        Raises
        ------
        ValueError
            For a layer that has no such groups: a depthwise convolution along channels, of which each output sees one,
            or an EinsumDense, whose axes may be anything.
        """
        axis = AXES[self.axis] if -AXES[self.axis] <= len(layer.kernel_shape) else AXES["in"]
        if layer.kind == "einsum_dense" or (layer.depthwise and axis > AXES["width"]):
            along = "expected a Dense layer in its place" if layer.kind == "einsum_dense" else "expected axis 'width'"
            raise ValueError(f"structure: {self} does not fit layer {layer.name!r} of kind {layer.kind!r}; {along}")
        return axis if layer.size else -1

    def length(self, layer: Layer) -> int:
        """Say how many weights the largest group of a layer has.

        Parameters
        ----------
        layer
            The layer.

        Returns
        -------
        int
            ``size``, or the whole axis where that is shorter.
        """
        return min(self.size, layer.kernel_shape[self.kernel_axis(layer)])

    def split(self, layer: Layer, array: npt.NDArray[Any], fill: Any) -> npt.NDArray[Any]:
        """Cut an array of the kernel's shape into its groups.

        Parameters
        ----------
        layer
            The layer.
        array
            Shape ``layer.kernel_shape``.
        fill
            What fills up the last, ragged group.

        Returns
        -------
        numpy.ndarray
            The other axes in their order, then groups, then the ``length`` weights of a group.
        """
        moved = np.moveaxis(array, self.kernel_axis(layer), -1)
        length = self.length(layer)
        missing = -moved.shape[-1] % length
        padded = np.pad(moved, [(0, 0)] * (moved.ndim - 1) + [(0, missing)], constant_values=fill)
        return padded.reshape(*moved.shape[:-1], -1, length)

    def ranks(self, layer: Layer, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Rank the weights of each group by value: keeping k of each group is ``ranks < k``.

        Parameters
        ----------
        layer
            The layer.
        values
            Shape ``layer.kernel_shape``, not negative.

        Returns
        -------
        numpy.ndarray
            Shape ``layer.kernel_shape``: 0 for the most valuable weight of a group. Equal values rank in their order.
        """
        order = np.argsort(self.split(layer, -values, np.inf), axis=-1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(order.shape[-1]), axis=-1)
        axis = self.kernel_axis(layer)
        merged = ranks.reshape(*ranks.shape[:-2], -1)[..., : layer.kernel_shape[axis]]
        return np.ascontiguousarray(np.moveaxis(merged, -1, axis))

    def at(self, share: float) -> FetchGroup:
        """Prune a share of what is to be pruned: a step on the way.

        Parameters
        ----------
        share
            From 0 to 1.

        Returns
        -------
        FetchGroup
            With ``pruned`` scaled and rounded; the same where the budget chooses it.
        """
        return self if self.pruned is None else replace(self, pruned=round(share * self.pruned))


def fetch_group(structure: object) -> FetchGroup | None:
    """Recognise a fetch group or the name of one."""
    if isinstance(structure, str) and structure.split(":")[0] == NAME:
        return FetchGroup.parse(structure)
    return structure if isinstance(structure, FetchGroup) else None


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)
