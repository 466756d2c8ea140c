"""The Keras 3 adapter: Sequential and Functional models, on any Keras backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.objective import Objective
from knapprune.network.batches import Batch
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer

# Keras takes seconds to import and need not be installed, so each method imports what it needs when it is called. Only
# `matches` is called on models of other frameworks.

PREDICTED_TOGETHER = 256


class KerasAdapter:
    """Keras 3 models with Dense, EinsumDense, convolution, depthwise, separable, LSTM and GRU layers."""

    def matches(self, model: Any) -> bool:
        """Say whether the model is a Keras model.

        Parameters
        ----------
        model
            Anything.

        Returns
        -------
        bool
            Whether one of its classes is Keras' own ``Model``.
        """
        return any(
            parent.__module__.split(".")[0] == "keras" and parent.__name__ == "Model" for parent in type(model).__mro__
        )

    def describe(self, model: Any) -> str:
        """Describe all that a copy could be made from but the weights.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        str
            JSON: the architecture, and what the model was compiled with. The model's own name counts for nothing.
        """
        import json

        architecture = json.loads(model.to_json())
        architecture["config"].pop("name", None)
        compiled = model.get_compile_config() if model.compiled else None
        return json.dumps([architecture, compiled], default=lambda thing: type(thing).__qualname__)

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        """List the kernels that can be masked and the layers that scale, in the order data passes them.

        Parameters
        ----------
        model
            A built Sequential or Functional model.
        config
            The hls4ml configuration.

        Returns
        -------
        list of Layer
            As hls4ml will compute them.

        Raises
        ------
        ValueError
            If the model is neither, is not built, uses a layer twice or two layers of one name.
        """
        from knapprune.adapters.keras.layers import layers

        return layers(model, config)

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
        from knapprune.adapters.keras.layers import untouched

        return untouched(model)

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        """Copy the kernels out.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict
            Arrays in Keras' own axis order, by layer name.
        """
        from knapprune.adapters.keras.kernels import SCALES, find_kernels, leaf_layers

        # A layer that only scales has no weight that could be pruned.
        none = {layer.name: np.zeros(0, np.float32) for layer in leaf_layers(model) if type(layer) in SCALES}
        return none | {name: kernel.array for name, kernel in find_kernels(model).items()}

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
        from knapprune.adapters.keras.layers import folded

        return folded(model, dict(kernels), config)

    def gradient(self, model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
        """Differentiate the model's mean loss on a batch by each kernel.

        Parameters
        ----------
        model
            A compiled model: its own loss is used, and layers compute as in inference.
        batch
            The samples.

        Returns
        -------
        dict
            Arrays of the kernels' shapes, by layer name, which the caller may overwrite.

        Raises
        ------
        ValueError
            If the model is not compiled.
        """
        from knapprune.adapters.keras.gradients import gradient

        return gradient(model, batch)

    def hessian_product(
        self, model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]
    ) -> dict[str, npt.NDArray[np.floating[Any]]]:
        """Multiply the Hessian of that loss over all kernels with a vector.

        Parameters
        ----------
        model
            A compiled model.
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
            If the model is not compiled.
        """
        from knapprune.adapters.keras.gradients import hessian_product

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
        keras.Model
            With the same weights elsewhere and the same compile state.

        Raises
        ------
        ValueError
            For a mask of no such layer or of the wrong shape.
        """
        from knapprune.adapters.keras.clone import masked_clone

        return masked_clone(model, masks)

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
        from knapprune.adapters.keras.kernels import find_kernels
        from knapprune.adapters.keras.mask import KernelMask

        constraints = {name: kernel.constraint for name, kernel in find_kernels(model).items()}
        return {name: found.mask for name, found in constraints.items() if isinstance(found, KernelMask)}

    def remask(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        """Put masks on the model itself.

        A mask that is there already is changed in place: nothing is traced or compiled again.

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
        from knapprune.adapters.keras.clone import remask

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
        from knapprune.adapters.keras.kernels import find_kernels

        for name, known in find_kernels(model).items():
            if name in kernels:
                known.variable.assign(kernels[name])

    def objective(self, model: Any) -> Objective:
        """Let a model train by its own loss and what is added to it from now on.

        Parameters
        ----------
        model
            A compiled model.

        Returns
        -------
        Objective
            What is added.
        """
        from knapprune.adapters.keras.objective import KerasObjective

        return KerasObjective(model)

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        """Convert the model with hls4ml, without writing.

        Parameters
        ----------
        model
            The model. hls4ml reads the masked kernels and ignores constraints.
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
        from knapprune.adapters.keras.conversion import convert

        return convert(model, config, output_dir)

    def predict(self, model: Any, inputs: Any) -> Any:
        """Return the model's outputs.

        Parameters
        ----------
        model
            The model.
        inputs
            Array, samples first, or what else the model's ``predict`` takes.

        Returns
        -------
        numpy.ndarray
            Or a list of them, where the model has several outputs.
        """
        if isinstance(inputs, np.ndarray) and len(inputs) <= PREDICTED_TOGETHER:
            return model.predict_on_batch(inputs)  # without what predict sets up for many batches, a tenth of a second
        # Keras' own 32 samples a batch leave a small network waiting for Python; other data have batches of their own.
        arrays = isinstance(inputs, list | tuple | dict) or hasattr(inputs, "__array__")
        return model.predict(inputs, batch_size=PREDICTED_TOGETHER if arrays else None, verbose=0)

    def prepared(self, train: Any) -> Any:
        """Copy training data once to where `fit` reads them, for all epochs.

        Parameters
        ----------
        train
            As for `fit`.

        Returns
        -------
        object
            For `fit` in place of the data.
        """
        from knapprune.adapters.keras.training import prepared

        return prepared(train)

    def fit(self, model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
        """Train the model in place for one epoch.

        Parameters
        ----------
        model
            A compiled model.
        train
            ``(inputs, targets)``, or what else ``fit`` takes as its first argument, or what `prepared` made of it.
        batch_size
            Counts only for arrays.
        seed
            Decides the order of arrays and what Keras' own random layers drop.
        rate
            What the optimiser's learning rate is multiplied by in this epoch.

        Returns
        -------
        float
            The mean loss over the epoch; NaN where training diverges.

        Raises
        ------
        ValueError
            If the model is not compiled, or a rate is asked for and its optimiser has a schedule of its own.
        """
        from knapprune.adapters.keras.training import fit

        return fit(model, train, batch_size=batch_size, seed=seed, rate=rate)

    def state(self, model: Any) -> dict[str, npt.NDArray[Any]]:
        """Copy out all that training changes.

        Parameters
        ----------
        model
            The model.

        Returns
        -------
        dict of numpy.ndarray
            Weights and, where the model is compiled, the optimiser's variables.
        """
        from knapprune.adapters.keras.training import state

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
            If the model has other variables.
        """
        from knapprune.adapters.keras.training import restore

        restore(model, state)
