"""The seam of what users bring with a model: metrics by name, frozen layers, callbacks, a copy to take away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from knapprune.network.data_check import ExpectedData


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
class NamesLayers(Protocol):
    """An adapter that can say which names a configuration may use, so that a misspelt one is no silent default."""

    def layer_names(self, model: Any) -> set[str]:
        """Name all layers, those without weights too, as hls4ml does.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        set of str
            Their names; empty where they cannot be told. Layers that hls4ml adds begin with one of them.
        """


@runtime_checkable
class ExpectsData(Protocol):
    """An adapter that can say which samples a model takes, so that others are refused before anything is done."""

    def expected_data(self, model: Any, inputs: Any) -> ExpectedData:
        """Say what a model takes.

        Parameters
        ----------
        model
            The model.
        inputs
            Those of a few samples, for models that do not know their own shapes; None where there are none.

        Returns
        -------
        ExpectedData
            Shapes, and what the loss takes for targets.

        Raises
        ------
        ValueError
            If the model cannot compute with these samples.
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
