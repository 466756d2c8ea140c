"""The PyTorch adapter: modules that hls4ml converts, bare or with a loss and an optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.loss_targets import targets_of
from knapprune.adapters.pytorch.model import TorchModel, is_module, module_of
from knapprune.network.batches import Batch, parts_of
from knapprune.network.channels import ChannelCut, ChannelGraph, ChannelWeights
from knapprune.network.data_check import ExpectedData
from knapprune.network.grid import Grid
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer
from knapprune.network.precision import FixedPoint
from knapprune.network.result_node import ResultNode

# PyTorch takes a second to import and need not be installed, so each method imports what it needs when it is called.
# Only `matches` is called on models of other frameworks.


class PyTorchAdapter:
    """PyTorch modules with Linear, Conv1d and Conv2d layers, by the names that hls4ml gives them."""

    def matches(self, model: Any) -> bool:
        from knapprune.adapters.brevitas.parts import has_brevitas

        return (isinstance(model, TorchModel) or is_module(model)) and not has_brevitas(module_of(model))

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        from knapprune.adapters.pytorch.layers import layers

        return layers(module_of(model), config)

    def untouched(self, model: Any) -> list[str]:
        from knapprune.adapters.pytorch.kernels import others

        return others(module_of(model))

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        from knapprune.adapters.pytorch.grid import settle
        from knapprune.adapters.pytorch.kernels import kernels, scales

        module = module_of(model)
        settle(module)
        # A layer that only scales has no weight that could be pruned.
        none = {name: np.zeros(0, np.float32) for name in scales(module)}
        return none | {name: kernel.array(kernel.tensor) for name, kernel in kernels(module).items()}

    def folded(
        self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
    ) -> dict[str, npt.NDArray[np.generic]]:
        from knapprune.adapters.pytorch.layers import folded

        return folded(module_of(model), dict(kernels), config)

    def gradient(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        from knapprune.adapters.pytorch.gradients import gradient

        return gradient(model, batch)

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> dict[str, npt.NDArray[np.floating[Any]]]:
        from knapprune.adapters.pytorch.gradients import hessian_product

        return hessian_product(model, batch, vectors)

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        from knapprune.adapters.pytorch.kernels import masked_copy

        copy = masked_copy(module_of(model), masks)
        return replace(model, module=copy) if isinstance(model, TorchModel) else copy

    def masks(self, model: Any) -> dict[str, npt.NDArray[np.bool_]]:
        from knapprune.adapters.pytorch.kernels import kernels
        from knapprune.adapters.pytorch.mask import mask_of

        known = kernels(module_of(model)).items()
        masks = {name: (kernel, mask_of(kernel.module, kernel.parameter)) for name, kernel in known}
        return {name: kernel.array(mask) for name, (kernel, mask) in masks.items() if mask is not None}

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        from knapprune.adapters.pytorch.conversion import convert
        from knapprune.adapters.pytorch.grid import settle

        # Before hls4ml's copy is brought to another precision, in which what is behind the weights adds up otherwise.
        settle(module_of(model))
        return convert(module_of(model), config, output_dir)

    def to_hls4ml(self, inputs: Any, config: HlsConfig) -> Any:
        from knapprune.adapters.pytorch.conversion import to_hls4ml

        return to_hls4ml(inputs, config)

    def from_hls4ml(self, output: npt.NDArray[Any], config: HlsConfig) -> npt.NDArray[Any]:
        from knapprune.adapters.pytorch.conversion import from_hls4ml

        return from_hls4ml(output, config)

    def channels(self, model: Any) -> ChannelGraph:
        from knapprune.adapters.pytorch.channels import channels

        return channels(module_of(model))

    def channel_weights(self, model: Any, config: HlsConfig) -> tuple[ChannelWeights, ...]:
        from knapprune.adapters.pytorch.channel_sizes import channel_weights

        return channel_weights(module_of(model), config.input_shapes)

    def cut(self, model: Any, cuts: Mapping[str, ChannelCut]) -> Any:
        from knapprune.adapters.pytorch.cutting import cut

        copy = cut(module_of(model), cuts)
        return replace(model, module=copy) if isinstance(model, TorchModel) else copy

    def size(self, model: Any) -> tuple[int, int]:
        from knapprune.adapters.pytorch.cutting import size

        return size(module_of(model))

    def predict(self, model: Any, inputs: Any) -> Any:
        from knapprune.adapters.pytorch.training import predict

        return predict(module_of(model), inputs)

    def metric(self, model: Any, name: str | None) -> Callable[[Any, Any], float]:
        from knapprune.adapters.pytorch.metrics import metric

        return metric(model, name)

    def fit(self, model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
        from knapprune.adapters.pytorch.training import fit

        return fit(model, train, batch_size=batch_size, seed=seed, rate=rate)

    def describe(self, model: Any) -> str:
        from knapprune.adapters.pytorch.model import trainable
        from knapprune.adapters.pytorch.state import optimizer_of

        module, loss, _ = trainable(model)
        if isinstance(model, TorchModel) and model.loss is not None:
            loss = model.loss
        named = getattr(loss, "__qualname__", type(loss).__qualname__)
        return f"{type(module).__module__}.{module!r}\n{named}\n{optimizer_of(model)!r}"

    def remask(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        from knapprune.adapters.pytorch.state import remask

        remask(model, masks)

    def assign(self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
        from knapprune.adapters.pytorch.holding import assign

        assign(module_of(model), kernels)

    def hold(self, model: Any, grids: Mapping[str, Grid]) -> None:
        from knapprune.adapters.pytorch.holding import hold

        hold(module_of(model), grids)

    def grids(self, model: Any) -> dict[str, Grid]:
        from knapprune.adapters.pytorch.holding import grids

        return grids(module_of(model))

    def results(self, model: Any) -> dict[str, ResultNode]:
        from knapprune.adapters.pytorch.rounding import results

        return results(module_of(model))

    def round_data(self, model: Any, types: Mapping[str, FixedPoint]) -> None:
        from knapprune.adapters.pytorch.rounding import round_data

        round_data(module_of(model), types)

    def data_types(self, model: Any) -> dict[str, FixedPoint]:
        from knapprune.adapters.pytorch.rounding import data_types

        return data_types(module_of(model))

    def values(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        from knapprune.adapters.pytorch.rounding import values

        return values(module_of(model), batch)

    def loss(self, model: Any, batch: Batch) -> float:
        from knapprune.adapters.pytorch.gradients import loss

        return loss(model, batch)

    def plain(self, model: Any) -> Any:
        from copy import deepcopy

        from knapprune.adapters.pytorch.grid import release, settle
        from knapprune.adapters.pytorch.mask import remove_masks
        from knapprune.adapters.pytorch.rounding import round_data

        settle(module_of(model))
        copy = deepcopy(module_of(model))
        round_data(copy, {})
        release(copy)
        remove_masks(copy)
        return copy

    def expected_data(self, model: Any, inputs: Any) -> ExpectedData:
        if inputs is None:
            return ExpectedData(None, None)
        try:
            given = self.predict(model, inputs)
        except Exception as error:  # the module's own forward may raise anything at all
            raise ValueError(f"the module does not take the first samples: {error}") from error
        outputs = tuple(tuple(part.shape[1:]) for part in parts_of(given))
        kind = targets_of(model.loss) if isinstance(model, TorchModel) and model.loss is not None else "classes"
        if kind == "classes" and any(len(shape) != 1 for shape in outputs):
            kind = None  # PyTorch's classes stand on the first axis, and the places that have one behind it
        return ExpectedData(None, outputs, (kind,) * len(outputs))

    def layer_names(self, model: Any) -> set[str]:
        from knapprune.adapters.pytorch.layers import layer_names

        return layer_names(module_of(model))

    def frozen(self, model: Any) -> set[str]:
        from knapprune.adapters.pytorch.kernels import kernels

        return {name for name, kernel in kernels(module_of(model)).items() if not kernel.tensor.requires_grad}

    def state(self, model: Any) -> dict[str, npt.NDArray[Any]]:
        from knapprune.adapters.pytorch.state import state

        return state(model)

    def restore(self, model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
        from knapprune.adapters.pytorch.state import restore

        restore(model, state)
