"""A network as tensors with channels: which channel each operation makes of which others, and what constants become.

A channel is what one unit makes: a neuron's number, a filter's or a depthwise kernel's map. Constants are vectors with
a number for each channel that has one value, whatever the network is given and at every position, and NaN for the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tensor = Hashable
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class UnknownChannels:
    """An operation of which nothing is known: it reads all channels and its results keep theirs.

    What enters the network is the result of one that reads nothing; what leaves it is read by one without results.

    Parameters
    ----------
    inputs, outputs
        Tensors.
    layer
        Its name, for messages; None for what enters or leaves the network.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layer: str | None = None


@dataclass(frozen=True, eq=False)
class ChannelMix:
    """A layer in which each channel of the result is a weighted sum over channels, and a bias.

    Parameters
    ----------
    layer
        Its name.
    input, output
        Tensors.
    reads
        Matrix, inputs by outputs: True where there is a weight that is not zero.
    sums
        Of the same shape: what a result grows by where the input is one at all positions.
    bias
        Vector over the outputs.
    exact
        Whether that is so at every position of the result. It is not where zeros are padded.
    """

    layer: str
    input: Tensor
    output: Tensor
    reads: Flags
    sums: Numbers
    bias: Numbers
    exact: bool


@dataclass(frozen=True, eq=False)
class ChannelSpread:
    """An operation in which each channel of the result is made of one channel: activations, pooling, flattening.

    Parameters
    ----------
    layer
        Its name where it has weights or sizes to be cut; None for one that takes any number of channels.
    input, output
        Tensors.
    source
        The channel of the input that each channel of the result is made of.
    constant
        Called with the constants of these, returns those of the result.
    reads
        False for a channel of the result that its source does not change, such as one scaled by zero. None is True.
    """

    layer: str | None
    input: Tensor
    output: Tensor
    source: npt.NDArray[np.intp]
    constant: Callable[[Numbers], Numbers]
    reads: Flags | None = None


@dataclass(frozen=True, eq=False)
class ChannelJoin:
    """An operation of several tensors, channel by channel, such as a sum.

    Parameters
    ----------
    inputs, output
        Tensors of as many channels.
    constant
        Called with the constants of each input, returns those of the result.
    """

    inputs: tuple[Tensor, ...]
    output: Tensor
    constant: Callable[[Sequence[Numbers]], Numbers]


@dataclass(frozen=True, eq=False)
class ChannelConcatenation:
    """The channels of several tensors, one after the other.

    Parameters
    ----------
    inputs, output
        Tensors.
    """

    inputs: tuple[Tensor, ...]
    output: Tensor


Operation = UnknownChannels | ChannelMix | ChannelSpread | ChannelJoin | ChannelConcatenation


@dataclass(frozen=True, eq=False)
class ChannelGraph:
    """All operations of a network.

    Parameters
    ----------
    operations
        Sources before users.
    widths
        The number of channels of each tensor.
    """

    operations: tuple[Operation, ...]
    widths: Mapping[Tensor, int]


@dataclass(frozen=True, eq=False)
class ChannelWeights:
    """An array of a layer's parameters, and which of its axes go by channels.

    Parameters
    ----------
    layer
        The layer's name, in the graph of channels if it is there.
    shape
        The array's shape; that of the kernel in Keras' order where there is one.
    input_axis, output_axis
        The axes with the layer's inputs and outputs, None where there is none: the same number of places one after the
        other for each channel.
    kernel
        The name of the kernel that can be masked; empty for other parameters.
    positions
        How often each number is multiplied for one sample: output pixels of a convolution; 0 for what only adds or
        scales, None where it is not known.
    known_as
        The layer's name elsewhere in knapprune; empty where it is the same.
    """

    layer: str
    shape: tuple[int, ...]
    input_axis: int | None = None
    output_axis: int | None = None
    kernel: str = ""
    positions: int | None = 0
    known_as: str = ""


@dataclass(frozen=True, eq=False)
class ChannelCut:
    """What is left of a layer.

    Parameters
    ----------
    inputs, outputs
        True for a channel that stays.
    bias
        What is added to the bias of each output that stays; None where there is nothing.
    """

    inputs: Flags
    outputs: Flags
    bias: Numbers | None = None


def unchanged(constants: Numbers) -> Numbers:
    """Return constants of what passes: pooling without padding that counts, dropout, flattening."""
    return constants


def zero_alone(constants: Numbers) -> Numbers:
    """Return constants of what pads with zeros: others than zero are none behind it."""
    return np.where(constants == 0, 0.0, np.nan)


def through(function: Callable[[Numbers], Numbers]) -> Callable[[Numbers], Numbers]:
    """Take constants through a function of single numbers."""

    def constant(constants: Numbers) -> Numbers:
        known = ~np.isnan(constants)
        found = np.full(len(constants), np.nan)
        found[known] = function(constants[known])
        return np.where(np.isfinite(found), found, np.nan)

    return constant


def scaled(reads: Flags, factor: Numbers, shift: Numbers, exact: bool = True) -> Callable[[Numbers], Numbers]:
    """Take constants through a factor and a shift; where that is not exact, others than zero are none behind it."""

    def constant(constants: Numbers) -> Numbers:
        inside = constants if exact else zero_alone(constants)
        return np.where(reads, inside * factor, 0.0) + shift

    return constant


def one_value(constants: Sequence[Numbers]) -> Numbers:
    """Return constants of what sets tensors beside one another: those that are the same in all."""
    return np.where(np.all([own == constants[0] for own in constants], axis=0), constants[0], np.nan)


def product(constants: Sequence[Numbers]) -> Numbers:
    """Return constants of a product: zero where one factor is."""
    zero = np.any([own == 0 for own in constants], axis=0)
    return np.where(zero, 0.0, np.prod(constants, axis=0))
