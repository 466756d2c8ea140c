"""The adapter seam: what the rest of knapprune needs to read a framework's model and to mask it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer


@runtime_checkable
class Adapter(Protocol):
    """One framework's models. Registered as a class without arguments under ``knapprune.adapters``."""

    def matches(self, model: Any) -> bool:
        """Say whether the model is this framework's, without importing the framework.

        Parameters
        ----------
        model
            Anything.

        Returns
        -------
        bool
            For a subclass of the framework's model class too.
        """

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        """List the layers with a kernel that can be masked, in the order data passes them.

        Parameters
        ----------
        model
            The model, with its weights.
        config
            The hls4ml configuration.

        Returns
        -------
        list of Layer
            As hls4ml will compute them.

        Raises
        ------
        ValueError
            If the layers cannot be listed: the model is not built, or two of them have one name.
        """

    def untouched(self, model: Any) -> list[str]:
        """Name the layers with weights that are neither counted nor masked.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        list of str
            Such as embeddings, bidirectional layers and grouped convolutions.
        """

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        """Copy the kernels out, by layer name.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict
            Arrays of shape ``Layer.kernel_shape``, by layer name.
        """

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        """Return a copy whose masked weights are zero and stay zero under training; the model given is untouched.

        Parameters
        ----------
        model
            The model; it is not touched.
        masks
            True for a weight to keep, in the kernel's shape, by layer name.

        Returns
        -------
        object
            A model of the same class, with the same weights elsewhere and the same loss and optimiser.

        Raises
        ------
        ValueError
            For a mask of no such layer or of the wrong shape.
        """

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        """Convert the model with hls4ml, without writing: return a ``ModelGraph`` of its own for the folder.

        Parameters
        ----------
        model
            The model; hls4ml reads its kernels as they are masked.
        config
            The hls4ml configuration; not changed.
        output_dir
            Where the project will be written.

        Returns
        -------
        ModelGraph
            hls4ml's graph.

        Raises
        ------
        ValueError
            If a layer's name is not a C++ identifier.
        """


@runtime_checkable
class FoldsNormalisations(Adapter, Protocol):
    """An adapter of models whose normalisations hls4ml multiplies into the kernels before them."""

    def folded(
        self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Multiply them into kernels of the model's, or others of their shapes.

        Parameters
        ----------
        model
            The model.
        kernels
            Its kernels, or others of their shapes; of a model that `KnowsQuantised` calls quantised, its own.
        config
            The hls4ml configuration; it decides what is folded.

        Returns
        -------
        dict
            The kernels as hls4ml writes them.
        """


@runtime_checkable
class KnowsQuantised(FoldsNormalisations, Protocol):
    """An adapter of models that may quantise their weights themselves; hls4ml finds the types by what these are.

    Of such a model `folded` returns the kernels as they are quantised, `kernels` what stands behind them, and masks go
    on the latter.
    """

    def quantised(self, model: Any) -> bool:
        """Say whether a model quantises any of its weights itself.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        bool
            If so, its layers are described anew whenever its weights have moved, and nothing else can be chosen for
            them than which weights are kept.
        """


@runtime_checkable
class ConfiguredAdapter(Adapter, Protocol):
    """An adapter of models that are configured for hls4ml already."""

    def config(self, model: Any) -> HlsConfig:
        """Return the configuration that the model carries.

        Parameters
        ----------
        model
            The graph.

        Returns
        -------
        HlsConfig
            What it was converted with.

        Raises
        ------
        HlsConfigError
            If it cannot be used: another backend than those that are known.
        """

    def check_config(self, model: Any, given: HlsConfig) -> None:
        """Raise an `HlsConfigError` if a configuration says otherwise of any layer than the model's own.

        Parameters
        ----------
        model
            The graph.
        given
            The configuration. What it does not mention cannot contradict.

        Raises
        ------
        HlsConfigError
            If it does; the message names the layer and the setting.
        """


@runtime_checkable
class AxesAdapter(Adapter, Protocol):
    """An adapter of models whose inputs or outputs have other axes than those of what hls4ml makes of them."""

    def to_hls4ml(self, inputs: Any, config: HlsConfig) -> Any:
        """Bring inputs to the axes that the converted model takes.

        Parameters
        ----------
        inputs
            As the module takes them.
        config
            The hls4ml configuration.

        Returns
        -------
        list of numpy.ndarray
            One for each input: channels last where the configuration leaves that to the caller.
        """

    def from_hls4ml(self, output: npt.NDArray[Any], config: HlsConfig) -> npt.NDArray[Any]:
        """Bring an output to the model's axes: it has the model's shape, but the values in the order of hls4ml's.

        Parameters
        ----------
        output
            Its values one after the other, in an array of the shape that the module returns.
        config
            The hls4ml configuration.

        Returns
        -------
        numpy.ndarray
            The same values, each in its place.
        """


def is_quantised(framework: Adapter, model: Any) -> bool:
    """Say whether a model quantises its weights itself."""
    return isinstance(framework, KnowsQuantised) and framework.quantised(model)


def written_kernels(
    framework: Adapter, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
) -> dict[str, npt.NDArray[np.generic]]:
    """Say which kernels hls4ml will write: what hardware costs goes by their values."""
    return framework.folded(model, kernels, config) if isinstance(framework, FoldsNormalisations) else dict(kernels)
