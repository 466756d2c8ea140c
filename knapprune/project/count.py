"""Count multipliers and halves of memory blocks in a generated project: what the C++ names, not what is predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from knapprune.hardware.adder_graph import LayerAdders
from knapprune.hardware.dsp import MultiplierTable, table_of_part
from knapprune.project.read import GeneratedLayer, GeneratedProjectError, read_project
from knapprune.project.weights import bits, constants_to_multiply, integers

# A BRAM_18K is 512 words of 36 bits, 1024 of 18 or 2048 of 9 (AMD UG573, table 1-10). How C synthesis cuts a memory
# into them is stated here again and not taken from knapprune.hardware, so that a count is no echo of the prediction.
_DEEPEST = 2048
_SMALLEST_TABLE = 1024  # bits that a table of indices has at least where it is kept in blocks


@dataclass(frozen=True)
class LayerCount:
    """What one generated layer uses.

    Parameters
    ----------
    name, strategy, reuse_factor
        As the generated code has them.
    multipliers
        Multipliers of weights that the generated code needs, over all pixels computed in parallel: of constants those
        of three signed digits and more, each once for an input.
    dsp
        DSPs of these multipliers, each by the bits that its values need, and those of the products that no weight
        decides: of gates by states, or by the scale of a normalisation.
    bram18
        Halves of a 36 Kb block (BRAM_18K) that hold a bit of a row with a used weight, or of a table of outputs.
    vanished
        Weights that are not zero in the model but zero on the chip, because the type has too few fractional bits. Where
        weights are in memory, hls4ml still issues their product, so they count as used.
    adders
        Additions and subtractions that ``distributed_arithmetic`` put in the place of the products, over all pixels
        computed in parallel.
    """

    name: str
    strategy: str
    reuse_factor: int
    multipliers: int
    dsp: int
    bram18: int
    vanished: int
    adders: int = 0

    @property
    def resources(self) -> Mapping[str, int]:
        """The countable resources, by name."""
        return MappingProxyType({"dsp": self.dsp, "bram18": self.bram18})


@dataclass(frozen=True)
class ProjectCount:
    """What a generated project uses, layer by layer.

    Parameters
    ----------
    layers
        One count for each kernel and each layer that scales, in the order of the top function, adder graphs last.
    uncounted
        Layers with weights of another kind, which no count here covers.
    """

    layers: tuple[LayerCount, ...]
    uncounted: tuple[str, ...]


def count_project(folder: Path, multipliers: MultiplierTable | None = None) -> ProjectCount:
    """Count what a project that hls4ml wrote uses, from its C++ alone."""
    project = read_project(folder)
    table = table_of_part(project.part, project.backend) if multipliers is None else multipliers
    multiplying = (count_layer(layer, table) for layer in project.layers)
    return ProjectCount((*multiplying, *map(count_adders, project.adders)), project.others)


def count_adders(layer: LayerAdders) -> LayerCount:
    """Count what a layer uses whose kernel became an adder graph."""
    return LayerCount(layer.name, "distributed_arithmetic", 1, 0, 0, 0, 0, adders=layer.adders)


def count_layer(layer: GeneratedLayer, table: MultiplierTable) -> LayerCount:
    """Count the multipliers and halves of blocks of one generated layer."""
    if layer.strategy in ("resource", "resource_unrolled") and not _cuts_whole_rows(layer):
        # hls4ml corrects such a reuse factor, and forgets to where it replaces a layer by a pointwise convolution: the
        # code it generates then adds products to the wrong outputs.
        raise GeneratedProjectError(
            f"layer {layer.name!r}: hls4ml wrote wrong code, because reuse factor {layer.reuse_factor} does not cut "
            f"{layer.n_in} x {layer.n_out} weights into whole rows; set one that divides {layer.n_in}, or {layer.n_in} "
            f"times a divisor of {layer.n_out}"
        )
    used = _used_weights(layer)
    constant = layer.reuse_factor == 1 and layer.strategy in ("latency", "resource", "resource_unrolled")
    halves = 0
    if constant or layer.strategy == "latency":
        widths, copies = _constants(layer, table)
        # nnet_dense_latency.h: above RF = 1 the ALLOCATION pragma shares multipliers, rounding in its own way.
        limit = copies.sum() if constant else _limit(layer) * layer.copies
        multipliers = int(min(copies.sum(), limit))
        if multipliers < copies.sum():
            widths, copies = widths.max(keepdims=True), np.array([multipliers])
    else:
        rows = np.unique(used // layer.reuse_factor)
        multipliers = rows.size * layer.copies
        widths, copies = _of_memory(layer, rows, table), np.full(rows.size, layer.copies)
        if not layer.depthwise:  # nnet_depthwise_product.h binds no memory
            top = None if table.narrows_memories else _last_row_bits(layer)
            halves = halves_in_use(used, layer.weights.size, layer.weight_bits, layer.reuse_factor, top)
            if layer.strategy == "resource":
                halves += halves_of_outputs(layer.n_in, layer.reuse_factor)
    return LayerCount(
        name=layer.name,
        strategy=layer.strategy,
        reuse_factor=layer.reuse_factor,
        multipliers=multipliers,
        dsp=sum(
            table.blocks(int(width), layer.data_bits) * int(number)
            for width, number in zip(widths, copies, strict=True)
        )
        + sum(number * table.blocks(first, second) for number, first, second in layer.fixed),
        bram18=halves,
        vanished=_vanished(layer),
    )


def _constants(layer: GeneratedLayer, table: MultiplierTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the multipliers of weights that are constants: bits of the constant, and how often each is there."""
    if not layer.weights.size:  # a layer that scales
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    whole = integers(layer.weights, layer.weight_type)
    if layer.strategy == "latency" or layer.depthwise:
        inputs = whole.reshape(-1, layer.fan_out)
    else:  # the resource strategies have the weights of an output side by side
        inputs = whole.reshape(layer.fan_out, -1).T
    reads = np.full(len(inputs), layer.copies) if layer.reads is None else layer.reads
    pairs = [
        (bits(np.array([constant]), signed=table.signs_constants), times)
        for constants, times in zip(constants_to_multiply(inputs), reads.tolist(), strict=True)
        for constant in constants.tolist()
    ]
    widths, copies = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return widths, copies


