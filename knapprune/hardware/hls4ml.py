"""DSP and BRAM use of the layers that hls4ml generates for Vivado and Vitis.

What can be saved by zeros depends on the strategy that takes effect (read in hls4ml 1.3 and counted in its output):

============================  =========================================  ==================================
strategy                      DSP                                        BRAM, in halves
============================  =========================================  ==================================
reuse factor 1                one multiplier a pair of input and          none
                              constant of three signed digits or more
latency, reuse factor > 1     the same, but at most                       none
                              ceil(size / RF) - floor(zeros / RF)
resource_unrolled             one multiplier a row with a non-zero        pieces with a bit of such a row
resource                      one multiplier a row, zeros and all         all pieces, and the output index
distributed_arithmetic        none                                       none
fixed (a normalisation)       one multiplier a value, over RF             none
============================  =========================================  ==================================

Constants are in :mod:`knapprune.hardware.constants`; how many blocks a multiplier takes goes by the bits that values
need (:mod:`knapprune.hardware.dsp`). A row is ``reuse_factor`` consecutive weights of the kernel as it is laid out in
the generated code; see :mod:`knapprune.hardware.structures`. The products that no weight decides come on top:
:class:`~knapprune.network.layers.Products`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from knapprune.hardware.bram import (
    Pieces,
    in_memory,
    index_bits,
    pieces,
    pieces_of_rows,
    rows_of_pieces,
    weight_memory,
)
from knapprune.hardware.constants import Constants, constants, integers_of
from knapprune.hardware.dsp import MultiplierTable, table_of_part
from knapprune.hardware.explanation import Explanation, legal_reuse_factors
from knapprune.hardware.hardware_model import LabelCosts, SharedWords, use_of_one_label
from knapprune.hardware.latency import interval
from knapprune.hardware.logic import Logic
from knapprune.hardware.ownership import (
    Labels,
    count_by_owner,
    distinct_columns,
    label_range_of_pieces,
    label_range_of_rows,
    of_one_label,
)
from knapprune.hardware.product_logic import constants_of, of_products
from knapprune.hardware.structures import labels
from knapprune.hardware.value_prices import ValuePrices, adder_prices, value_prices
from knapprune.network.digits import signed_bits
from knapprune.network.layers import Layer


class Hls4mlHardware:
    """The resource model of hls4ml's Vivado and Vitis backends.

    Parameters
    ----------
    part
        The device; it decides the width of a DSP block.
    multipliers
        DSP blocks by operand width, in place of the part's own table.
    backend
        ``"Vivado"`` for what Vivado HLS makes of them, ``"Vitis"`` for Vitis HLS.
    """

    resources: tuple[str, ...] = ("dsp", "bram18")

    def __init__(
        self,
        part: str = "xcvu13p-flga2577-2-e",
        multipliers: MultiplierTable | None = None,
        backend: str = "Vitis",
    ) -> None:
        self.part = part
        self.multipliers = multipliers if multipliers is not None else table_of_part(part, backend)

    def dsp_per_multiplier(self, layer: Layer) -> int:
        """DSP blocks of one weight position whose value needs all bits of its type, times the pixels in parallel."""
        return self.multipliers.blocks(layer.weight_bits, layer.operand_bits) * layer.copies

    def dsp_of_constants(
        self, layer: Layer, kernel: npt.NDArray[np.generic]
    ) -> tuple[Constants, npt.NDArray[np.int64]]:
        """DSP blocks of the multipliers of a kernel of constants."""
        multiplied = constants(layer, kernel)
        bits = signed_bits(multiplied.value)
        if not self.multipliers.signs_constants:
            bits -= multiplied.value > 0
        if not multiplied.known:
            bits[:] = layer.weight_bits
        price = [self.multipliers.blocks(width, layer.operand_bits) for width in range(1, int(bits.max(initial=0)) + 1)]
        return multiplied, np.array([0, *price], dtype=np.int64)[bits] * multiplied.copies

    def dsp_of_rows(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """DSP blocks of the multipliers whose weights come from memory."""
        rows = -(-layer.size // layer.reuse_factor)
        blocks = np.full(rows, self.dsp_per_multiplier(layer), dtype=np.int64)
        whole, known = integers_of(layer, layer.flat(kernel))
        if known:
            narrow = slice(None) if self.multipliers.narrows_memories else slice(-1, None)
            own = whole if self.multipliers.narrows_memories else whole[(rows - 1) * layer.reuse_factor :]
            blocks[narrow] = self.multipliers.blocks(_widest(own), layer.operand_bits) * layer.copies
        return blocks

    def memory(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> Pieces:
        """Cut the memory that holds the kernel, its word narrowed at the top where the tool does that."""
        if self.multipliers.narrows_memories or not in_memory(layer):
            return weight_memory(layer)
        last = layer.size - layer.reuse_factor
        whole, known = integers_of(layer, layer.flat(kernel)[last:])
        return weight_memory(layer, _widest(whole) if known else None)

    def dsp_at_most(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> int:
        """DSP blocks of a latency layer above reuse factor 1: those of its constants, but no more than its limit."""
        multiplied, blocks = self.dsp_of_constants(layer, kernel)
        limit = latency_multiplier_limit(layer, kernel) * layer.copies
        if multiplied.copies.sum() <= limit:
            return int(blocks.sum())
        return limit * int((blocks // np.maximum(multiplied.copies, 1)).max(initial=0))

    def dsp_of_products(self, layer: Layer) -> int:
        """DSP blocks of the products that no weight of the layer decides."""
        return sum(
            group.multipliers * self.multipliers.blocks(group.first_bits, group.second_bits) for group in layer.products
        )

    def use(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> dict[str, int]:
        return use_of_one_label(self, layer, kernel)

    def costs(self, layer: Layer, labels: Labels, kernel: npt.NDArray[np.generic]) -> LabelCosts:
        """Split the layer's use by label.

        A multiplier or a memory block belongs to a label if all the non-zero weights in it have that label. What
        several labels share is fixed: pruning one of them saves nothing for certain.
        """
        alive = np.asarray(kernel) != 0
        if alive.shape != layer.kernel_shape or labels.shape != layer.kernel_shape:
            raise ValueError(
                f"layer {layer.name!r}: kernel and labels have shapes {alive.shape} and {labels.shape}, "
                f"expected {layer.kernel_shape}"
            )
        label_count = int(labels.max(initial=-1)) + 1
        own = np.zeros((len(self.resources), label_count), dtype=np.int64)
        fixed = dict.fromkeys(self.resources, 0)
        if layer.constant:
            multiplied, blocks = self.dsp_of_constants(layer, kernel)
            own[0], fixed["dsp"] = of_one_label(labels, multiplied.owner, blocks, label_count)
        elif layer.strategy == "latency":
            fixed["dsp"] = self.dsp_at_most(layer, kernel)
        elif layer.strategy == "resource":
            fixed["dsp"] = int(self.dsp_of_rows(layer, kernel).sum())
            memory = self.memory(layer, kernel)
            fixed["bram18"] = memory.halves + pieces(index_bits(layer), layer.reuse_factor).halves
        elif layer.strategy == "resource_unrolled":
            lowest, highest = label_range_of_rows(layer, labels, alive)
            own[0], fixed["dsp"] = count_by_owner(lowest, highest, label_count, self.dsp_of_rows(layer, kernel))
            memory = self.memory(layer, kernel)
            ranges = label_range_of_pieces(*rows_of_pieces(layer, memory), lowest, highest)
            own[1], fixed["bram18"] = count_by_owner(*ranges, label_count, memory.cost)
        elif layer.strategy not in ("distributed_arithmetic", "fixed"):
            raise ValueError(f"layer {layer.name!r}: strategy {layer.strategy!r} is not one hls4ml has")
        fixed["dsp"] += self.dsp_of_products(layer)
        type_costs, label_type = distinct_columns(own)
        return LabelCosts(label_type, type_costs, fixed)

    def words(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> SharedWords | None:
        memory = self.memory(layer, kernel)
        if layer.strategy != "resource_unrolled" or not len(memory.cost):
            return None
        return SharedWords("bram18", *pieces_of_rows(layer, memory), memory.cost)

    def structure(self, layer: Layer, resources: tuple[str, ...]) -> str:
        if layer.constant:
            return "constant"
        if layer.strategy != "resource_unrolled":
            return "unstructured"
        return "row-and-word" if "bram18" in resources else "dsp-row"

    def advice(self, layer: Layer, resource: str) -> str:
        if layer.kind == "scale":
            return "it multiplies by parameters that no structure can prune"
        if layer.strategy == "distributed_arithmetic" and resource == "dsp":
            return (
                "distributed_arithmetic uses no DSP; zeros save look-up tables there, together and not each its share"
            )
        if layer.strategy == "resource_unrolled":
            if resource == "bram18":
                return "structure 'bram-run' can save bram18 here, and 'row-and-word' more"
            return "structure 'dsp-row' can save dsp here"
        if resource == "dsp" and self.dsp_per_multiplier(layer) == 0:
            return f"products of {layer.weight_bits} x {layer.operand_bits} bits take no DSP"
        if resource == "dsp" and layer.constant:
            return "structure 'constant' can save dsp here"
        wanted = _WANTED if layer.depthwise or layer.kind == "einsum_dense" else _wanted(layer, resource)
        if resource == "bram18" and (layer.strategy != "resource" or layer.reuse_factor == 1):
            why = "keeps no weights in BRAM"
        else:
            why = "only caps its multipliers" if layer.strategy == "latency" else "spends the same on zeros"
        return f"{layer.strategy} with reuse factor {layer.reuse_factor} {why}; {wanted} can save {resource}"

    def explain(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> Explanation:
        dense = np.ones(layer.kernel_shape, dtype=bool)
        whole = self.use(layer, dense)
        multipliers, whole_multipliers = (multipliers_of_a_pixel(layer, weights) for weights in (kernel, dense))
        return Explanation(
            layer=layer,
            use=self.use(layer, kernel),
            whole=whole,
            multipliers=multipliers,
            whole_multipliers=whole_multipliers,
            dsp_per_product=self.multipliers.blocks(layer.weight_bits, layer.operand_bits),
            dsp_of_products=self.dsp_of_products(layer),
            dsp_ports=(self.multipliers.wide_port, self.multipliers.narrow_port),
            word_bits=int(self.memory(layer, kernel).end.max(initial=0)),
            word_depth=layer.reuse_factor if whole["bram18"] else 0,
            index_bits=index_bits(layer),
            pruning={name: self._saving(layer, dense, name) for name in self.resources if whole[name]},
            legal_reuse_factors=legal_reuse_factors(layer),
            interval=interval(layer, constants_of(layer, kernel), multipliers, self.part),
            logic=self.logic(layer, kernel),
        )

    def logic(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> Logic | None:
        return of_products(layer, kernel, multipliers_of_a_pixel(layer, kernel), self.part)

    def value_prices(self, layer: Layer, width: int) -> ValuePrices | None:
        if layer.strategy == "distributed_arithmetic":
            return adder_prices(layer)
        return value_prices(layer, self.multipliers, width) if layer.constant else None

    def _saving(self, layer: Layer, dense: npt.NDArray[np.bool_], resource: str) -> str:
        structure = self.structure(layer, (resource,))
        costs = self.costs(layer, labels(layer, structure, dense), dense)
        if costs.type_costs[self.resources.index(resource)].any():
            return f"structure {structure!r} saves it"
        return self.advice(layer, resource)


def for_vivado_hls(part: str) -> Hls4mlHardware:
    """Build the model of hls4ml's Vivado backend: the same project, and what Vivado HLS makes of it."""
    return Hls4mlHardware(part, backend="Vivado")


