"""Where a kernel of a framework's model is in hls4ml's graph of it: under which name, and in which order of axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.hls4ml.nodes import Kernel
from knapprune.network.layers import Layer


class ConversionMismatchError(ValueError):
    """A kernel of the framework's model that is not found in hls4ml's graph, or the other way round."""


@dataclass(frozen=True)
class OwnKernel:
    """A kernel of the framework's model.

    Parameters
    ----------
    shape
        Its shape in the order in which it is masked: Keras', see `Layer.kernel_shape`; that of an EinsumDense as its
        equation has it.
    values
        The kernel as the framework's own quantiser leaves it, in that shape, to be held against what hls4ml has: a
        square kernel looks the same transposed. None where hls4ml is to have other values, as behind a folded scale.
    node
        The name of the kernel in the graph (see `knapprune.adapters.hls4ml.nodes`); the same where it is empty.
    first_axis
        For each place along the graph's first axis, that in this kernel; empty where they are the same.
    """

    shape: tuple[int, ...]
    values: npt.NDArray[np.generic] | None = None
    node: str = ""
    first_axis: tuple[int, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a kernel of the framework's model is in hls4ml's graph.

    Parameters
    ----------
    node, variable
        The graph's node, and the kernel's name among its weights.
    shape
        The framework's shape.
    axes
        For each axis of the graph's kernel the framework's axes that it is made of, in their order; none for an axis of
        size 1 that the framework does not have.
    first_axis
        For each place along the framework's first axis, in the graph's order, that in the framework's kernel; empty
        where they are the same.
    """

    node: str
    variable: str
    shape: tuple[int, ...]
    axes: tuple[tuple[int, ...], ...]
    first_axis: tuple[int, ...] = ()

    @property
    def order(self) -> tuple[int, ...]:
        """The framework's axes in the order in which the graph has them."""
        return _joined(self.axes, range(len(self.axes)))

    def to_graph(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Bring an array of the framework's shape to the graph's.

        Parameters
        ----------
        array
            A kernel, a mask.

        Returns
        -------
        numpy.ndarray
            In the graph's shape.
        """
        ordered = array[list(self.first_axis)] if self.first_axis else array
        return np.transpose(ordered, self.order).reshape([prod(self.shape[axis] for axis in own) for own in self.axes])

    def to_own(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Bring an array of the graph's shape to the framework's.

        Parameters
        ----------
        array
            A kernel, a mask.

        Returns
        -------
        numpy.ndarray
            In the framework's shape.
        """
        laid_out = array.reshape([self.shape[axis] for axis in self.order])
        ordered = np.transpose(laid_out, np.argsort(self.order))
        return np.ascontiguousarray(ordered[np.argsort(self.first_axis)] if self.first_axis else ordered)


def find_place(name: str, own: OwnKernel, found: Mapping[str, Kernel]) -> Place:
    """Find a kernel in the graph, by name and shape and, where they are known, by its values."""
    kernel = found.get(own.node or name)
    if kernel is None:
        raise ConversionMismatchError(
            f"model: layer {name!r} is none of the kernels in what hls4ml makes of it, which are {list(found)}"
        )
    data = kernel.read()
    axes = _einsum_axes(kernel, own.shape) if kernel.kind == "einsum_dense" else _axes(own.shape, data.shape)
    if axes is None:
        raise ConversionMismatchError(
            f"model: layer {name!r} has a kernel of shape {own.shape}, and hls4ml one of shape {data.shape}; expected "
            "the same but for leading axes of size 1"
        )
    place = Place(kernel.node.name, kernel.variable, own.shape, axes, own.first_axis)
    if own.values is not None and not np.array_equal(place.to_graph(np.asarray(own.values)), data):
        raise ConversionMismatchError(
            f"model: layer {name!r} multiplies by other weights in hls4ml than its own quantiser leaves; expected the "
            "same, so that a mask on the one is a mask on the other"
        )
    return place


def _axes(own: tuple[int, ...], graph: tuple[int, ...]) -> tuple[tuple[int, ...], ...] | None:
    """Match axes one by one: hls4ml puts axes of size 1 in front of a Dense kernel that it makes a convolution."""
    more = len(graph) - len(own)
    if more < 0 or graph[more:] != own or prod(graph[:more]) != 1:
        return None
    return (*((),) * more, *((axis,) for axis in range(len(own))))


def _einsum_axes(kernel: Kernel, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...] | None:
    """Find which axes of an EinsumDense hls4ml has put together (``vivado_backend.py``, ``init_einsum_dense``)."""
    from hls4ml.utils.einsum_utils import parse_einsum

    node = kernel.node
    recipe = parse_einsum(node.get_attr("equation"), tuple(node.get_attr("inp_shape")), shape)
    rest = [int(axis) for axis in recipe["in_transpose_idxs"][1]]
    groups: dict[str, tuple[int, ...]] = {}
    for part in ("I", "L1", "C"):
        taken = 0
        while prod(shape[axis] for axis in rest[:taken]) < recipe[part]:
            taken += 1
        groups[part], rest = tuple(rest[:taken]), rest[taken:]
    groups["C"] += tuple(rest)  # axes of size 1, wherever they belong
    axes = (groups["I"], groups["C"], groups["L1"])
    return axes if tuple(prod(shape[axis] for axis in own) for own in axes) == kernel.read().shape else None


def in_own_axes(layer: Layer, name: str, place: Place) -> Layer:
    """Describe a layer of the graph under the framework's name, and by the axes that its kernel has there."""
    last = len(place.axes) - 1
    if place.axes == tuple((axis,) for axis in range(last + 1)):
        return replace(layer, name=name, first_axis=place.first_axis)
    return replace(
        layer,
        name=name,
        # A Dense layer on several axes, which hls4ml computes as a convolution.
        kind="dense" if layer.kind in ("conv1d", "conv2d") and len(place.shape) == 2 else layer.kind,
        kernel_shape=place.shape,
        outputs=_joined(place.axes, layer.outputs),
        fan_out=_joined(place.axes, layer.fan_out),
        layout=_joined(place.axes, layer.layout or (last, *range(last))),
        first_axis=place.first_axis,
    )


def _joined(axes: tuple[tuple[int, ...], ...], chosen: Iterable[int]) -> tuple[int, ...]:
    return tuple(axis for one in chosen for axis in axes[one])
