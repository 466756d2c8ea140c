"""The adapter seam: what the rest of knapprune needs from a framework's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from knapprune.adapters.objective import Objective
from knapprune.network.batches import Batch
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer
from knapprune.plugins import find, load

GROUP = "knapprune.adapters"


@runtime_checkable
class Adapter(Protocol):
    """One framework's models. Registered as a class without arguments under ``knapprune.adapters``."""

    def matches(self, model: Any) -> bool:
        """Say whether the model is this framework's, without importing the framework."""

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        """List the layers with a kernel that can be masked, in the order data passes them."""

    def untouched(self, model: Any) -> list[str]:
        """Name the layers with weights that are neither counted nor masked."""

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        """Copy the kernels out, by layer name."""

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        """Return a copy whose masked weights are zero and stay zero under training; the model given is untouched."""

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        """Convert the model with hls4ml, without writing: return a ``ModelGraph`` of its own for the folder."""


@runtime_checkable
class FoldsNormalisations(Adapter, Protocol):
    """An adapter of models whose normalisations hls4ml multiplies into the kernels before them."""

    def folded(
        self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Multiply them into kernels of the model's, or others of their shapes."""


@runtime_checkable
class TrainingAdapter(Adapter, Protocol):
    """An adapter of models that can be trained and that predict in floating point."""

    def gradient(self, model: Any, batch: Batch) -> Mapping[str, npt.NDArray[np.floating[Any]]]:
        """Differentiate the model's mean loss on a batch by each kernel; the caller may overwrite the arrays."""

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> Mapping[str, npt.NDArray[np.floating[Any]]]:
        """Multiply the Hessian of that loss over all kernels with a vector; the caller may overwrite the arrays."""

    def describe(self, model: Any) -> str:
        """Describe all that a copy could be made from but the weights: architecture, optimiser, loss."""

    def masks(self, model: Any) -> dict[str, npt.NDArray[np.bool_]]:
        """Read back the masks that `apply` put on the model, by layer name; layers without one are left out."""

    def remask(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        """Put masks on the model itself, in place of earlier ones; the optimiser forgets the moments of what dies."""

    def assign(self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Put kernels into the model itself, by layer name; masks are the caller's business."""

    def predict(self, model: Any, inputs: Any) -> Any:
        """Return the model's outputs for an array of inputs."""

    def fit(self, model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
        """Train the model in place for one epoch, the same way for the same state and seed; return the mean loss."""

    def state(self, model: Any) -> dict[str, npt.NDArray[Any]]:
        """Copy out all that training changes: weights and optimiser state. The names are the adapter's own."""

    def restore(self, model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `state` returned for this model or a copy of it."""


@runtime_checkable
class PreparesData(Protocol):
    """An adapter that is faster when training data are brought to its framework once, and not in each epoch."""

    def prepared(self, train: Any) -> Any:
        """Return what `fit` takes in place of the data."""


@runtime_checkable
class SetsObjectives(Protocol):
    """An adapter that can add to a model's loss; what `distill` and `regularization` need."""

    def objective(self, model: Any) -> Objective:
        """Let a model train by its own loss and what is added to it from now on."""


@runtime_checkable
class ConfiguredAdapter(Adapter, Protocol):
    """An adapter of models that are configured for hls4ml already."""

    def config(self, model: Any) -> HlsConfig:
        """Return the configuration that the model carries."""

    def check_config(self, model: Any, given: HlsConfig) -> None:
        """Raise an `HlsConfigError` if a configuration says otherwise of any layer than the model's own."""


@runtime_checkable
class AxesAdapter(Adapter, Protocol):
    """An adapter of models whose inputs or outputs have other axes than those of what hls4ml makes of them."""

    def to_hls4ml(self, inputs: Any, config: HlsConfig) -> Any:
        """Bring inputs to the axes that the converted model takes."""

    def from_hls4ml(self, output: npt.NDArray[Any], config: HlsConfig) -> npt.NDArray[Any]:
        """Bring an output to the model's axes: it has the model's shape, but the values in the order of hls4ml's."""


def adapter(model: Any) -> Adapter:
    """Find the adapter of a model's framework.

    Parameters
    ----------
    model
        The model.

    Returns
    -------
    Adapter
        The first one that says it matches.

    Raises
    ------
    TypeError
        If none does; the message lists those there are.
    """
    known = find(GROUP)
    for entry in known.values():
        factory = load(entry)
        if factory is not None and (candidate := factory()).matches(model):
            found: Adapter = candidate
            return found
    kind = type(model)
    raise TypeError(
        f"model: got {kind.__module__}.{kind.__qualname__}, expected a model of one of the adapters {sorted(known)}"
    )


def written_kernels(
    framework: Adapter, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
) -> dict[str, npt.NDArray[np.generic]]:
    """Say which kernels hls4ml will write: what hardware costs goes by their values.

    Parameters
    ----------
    framework, model, config
        The network.
    kernels
        Its kernels, or others of their shapes.

    Returns
    -------
    dict
        By layer name, not yet rounded.
    """
    return framework.folded(model, kernels, config) if isinstance(framework, FoldsNormalisations) else dict(kernels)


def training_adapter(framework: Adapter, model: Any) -> TrainingAdapter:
    """Take the adapter of a model that is to be trained.

    Parameters
    ----------
    framework
        The model's adapter.
    model
        The model.

    Returns
    -------
    TrainingAdapter
        The same adapter.

    Raises
    ------
    TypeError
        If it does not train.
    """
    if not isinstance(framework, TrainingAdapter):
        raise TypeError(
            f"model: a {type(model).__qualname__} cannot be trained; give the model that it was made from, or mask it "
            "as it is with knapprune.select(model, budget=...).apply(model)"
        )
    return framework
