"""Fine-tuning through Keras' own ``fit``: masks are constraints, so nothing else is needed to keep them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.grid import grid_of
from knapprune.adapters.keras.kernels import find_kernels
from knapprune.adapters.seeding import seeded
from knapprune.network.batches import is_arrays


def fit(model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0, **more: Any) -> float:
    """Train a compiled model for one epoch, the same way for the same state and seed; more goes to Keras' `fit`."""
    if not model.compiled:
        raise ValueError("model: got one that is not compiled, expected one with an optimiser and a loss to train by")
    random = np.random.default_rng(seed)
    with _learning_rate(model, rate), seeded(seed):
        for variable in _seeds(model):
            variable.assign(random.integers(0, 2**31, tuple(variable.shape)))
        history = model.fit(**{"epochs": 1, "verbose": 0, **_arguments(train, batch_size, random), **more})
    return float(history.history["loss"][-1])


@dataclass(frozen=True)
class Prepared:
    """Training data as TensorFlow's own tensors.

    Parameters
    ----------
    tensors
        Inputs and targets, and sample weights where there are any; all samples on the first axis.
    """

    tensors: tuple[Any, ...]


def prepared(train: Any) -> Any:
    """Copy arrays once to where `fit` reads them; Keras copies NumPy arrays at the beginning of each ``fit``."""
    if not is_arrays(train) or keras.backend.backend() != "tensorflow":
        return train
    import tensorflow as tf

    def tensor(values: Any) -> Any:
        array = np.asarray(values)
        # Keras takes floating-point data in its own precision.
        return tf.constant(array, keras.config.floatx() if np.issubdtype(array.dtype, np.floating) else None)

    return Prepared(tuple(keras.tree.map_structure(tensor, _tupled(part)) for part in train))


def _tupled(part: Any) -> Any:
    """Turn lists of several arrays into tuples: TensorFlow takes a list for one tensor."""
    if isinstance(part, Mapping):
        return {key: _tupled(own) for key, own in part.items()}
    several = isinstance(part, list) and any(hasattr(own, "shape") or isinstance(own, Mapping) for own in part)
    return tuple(_tupled(own) for own in part) if several or isinstance(part, tuple) else part


def state(model: Any) -> dict[str, npt.NDArray[Any]]:
    """Copy out all that training changes; random layers are left out: `fit` seeds them."""
    return {name: np.array(keras.ops.convert_to_numpy(variable)) for name, variable in _variables(model).items()}


def restore(model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put back what `state` returned."""
    variables = _variables(model)
    if variables.keys() != state.keys():
        raise ValueError(f"state: got {len(state)} variables, expected the {len(variables)} of model {model.name!r}")
    for name, variable in variables.items():
        variable.assign(state[name])


def _variables(model: Any) -> dict[str, Any]:
    variables = {f"weight/{position}": variable for position, variable in enumerate(model.weights)}
    for name, kernel in find_kernels(model).items():
        grid = grid_of(kernel.constraint)
        if grid is not None:
            variables |= {f"grid/{name}/{part}": variable for part, variable in grid.variables.items()}
    if model.compiled:
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        variables |= {f"optimizer/{position}": variable for position, variable in enumerate(model.optimizer.variables)}
    return variables


def _seeds(model: Any) -> list[Any]:
    """Find the state of the random layers: what is neither a weight nor a metric's."""
    known = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    return [variable for variable in model.variables if id(variable) not in known]


def _arguments(train: Any, batch_size: int, random: np.random.Generator) -> dict[str, Any]:
    if isinstance(train, Prepared):
        return {"x": _shuffled(train, batch_size, random), "shuffle": False}
    if not is_arrays(train):
        return {"x": train}
    arrays = [keras.tree.map_structure(np.asarray, part) for part in train]
    order = random.permutation(_samples(arrays))
    shuffled = [keras.tree.map_structure(lambda array: array[order], part) for part in arrays]
    named = dict(zip(("x", "y", "sample_weight"), shuffled, strict=False))
    return {**named, "batch_size": batch_size, "shuffle": False}


def _samples(arrays: Any) -> int:
    return len(keras.tree.flatten(arrays[0])[0])


def _shuffled(train: Prepared, batch_size: int, random: np.random.Generator) -> Any:
    """Read batches in a new order out of the tensors."""
    import tensorflow as tf

    order = random.permutation(_samples(train.tensors))
    batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    def read(places: Any) -> Any:
        return keras.tree.map_structure(lambda tensor: tf.gather(tensor, places), train.tensors)

    return batches.map(read, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


@contextmanager
def _learning_rate(model: Any, rate: float) -> Iterator[None]:
    """Scale the optimiser's learning rate while the block runs."""
    if rate == 1.0:
        yield
        return
    optimizer = model.optimizer
    own = float(optimizer.learning_rate)
    try:
        optimizer.learning_rate = own * rate
    except TypeError:
        raise ValueError(
            f"learning_rate: model {model.name!r} was compiled with a schedule of its own, expected a number"
        ) from None
    try:
        yield
    finally:
        now = float(optimizer.learning_rate)
        # What a callback has changed stays changed, and goes on being scaled.
        optimizer.learning_rate = own if rate == 0 or np.isclose(now, own * rate, rtol=1e-6) else now / rate
