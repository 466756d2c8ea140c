"""DSP and BRAM use of the layers that hls4ml generates for Vivado and Vitis.

What can be saved by zeros depends on the strategy that takes effect (read in hls4ml 1.3 and counted in its output):

============================  =========================================  ==================================
strategy                      DSP                                        BRAM
============================  =========================================  ==================================
latency, reuse factor 1       one multiplier a non-zero weight           none
latency, reuse factor > 1     a cap: ceil(size / RF) - floor(zeros / RF)  none
resource_unrolled             one multiplier a row with a non-zero        blocks with a bit of a non-zero
resource                      one multiplier a row, zeros and all         all blocks
distributed_arithmetic        none                                       none
fixed (a normalisation)       one multiplier a value, over RF             none
============================  =========================================  ==================================

A row is ``reuse_factor`` consecutive weights of the kernel as it is laid out in the generated code; see
:mod:`knapprune.structures`. The products that no weight decides come on top: :class:`~knapprune.layers.Products`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from knapprune.hardware.bram import block_count, columns_of_rows, depth_segments, rows_of_blocks, word_bits
from knapprune.hardware.dsp import MultiplierTable, table_of_part
from knapprune.hardware.explanation import Explanation, legal_reuse_factors
from knapprune.hardware.latency import interval
from knapprune.hardware.model import LabelCosts, SharedWords
from knapprune.hardware.product_logic import constants_of, of_products
from knapprune.layers import Layer
from knapprune.structures import labels

Labels = npt.NDArray[np.signedinteger]


class Hls4mlHardware:
    """The resource model of hls4ml's Vivado and Vitis backends.

    Parameters
    ----------
    part
        The device; it decides the width of a DSP block.
    multipliers
        DSP blocks by operand width, in place of the part's own table.
    """

    resources: tuple[str, ...] = ("dsp", "bram")

    def __init__(self, part: str = "xcvu13p-flga2577-2-e", multipliers: MultiplierTable | None = None) -> None:
        self.part = part
        self.multipliers = multipliers if multipliers is not None else table_of_part(part)

    def dsp_per_multiplier(self, layer: Layer) -> int:
        """DSP blocks of one weight position: one product's, times the pixels computed in parallel.

        Parameters
        ----------
        layer
            The layer.

        Returns
        -------
        int
            DSP blocks.
        """
        return self.multipliers.blocks(layer.weight_bits, layer.data_bits) * layer.copies

    def dsp_of_products(self, layer: Layer) -> int:
        """DSP blocks of the products that no weight of the layer decides.

        Parameters
        ----------
        layer
            The layer.

        Returns
        -------
        int
            DSP blocks.
        """
        return sum(
            group.multipliers * self.multipliers.blocks(group.first_bits, group.second_bits) for group in layer.products
        )

    def use(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> dict[str, int]:
        """Count what the layer uses with this kernel, its zero weights gone.

        Parameters
        ----------
        layer
            The layer.
        kernel
            Shape ``layer.kernel_shape``; only which weights are zero matters.

        Returns
        -------
        dict
            Blocks by resource.
        """
        # One label for all, in the smallest type: the arrays are of the kernel's size.
        costs = self.costs(layer, np.zeros(layer.kernel_shape, dtype=np.int8), kernel)
        alone = costs.type_costs[:, costs.label_type].sum(axis=1)
        return {name: costs.fixed[name] + int(own) for name, own in zip(self.resources, alone, strict=True)}

    def costs(self, layer: Layer, labels: Labels, kernel: npt.NDArray[np.generic]) -> LabelCosts:
        """Split the layer's use by label.

        A multiplier or a memory block belongs to a label if all the non-zero weights in it have that label. What
        several labels share is fixed: pruning one of them saves nothing for certain.

        Parameters
        ----------
        layer
            The layer.
        labels
            Shape ``layer.kernel_shape``, integers from 0.
        kernel
            Shape ``layer.kernel_shape``; only which weights are zero matters.

        Returns
        -------
        LabelCosts
            Costs and fixed part in the order of :attr:`resources`; together they make up :meth:`use`.
        """
        alive = np.asarray(kernel) != 0
        if alive.shape != layer.kernel_shape or labels.shape != layer.kernel_shape:
            raise ValueError(
                f"layer {layer.name!r}: kernel and labels have shapes {alive.shape} and {labels.shape}, "
                f"expected {layer.kernel_shape}"
            )
        label_count = int(labels.max(initial=-1)) + 1
        per_multiplier = self.dsp_per_multiplier(layer)
        own = np.zeros((len(self.resources), label_count), dtype=np.int64)
        fixed = dict.fromkeys(self.resources, 0)
        if layer.strategy == "latency" and layer.reuse_factor == 1:
            own[0] = np.bincount(labels[alive], minlength=label_count) * per_multiplier
        elif layer.strategy == "latency":
            fixed["dsp"] = latency_multiplier_cap(layer, alive) * per_multiplier
        elif layer.strategy == "resource":
            fixed["dsp"] = -(-layer.size // layer.reuse_factor) * per_multiplier
            fixed["bram"] = block_count(layer)
        elif layer.strategy == "resource_unrolled":
            lowest, highest = _label_range_of_rows(layer, labels, alive)
            own[0], shared = _count_by_owner(lowest.min(axis=1), highest.max(axis=1), label_count)
            own[0] *= per_multiplier
            fixed["dsp"] = shared * per_multiplier
            if layer.reuse_factor > 1:
                own[1], fixed["bram"] = _count_by_owner(*_label_range_of_blocks(layer, lowest, highest), label_count)
        elif layer.strategy not in ("distributed_arithmetic", "fixed"):
            raise ValueError(f"layer {layer.name!r}: strategy {layer.strategy!r} is not one hls4ml has")
        fixed["dsp"] += self.dsp_of_products(layer)
        type_costs, label_type = _distinct_columns(own)
        return LabelCosts(label_type, type_costs, fixed)

    def words(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> SharedWords | None:
        """State which memory words the DSP rows of a layer share.

        Parameters
        ----------
        layer
            The layer.
        kernel
            Shape ``layer.kernel_shape``; only which weights are zero matters.

        Returns
        -------
        SharedWords or None
            One plane for each 1024 products of a row. None where pruned rows free no memory.
        """
        if layer.strategy != "resource_unrolled" or layer.reuse_factor == 1:
            return None
        alive = layer.flat(np.asarray(kernel) != 0).reshape(-1, layer.reuse_factor)
        planes = depth_segments(alive.astype(np.int64)).max(axis=2) > 0
        return SharedWords("bram", *columns_of_rows(layer), planes)

    def structure(self, layer: Layer, resources: tuple[str, ...]) -> str:
        """Name the finest structure that saves these resources in this layer.

        Parameters
        ----------
        layer
            The layer.
        resources
            The resources that are budgeted.

        Returns
        -------
        str
            A name in :data:`knapprune.structures.STRUCTURES`.
        """
        if layer.strategy != "resource_unrolled":
            return "unstructured"
        return "row-and-word" if "bram" in resources else "dsp-row"

    def advice(self, layer: Layer, resource: str) -> str:
        """Say why pruning this layer saves none of the resource, and what would.

        Parameters
        ----------
        layer
            The layer.
        resource
            A name in :attr:`resources`.

        Returns
        -------
        str
            One sentence.
        """
        if layer.kind == "scale":
            return "it multiplies by parameters that no structure can prune"
        if layer.strategy == "distributed_arithmetic" and resource == "dsp":
            return (
                "distributed_arithmetic uses no DSP; zeros save look-up tables there, together and not each its share"
            )
        if layer.strategy == "resource_unrolled":
            if resource == "bram":
                return "structure 'bram-run' can save bram here, and 'row-and-word' more"
            return "structure 'dsp-row' can save dsp here"
        if resource == "dsp" and self.dsp_per_multiplier(layer) == 0:
            return f"products of {layer.weight_bits} x {layer.data_bits} bits take no DSP"
        wanted = _WANTED if layer.depthwise or layer.kind == "einsum_dense" else _wanted(layer, resource)
        if resource == "bram" and (layer.strategy != "resource" or layer.reuse_factor == 1):
            why = "keeps no weights in BRAM"
        else:
            why = "only caps its multipliers" if layer.strategy == "latency" else "spends the same on zeros"
        return f"{layer.strategy} with reuse factor {layer.reuse_factor} {why}; {wanted} can save {resource}"

    def explain(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> Explanation:
        """Say why the layer uses what it uses, and what would make pruning it pay.

        Parameters
        ----------
        layer
            The layer.
        kernel
            Shape ``layer.kernel_shape``; only which weights are zero matters.

        Returns
        -------
        Explanation
            Its ``str()`` is the text.
        """
        dense = np.ones(layer.kernel_shape, dtype=bool)
        whole = self.use(layer, dense)
        one_pixel = replace(layer, copies=1, products=())
        multipliers, whole_multipliers = (_MULTIPLIERS.use(one_pixel, weights)["dsp"] for weights in (kernel, dense))
        return Explanation(
            layer=layer,
            use=self.use(layer, kernel),
            whole=whole,
            multipliers=multipliers,
            whole_multipliers=whole_multipliers,
            dsp_per_product=self.multipliers.blocks(layer.weight_bits, layer.data_bits),
            dsp_of_products=self.dsp_of_products(layer),
            dsp_ports=(self.multipliers.wide_port, self.multipliers.narrow_port),
            word_bits=word_bits(layer) if whole["bram"] else 0,
            word_depth=layer.reuse_factor if whole["bram"] else 0,
            pruning={name: self._saving(layer, dense, name) for name in self.resources if whole[name]},
            legal_reuse_factors=legal_reuse_factors(layer),
            interval=interval(layer, constants_of(layer, kernel), multipliers, self.part),
            logic=of_products(layer, kernel, multipliers, self.part),
        )

    def _saving(self, layer: Layer, dense: npt.NDArray[np.bool_], resource: str) -> str:
        structure = self.structure(layer, (resource,))
        costs = self.costs(layer, labels(layer, structure), dense)
        if costs.type_costs[self.resources.index(resource)].any():
            return f"structure {structure!r} saves it"
        return self.advice(layer, resource)


_WANTED = "'latency' with reuse factor 1"


def _wanted(layer: Layer, resource: str) -> str:
    unrolled = "'resource_unrolled' with a reuse factor above 1" + (" and io_stream" if layer.convolves else "")
    return f"{unrolled}, or {_WANTED}," if resource == "dsp" else unrolled


# Where every product takes one block, blocks are multipliers.
_MULTIPLIERS = Hls4mlHardware(multipliers=MultiplierTable(1 << 16, 1 << 16, in_logic=()))


def latency_multiplier_cap(layer: Layer, alive: npt.NDArray[np.bool_]) -> int:
    """Bound the multipliers of a latency layer, as its ``ALLOCATION`` pragma does (``core_templates.py``).

    Parameters
    ----------
    layer
        The layer.
    alive
        Which weights are not zero.

    Returns
    -------
    int
        ``ceil(size / RF) - floor(zeros / RF)``, and no more than there are products. For a depthwise convolution the
        size is taken as if every filter saw every channel.
    """
    nonzero = int(np.count_nonzero(alive))
    size = layer.size * (layer.n_out if layer.depthwise else 1)
    return min(nonzero, -(-size // layer.reuse_factor) - (layer.size - nonzero) // layer.reuse_factor)


def _no_label(labels: Labels) -> int:
    """Return what stands for "no non-zero weight here" in a running minimum of labels."""
    return int(np.iinfo(labels.dtype).max)


def _label_range_of_rows(layer: Layer, labels: Labels, alive: npt.NDArray[np.bool_]) -> tuple[Labels, Labels]:
    """Lowest and highest label among the non-zero weights of each row and depth segment, shape (rows, segments)."""
    living = np.where(alive, labels, labels.dtype.type(-1))
    segments = depth_segments(layer.flat(living).reshape(-1, layer.reuse_factor))
    none = labels.dtype.type(_no_label(labels))
    return np.where(segments < 0, none, segments).min(axis=2), segments.max(axis=2)


def _label_range_of_blocks(layer: Layer, lowest: Labels, highest: Labels) -> tuple[Labels, Labels]:
    """Lowest and highest label among the non-zero weights with a bit in each block, flat."""
    first, last = rows_of_blocks(layer)
    # reduceat works on [start, stop) pairs; every second result is the gap between two blocks. The pad allows a stop
    # behind the last row.
    bounds = np.stack([first, last + 1], axis=1).ravel()
    low = np.minimum.reduceat(np.pad(lowest, ((0, 1), (0, 0)), constant_values=_no_label(lowest)), bounds, axis=0)[::2]
    high = np.maximum.reduceat(np.pad(highest, ((0, 1), (0, 0)), constant_values=-1), bounds, axis=0)[::2]
    return low.ravel(), high.ravel()


def _count_by_owner(lowest: Labels, highest: Labels, label_count: int) -> tuple[npt.NDArray[np.int64], int]:
    """Count the units that one label owns, by label, and those that several share; empty units count for nothing."""
    owned = lowest[lowest == highest]
    return np.bincount(owned, minlength=label_count), int(np.count_nonzero((highest >= 0) & (lowest != highest)))


def _distinct_columns(own: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Reduce the columns to the distinct ones and say which one each was."""
    # One integer a column sorts far faster than np.unique(axis=1) does.
    key = own[0] * (int(own[1].max(initial=0)) + 1) + own[1]
    _, index, label_type = np.unique(key, return_index=True, return_inverse=True)
    return own[:, index], label_type.astype(np.int64, copy=False)
