"""How many bits data need before the binary point."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.networks.accuracy.data import Data

ROOM = 1.02
"""How much larger than the largest of the training data a value may be."""


def ranges(model: Any, data: Data) -> dict[str, int]:
    """Count the integer bits of every layer's rectified results on the training data; the last layer has none."""
    import keras

    inner = model.layers[:-1]
    inside = keras.Model(model.inputs, [layer.output for layer in inner])
    results = inside.predict(data.train[0], batch_size=8192, verbose=0)
    parts = results if isinstance(results, list) else [results]
    return {
        layer.name: int(np.ceil(np.log2(max(float(part.max()) * ROOM, 2.0**-8))))
        for layer, part in zip(inner, parts, strict=True)
    }
