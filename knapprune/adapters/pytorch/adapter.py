"""The PyTorch adapter: modules that hls4ml converts, bare or with a loss and an optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.pytorch.model import TorchModel, is_module, module_of
from knapprune.network.batches import Batch
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer

# PyTorch takes a second to import and need not be installed, so each method imports what it needs when it is called.
# Only `matches` is called on models of other frameworks.


class PyTorchAdapter:
    """PyTorch modules with Linear, Conv1d and Conv2d layers, by the names that hls4ml gives them."""

    def matches(self, model: Any) -> bool:
        """Say whether the model is a PyTorch module.

        Parameters
        ----------
        model
            Anything.

        Returns
        -------
        bool
            Whether it is a `TorchModel`, or one of its classes is PyTorch's own ``Module``.
        """
        return isinstance(model, TorchModel) or is_module(model)

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        """List the layers with a kernel that can be masked, in the order data passes them.

        Parameters
        ----------
        model
            A module or a `TorchModel`.
        config
            The hls4ml configuration, with an input shape.

        Returns
        -------
        list of Layer
            As hls4ml will compute them.

        Raises
        ------
        ValueError
            If hls4ml cannot convert the module or computes a layer otherwise, or a layer is used twice.
        """
        from knapprune.adapters.pytorch.layers import layers

        return layers(module_of(model), config)

    def untouched(self, model: Any) -> list[str]:
        """Name the layers with weights that are neither counted nor masked.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        list of str
            Such as recurrent layers.
        """
        from knapprune.adapters.pytorch.kernels import others

        return others(module_of(model))

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        """Copy the kernels out.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict
            Arrays in Keras' axis order, by layer name; empty for layers that only scale.
        """
        from knapprune.adapters.pytorch.kernels import kernels, scales
        from knapprune.adapters.pytorch.mask import hold

        hold(module_of(model))
        module = module_of(model)
        # A layer that only scales has no weight that could be pruned.
        none = {name: np.zeros(0, np.float32) for name in scales(module)}
        return none | {name: kernel.array(kernel.tensor) for name, kernel in kernels(module).items()}

    def folded(
        self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]], config: HlsConfig
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Multiply normalisations into the kernels that hls4ml folds them into.

        Parameters
        ----------
        model
            The model.
        kernels
            Its kernels, or others of their shapes.
        config
            The hls4ml configuration; it decides what is folded.

        Returns
        -------
        dict
            The kernels as hls4ml writes them.
        """
        from knapprune.adapters.pytorch.layers import folded

        return folded(module_of(model), dict(kernels), config)

    def gradient(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        """Differentiate the model's mean loss on a batch by each kernel.

        Parameters
        ----------
        model
            The model; a bare module's loss is the cross entropy. Layers compute as in inference.
        batch
            The samples.

        Returns
        -------
        dict
            Arrays of the kernels' shapes, by layer name, which the caller may overwrite.

        Raises
        ------
        ValueError
            If the batch has sample weights, or the outputs fit no cross entropy.
        """
        from knapprune.adapters.pytorch.gradients import gradient

        return gradient(model, batch)

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> dict[str, npt.NDArray[np.floating[Any]]]:
        """Multiply the Hessian of that loss over all kernels with a vector.

        Parameters
        ----------
        model
            The model.
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
            If the batch has sample weights, or the outputs fit no cross entropy.
        """
        from knapprune.adapters.pytorch.gradients import hessian_product

        return hessian_product(model, batch, vectors)

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        """Return a copy whose masked weights are zero and stay zero under training.

        Parameters
        ----------
        model
            The model; it is not touched.
        masks
            True for a weight to keep, in the kernel's shape, by layer name.

        Returns
        -------
        object
            A module or a `TorchModel`, as given, with the same weights elsewhere.

        Raises
        ------
        ValueError
            For a mask of no such layer or of the wrong shape.
        """
        from knapprune.adapters.pytorch.kernels import masked_copy

        copy = masked_copy(module_of(model), masks)
        return replace(model, module=copy) if isinstance(model, TorchModel) else copy

    def masks(self, model: Any) -> dict[str, npt.NDArray[np.bool_]]:
        """Read back the masks on the model's kernels.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict
            Bool arrays of the kernels' shapes, by layer name; layers without a mask are left out.
        """
        from knapprune.adapters.pytorch.kernels import kernels
        from knapprune.adapters.pytorch.mask import mask_of

        found = kernels(module_of(model)).items()
        masks = {name: (kernel, mask_of(kernel.module, kernel.parameter)) for name, kernel in found}
        return {name: kernel.array(mask) for name, (kernel, mask) in masks.items() if mask is not None}

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        """Convert the model with hls4ml, without writing.

        Parameters
        ----------
        model
            The model; hls4ml gets a copy.
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
            If the configuration has no input shape, or hls4ml cannot convert the module.
        """
        from knapprune.adapters.pytorch.conversion import convert

        return convert(module_of(model), config, output_dir)

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
        from knapprune.adapters.pytorch.conversion import to_hls4ml

        return to_hls4ml(inputs, config)

    def from_hls4ml(self, output: npt.NDArray[Any], config: HlsConfig) -> npt.NDArray[Any]:
        """Bring an output of the converted model to the axes of the module.

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
        from knapprune.adapters.pytorch.conversion import from_hls4ml

        return from_hls4ml(output, config)

    def predict(self, model: Any, inputs: Any) -> Any:
        """Return the model's outputs.

        Parameters
        ----------
        model
            The model; it computes in evaluation mode, on the device where its weights are.
        inputs
            Array or tensor, samples first, or a list of them.

        Returns
        -------
        numpy.ndarray
            Or a list of them, where the model has several outputs.
        """
        from knapprune.adapters.pytorch.training import predict

        return predict(module_of(model), inputs)

    def fit(self, model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
        """Train the model in place for one epoch.

        Parameters
        ----------
        model
            The model; a bare module is trained by Adam on the cross entropy.
        train
            ``(inputs, targets)``, arrays or tensors, or a loader of such pairs.
        batch_size
            Counts only for arrays.
        seed
            Decides the order of arrays, and what PyTorch's own random layers drop.
        rate
            What the optimiser's learning rate is multiplied by in this epoch.

        Returns
        -------
        float
            The mean loss over the epoch; NaN where training diverges.

        Raises
        ------
        ValueError
            If the data cannot be used, or the outputs fit no cross entropy.
        """
        from knapprune.adapters.pytorch.training import fit

        return fit(model, train, batch_size=batch_size, seed=seed, rate=rate)

    def describe(self, model: Any) -> str:
        """Describe all that a copy could be made from but the weights.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        str
            The module as PyTorch prints it, its class, the loss, and the optimiser with its settings.
        """
        from knapprune.adapters.pytorch.model import trainable
        from knapprune.adapters.pytorch.state import optimizer_of

        module, loss, _ = trainable(model)
        named = getattr(loss, "__qualname__", type(loss).__qualname__)
        return f"{type(module).__module__}.{module!r}\n{named}\n{optimizer_of(model)!r}"

    def remask(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        """Put masks on the model itself.

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
        from knapprune.adapters.pytorch.state import remask

        remask(model, masks)

    def assign(self, model: Any, kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Put kernels into the model itself.

        Parameters
        ----------
        model
            The model.
        kernels
            In the kernels' shapes, by layer name; layers that only scale have none. Masks are not applied.
        """
        from knapprune.adapters.pytorch.state import assign

        assign(model, kernels)

    def state(self, model: Any) -> dict[str, npt.NDArray[Any]]:
        """Copy out all that training changes.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict of numpy.ndarray
            Weights and the optimiser's state.
        """
        from knapprune.adapters.pytorch.state import state

        return state(model)

    def restore(self, model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `state` returned.

        Parameters
        ----------
        model
            The model, or a copy of it.
        state
            What `state` returned.

        Raises
        ------
        ValueError
            If the model has other weights.
        """
        from knapprune.adapters.pytorch.state import restore

        restore(model, state)
