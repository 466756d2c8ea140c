"""Weight memory of hls4ml's resource strategies, in 36 Kb block RAMs.

The kernel is stored as one word per cycle: ``block_factor`` weights of ``W`` bits side by side, one per multiplier, and
``reuse_factor`` words deep (``ARRAY_RESHAPE ... block factor=block_factor`` with ``ROM_nP`` bound to BRAM in
``nnet_dense_resource.h`` and ``passes/unrolled_codegen.py``). It is cut into blocks of 36 bits x 1024 words, so

    BRAM36 = ceil(block_factor * W / 36) * ceil(reuse_factor / 1024)

A reuse factor of 1 binds no memory at all, nor does a depthwise convolution (``nnet_depthwise_product.h``): where its
weights go is left to the vendor tool.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from knapprune.layers import Layer

#: Width in bits and depth in words of one block RAM in its 36 x 1024 mode.
WORD_BITS = 36
BLOCK_DEPTH = 1024


def word_bits(layer: Layer) -> int:
    """Width of the memory word: a weight for each multiplier.

    Parameters
    ----------
    layer
        The layer.

    Returns
    -------
    int
        Bits.
    """
    return _ceil_div(layer.size, layer.reuse_factor) * layer.weight_bits


def block_count(layer: Layer) -> int:
    """Blocks that hold the whole kernel, zeros and all.

    Parameters
    ----------
    layer
        The layer.

    Returns
    -------
    int
        36 Kb blocks; 0 where no memory is bound.
    """
    if layer.reuse_factor == 1 or layer.depthwise:
        return 0
    return _columns(layer) * _ceil_div(layer.reuse_factor, BLOCK_DEPTH)


def rows_of_blocks(layer: Layer) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First and last DSP row with a bit in each 36-bit column of the memory word.

    Parameters
    ----------
    layer
        The layer.

    Returns
    -------
    first, last
        Shape (columns,), both inclusive; neighbours share a row where it straddles two columns.
    """
    start = np.arange(_columns(layer), dtype=np.int64) * WORD_BITS
    end = np.minimum(start + WORD_BITS, word_bits(layer))
    return start // layer.weight_bits, (end - 1) // layer.weight_bits


def columns_of_rows(layer: Layer) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First and last 36-bit column of the memory word that each DSP row has a bit in.

    Parameters
    ----------
    layer
        The layer.

    Returns
    -------
    first, last
        Shape (rows,), both inclusive; a row that straddles two columns needs both.
    """
    start = np.arange(_ceil_div(layer.size, layer.reuse_factor), dtype=np.int64) * layer.weight_bits
    return start // WORD_BITS, (start + layer.weight_bits - 1) // WORD_BITS


def depth_segments(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Split rows into the depth segments that lie in different blocks.

    Parameters
    ----------
    values
        Shape (rows, reuse_factor): one value per weight. The last segment is padded with -1.

    Returns
    -------
    numpy.ndarray
        Shape (rows, segments, at most 1024).
    """
    rows, depth = values.shape
    segments = _ceil_div(depth, BLOCK_DEPTH)
    width = min(depth, BLOCK_DEPTH)
    if segments * width > depth:
        values = np.pad(values, ((0, 0), (0, segments * width - depth)), constant_values=-1)
    return values.reshape(rows, segments, width)


def _columns(layer: Layer) -> int:
    return _ceil_div(word_bits(layer), WORD_BITS)


def _ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
