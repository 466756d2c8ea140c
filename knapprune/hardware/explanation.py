"""Why a layer costs what it costs in a project of hls4ml, and what would make pruning it pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knapprune.hardware.bram import WIDEST_BITS, WIDEST_DEPTH, piece_bits, pieces
from knapprune.hardware.constants import is_upper_bound
from knapprune.hardware.latency import INTERVAL_WITHIN_ONE
from knapprune.hardware.logic import Logic
from knapprune.hardware.shallow import shallow_memories
from knapprune.network.layers import Layer
from knapprune.network.rules.reuse import valid_reuse_factors


@dataclass(frozen=True)
class Explanation:
    """What one layer's cost is made of. ``str()`` of it is the text.

    Parameters
    ----------
    layer
        The layer, with the settings that were asked for and those in effect.
    use, whole
        Counts by resource: as the layer is now, and as it would be without a zero weight.
    multipliers, whole_multipliers
        Multipliers of one pixel, likewise.
    dsp_of_products
        DSP blocks of products that no weight decides, such as gates by states.
    dsp_per_product
        DSP blocks of one multiplier; 0 where products go to look-up tables.
    dsp_ports
        Signed widths in bits of the two operands that one DSP block takes, the wider one first.
    word_bits, word_depth
        Width and depth of the weight memory; both 0 where the layer keeps no weights in BRAM.
    index_bits
        Width of the table of outputs, which is as deep; 0 where there is none in BRAM.
    pruning
        By resource: which structure saves it, or why none does and what would.
    legal_reuse_factors
        By strategy: those that hls4ml leaves as they are, without what it writes projects for that do not work.
    interval
        Estimated cycles after which the layer takes its next input: :func:`knapprune.hardware.latency.interval`.
    logic
        Estimated look-up tables and flip-flops, where there is an estimate.
    """

    layer: Layer
    use: Mapping[str, int]
    whole: Mapping[str, int]
    multipliers: int
    whole_multipliers: int
    dsp_of_products: int
    dsp_per_product: int
    dsp_ports: tuple[int, int]
    word_bits: int
    word_depth: int
    index_bits: int
    pruning: Mapping[str, str]
    legal_reuse_factors: Mapping[str, tuple[int, ...]]
    interval: int
    logic: Logic | None = None

    def __str__(self) -> str:
        layer = self.layer
        lines = [
            f"strategy: {_strategy(layer)}",
            f"reuse factor: {_reuse_factor(layer)}",
            *(f"  legal for {name}: {_numbers(legal)}" for name, legal in self.legal_reuse_factors.items()),
            f"dsp: {self._dsp()}",
            f"bram18: {self._bram18()}",
            *shallow_memories([layer], {layer.name: self.use}),
            *([] if self.logic is None else _logic(self.logic)),
            *(f"pruning for {resource}: {sentence}" for resource, sentence in self.pruning.items()),
            f"initiation interval: {self._interval()}",
        ]
        shape = " x ".join(map(str, layer.kernel_shape))
        return "\n".join([f"{layer.name}: {layer.kind}, kernel {shape}", *(f"  {line}" for line in lines)])

    def _interval(self) -> str:
        said = f"{self.interval} cycle{'' if self.interval == 1 else 's'}, estimated"
        share, rows = INTERVAL_WITHIN_ONE
        return f"{said}: {share:.0%} of {rows} reports within one" if self.layer.kind == "dense" else said

    def _dsp(self) -> str:
        layer, wide, narrow = self.layer, *self.dsp_ports
        if layer.kind == "scale":
            return f"{self.use['dsp']}; {sum(group.multipliers for group in layer.products)} products by parameters"
        if not self.whole_multipliers:
            return "0; distributed_arithmetic adds shifted inputs"
        operands = f"{layer.weight_bits} x {layer.operand_bits} bits"
        if self.dsp_per_product:
            price = f"{self.dsp_per_product} DSP each for {operands} (a block takes {wide} x {narrow})"
        else:
            price = f"products of {operands} go to look-up tables"
        pixels = f", for each of {layer.copies} pixels at once" if layer.copies > 1 else ""
        fixed = f"; {self.dsp_of_products} of them for products of gates by states" if self.dsp_of_products else ""
        bound = "at most " if is_upper_bound(layer) else ""
        shared = (
            "; constants of up to two signed digits need none, equal ones of an input one" if layer.constant else ""
        )
        return (
            f"{self.use['dsp']}; {bound}{self.multipliers} of {self.whole_multipliers} multipliers{pixels}, {price}"
            + shared
            + fixed
        )

    def _bram18(self) -> str:
        if not self.word_bits:
            return "0; the weights are constants in the logic"
        index = f", and a table of outputs {self.index_bits} bits wide and as deep" if self.index_bits else ""
        return (
            f"{self.use['bram18']} of {self.whole['bram18']} halves of a block; the memory is {self.word_bits} bits "
            f"wide ({self.whole_multipliers} weights of {self.layer.weight_bits}) and {self.word_depth} deep{index}: "
            f"{_pieces(self.word_depth)}"
        )


def _pieces(depth: int) -> str:
    width = piece_bits(depth)
    if depth <= WIDEST_DEPTH * WIDEST_BITS // width:
        return f"a half takes {width} bits of up to {WIDEST_DEPTH * WIDEST_BITS // width} words"
    return f"{width} bits take {pieces(width, depth).halves} halves"


def _logic(logic: Logic) -> list[str]:
    lut_error, ff_error = ("" if error is None else f": {error}" for error in (logic.lut_error, logic.ff_error))
    separator = ": " if logic.lut_error is None else "; "
    lines = [f"lut: about {logic.lut}, estimated{lut_error}{separator}{logic.made_of}"]
    if logic.ff is not None:
        lines.append(f"ff: about {logic.ff}, estimated{ff_error}")
    if (after := logic.synthesised) is not None:
        lines.append(
            f"after logic synthesis: about {after.lut} lut ({after.lut_error}) and {after.ff} ff ({after.ff_error}), "
            "estimated"
        )
    return lines


def legal_reuse_factors(layer: Layer) -> dict[str, tuple[int, ...]]:
    """List the reuse factors that hls4ml takes for a layer as they are, by strategy."""
    if layer.kind == "scale":
        return {}
    if layer.kind == "einsum_dense":
        return {"distributed_arithmetic": (1,)}
    in_parallel = layer.convolves and not layer.streamed
    if layer.depthwise:
        # Sizes as if every filter saw every channel; the kernel takes no more than all its weights.
        taken = valid_reuse_factors(layer.size, layer.n_out)
        return {} if in_parallel else {"resource": tuple(factor for factor in taken if factor <= layer.size)}
    valid = valid_reuse_factors(layer.n_in, layer.n_out)
    # Above n_in the convolution is wrong: see resolve_layer.
    legal = {"resource": tuple(factor for factor in valid if factor <= layer.n_in or not in_parallel)}
    if not in_parallel:
        legal["resource_unrolled"] = tuple(valid[1:-1])
    return legal if layer.kind in ("lstm", "gru") else {**legal, "distributed_arithmetic": (1,)}


def _strategy(layer: Layer) -> str:
    asked, taken = layer.requested_strategy, layer.strategy
    if asked == taken or (asked == "da" and taken == "distributed_arithmetic"):
        return f"{taken}, as asked for"
    if layer.kind not in ("dense", "conv1d", "conv2d"):
        why = f"hls4ml has no such {layer.kind.replace('_', ' ')}"
    elif taken == "latency":
        why = "hls4ml knows no strategy of that name"
    elif layer.requested_reuse_factor == 1:
        why = "hls4ml unrolls only for reuse factors above 1"
    else:
        why = "hls4ml unrolls convolutions only in io_stream"
    return f"{taken}, not {asked}: {why}"


def _reuse_factor(layer: Layer) -> str:
    asked, taken = layer.requested_reuse_factor, layer.reuse_factor
    return f"{taken}, as asked for" if asked == taken else f"{taken}, not {asked}: the closest legal one"


def _numbers(legal: tuple[int, ...]) -> str:
    return ", ".join(map(str, legal)) or "none"
