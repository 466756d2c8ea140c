"""Fine-tuning through tf_keras' own ``fit``: masks are constraints, so nothing else is needed to keep them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras

from knapprune.adapters.keras.data import arguments, learning_rate, on_tensorflow
from knapprune.adapters.keras.kinds import leaf_layers
from knapprune.adapters.seeding import seeded
from knapprune.adapters.tensorflow_derivatives import derivatives
from knapprune.adapters.tf_keras.compiled import is_compiled, optimizer_variables
from knapprune.adapters.tf_keras.kernels import find_kernels
from knapprune.network.batches import Batch

Arrays = dict[str, npt.NDArray[np.floating[Any]]]


def fit(model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0, **more: Any) -> float:
    """Train a compiled model for one epoch, the same way for the same state and seed; more goes to ``fit`` itself."""
    if not is_compiled(model):
        raise ValueError("model: got one that is not compiled, expected one with an optimiser and a loss to train by")
    random = np.random.default_rng(seed)
    if _draws(model):  # what a compiled step draws is decided when it is traced
        tf.random.set_seed(seed)
        model.train_function = None
    with learning_rate(model, rate), seeded(seed):
        history = model.fit(**{"epochs": 1, "verbose": 0, **arguments(train, batch_size, random, tf.nest), **more})
    return float(history.history["loss"][-1])


def prepared(train: Any) -> Any:
    """Copy arrays once to where `fit` reads them."""
    return on_tensorflow(train, tf.nest, tf_keras.backend.floatx())


def state(model: Any) -> dict[str, npt.NDArray[Any]]:
    """Copy out all that training changes; what random layers draw is left out: `fit` seeds them."""
    return {name: np.array(variable) for name, variable in _variables(model).items()}


def restore(model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put back what `state` returned."""
    variables = _variables(model)
    if variables.keys() != state.keys():
        raise ValueError(f"state: got {len(state)} variables, expected the {len(variables)} of model {model.name!r}")
    for name, variable in variables.items():
        variable.assign(state[name])


def gradient(model: Any, batch: Batch) -> Arrays:
    """Differentiate the mean loss of a batch by each kernel, straight through its quantiser."""
    kernels = _kernels(model)
    return _arrays(kernels, derivatives(_loss(model, batch), list(kernels.values()), None))


def hessian_product(model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]) -> Arrays:
    """Multiply the Hessian of the mean loss of a batch over all kernels with a vector."""
    kernels = _kernels(model)
    parts = [tf.cast(tf.convert_to_tensor(vectors[name]), kernel.dtype) for name, kernel in kernels.items()]
    return _arrays(kernels, derivatives(_loss(model, batch), list(kernels.values()), parts))


def _kernels(model: Any) -> dict[str, Any]:
    return {name: kernel.variable for name, kernel in find_kernels(model).items()}


def _loss(model: Any, batch: Batch) -> Callable[[], Any]:
    if not is_compiled(model):
        raise ValueError(f"model {model.name!r} is not compiled: gradients need its loss; call model.compile(loss=...)")

    targets = tf.nest.map_structure(tf.convert_to_tensor, batch.targets)
    weight = None if batch.sample_weight is None else tf.convert_to_tensor(batch.sample_weight)

    def value() -> Any:
        outputs = model(batch.inputs, training=False)
        return model.compute_loss(x=batch.inputs, y=targets, y_pred=outputs, sample_weight=weight)

    return value


def _arrays(kernels: Mapping[str, Any], slopes: list[Any]) -> Arrays:
    """Copy the derivatives out; one that the loss does not depend on is zero."""
    return {
        name: np.zeros(tuple(kernel.shape), np.float32) if slope is None else np.array(slope)
        for (name, kernel), slope in zip(kernels.items(), slopes, strict=True)
    }


def _variables(model: Any) -> dict[str, Any]:
    variables = {f"weight/{place}": variable for place, variable in enumerate(model.weights)}
    return variables | {f"optimizer/{place}": own for place, own in enumerate(optimizer_variables(model))}


def _draws(model: Any) -> bool:
    """Say whether training draws random numbers: in layers such as Dropout, or in stochastic quantisers."""
    return any(
        isinstance(layer, tf_keras.__internal__.layers.BaseRandomLayer)
        or any("stochastic" in str(own) for own in getattr(layer, "quantizers", ()))
        or "stochastic" in str(getattr(layer, "activation", ""))
        for layer in leaf_layers(model)
    )
