"""The channels of a network as items: what each is worth, and what weights between two of them cost.

A weight goes when its input or its output goes, so what channels cost does not add up: of a layer whose ``i`` inputs
and ``o`` outputs stay, ``i * o`` weights stay. Each layer is a matrix of costs ``A``, inputs by outputs, and uses
``x' A y`` where ``x`` and ``y`` say what is kept. Two linear readings of it are used:

- what a channel saves alone while all others stay. Together they save at most the sum of that, for
  ``(1 - x)' A (1 - y)`` is not negative: the knapsack with these costs is a relaxation, and its bound holds;
- its derivative at a selection, which is right close to that.

That is exact for parameters and multiplications. Of hardware it is a likeness, which counting corrects: what a layer
uses is shared out among its weights, but a reuse factor that fits no more is replaced, so there no bound is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import MACS, PARAMETERS, SIZES
from knapprune.hardware.structures import STRUCTURES, labels, unstructured
from knapprune.network.channels import ChannelMix, ChannelWeights, Flags
from knapprune.network.layers import Kernels, Layer
from knapprune.saliency import structure_values
from knapprune.selection.budget import Cap
from knapprune.selection.request import Method
from knapprune.shrinking.groups import ChannelGroups
from knapprune.shrinking.sizes import Anatomy

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Part:
    """An array of parameters as a matrix of channels.

    Parameters
    ----------
    layer
        The layer that it counts towards.
    weights
        The array.
    inputs, outputs
        The group of each row and of each column; the number of groups itself stands for what always stays.
    costs
        By resource, what there is between each input and each output.
    """

    layer: str
    weights: ChannelWeights
    inputs: Numbers
    outputs: Numbers
    costs: Mapping[str, Floats]

    def folded(self, array: npt.NDArray[np.generic]) -> Floats:
        """Sum an array of the kernel's shape by inputs and outputs."""
        own, sizes = self.weights, (len(self.inputs), len(self.outputs))
        axes = [axis for axis in (own.input_axis, own.output_axis) if axis is not None]
        ordered = np.moveaxis(array, axes, range(len(axes)))
        places = [1 if axis is None else own.shape[axis] for axis in (own.input_axis, own.output_axis)]
        shape = (sizes[0], places[0] // sizes[0], sizes[1], places[1] // sizes[1], -1)
        return np.asarray(ordered.reshape(shape).sum(axis=(1, 3, 4)), dtype=np.float64)

    def by_group(self, matrix: Floats, stays: Floats) -> Floats:
        """Sum a matrix by group over what stays of the other side; shape (groups + 1,)."""
        rows, columns = matrix @ stays[self.outputs], stays[self.inputs] @ matrix
        count = len(stays)
        sums = np.bincount(self.inputs, rows, count) + np.bincount(self.outputs, columns, count)
        return sums.astype(np.float64, copy=False)

    def both(self, matrix: Floats, count: int) -> Floats:
        """Sum up what lies in one group by its input and by its output."""
        row, column = np.nonzero(self.inputs[:, None] == self.outputs[None, :])
        return np.bincount(self.inputs[row], matrix[row, column], count).astype(np.float64, copy=False)


@dataclass(frozen=True, eq=False)
class ChannelProblem:
    """Which channels to keep.

    Parameters
    ----------
    groups
        The channels that go together.
    parts
        The parameters that go with them.
    values
        Shape (groups,): what each is worth.
    pinned
        Shape (groups,): free ones that stay all the same, for each tensor to keep a channel.
    proves
        Whether what channels save alone bounds what they save together, of the network's own size.
    """

    groups: ChannelGroups
    parts: Sequence[Part]
    values: Floats
    pinned: Flags
    proves: bool

    @property
    def least(self) -> Flags:
        """The least that can be kept."""
        return np.asarray((self.groups.alive & ~self.groups.free) | self.pinned)

    def costs(self, cap: Cap, kept: Flags) -> Floats:
        """Say what each group adds to a cap beside others that are kept, shape (groups,)."""
        # Weights of what is dead are removed with it, but multiplied as long as they are there.
        there = kept if cap.counted in SIZES else kept | ~self.groups.alive
        stays = np.append(there, True).astype(np.float64)
        total = np.zeros(len(stays))
        for part in self.parts:
            if cap.covers(part.layer) and cap.counted in part.costs:
                total += part.by_group(part.costs[cap.counted], stays)
        return total[:-1]


def parts_of(
    anatomy: Anatomy, groups: ChannelGroups, hardware: HardwareModel, layers: Sequence[Layer], kernels: Kernels
) -> list[Part]:
    """List the parameters that go with channels, with what there is of each resource between two of them."""
    operations, known = anatomy.operations, {layer.name: layer for layer in layers}
    always = np.array([len(groups.alive)])
    scales = {layer.name: hardware.use(layer, kernels[layer.name]) for layer in layers if not layer.size}
    parts = []
    for own, name in zip(anatomy.weights, anatomy.counts_as(), strict=True):
        operation = operations.get(own.layer)
        if operation is None or (own.input_axis is None and own.output_axis is None):
            continue
        inputs = always if own.input_axis is None else groups.of[operation.input]
        outputs = always if own.output_axis is None else groups.of[operation.output]
        ones = np.full((len(inputs), len(outputs)), float(np.prod(own.shape)) / (len(inputs) * len(outputs)))
        costs = {PARAMETERS: ones, MACS: ones * (own.positions or 0)}
        part = Part(name, own, inputs, outputs, costs)
        if own.kernel in known:
            layer, kernel = known[own.kernel], kernels[own.kernel]
            costs |= {key: part.folded(_shares(hardware, layer, kernel, key)) for key in hardware.resources}
        use = scales.pop(name, {})  # one of its parameters stands for all
        costs |= {key: np.full(ones.shape, count / ones.size) for key, count in use.items()}
        parts.append(part)
    return parts


def worth(
    parts: Sequence[Part], groups: ChannelGroups, layers: Sequence[Layer], kernels: Kernels, by: Method
) -> Floats:
    """Say what the free groups are worth: the saliency of all weights that go with them, made comparable by family."""
    count = len(groups.alive) + 1
    known = {layer.name: layer for layer in layers}
    sums = np.zeros(count)
    for part in parts:
        name = part.weights.kernel
        if name in known:
            layer = known[name]
            saliency = structure_values(by.measure, layer, kernels[name], unstructured(layer))
            matrix = part.folded(saliency.reshape(layer.kernel_shape))
            sums += part.by_group(matrix, np.ones(count)) - part.both(matrix, count)
    values = np.zeros(count - 1)
    for family in np.unique(groups.family[groups.free]):
        members = groups.free & (groups.family == family)
        values[members] = by.normal(sums[:-1][members])
    return values


def pinned(groups: ChannelGroups, values: Floats) -> Flags:
    """Choose the most valuable channel of each tensor that could lose all of its own."""
    pins = np.zeros(len(values), dtype=bool)
    for own in groups.of.values():
        living = own[groups.alive[own]]
        if living.size and groups.free[living].all() and not pins[living].any():
            pins[living[np.argmax(values[living])]] = True
    return pins


def _shares(hardware: HardwareModel, layer: Layer, kernel: npt.NDArray[np.generic], resource: str) -> Floats:
    """Share out what a layer uses among its weights: what single ones save, then the rest to all alike."""
    living = np.asarray(kernel != 0)
    rest, shares = float(hardware.use(layer, kernel)[resource]), np.zeros(layer.kernel_shape)
    structure = hardware.structure(layer, (resource,))
    if structure in STRUCTURES:
        of_weight = labels(layer, structure, kernel)
        costs = hardware.costs(layer, of_weight, kernel)
        of_label = costs.type_costs[hardware.resources.index(resource)][costs.label_type]
        members = np.bincount(of_weight[living], minlength=len(of_label))
        each = np.divide(of_label, members, out=np.zeros(len(of_label)), where=members > 0)
        shares, rest = living * each[of_weight], rest - float(of_label.sum())
    return shares + max(rest, 0.0) / layer.size


def dies_alone(anatomy: Anatomy, groups: ChannelGroups) -> bool:
    """Say whether nothing else dies with a channel: every living output reads every living input."""
    for own in anatomy.operations.values():
        if own.reads is None:
            continue
        made = groups.alive[groups.of[own.output]]
        read = groups.alive[groups.of[own.input]] if isinstance(own, ChannelMix) else None
        if not (own.reads[made] if read is None else own.reads[np.ix_(read, made)]).all():
            return False
    return True
