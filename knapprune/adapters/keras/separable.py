"""Separable convolutions of Keras 3, as hls4ml 1.3 can read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from knapprune.adapters.keras.kinds import leaf_layers


@contextmanager
def readable_separable_convolutions(model: Any) -> Iterator[None]:
    """Give separable convolutions an attribute ``kernel`` for as long as the context lasts.

    hls4ml 1.3 reads that attribute of every convolution (``converters/keras_v3/conv.py``), and of these before it takes
    the two kernels that they have; without it the conversion ends in an AttributeError.
    """
    separable = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
    layers = [layer for layer in leaf_layers(model) if type(layer) in separable]
    for layer in layers:
        # Not through Keras, which would take it for one more weight to track.
        object.__setattr__(layer, "kernel", layer.depthwise_kernel)
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "kernel")
