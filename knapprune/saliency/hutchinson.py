"""The diagonal of the Hessian of a loss from products of the Hessian with random vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.batches import Batch
from knapprune.saliency.first_order import check_finite

Array = npt.NDArray[np.float32]
Signs = npt.NDArray[np.int8]


def hessian_diagonal(
    product: Callable[[Batch, Mapping[str, Signs]], Mapping[str, npt.NDArray[np.floating[Any]]]],
    shapes: Mapping[str, tuple[int, ...]],
    walk: Iterable[Batch],
    seed: int,
) -> dict[str, Array]:
    """Estimate the diagonal of the Hessian H of the mean loss over all kernels.

    With a random vector z of independent signs, ``z * (H @ z)`` has the diagonal as its expectation, and is the
    diagonal where H is diagonal (Hutchinson's estimator, Bekas, Kokiopoulou, Saad, "An estimator for the diagonal of a
    matrix", 2007). Each batch has a vector of its own, as in AdaHessian (Yao et al., AAAI 2021), so that more batches
    mean less noise of both kinds. The variance of one vector's estimate at weight i is the sum of ``H[i, j]**2`` over
    all other weights j, and K vectors divide it by K: the standard error is often many times the diagonal. A vector for
    one kernel at a time leaves out other kernels' j, but takes a product for each kernel: for as many products it was
    no better on the whole (docs/benchmarks/saliency.md), because much of the noise is of j in the same kernel.
    """
    random = np.random.default_rng(seed)
    total = {layer: np.zeros(shape, dtype=np.float32) for layer, shape in shapes.items()}
    samples = 0
    for batch in walk:
        samples += batch.size
        vectors = {layer: _signs(random, shape) for layer, shape in shapes.items()}
        products = dict(product(batch, vectors))
        for layer in list(products):
            own = np.require(products.pop(layer), np.float32, ["W"])
            own *= vectors.pop(layer)
            own *= batch.size
            total[layer] += own
    for layer, array in total.items():
        array /= samples
        check_finite(array, layer, "Hessian")
    return total


def _signs(random: np.random.Generator, shape: tuple[int, ...]) -> Signs:
    signs = random.integers(0, 2, size=shape, dtype=np.int8)
    signs *= 2
    signs -= 1
    return signs
