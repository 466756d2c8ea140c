"""Training data as ``fit`` takes them, in an order of our own, and the learning rate for an epoch.

For Keras 3 and for tf_keras: nothing of either is imported. What walks through nested arrays is handed over:
``keras.tree`` or ``tf.nest``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from knapprune.network.batches import is_arrays


@dataclass(frozen=True)
class Prepared:
    """Training data as TensorFlow's own tensors.

    Parameters
    ----------
    tensors
        Inputs and targets, and sample weights where there are any; all samples on the first axis.
    """

    tensors: tuple[Any, ...]


def on_tensorflow(train: Any, tree: Any, floatx: str) -> Any:
    """Copy arrays once to where ``fit`` reads them; Keras copies NumPy arrays at the beginning of each ``fit``."""
    if not is_arrays(train):
        return train
    import tensorflow as tf

    def tensor(values: Any) -> Any:
        array = np.asarray(values)
        # Keras takes floating-point data in its own precision.
        return tf.constant(array, floatx if np.issubdtype(array.dtype, np.floating) else None)

    return Prepared(tuple(tree.map_structure(tensor, _tupled(part)) for part in train))


def arguments(train: Any, batch_size: int, random: np.random.Generator, tree: Any) -> dict[str, Any]:
    """Say what ``fit`` is to be called with for one epoch."""
    if isinstance(train, Prepared):
        return {"x": _shuffled(train, batch_size, random, tree), "shuffle": False}
    if not is_arrays(train):
        return {"x": train}
    arrays = [tree.map_structure(np.asarray, part) for part in train]
    order = random.permutation(_samples(arrays, tree))
    shuffled = [tree.map_structure(lambda array: array[order], part) for part in arrays]
    named = dict(zip(("x", "y", "sample_weight"), shuffled, strict=False))
    return {**named, "batch_size": batch_size, "shuffle": False}


def _tupled(part: Any) -> Any:
    """Turn lists of several arrays into tuples: TensorFlow takes a list for one tensor."""
    if isinstance(part, Mapping):
        return {key: _tupled(own) for key, own in part.items()}
    several = isinstance(part, list) and any(hasattr(own, "shape") or isinstance(own, Mapping) for own in part)
    return tuple(_tupled(own) for own in part) if several or isinstance(part, tuple) else part


def _samples(arrays: Any, tree: Any) -> int:
    return len(tree.flatten(arrays[0])[0])


def _shuffled(train: Prepared, batch_size: int, random: np.random.Generator, tree: Any) -> Any:
    """Read batches in a new order out of the tensors."""
    import tensorflow as tf

    order = random.permutation(_samples(train.tensors, tree))
    batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    def read(places: Any) -> Any:
        return tree.map_structure(lambda tensor: tf.gather(tensor, places), train.tensors)

    return batches.map(read, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


@contextmanager
def learning_rate(model: Any, rate: float) -> Iterator[None]:
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
