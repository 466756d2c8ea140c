"""The adapter of tf_keras: Sequential and Functional models of Keras 2, plain ones and those of QKeras."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.loss_targets import expected_by_keras
from knapprune.adapters.user_adapter import Listening
from knapprune.network.batches import Batch
from knapprune.network.channels import ChannelCut, ChannelGraph, ChannelWeights
from knapprune.network.data_check import ExpectedData
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer

# tf_keras takes seconds to import and need not be installed, so each method imports what it needs when it is called.
# Only `matches` is called on models of other frameworks.

PREDICTED_TOGETHER = 256


class TfKerasAdapter:
    """Models of tf_keras; their layers are what hls4ml's graph of them has."""

    def matches(self, model: Any) -> bool:
        return any(
            parent.__module__.split(".")[0] == "tf_keras" and parent.__name__ == "Model"
            for parent in type(model).__mro__
        )

    def describe(self, model: Any) -> str:
        from knapprune.adapters.tf_keras.compiled import describe

        return describe(model)

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        from knapprune.adapters.tf_keras.layers import conversion_of

        return list(conversion_of(model, config).layers)

    def untouched(self, model: Any) -> list[str]:
        from knapprune.adapters.tf_keras.layers import untouched

        return untouched(model)

    def quantised(self, model: Any) -> bool:
        from knapprune.adapters.tf_keras.layers import is_quantised

        return is_quantised(model)

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        from knapprune.adapters.tf_keras.layers import kernels

        return kernels(model)

    def folded(
        self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
    ) -> dict[str, npt.NDArray[np.generic]]:
        from knapprune.adapters.tf_keras.layers import conversion_of

        return dict(conversion_of(model, config).kernels)

    def gradient(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        from knapprune.adapters.tf_keras.training import gradient

        return gradient(model, batch)

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> dict[str, npt.NDArray[np.floating[Any]]]:
        from knapprune.adapters.tf_keras.training import hessian_product

        return hessian_product(model, batch, vectors)

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        from knapprune.adapters.tf_keras.clone import masked_clone

        return masked_clone(model, masks)

    def masks(self, model: Any) -> dict[str, npt.NDArray[np.bool_]]:
        from knapprune.adapters.tf_keras.clone import masks_of

        return masks_of(model)

    def remask(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        from knapprune.adapters.tf_keras.clone import remask

        remask(model, masks)

    def assign(self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
        from knapprune.adapters.tf_keras.kernels import find_kernels

        for name, kernel in find_kernels(model).items():
            if name in kernels:
                kernel.variable.assign(kernels[name])

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        from knapprune.adapters.tf_keras.conversion import convert

        return convert(model, config, output_dir)

    def channels(self, model: Any) -> ChannelGraph:
        from knapprune.adapters.keras.channels import channels

        return channels(model)

    def channel_weights(self, model: Any, config: HlsConfig) -> tuple[ChannelWeights, ...]:
        from knapprune.adapters.keras.channel_sizes import channel_weights
        from knapprune.adapters.tf_keras.kernels import kernels_in

        return channel_weights(model, kernels_in)

    def cut(self, model: Any, cuts: Mapping[str, ChannelCut]) -> Any:
        from knapprune.adapters.tf_keras.cutting import cut

        return cut(model, cuts)

    def size(self, model: Any) -> tuple[int, int]:
        from knapprune.adapters.tf_keras.cutting import size

        return size(model)

    def predict(self, model: Any, inputs: Any) -> Any:
        if isinstance(inputs, np.ndarray) and len(inputs) <= PREDICTED_TOGETHER:
            return model.predict_on_batch(inputs)  # without what predict sets up for many batches
        # 32 samples a batch leave a small network waiting for Python; other data have batches of their own.
        arrays = isinstance(inputs, list | tuple | dict) or hasattr(inputs, "__array__")
        return model.predict(inputs, batch_size=PREDICTED_TOGETHER if arrays else None, verbose=0)

    def metric(self, model: Any, name: str | None) -> Callable[[Any, Any], float]:
        import tf_keras

        from knapprune.adapters.keras.metrics import metric

        return metric(model, name, tf_keras)

    def prepared(self, train: Any) -> Any:
        from knapprune.adapters.tf_keras.training import prepared

        return prepared(train)

    def fit(self, model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
        from knapprune.adapters.tf_keras.training import fit

        return fit(model, train, batch_size=batch_size, seed=seed, rate=rate)

    def listening(self, model: Any, callbacks: Sequence[Any], validation: tuple[Any, Any], epochs: int) -> Listening:
        import tf_keras

        from knapprune.adapters.keras.callbacks import KerasListening
        from knapprune.adapters.tf_keras.training import fit

        return KerasListening(model, callbacks, validation, epochs, tf_keras, fit)

    def plain(self, model: Any) -> Any:
        from knapprune.adapters.tf_keras.clone import plain_copy

        return plain_copy(model)

    def expected_data(self, model: Any, inputs: Any) -> ExpectedData:
        return expected_by_keras(model)

    def layer_names(self, model: Any) -> set[str]:
        return {layer.name for layer in model._flatten_layers(include_self=False)}

    def frozen(self, model: Any) -> set[str]:
        from knapprune.adapters.tf_keras.kernels import frozen

        return frozen(model)

    def state(self, model: Any) -> dict[str, npt.NDArray[Any]]:
        from knapprune.adapters.tf_keras.training import state

        return state(model)

    def restore(self, model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
        from knapprune.adapters.tf_keras.training import restore

        restore(model, state)
