"""Derivatives of a Keras model's own loss on one batch; the one thing Keras leaves to its backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.kernels import find_kernels
from knapprune.network.batches import Batch

Arrays = dict[str, npt.NDArray[np.floating[Any]]]
Loss = Callable[[], Any]


def gradient(model: Any, batch: Batch) -> Arrays:
    """Differentiate the mean loss of a batch by each kernel."""
    kernels, loss = _kernels_and_loss(model, batch)
    return _arrays(kernels, _BACKENDS[keras.backend.backend()](list(kernels.values()), loss, None))


def hessian_product(model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]) -> Arrays:
    """Multiply the Hessian of the mean loss of a batch over all kernels with a vector."""
    kernels, loss = _kernels_and_loss(model, batch)
    parts = [keras.ops.convert_to_tensor(vectors[name], dtype=kernel.dtype) for name, kernel in kernels.items()]
    return _arrays(kernels, _BACKENDS[keras.backend.backend()](list(kernels.values()), loss, parts))


def loss(model: Any, batch: Batch) -> float:
    """Compute the mean loss of a batch."""
    return float(keras.ops.convert_to_numpy(_loss(model, batch)()))


def _kernels_and_loss(model: Any, batch: Batch) -> tuple[dict[str, Any], Loss]:
    return {name: kernel.variable for name, kernel in find_kernels(model).items()}, _loss(model, batch)


def _loss(model: Any, batch: Batch) -> Loss:
    if not model.compiled:
        raise ValueError(f"model {model.name!r} is not compiled: gradients need its loss; call model.compile(loss=...)")

    def value() -> Any:
        outputs = model(batch.inputs, training=False)
        return model.compute_loss(
            x=batch.inputs, y=batch.targets, y_pred=outputs, sample_weight=batch.sample_weight, training=False
        )

    return value


def _arrays(kernels: Mapping[str, Any], slopes: list[Any]) -> Arrays:
    """Copy the derivatives out, and let go of each; one that the loss does not depend on is zero."""
    arrays: Arrays = {}
    for position, (name, kernel) in enumerate(kernels.items()):
        tensor, slopes[position] = slopes[position], None
        if tensor is None:
            arrays[name] = np.zeros(tuple(kernel.shape), dtype=np.float32)
        else:
            arrays[name] = np.require(keras.ops.convert_to_numpy(tensor), requirements=["W"])
    return arrays


def _tensorflow(kernels: list[Any], loss: Loss, vectors: list[Any] | None) -> list[Any]:
    from knapprune.adapters.tensorflow_derivatives import derivatives

    return derivatives(loss, [kernel.value for kernel in kernels], vectors)


def _torch(kernels: list[Any], loss: Loss, vectors: list[Any] | None) -> list[Any]:
    from knapprune.adapters.torch_derivatives import derivatives

    values = [kernel.value for kernel in kernels]
    frozen = [value for value in values if not value.requires_grad]
    try:
        for value in frozen:
            value.requires_grad_(True)
        return derivatives(loss, values, vectors)
    finally:
        for value in frozen:
            value.requires_grad_(False)


def _jax(kernels: list[Any], loss: Loss, vectors: list[Any] | None) -> list[Any]:
    import jax

    def at(values: list[Any]) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(kernels, values, strict=True))):
            return loss()

    values = [kernel.value for kernel in kernels]
    slopes = jax.grad(at)
    return list(slopes(values) if vectors is None else jax.jvp(slopes, (values,), (vectors,))[1])


_BACKENDS: dict[str, Callable[[list[Any], Loss, list[Any] | None], list[Any]]] = {
    "tensorflow": _tensorflow,
    "torch": _torch,
    "jax": _jax,
}
