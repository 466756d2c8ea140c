"""Weight memory of hls4ml's resource strategies, in halves of a block RAM: BRAM_18K, as C synthesis counts.

The kernel is stored as one word per cycle: one weight of ``W`` bits for each of the ``n = ceil(size / reuse_factor)``
multipliers side by side, and ``reuse_factor`` words deep (``ARRAY_RESHAPE ... block factor=block_factor`` with
``ROM_nP`` bound to BRAM in ``nnet_dense_resource.h`` and ``passes/unrolled_codegen.py``). The tool cuts this memory
into pieces that each take a few halves, by its depth:

=============  ==================================================================================
words          halves
=============  ==================================================================================
up to 512      ``ceil(bits / 36)``
513 to 1024    ``ceil(bits / 18)``
1025 to 1536   3 for each 36 bits, and ``ceil(rest / 9)`` for the bits that are left
1537 to 2048   ``ceil(bits / 9)``
more           ``ceil(bits / 9)`` for each 2048 words, and what the other words take by the lines above
=============  ==================================================================================

Read from published reports of C synthesis: the first two lines are exact in all of them, the others within one half.
Vivado HLS narrows the word at its top to what the values in its last row need; nothing published says so of Vitis HLS.

The strategy ``resource`` with a reuse factor above ``n_in`` has a second memory: a table of outputs
(``outidx[reuse_factor]``, ``dense_resource_rf_gt_nin_rem0``), in blocks where it has 1024 bits or more.

A reuse factor of 1 binds no memory at all, nor does a depthwise convolution (``nnet_depthwise_product.h``): where its
weights go is left to the vendor tool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.network.layers import Layer

#: Width in bits and depth in words of one half in its widest mode; half as wide it is twice as deep, and so on.
WIDEST_BITS = 36
WIDEST_DEPTH = 512
#: The narrowest and deepest mode that is used.
NARROWEST_BITS = 9
NARROWEST_DEPTH = 2048
#: A table of fewer bits goes to look-up tables.
LEAST_BITS_OF_AN_INDEX = 1024

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pieces:
    """A memory cut into pieces that lie side by side in its word.

    Parameters
    ----------
    start, end
        Shape (pieces,): first bit of each piece in the word, and the bit behind its last.
    cost
        Shape (pieces,): halves that it takes.
    """

    start: Integers
    end: Integers
    cost: Integers

    @property
    def halves(self) -> int:
        """Halves of all pieces together."""
        return int(self.cost.sum())


def piece_bits(depth: int) -> int:
    """Width of a whole piece: what a memory of this depth is cut into.

    Above 2048 words the first ones are cut into pieces of 9 bits and the others as their number wants; a piece is then
    the wider of both.
    """
    rest = depth % NARROWEST_DEPTH
    if rest == 0 or rest > 3 * WIDEST_DEPTH:
        return NARROWEST_BITS
    return WIDEST_BITS // 2 if WIDEST_DEPTH < rest <= 2 * WIDEST_DEPTH else WIDEST_BITS


def pieces(bits: int, depth: int) -> Pieces:
    """Cut a memory into pieces.

    Examples
    --------
    >>> pieces(80, 512).cost, pieces(80, 1024).halves, pieces(80, 1100).end
    (array([1, 1, 1]), 5, array([36, 72, 80]))
    """
    width = piece_bits(depth)
    whole, rest = divmod(depth, NARROWEST_DEPTH)
    start = np.arange(0, bits, width, dtype=np.int64)
    if 2 * WIDEST_DEPTH < rest <= 3 * WIDEST_DEPTH:
        # 36 bits at once: 1024 words of 18 bits twice, and 512 of 36. What is left is as deep as 9 bits allow.
        left = bits - bits % width
        start = np.concatenate([np.arange(0, left, width), np.arange(left, bits, NARROWEST_BITS)]).astype(np.int64)
    end = np.append(start[1:], bits)[: len(start)].astype(np.int64)
    narrow = -(-(end - start) // NARROWEST_BITS)
    own = np.minimum(narrow, 0 if rest == 0 else 1 if rest <= 2 * WIDEST_DEPTH else 3)
    return Pieces(start, end, whole * narrow + own)


def in_memory(layer: Layer) -> bool:
    """Say whether the layer's weights are bound to block RAM."""
    return layer.strategy in ("resource", "resource_unrolled") and layer.reuse_factor > 1 and not layer.depthwise


def word_bits(layer: Layer, last_row_bits: int | None = None) -> int:
    """Width of the memory word: a weight for each multiplier."""
    last = layer.weight_bits if last_row_bits is None else last_row_bits
    return (_rows(layer) - 1) * layer.weight_bits + last


def weight_memory(layer: Layer, last_row_bits: int | None = None) -> Pieces:
    """Cut the memory that holds the kernel, zeros and all."""
    return pieces(word_bits(layer, last_row_bits) if in_memory(layer) else 0, layer.reuse_factor)


def index_bits(layer: Layer) -> int:
    """Width of the table that says which output a multiplier works for."""
    if layer.strategy != "resource" or not in_memory(layer) or layer.reuse_factor <= layer.n_in:
        return 0
    bits = (-(-layer.reuse_factor // layer.n_in) - 1).bit_length()
    return bits if bits * layer.reuse_factor >= LEAST_BITS_OF_AN_INDEX else 0


def rows_of_pieces(layer: Layer, memory: Pieces) -> tuple[Integers, Integers]:
    """First and last DSP row with a bit in each piece of the weight memory."""
    return memory.start // layer.weight_bits, (memory.end - 1) // layer.weight_bits


def pieces_of_rows(layer: Layer, memory: Pieces) -> tuple[Integers, Integers]:
    """First and last piece of the weight memory that each DSP row has a bit in."""
    start = np.arange(_rows(layer), dtype=np.int64) * layer.weight_bits
    end = np.minimum(start + layer.weight_bits, memory.end[-1])
    first, last = (np.searchsorted(memory.start, bit, "right") - 1 for bit in (start, end - 1))
    return first.astype(np.int64, copy=False), last.astype(np.int64, copy=False)


def _rows(layer: Layer) -> int:
    return -(-layer.size // layer.reuse_factor)