_WANTED = "'latency' with reuse factor 1"


def _wanted(layer: Layer, resource: str) -> str:
    unrolled = "'resource_unrolled' with a reuse factor above 1" + (" and io_stream" if layer.convolves else "")
    return f"{unrolled}, or {_WANTED}," if resource == "dsp" else unrolled


# Where every product takes one block, blocks are multipliers.
_MULTIPLIERS = Hls4mlHardware(multipliers=MultiplierTable(1 << 16, 1 << 16, in_logic=()))


def multipliers_of_a_pixel(layer: Layer, kernel: npt.NDArray[np.generic]) -> int:
    """Count the multipliers of one pixel, whatever they are made of."""
    return _MULTIPLIERS.use(replace(layer, copies=1, reached=(), products=()), kernel)["dsp"]


def latency_multiplier_limit(layer: Layer, kernel: npt.NDArray[np.generic]) -> int:
    """State the limit on the multipliers of a latency layer: its ``ALLOCATION`` pragma (``core_templates.py``)."""
    size = layer.size * (layer.n_out if layer.depthwise else 1)
    zeros = layer.size - int(np.count_nonzero(kernel))
    return -(-size // layer.reuse_factor) - zeros // layer.reuse_factor


def _widest(whole: npt.NDArray[np.int64]) -> int:
    """Bits that hold all of some whole numbers with a sign."""
    return int(signed_bits(np.array([whole.min(), whole.max()])).max())
