"""HGQ2 models, imported when a test first builds one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

SHAPE = (8, 8, 1)


@contextmanager
def wide(beta: float = 1e-7) -> Iterator[None]:
    """Make layers with weights and data of enough bits for their products to take DSPs."""
    from hgq.config import LayerConfigScope, QuantizerConfigScope

    with (
        QuantizerConfigScope(place="weight", b0=12, overflow_mode="SAT_SYM"),
        QuantizerConfigScope(place="datalane", f0=10, overflow_mode="WRAP"),
        LayerConfigScope(enable_ebops=True, beta0=beta),
    ):
        yield


def traced(model: Any, inputs: np.ndarray[Any, Any]) -> Any:
    """Set the integer bits of a model's data, as HGQ2's guide says, and return it."""
    from hgq.utils import trace_minmax

    trace_minmax(model, inputs)
    return model


def inputs_of(model: Any, samples: int = 64) -> np.ndarray[Any, Any]:
    """Return random inputs of a model."""
    return np.random.default_rng(0).uniform(-1, 1, (samples, *model.inputs[0].shape[1:])).astype(np.float32)


def network(*make: Callable[[], Any], shape: tuple[int, ...] = SHAPE, seed: int = 3) -> Any:
    """Return a traced model of layers that are made one after the other."""
    import keras

    keras.utils.set_random_seed(seed)
    with wide():
        model = keras.Sequential([keras.Input(shape), *(layer() for layer in make)])
    return traced(model, inputs_of(model))


def all_kinds() -> Any:
    """Return a model with a layer of every kind that has a kernel."""
    import keras
    from hgq.layers import QBatchNormDense, QConv1D, QConv2D, QDense, QEinsumDense, QEinsumDenseBatchnorm

    return network(
        lambda: QConv2D(4, 3, activation="relu", name="conv"),
        lambda: QConv2D(4, 1, activation="relu", name="pointwise"),
        lambda: keras.layers.Reshape((6, 24)),
        lambda: QConv1D(5, 3, activation="relu", name="steps"),
        lambda: QConv1D(5, 1, activation="relu", name="pointwise_steps"),
        lambda: QEinsumDense("btc,dc->btd", (4, 5), bias_axes="d", activation="relu", name="einsum"),
        lambda: QEinsumDenseBatchnorm("btc,decf->btdef", (4, 3, 2, 1), bias_axes="de", name="normalised_einsum"),
        lambda: keras.layers.Reshape((4, 6)),
        lambda: QDense(6, activation="relu", name="axes"),
        lambda: keras.layers.Flatten(),
        lambda: QDense(8, activation="relu", name="dense"),
        lambda: QBatchNormDense(8, activation="relu", name="normalised"),
        lambda: QDense(4, name="out"),
    )
