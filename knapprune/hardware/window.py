"""Where the window of a convolution reads data, and where padding: a product with padding is no product.

In io_parallel, hls4ml writes down which value each place of each window is filled with (``fill_buffer`` in the
generated ``nnet_code_gen.h``): a zero where it is padding. The pixels that are computed in parallel are neighbours in
row-major order, and take their turns; a multiplier stands at a place unless that is padding at every turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Side:
    """One axis along which a window moves.

    Parameters
    ----------
    size, outputs
        Places of the input without padding, and of the output.
    window, stride, dilation
        Places of the window, steps from one window to the next, and from one place in it to the next.
    before
        Padding before the first place.
    """

    size: int
    outputs: int
    window: int
    stride: int = 1
    dilation: int = 1
    before: int = 0

    @classmethod
    def same(cls, size: int, window: int, stride: int, dilation: int = 1) -> Side:
        """Pad as ``padding="same"`` does: as many windows as strides fit, and half of the padding before."""
        outputs = -(-size // stride)
        padding = max((outputs - 1) * stride + (window - 1) * dilation + 1 - size, 0)
        return cls(size, outputs, window, stride, dilation, padding // 2)

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Whether each place of each window reads data, shape (outputs, window)."""
        at = np.arange(self.outputs)[:, None] * self.stride + np.arange(self.window) * self.dilation - self.before
        return (at >= 0) & (at < self.size)


def reached(sides: list[Side], copies: int) -> tuple[int, ...]:
    """Count the pixels in parallel at which each place of the window reads data."""
    inside = reduce(_both, (side.inside for side in sides))
    at_any_turn = inside.reshape(-1, copies, inside.shape[1]).any(axis=0)
    return () if at_any_turn.all() else tuple(int(count) for count in at_any_turn.sum(axis=0))


def _both(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Combine two axes: every pair of outputs, every pair of places."""
    pairs = first[:, None, :, None] & second[None, :, None, :]
    return pairs.reshape(first.shape[0] * second.shape[0], -1)
