"""The adapter of Brevitas: PyTorch modules with quantised layers, as hls4ml's graph of them has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.brevitas.parts import has_brevitas
from knapprune.adapters.pytorch.adapter import PyTorchAdapter
from knapprune.adapters.pytorch.model import TorchModel, is_module, module_of
from knapprune.network.batches import Batch
from knapprune.network.data_check import ExpectedData
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer

# PyTorch takes a second to import and need not be installed, so each method imports what it needs when it is called.
# Only `matches` is called on models of other frameworks.

# What trains a module, and what masks it, asks for no more than that its kernels are parameters.
_TORCH = PyTorchAdapter()


class BrevitasAdapter:
    """PyTorch modules with layers of Brevitas; their layers are what hls4ml's graph of them has."""

    def matches(self, model: Any) -> bool:
        return (isinstance(model, TorchModel) or is_module(model)) and has_brevitas(module_of(model))

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        from knapprune.adapters.brevitas.conversion import conversion_of

        return list(conversion_of(module_of(model), config).layers)

    def untouched(self, model: Any) -> list[str]:
        from knapprune.adapters.brevitas.conversion import untouched

        return untouched(module_of(model))

    def quantised(self, model: Any) -> bool:
        return True

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        return _TORCH.kernels(model)

    def folded(
        self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
    ) -> dict[str, npt.NDArray[np.generic]]:
        from knapprune.adapters.brevitas.conversion import conversion_of

        return dict(conversion_of(module_of(model), config).kernels)

    def gradient(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        return _TORCH.gradient(model, batch)

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> dict[str, npt.NDArray[np.floating[Any]]]:
        return _TORCH.hessian_product(model, batch, vectors)

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        from knapprune.adapters.brevitas.quantisers import end_statistics
        from knapprune.adapters.pytorch.kernels import masked_copy

        copy = masked_copy(module_of(model), masks)
        end_statistics(copy)
        return replace(model, module=copy) if isinstance(model, TorchModel) else copy

    def masks(self, model: Any) -> dict[str, npt.NDArray[np.bool_]]:
        return _TORCH.masks(model)

    def remask(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        _TORCH.remask(model, masks)

    def assign(self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
        _TORCH.assign(model, kernels)

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        from knapprune.adapters.brevitas.conversion import convert

        return convert(module_of(model), config, output_dir)

    def predict(self, model: Any, inputs: Any) -> Any:
        return _TORCH.predict(model, inputs)

    def metric(self, model: Any, name: str | None) -> Callable[[Any, Any], float]:
        return _TORCH.metric(model, name)

    def fit(self, model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
        return _TORCH.fit(model, train, batch_size=batch_size, seed=seed, rate=rate)

    def describe(self, model: Any) -> str:
        return _TORCH.describe(model)

    def plain(self, model: Any) -> Any:
        return _TORCH.plain(model)

    def expected_data(self, model: Any, inputs: Any) -> ExpectedData:
        return _TORCH.expected_data(model, inputs)

    def frozen(self, model: Any) -> set[str]:
        return _TORCH.frozen(model)

    def state(self, model: Any) -> dict[str, npt.NDArray[Any]]:
        return _TORCH.state(model)

    def restore(self, model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
        _TORCH.restore(model, state)
