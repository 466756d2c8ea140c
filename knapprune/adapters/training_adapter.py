"""The seam of models that are trained: what pruning by steps and saliencies of gradients need of an adapter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from knapprune.adapters.adapter import Adapter
from knapprune.adapters.objective import Objective
from knapprune.network.batches import Batch


@runtime_checkable
class TrainingAdapter(Adapter, Protocol):
    """An adapter of models that can be trained and that predict in floating point."""

    def gradient(self, model: Any, batch: Batch) -> Mapping[str, npt.NDArray[np.floating[Any]]]:
        """Differentiate the model's mean loss on a batch by each kernel; the caller may overwrite the arrays.

        Parameters
        ----------
        model
            A model with a loss: its own is used, and layers compute as in inference.
        batch
            The samples.

        Returns
        -------
        dict
            Arrays of the kernels' shapes, by layer name, which the caller may overwrite.

        Raises
        ------
        ValueError
            If the model has no loss.
        """

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> Mapping[str, npt.NDArray[np.floating[Any]]]:
        """Multiply the Hessian of that loss over all kernels with a vector; the caller may overwrite the arrays.

        Parameters
        ----------
        model
            A model with a loss and an optimiser.
        batch
            The samples.
        vectors
            The vector's part for each kernel, by layer name; of any numeric type.

        Returns
        -------
        dict
            Arrays of the kernels' shapes, by layer name, which the caller may overwrite.

        Raises
        ------
        ValueError
            If the model has no loss.
        """

    def describe(self, model: Any) -> str:
        """Describe all that a copy could be made from but the weights: architecture, optimiser, loss.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        str
            Equal for models that differ in their weights and their name only.
        """

    def masks(self, model: Any) -> dict[str, npt.NDArray[np.bool_]]:
        """Read back the masks that `apply` put on the model, by layer name; layers without one are left out.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict
            Bool arrays of the kernels' shapes, by layer name; layers without a mask are left out.
        """

    def remask(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        """Put masks on the model itself, in place of earlier ones; the optimiser forgets the moments of what dies.

        Parameters
        ----------
        model
            The model; masked weights become zero, and the optimiser forgets their momentum.
        masks
            True for a weight to keep, in the kernel's shape, by layer name. Other layers keep theirs.

        Raises
        ------
        ValueError
            For a mask of no such layer or of the wrong shape.
        """

    def assign(self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Put kernels into the model itself, by layer name; masks are the caller's business.

        Parameters
        ----------
        model
            The model.
        kernels
            In the kernels' shapes, by layer name; layers that only scale have none.
        """

    def predict(self, model: Any, inputs: Any) -> Any:
        """Return the model's outputs for an array of inputs.

        Parameters
        ----------
        model
            The model.
        inputs
            Array, samples first, or what else the model itself takes.

        Returns
        -------
        numpy.ndarray
            Or a list of them, where the model has several outputs.
        """

    def fit(self, model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
        """Train the model in place for one epoch, the same way for the same state and seed; return the mean loss.

        Parameters
        ----------
        model
            A model with a loss and an optimiser.
        train
            ``(inputs, targets)``, or what else ``fit`` takes as its first argument, or what `prepared` made of it.
        batch_size
            Counts only for arrays.
        seed
            Decides the order of the samples and what random layers drop.
        rate
            What the optimiser's learning rate is multiplied by in this epoch.

        Returns
        -------
        float
            The mean loss over the epoch; NaN where training diverges.

        Raises
        ------
        ValueError
            If the model has no loss, or a rate is asked for and its optimiser has a schedule of its own.
        """

    def state(self, model: Any) -> dict[str, npt.NDArray[Any]]:
        """Copy out all that training changes: weights and optimiser state. The names are the adapter's own.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict of numpy.ndarray
            Weights and, where there is an optimiser, its variables.
        """

    def restore(self, model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `state` returned for this model or a copy of it.

        Parameters
        ----------
        model
            The model, or a copy of it.
        state
            What `state` returned.

        Raises
        ------
        ValueError
            If the model has other variables.
        """


@runtime_checkable
class PreparesData(Protocol):
    """An adapter that is faster when training data are brought to its framework once, and not in each epoch."""

    def prepared(self, train: Any) -> Any:
        """Return what `fit` takes in place of the data.

        Parameters
        ----------
        train
            As for `fit`.

        Returns
        -------
        object
            For `fit` in place of the data.
        """


@runtime_checkable
class Calibrates(Protocol):
    """An adapter of models whose number types go by the data that they have seen."""

    def calibrate(self, model: Any, data: Iterable[Any]) -> None:
        """Find these types anew, after the model was trained or masked; others are left as they are.

        Parameters
        ----------
        model
            The model itself.
        data
            Each in a form that `knapprune.network.batches` walks through.
        """


@runtime_checkable
class SetsObjectives(Protocol):
    """An adapter that can add to a model's loss; what `distill` and `regularization` need."""

    def objective(self, model: Any) -> Objective:
        """Let a model train by its own loss and what is added to it from now on.

        Parameters
        ----------
        model
            A model with a loss and an optimiser.

        Returns
        -------
        Objective
            What is added.
        """


def training_adapter(framework: Adapter, model: Any) -> TrainingAdapter:
    """Take the adapter of a model that is to be trained."""
    if not isinstance(framework, TrainingAdapter):
        raise TypeError(
            f"model: a {type(model).__qualname__} cannot be trained; give the model that it was made from, or mask it "
            "as it is with knapprune.select(model, budget=...).apply(model)"
        )
    return framework
