"""Weights for networks whose published ones are too small to be anything but zero in the format measured."""

from __future__ import annotations

from typing import Any

SEED = 1
VANISHING = 1e-3


def draw_vanishing(model: Any) -> int:
    """Draw kernels anew whose largest value is below a thousandth; return how many.

    hls4ml's wide jet-tagging networks (``KERAS_dense_16x...``) are published with hidden weights of about 1e-6, which
    16 bits with 10 behind the point cannot hold: they need no DSP at all, and tell nothing about choosing.
    """
    import numpy as np

    rng = np.random.default_rng(SEED)
    drawn = 0
    for layer in model.layers:
        values = layer.get_weights()
        if values and 0 < np.abs(values[0]).max() < VANISHING:
            inputs = int(np.prod(values[0].shape[:-1]))
            kernel = rng.normal(0, (2 / inputs) ** 0.5, values[0].shape).astype(values[0].dtype)
            layer.set_weights([kernel, *values[1:]])
            drawn += 1
    return drawn
