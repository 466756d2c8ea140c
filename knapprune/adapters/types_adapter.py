"""The seam of models that keep to the types of the hardware while they train: values of weights, and data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from knapprune.network.batches import Batch
from knapprune.network.grid import Grid
from knapprune.network.precision import FixedPoint
from knapprune.network.result_node import ResultNode


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
