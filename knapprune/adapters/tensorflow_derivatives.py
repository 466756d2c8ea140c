"""Derivatives of a loss by variables of TensorFlow; needed for Keras on TensorFlow, and for tf_keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def derivatives(loss: Callable[[], Any], variables: list[Any], vectors: list[Any] | None) -> list[Any]:
    """Return the gradient by each variable, or the Hessian times vectors; None where a loss does not depend on one."""
    if vectors is None:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            value = loss()
        return list(tape.gradient(value, variables))
    # Reverse over reverse: forward mode would compile a function for every new shape.
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(variables)
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(variables)
            value = loss()
        slopes = inner.gradient(value, variables)
    pairs = [(slope, part) for slope, part in zip(slopes, vectors, strict=True) if slope is not None]
    return list(outer.gradient([slope for slope, _ in pairs], variables, output_gradients=[part for _, part in pairs]))
