"""Small networks of QKeras and tf_keras on scikit-learn's digits; importing this loads no framework."""

from typing import Any

import numpy as np

from shared.frameworks import Later

tf_keras = Later("tf_keras")
qkeras = Later("qkeras")

Data = tuple[np.ndarray, np.ndarray]


def digits(*shape: int) -> tuple[Data, Data, Data]:
    """Return pixels from 0 to 1 in a shape: 1000 to train on, 300 to keep the best by, and the rest."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32").reshape(-1, *shape)
    return (x[:1000], y[:1000]), (x[1000:1300], y[1000:1300]), (x[1300:], y[1300:])


def bits(width: int, integer: int = 0) -> Any:
    """Return QKeras' quantiser of weights, without a factor of its own."""
    return qkeras.quantized_bits(width, integer, alpha=1)


def dense(width: int = 12) -> Any:
    """Return a network of quantised Dense layers."""
    tf_keras.utils.set_random_seed(0)
    return compiled(
        tf_keras.Sequential(
            [
                tf_keras.Input((64,)),
                qkeras.QActivation("quantized_bits(8, 1)", name="pixels"),
                qkeras.QDense(32, kernel_quantizer=bits(width), bias_quantizer=bits(width), name="fc1"),
                qkeras.QActivation("quantized_relu(10, 3)", name="relu1"),
                qkeras.QDense(10, kernel_quantizer=bits(width), bias_quantizer=bits(width), name="out"),
            ]
        )
    )


def convolutional(width: int = 12) -> Any:
    """Return a network of quantised convolutions with pooling between them."""
    tf_keras.utils.set_random_seed(0)
    return compiled(
        tf_keras.Sequential(
            [
                tf_keras.Input((8, 8, 1)),
                qkeras.QActivation("quantized_bits(8, 1)", name="pixels"),
                qkeras.QConv2D(8, 2, kernel_quantizer=bits(width), bias_quantizer=bits(width), name="conv1"),
                qkeras.QActivation("quantized_relu(10, 3)", name="relu1"),
                tf_keras.layers.MaxPooling2D(2, name="pool"),
                qkeras.QConv2D(16, 2, kernel_quantizer=bits(width), bias_quantizer=bits(width), name="conv2"),
                qkeras.QActivation("quantized_relu(10, 3)", name="relu2"),
                tf_keras.layers.Flatten(name="flat"),
                qkeras.QDense(10, kernel_quantizer=bits(width), bias_quantizer=bits(width), name="out"),
            ]
        ),
        rate=0.01,
    )


def compiled(model: Any, rate: float = 0.005) -> Any:
    """Return a classifier with a loss and an optimiser."""
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf_keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model
