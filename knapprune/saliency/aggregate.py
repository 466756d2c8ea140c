"""From what each weight is worth to what each structure is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from knapprune.network.layers import Layer
from knapprune.saliency.lookup import Measure


def structure_values(
    measure: Measure, layer: Layer, kernel: npt.NDArray[np.generic], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Sum a layer's saliency over the weights of each structure."""
    if layer.size == 0:  # a layer that only scales
        return np.zeros(0)
    worth = np.array(measure(layer, kernel), dtype=np.float64)
    if worth.shape != layer.kernel_shape:
        raise ValueError(
            f"saliency of layer {layer.name!r} has shape {worth.shape}, expected the kernel's {layer.kernel_shape}"
        )
    if not np.isfinite(worth).all():
        count = int(np.count_nonzero(~np.isfinite(worth)))
        raise ValueError(
            f"saliency of layer {layer.name!r} is NaN or infinite at {count} weights, expected finite numbers"
        )
    if not measure.signed and worth.min(initial=0.0) < 0:
        raise ValueError(f"saliency of layer {layer.name!r} has negative values, expected values >= 0")
    worth[kernel == 0] = 0.0
    sums = np.bincount(labels.ravel(), weights=worth.ravel(), minlength=int(labels.max(initial=-1)) + 1)
    return np.maximum(sums, 0.0)