def _limit(layer: GeneratedLayer) -> int:
    usual = ceil(layer.weights.size / layer.reuse_factor) - layer.zeros // layer.reuse_factor
    return usual if layer.limit is None else layer.limit


def _of_memory(layer: GeneratedLayer, rows: NDArray[np.int64], table: MultiplierTable) -> NDArray[np.int64]:
    """Count the bits of the values that each row's multiplier takes from memory."""
    widths = np.full(rows.size, layer.weight_bits, dtype=np.int64)
    if not layer.weights.size:  # a layer that scales
        return widths
    if table.narrows_memories:
        widths[:] = bits(integers(layer.weights, layer.weight_type))
    else:
        widths[rows == (layer.weights.size - 1) // layer.reuse_factor] = _last_row_bits(layer)
    return widths


def _last_row_bits(layer: GeneratedLayer) -> int:
    """Count the bits of the values at the top of the memory's word, where Vivado HLS cuts it: those of the last row."""
    last = (layer.weights.size - 1) // layer.reuse_factor
    return bits(integers(layer.weights[last * layer.reuse_factor :], layer.weight_type)) if layer.weights.size else 0


def halves_in_use(
    weights: NDArray[np.int64], size: int, weight_bits: int, reuse_factor: int, last_row_bits: int | None = None
) -> int:
    """Count the halves of 36 Kb blocks that hold the rows of the given weights.

    hls4ml reshapes the flat array into words of one weight a multiplier, ``reuse_factor`` words deep: weight ``w`` is
    in word ``w % reuse_factor`` at bits ``[r * weight_bits, (r + 1) * weight_bits)`` with ``r = w // reuse_factor``.

    C synthesis cuts this memory, 2048 words at a time, into strips of some bits that each take halves of their own. A
    strip is there as long as one of the rows has a bit in it.

    Examples
    --------
    >>> import numpy as np
    >>> halves_in_use(np.array([0, 4, 8]), 64, weight_bits=16, reuse_factor=4)  # rows 0 to 2: bits 0 to 47
    2
    >>> halves_in_use(np.array([0]), 4096, weight_bits=16, reuse_factor=2048)  # strips of 9 bits
    2
    """
    held = np.zeros(-(-size // reuse_factor), dtype=bool)
    held[weights // reuse_factor] = True
    bits = np.repeat(held, weight_bits)
    if last_row_bits is not None:
        bits = bits[: bits.size - weight_bits + last_row_bits]
    begin = _strips(bits.size, reuse_factor)
    widths = np.diff(begin, append=bits.size)[np.logical_or.reduceat(bits, begin)]
    return int(_halves_of_strips(widths, reuse_factor).sum())


def _strips(bits: int, words: int) -> NDArray[np.int64]:
    """Return the first bit of each strip that a memory is cut into."""
    over = words % _DEEPEST
    if over == 0 or over > 1536:
        return np.arange(0, bits, 9)
    if over <= 1024:
        return np.arange(0, bits, 36 if over <= 512 else 18)
    # Two halves of 18 bits and one of 36 behind them hold 36 bits; what is left over is held 9 bits at a time.
    left = bits // 36 * 36
    return np.concatenate([np.arange(0, left, 36), np.arange(left, bits, 9)])


def _halves_of_strips(widths: NDArray[np.int64], words: int) -> NDArray[np.int64]:
    """Return the halves that strips of some bits and a number of words take."""
    times, over = divmod(words, _DEEPEST)
    last = np.zeros_like(widths) if over == 0 else np.ones_like(widths)
    if 1024 < over <= 1536:
        last[widths == 36] = 3
    return times * -(-widths // 9) + last


def halves_of_outputs(n_in: int, reuse_factor: int) -> int:
    """Count the halves that hold which output each of a multiplier's products is added to.

    ``nnet_dense_resource.h`` keeps that in ``outidx``, a number for each word, where a multiplier works for several
    outputs; the code of ``resource_unrolled`` names the output of every product instead.

    Examples
    --------
    >>> halves_of_outputs(16, 16), halves_of_outputs(16, 64), halves_of_outputs(32, 1024)
    (0, 0, 1)
    """
    outputs = ceil(reuse_factor / n_in)
    bits = ceil(log2(outputs)) if outputs > 1 else 0
    if bits * reuse_factor < _SMALLEST_TABLE:
        return 0
    return halves_in_use(np.arange(reuse_factor), reuse_factor, bits, reuse_factor)


def _cuts_whole_rows(layer: GeneratedLayer) -> bool:
    if layer.depthwise and layer.reuse_factor > layer.n_in:  # the loop then stops at the last weight
        return True
    if layer.reuse_factor <= layer.n_in:
        return layer.n_in % layer.reuse_factor == 0
    return layer.reuse_factor % layer.n_in == 0 and (layer.n_in * layer.n_out) % layer.reuse_factor == 0


def _used_weights(layer: GeneratedLayer) -> NDArray[np.int64]:
    """Return the flat indices of the weights that the layer's code multiplies."""
    written = np.flatnonzero(layer.weights)
    if layer.strategy == "resource_unrolled" and layer.products is not None:
        unnamed = np.setdiff1d(written, layer.products)
        if unnamed.size:
            raise GeneratedProjectError(
                f"layer {layer.name!r}: weight {unnamed[0]} is written as {layer.weights[unnamed[0]]}, "
                "but no product of the generated code names it"
            )
        return np.unique(layer.products)
    if layer.strategy == "latency":
        if written.size > layer.weights.size - layer.zeros:
            raise GeneratedProjectError(
                f"layer {layer.name!r}: parameters.h states {layer.weights.size - layer.zeros} non-zero weights, "
                f"its weights file has {written.size}"
            )
        return written
    if layer.strategy == "fixed":
        return written
    if layer.strategy == "resource":
        # nnet_dense_resource.h: the loop runs over every weight, zero or not.
        return np.arange(layer.weights.size)
    raise GeneratedProjectError(
        f"layer {layer.name!r}: expected strategy latency, resource or resource_unrolled, got {layer.strategy!r}"
    )


def _vanished(layer: GeneratedLayer) -> int:
    issued = layer.weights.size - layer.zeros if layer.products is None else np.unique(layer.products).size
    on_chip = integers(layer.weights, layer.weight_type) if layer.weights.size else layer.weights
    return int(issued - np.count_nonzero(on_chip))
