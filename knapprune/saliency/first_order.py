"""Means of a gradient, its absolute value and its square over batches, accumulated in place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.batches import Batch

Array = npt.NDArray[np.float32]
ByLayer = dict[str, Array]

#: The statistics, in the order in which each can be made from the one before it, in place.
FIRST_ORDER = ("mean", "mean_absolute", "mean_square")


class GradientError(ValueError):
    """A gradient that is no number."""


def first_order(
    gradient: Callable[[Batch], Mapping[str, npt.NDArray[np.floating[Any]]]],
    walk: Iterable[Batch],
    wanted: Collection[str],
) -> dict[str, ByLayer]:
    """Average over batches, each weighed by its number of samples.

    A mean square is one over single samples. From the gradients g_b of K batches of n_b of N samples it is estimated as
    ``m**2 + N/K * (S - m**2)``, with the mean m and ``S = sum(n_b * g_b**2) / N``: the variance of a mean of n samples
    is an n-th of one sample's, the same step as from small to large batches in McCandlish et al., "An empirical model
    of large-batch training", 2018, appendix A. In batches of one it is the mean square itself; in larger ones it holds
    as far as batches are random draws of the samples, so that data sorted by class should be shuffled once.
    """
    needed = {*wanted, *(["mean"] if "mean_square" in wanted else [])}
    totals: dict[str, ByLayer] = {name: {} for name in FIRST_ORDER if name in needed}
    samples = count = 0
    for batch in walk:
        samples, count = samples + batch.size, count + 1
        gradients = dict(gradient(batch))
        for layer in list(gradients):
            _add(totals, layer, gradients.pop(layer), batch.size)
    for of_layer in totals.values():
        for layer, total in of_layer.items():
            total /= samples
            check_finite(total, layer, "gradient")
    if "mean_square" in wanted:
        if count == 1 < samples:
            raise ValueError(
                f"batch_size: {samples} samples are in one batch, expected two batches or more, to tell the square of "
                "a sample's gradient from that of the mean; or another saliency, such as 'l1'"
            )
        for layer, square in totals["mean_square"].items():
            _of_samples(square, np.square(totals["mean"][layer]), samples / count)
    return {name: totals[name] for name in wanted}


def check_finite(array: Array, layer: str, what: str) -> None:
    """Refuse a statistic that is no number."""
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise GradientError(
            f"{what} of layer {layer!r} is NaN or infinite at {bad} of {array.size} weights, expected finite numbers: "
            "check the data and the loss"
        )


def _add(totals: dict[str, ByLayer], layer: str, given: npt.NDArray[np.floating[Any]], samples: int) -> None:
    """Add a batch's gradient, weighed by its samples; it serves as the scratch space itself."""
    array = np.require(given, np.float32, ["W"])
    array *= samples  # now n * g, then n * |g|, then n * g**2
    for name, of_layer in totals.items():
        if name == "mean_absolute":
            np.abs(array, out=array)
        elif name == "mean_square":
            np.square(array, out=array)
            array /= samples
        if layer in of_layer:
            of_layer[layer] += array
        else:
            of_layer[layer] = array.copy()


def _of_samples(square: Array, squared_mean: Array, size: float) -> None:
    """Turn the mean square of the gradients of batches of a size into that of samples, in place."""
    square -= squared_mean
    np.maximum(square, 0.0, out=square)  # never negative but for rounding
    square *= size
    square += squared_mean
