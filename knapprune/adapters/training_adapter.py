"""The seam of models that are trained: what pruning by steps and saliencies of gradients need of an adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from knapprune.adapters.adapter import Adapter
from knapprune.adapters.objective import Objective
from knapprune.network.batches import Batch
from knapprune.network.grid import Grid
from knapprune.network.precision import FixedPoint
from knapprune.network.result_node import ResultNode


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
class HoldsValues(Protocol):
    """An adapter that can keep weights on a grid while they train; what `choose` of digits needs in training."""

    def hold(self, model: Any, grids: Mapping[str, Grid]) -> None:
        """Keep weights on their grids from now on, whatever trains the model; the others are let go.

        Training is straight-through: behind each weight stands a real number that optimisers move, and the weight is
        the nearest value of its grid to that.

        Parameters
        ----------
        model
            The model itself; its masks stay.
        grids
            By layer name, in the kernel's shape. Weights that are not on them yet are brought there.

        Raises
        ------
        ValueError
            For a grid of no such layer or of the wrong shape.
        """

    def grids(self, model: Any) -> dict[str, Grid]:
        """Read back the grids of `hold`, by layer name.

        Parameters
        ----------
        model
            The model, or one that was saved with its grids and loaded.

        Returns
        -------
        dict
            Layers without one are left out.
        """


@runtime_checkable
class RoundsData(Protocol):
    """An adapter that can round the data between layers as the hardware will; what `choose` of data widths needs."""

    def results(self, model: Any) -> dict[str, ResultNode]:
        """Name the layers whose result has a type of its own, in the order data passes them.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict
            By the layer's name, where hls4ml's configuration says the type. The network's inputs are among them.
        """

    def round_data(self, model: Any, types: Mapping[str, FixedPoint]) -> None:
        """Round results to their types from now on, whatever runs the model, and no others.

        To the nearest value, the half upwards, and cut off at the ends of the type (``RND, SAT``). Gradients pass
        straight through but for values beyond the ends.

        Parameters
        ----------
        model
            The model itself.
        types
            By layer name, some of `results`.

        Raises
        ------
        ValueError
            For a type of no such layer.
        """

    def data_types(self, model: Any) -> dict[str, FixedPoint]:
        """Read back the types of `round_data`, by layer name.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict
            Layers whose results are not rounded are left out.
        """

    def values(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        """Compute each result on a batch where nothing is rounded.

        Parameters
        ----------
        model
            The model; layers compute as in inference.
        batch
            The samples.

        Returns
        -------
        dict
            Arrays by layer name, samples first, the other axes in the framework's own order.
        """

    def loss(self, model: Any, batch: Batch) -> float:
        """Compute the model's mean loss on a batch, as in inference.

        Parameters
        ----------
        model
            A model with a loss.
        batch
            The samples.

        Returns
        -------
        float
            What `gradient` differentiates.

        Raises
        ------
        ValueError
            If the model has no loss.
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


@runtime_checkable
class NamesMetrics(Protocol):
    """An adapter that knows what a model's outputs are, logits or probabilities, and metrics of names."""

    def metric(self, model: Any, name: str | None) -> Callable[[Any, Any], float]:
        """Find the metric of a name.

        Parameters
        ----------
        model
            The model.
        name
            None is the share of right classes.

        Returns
        -------
        callable
            Of targets and outputs; larger is better, so errors are negated.

        Raises
        ------
        ValueError
            If there is no such metric, or none is named for a model that has several outputs or whose outputs are no
            classes.
        """


@runtime_checkable
class KnowsFrozen(Protocol):
    """An adapter that can say which layers are not to be trained; pruning leaves them as they are."""

    def frozen(self, model: Any) -> set[str]:
        """Name the layers whose kernels are not trained.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        set of str
            Their names.
        """


@runtime_checkable
class MakesPlain(Protocol):
    """An adapter that can copy a model without what this library has put on it."""

    def plain(self, model: Any) -> Any:
        """Copy a model without masks, grids and rounded data.

        Parameters
        ----------
        model
            The model; it is not changed.

        Returns
        -------
        object
            A model of the framework alone, with the same weights.
        """


class Listening(Protocol):
    """The training of a model that others listen to."""

    @property
    def stopped(self) -> bool:
        """Whether one of them has asked for the end of this training."""

    def begin(self) -> None:
        """Tell them that a training begins."""

    def fit(self, train: Any, *, epoch: int, batch_size: int, seed: int, rate: float) -> float:
        """Train for one epoch as `TrainingAdapter.fit` does, and tell them of it."""

    def end(self) -> None:
        """Tell them that it has ended."""


@runtime_checkable
class CallsBack(Protocol):
    """An adapter of a framework that has callbacks, and weights of samples."""

    def listening(self, model: Any, callbacks: Sequence[Any], validation: tuple[Any, Any], epochs: int) -> Listening:
        """Let callbacks listen to the training of a model.

        Parameters
        ----------
        model
            The model.
        callbacks
            Of the framework.
        validation
            Inputs and targets that each epoch is judged by for them.
        epochs
            How many there are to be in all.

        Returns
        -------
        Listening
            What trains the model.
        """


def training_adapter(framework: Adapter, model: Any) -> TrainingAdapter:
    """Take the adapter of a model that is to be trained."""
    if not isinstance(framework, TrainingAdapter):
        raise TypeError(
            f"model: a {type(model).__qualname__} cannot be trained; give the model that it was made from, or mask it "
            "as it is with knapprune.select(model, budget=...).apply(model)"
        )
    return framework
