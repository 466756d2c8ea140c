"""The seam of models that can be made smaller: what `shrink` needs of an adapter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from knapprune.adapters.adapter import Adapter
from knapprune.network.channels import ChannelCut, ChannelGraph, ChannelWeights
from knapprune.network.hls_config import HlsConfig


@runtime_checkable
class Shrinks(Protocol):
    """An adapter of models whose layers can be given fewer units."""

    def channels(self, model: Any) -> ChannelGraph:
        """Describe a model as tensors with channels, as it computes in inference.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        ChannelGraph
            What is not known exactly is an `UnknownChannels` there; it is no error.

        Raises
        ------
        ValueError
            If the model's operations cannot be listed at all.
        """

    def cut(self, model: Any, cuts: Mapping[str, ChannelCut]) -> Any:
        """Return a copy with smaller layers; the model given is untouched.

        Parameters
        ----------
        model
            The model.
        cuts
            What is left, by the names of layers in `channels`; other layers stay.

        Returns
        -------
        object
            A model of the same class. Masks, grids and types of data stay on what is left, and so does the loss; an
            optimiser has its settings and no memory.
        """

    def size(self, model: Any) -> tuple[int, int]:
        """Measure a model.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        tuple of int
            The number of its parameters, and the bytes of a file of it.
        """


@runtime_checkable
class ListsWeights(Adapter, Shrinks, Protocol):
    """An adapter that says which parameters go with which channels: what structure ``"channel"`` needs."""

    def channel_weights(self, model: Any, config: HlsConfig) -> tuple[ChannelWeights, ...]:
        """List all parameters of a model.

        Parameters
        ----------
        model
            The model.
        config
            The hls4ml configuration; only its ``InputShape`` is read, of models that do not know their own.

        Returns
        -------
        tuple of ChannelWeights
            Those that `size` counts, each once, layer by layer.
        """
