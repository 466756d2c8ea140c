"""The Keras 3 adapter: Sequential and Functional models, on any Keras backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.loss_targets import expected_by_keras
from knapprune.adapters.objective import Objective
from knapprune.adapters.user_adapter import Listening
from knapprune.network.batches import Batch
from knapprune.network.channels import ChannelCut, ChannelGraph, ChannelWeights
from knapprune.network.data_check import ExpectedData
from knapprune.network.grid import Grid
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer
from knapprune.network.precision import FixedPoint
from knapprune.network.result_node import ResultNode

# Keras takes seconds to import and need not be installed, so each method imports what it needs when it is called. Only
# `matches` is called on models of other frameworks.

PREDICTED_TOGETHER = 256


class KerasAdapter:
    """Keras 3 models with Dense, EinsumDense, convolution, depthwise, separable, LSTM and GRU layers, and HGQ2's."""

    def matches(self, model: Any) -> bool:
        return any(
            parent.__module__.split(".")[0] == "keras" and parent.__name__ == "Model" for parent in type(model).__mro__
        )

    def describe(self, model: Any) -> str:
        from knapprune.adapters.keras.compiled import describe

        return describe(model)

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        from knapprune.adapters.keras.layers import layers
        from knapprune.adapters.keras.quantised import conversion_of, is_quantised

        return list(conversion_of(model, config).layers) if is_quantised(model) else layers(model, config)

    def untouched(self, model: Any) -> list[str]:
        from knapprune.adapters.keras.layers import untouched

        return untouched(model)

    def quantised(self, model: Any) -> bool:
        from knapprune.adapters.keras.quantised import is_quantised

        return is_quantised(model)

    def calibrate(self, model: Any, data: Iterable[Any]) -> None:
        from knapprune.adapters.keras.quantised import calibrate, is_quantised

        if is_quantised(model):
            calibrate(model, data)

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        from knapprune.adapters.keras.kernels import SCALES, find_kernels
        from knapprune.adapters.keras.kinds import leaf_layers

        # A layer that only scales has no weight that could be pruned.
        none = {layer.name: np.zeros(0, np.float32) for layer in leaf_layers(model) if type(layer) in SCALES}
        return none | {name: kernel.array for name, kernel in find_kernels(model).items()}

    def folded(
        self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
    ) -> dict[str, npt.NDArray[np.generic]]:
        from knapprune.adapters.keras.layers import folded
        from knapprune.adapters.keras.quantised import conversion_of, is_quantised

        if is_quantised(model):
            return dict(conversion_of(model, config).kernels)
        return folded(model, dict(kernels), config)

    def gradient(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        from knapprune.adapters.keras.gradients import gradient

        return gradient(model, batch)

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> dict[str, npt.NDArray[np.floating[Any]]]:
        from knapprune.adapters.keras.gradients import hessian_product

        return hessian_product(model, batch, vectors)

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        from knapprune.adapters.keras.clone import masked_clone

        return masked_clone(model, masks)

    def masks(self, model: Any) -> dict[str, npt.NDArray[np.bool_]]:
        from knapprune.adapters.keras.grid import mask_of
        from knapprune.adapters.keras.kernels import find_kernels

        found = {name: mask_of(kernel.constraint) for name, kernel in find_kernels(model).items()}
        return {name: own.mask for name, own in found.items() if own is not None}

    def remask(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        """Put masks on the model itself.

        A mask that is there already is changed in place: nothing is traced or compiled again.
        """
        from knapprune.adapters.keras.clone import remask

        remask(model, masks)

    def assign(self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
        from knapprune.adapters.keras.holding import assign

        assign(model, kernels)

    def hold(self, model: Any, grids: Mapping[str, Grid]) -> None:
        """Hold the model's own weights.

        A grid of the same type that is there already is changed in place: nothing is traced or compiled again.
        """
        from knapprune.adapters.keras.holding import hold

        hold(model, grids)

    def grids(self, model: Any) -> dict[str, Grid]:
        from knapprune.adapters.keras.holding import grids

        return grids(model)

    def results(self, model: Any) -> dict[str, ResultNode]:
        from knapprune.adapters.keras.rounding import results

        return results(model)

    def round_data(self, model: Any, types: Mapping[str, FixedPoint]) -> None:
        from knapprune.adapters.keras.rounding import round_data

        round_data(model, types)

    def data_types(self, model: Any) -> dict[str, FixedPoint]:
        from knapprune.adapters.keras.rounding import data_types

        return data_types(model)

    def values(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        from knapprune.adapters.keras.rounding import values

        return values(model, batch)

    def loss(self, model: Any, batch: Batch) -> float:
        from knapprune.adapters.keras.gradients import loss

        return loss(model, batch)

    def objective(self, model: Any) -> Objective:
        from knapprune.adapters.keras.objective import KerasObjective

        return KerasObjective(model)

    def metric(self, model: Any, name: str | None) -> Callable[[Any, Any], float]:
        import keras

        from knapprune.adapters.keras.metrics import metric

        return metric(model, name, keras)

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        from knapprune.adapters.keras.conversion import convert

        return convert(model, config, output_dir)

    def channels(self, model: Any) -> ChannelGraph:
        from knapprune.adapters.keras.channels import channels
        from knapprune.adapters.keras.rounding import rounding_after

        return channels(model, rounding_after)

    def channel_weights(self, model: Any, config: HlsConfig) -> tuple[ChannelWeights, ...]:
        from knapprune.adapters.keras.channel_sizes import channel_weights
        from knapprune.adapters.keras.kernels import kernel_names

        return channel_weights(model, kernel_names)

    def cut(self, model: Any, cuts: Mapping[str, ChannelCut]) -> Any:
        from knapprune.adapters.keras.cutting import cut

        return cut(model, cuts)

    def size(self, model: Any) -> tuple[int, int]:
        from knapprune.adapters.keras.cutting import size

        return size(model)

    def predict(self, model: Any, inputs: Any) -> Any:
        if isinstance(inputs, np.ndarray) and len(inputs) <= PREDICTED_TOGETHER:
            return model.predict_on_batch(inputs)  # without what predict sets up for many batches, a tenth of a second
        # Keras' own 32 samples a batch leave a small network waiting for Python; other data have batches of their own.
        arrays = isinstance(inputs, list | tuple | dict) or hasattr(inputs, "__array__")
        return model.predict(inputs, batch_size=PREDICTED_TOGETHER if arrays else None, verbose=0)

    def prepared(self, train: Any) -> Any:
        from knapprune.adapters.keras.training import prepared

        return prepared(train)

    def fit(self, model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
        from knapprune.adapters.keras.training import fit

        return fit(model, train, batch_size=batch_size, seed=seed, rate=rate)

    def listening(self, model: Any, callbacks: Sequence[Any], validation: tuple[Any, Any], epochs: int) -> Listening:
        import keras

        from knapprune.adapters.keras.callbacks import KerasListening
        from knapprune.adapters.keras.training import fit

        return KerasListening(model, callbacks, validation, epochs, keras, fit)

    def plain(self, model: Any) -> Any:
        from knapprune.adapters.keras.clone import plain_copy

        return plain_copy(model)

    def expected_data(self, model: Any, inputs: Any) -> ExpectedData:
        return expected_by_keras(model)

    def layer_names(self, model: Any) -> set[str]:
        return {layer.name for layer in model._flatten_layers(include_self=False)}

    def frozen(self, model: Any) -> set[str]:
        from knapprune.adapters.keras.kernels import find_kernels

        return {name for name, kernel in find_kernels(model).items() if not kernel.variable.trainable}

    def state(self, model: Any) -> dict[str, npt.NDArray[Any]]:
        from knapprune.adapters.keras.training import state

        return state(model)

    def restore(self, model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
        from knapprune.adapters.keras.training import restore

        restore(model, state)
