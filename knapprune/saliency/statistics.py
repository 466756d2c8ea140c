"""Statistics of the gradients of a model's loss, computed when they are first asked for and kept by layer.

All first-order statistics come from one pass over the data, each of the two diagonals of curvature from another. Memory
is for one batch, its gradient and one float32 array the size of the weights for each statistic, and as many again while
a mean square is made; it does not grow with the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from knapprune.network.batches import Batch, batches, in_two_or_more
from knapprune.saliency.drawn_labels import with_drawn_labels
from knapprune.saliency.first_order import FIRST_ORDER, first_order
from knapprune.saliency.hutchinson import hessian_diagonal

Array = npt.NDArray[np.float32]


class Differentiates(Protocol):
    """What statistics need from a framework's adapter."""

    def kernels(self, model: Any) -> Mapping[str, npt.NDArray[np.generic]]:
        """Copy the kernels out, by layer name."""

    def gradient(self, model: Any, batch: Batch) -> Mapping[str, npt.NDArray[np.floating[Any]]]:
        """Return the gradient of the model's mean loss over a batch, by layer name."""

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> Mapping[str, npt.NDArray[np.floating[Any]]]:
        """Return the Hessian of that loss times vectors of the kernels' shapes, by layer name."""

    def predict(self, model: Any, inputs: Any) -> Any:
        """Return the model's outputs for the inputs of a batch."""


class Statistics:
    """Statistics of the gradients of one model on given data.

    Parameters
    ----------
    framework
        The model's adapter.
    model
        A model with a loss.
    data
        ``(inputs, targets)``, or what else :func:`knapprune.network.batches.batches` takes.
    batch_size
        Samples of a batch.
    seed
        For the random vectors of the Hessian's estimate, and for labels that are drawn.
    """

    def __init__(self, framework: Differentiates, model: Any, data: Any, batch_size: int, seed: int = 0) -> None:
        self._framework, self._model = framework, model
        self._data, self._batch_size, self._seed = data, batch_size, seed
        self._known: dict[str, Mapping[str, Array]] = {}

    def of(self, layer: str, together: Collection[str] = FIRST_ORDER) -> Gradients:
        """Return the statistics of one layer; nothing is computed yet."""
        return Gradients(self, layer, together)

    def get(self, name: str, layer: str, together: Collection[str]) -> Array:
        """Return one statistic of one layer, and compute it for all layers if it is not known yet."""
        if name not in self._known:
            squares = name == "gauss_newton_diagonal" or "mean_square" in (name, *together)
            size = in_two_or_more(self._data, self._batch_size) if squares else self._batch_size
            walk = batches(self._data, size)
            if name in FIRST_ORDER:
                wanted = {name, *together}
                self._known |= first_order(lambda batch: self._framework.gradient(self._model, batch), walk, wanted)
            elif name == "gauss_newton_diagonal":
                self._known[name] = first_order(self._gradient_of_drawn_labels(), walk, {"mean_square"})["mean_square"]
            else:
                self._known[name] = hessian_diagonal(
                    lambda batch, vectors: self._framework.hessian_product(self._model, batch, vectors),
                    {key: kernel.shape for key, kernel in self._framework.kernels(self._model).items()},
                    walk,
                    self._seed,
                )
        return self._known[name][layer]

    def _gradient_of_drawn_labels(self) -> Callable[[Batch], Mapping[str, npt.NDArray[np.floating[Any]]]]:
        random = np.random.default_rng(self._seed)

        def gradient(batch: Batch) -> Mapping[str, npt.NDArray[np.floating[Any]]]:
            outputs = self._framework.predict(self._model, batch.inputs)
            return self._framework.gradient(self._model, with_drawn_labels(batch, outputs, random))

        return gradient


class Gradients:
    """Statistics of the gradient g of the loss with respect to one layer's kernel; each has the kernel's shape.

    Parameters
    ----------
    statistics
        Those of the model.
    layer
        The layer's name.
    together
        First-order statistics that are computed in one pass.
    """

    def __init__(self, statistics: Statistics, layer: str, together: Collection[str] = FIRST_ORDER) -> None:
        self._statistics, self._layer, self._together = statistics, layer, together

    @property
    def mean(self) -> Array:
        """The mean of g over the samples."""
        return self._get("mean")

    @property
    def mean_absolute(self) -> Array:
        """The mean of ``|g|`` over batches, each weighed by its number of samples."""
        return self._get("mean_absolute")

    @property
    def mean_square(self) -> Array:
        """The mean of ``g**2`` over the samples; an estimate from batches of more than one."""
        return self._get("mean_square")

    @property
    def gauss_newton_diagonal(self) -> Array:
        """The mean square of a sample's gradient, its label drawn from the model's own answer; never negative."""
        return self._get("gauss_newton_diagonal")

    @property
    def hessian_diagonal(self) -> Array:
        """The second derivative of the loss by each weight: an unbiased estimate, with a sign."""
        return self._get("hessian_diagonal")

    def _get(self, name: str) -> Array:
        return self._statistics.get(name, self._layer, self._together)
