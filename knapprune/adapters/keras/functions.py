"""Functions of Keras 3, tf_keras and QKeras, and the numbers that layers compute with: quantised where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.channels import Numbers

_ACTIVATIONS = (
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "swish", "mish"),
    *("tanh", "sigmoid", "hard_sigmoid", "hard_silu", "softplus", "softsign", "exponential", "log_sigmoid"),
)
_QUANTISERS = (
    *("quantized_bits", "quantized_relu", "quantized_tanh", "quantized_sigmoid", "quantized_ulaw", "quantized_hswish"),
    *("quantized_po2", "quantized_relu_po2", "binary", "ternary"),
)


def activation(layer: Any) -> Any:
    """Find the function that a layer sends its result through; None for nothing."""
    # The other attribute of a QActivation may be a word.
    found = getattr(layer, "quantizer" if type(layer).__name__ == "QActivation" else "activation", None)
    return None if of_single_numbers(found) and getattr(found, "__name__", "") == "linear" else found


def of_single_numbers(function: Any) -> bool:
    """Say whether what a function makes of a number depends on nothing but that number."""
    module = str(getattr(function, "__module__", ""))
    if module.startswith(("keras.src.activations", "tf_keras.src.activations")):
        return getattr(function, "__name__", "") in _ACTIVATIONS
    if module != "qkeras.quantizers" or type(function).__name__ not in _QUANTISERS:
        return False
    factor = getattr(function, "alpha", None)  # a word is for one that goes by all numbers
    return isinstance(factor, int | float | None) and not getattr(function, "use_stochastic_rounding", False)


def on_numbers(function: Callable[[Any], Any], package: str) -> Callable[[Numbers], Numbers]:
    """Call a function of Keras' tensors, or of those of tf_keras, on arrays."""

    def called(numbers: Numbers) -> Numbers:
        if package == "keras":
            import keras

            tensor = keras.ops.convert_to_tensor(numbers, "float32")
        else:
            import tensorflow as tf

            tensor = tf.constant(numbers, tf.float32)
        return as_array(function(tensor)).astype(np.float64)

    return called


def quantiser_of(layer: Any, name: str) -> Any:
    """Find what QKeras sends a variable of a layer through before it is used; None for nothing."""
    role = name.removeprefix("moving_").removesuffix("_kernel")
    return getattr(layer, f"{role}_quantizer_internal", None)


def numbers(layer: Any, name: str) -> npt.NDArray[Any]:
    """Copy out what a layer computes with for one of its variables."""
    quantiser = quantiser_of(layer, name)
    found = as_array(getattr(layer, name)) if quantiser is None else np.array(quantiser(getattr(layer, name)))
    # To 32 bits at least: sums in half precision would not be those of the layer.
    return found.astype(np.float64 if found.ndim == 1 else np.float32)


def as_array(tensor: Any) -> npt.NDArray[Any]:
    """Copy out a variable or a tensor, wherever Keras 3 computes."""
    if not type(tensor).__module__.startswith(("tensorflow", "tf_keras")):
        import keras

        tensor = keras.ops.convert_to_numpy(tensor)
    return np.array(tensor)
