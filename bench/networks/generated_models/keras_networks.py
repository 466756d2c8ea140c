"""Small Keras networks with random sizes: one for each kind of layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def build(network: str, rng: np.random.Generator) -> Any:
    """Build a network with random weights, none of them zero."""
    import keras

    model = _NETWORKS[network](rng)
    assert isinstance(model, keras.Model)
    model.set_weights(
        [rng.uniform(0.25, 1, weight.shape) * rng.choice((-1, 1), weight.shape) for weight in model.get_weights()]
    )
    return model


def _size(rng: np.random.Generator, *choices: int) -> int:
    return int(rng.choice(choices))


def _units(rng: np.random.Generator) -> int:
    return _size(rng, 3, 4, 5, 6, 8, 12, 16)


def _mlp(rng: np.random.Generator) -> Any:
    import keras

    layers = keras.layers
    hidden = [layers.Dense(_units(rng), activation="relu", name=f"fc{i}") for i in range(_size(rng, 1, 2, 3))]
    return keras.Sequential([keras.Input((_units(rng),)), *hidden, layers.Dense(_units(rng), name="out")])


def _conv1d(rng: np.random.Generator) -> Any:
    import keras

    layers = keras.layers
    padding = str(rng.choice(("same", "valid")))
    return keras.Sequential(
        [
            keras.Input((_size(rng, 8, 10, 12), _size(rng, 1, 2, 3, 4))),
            layers.Conv1D(_units(rng), _size(rng, 1, 2, 3), padding=padding, activation="relu", name="conv"),
            layers.MaxPooling1D(2),
            layers.Flatten(),
            layers.Dense(_size(rng, 2, 4, 6), name="out"),
        ]
    )


def _conv2d(rng: np.random.Generator) -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((_size(rng, 6, 8), _size(rng, 6, 8), _size(rng, 1, 2, 3))),
            layers.Conv2D(
                _size(rng, 2, 4, 6, 8), (_size(rng, 1, 2, 3), 3), name="conv", use_bias=bool(rng.random() < 0.5)
            ),
            layers.BatchNormalization(name="bn"),
            layers.Activation("relu", name="act"),
            layers.Conv2D(_size(rng, 2, 3, 4), 2, strides=_size(rng, 1, 2), padding="same", name="conv2"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(_size(rng, 2, 3, 4), name="out"),
        ]
    )


def _pointwise(rng: np.random.Generator) -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 5, _size(rng, 2, 4, 6))),
            layers.Conv2D(_units(rng), 1, name="point", activation="relu"),
            layers.Reshape((20, -1)),
            layers.Conv1D(_size(rng, 2, 4, 6), 1, name="line"),
        ]
    )


def _residual(rng: np.random.Generator) -> Any:
    import keras

    layers, width = keras.layers, _units(rng)
    inputs = keras.Input((_units(rng),))
    first = layers.Dense(width, activation="relu", name="fc1")(inputs)
    second = layers.Dense(width, name="fc2")(first)
    joined = layers.Add(name="add")([first, second])
    return keras.Model(inputs, layers.Dense(_size(rng, 2, 4, 5), name="out")(joined))


def _several_axes(rng: np.random.Generator) -> Any:
    import keras

    shape = (_size(rng, 3, 5), _size(rng, 4, 8)) if rng.random() < 0.5 else (3, 2, _size(rng, 4, 8))
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(_units(rng), name="each")])


def _depthwise(rng: np.random.Generator) -> Any:
    import keras

    layers = keras.layers
    if rng.random() < 0.5:
        return keras.Sequential(
            [keras.Input((10, _size(rng, 2, 3, 4))), layers.DepthwiseConv1D(_size(rng, 2, 3), name="dw")]
        )
    return keras.Sequential(
        [
            keras.Input((6, 6, _size(rng, 2, 3, 4))),
            layers.DepthwiseConv2D(3, padding="same", name="dw"),
            layers.Conv2D(_size(rng, 2, 4, 6), 1, name="pw"),
        ]
    )


def _separable(rng: np.random.Generator) -> Any:
    import keras

    layers = keras.layers
    if rng.random() < 0.5:
        return keras.Sequential(
            [keras.Input((10, _size(rng, 2, 4))), layers.SeparableConv1D(_units(rng), 3, name="sep")]
        )
    return keras.Sequential([keras.Input((6, 6, _size(rng, 2, 4))), layers.SeparableConv2D(_units(rng), 3, name="sep")])


def _einsum(rng: np.random.Generator) -> Any:
    import keras

    equation, shape = (("abc,cd->abd", (3, _units(rng))), ("abc,bcd->abd", (3, _units(rng))))[_size(rng, 0, 1)]
    layer = keras.layers.EinsumDense(equation, output_shape=(3, _units(rng)), bias_axes="d", name="einsum")
    return keras.Sequential([keras.Input(shape), layer])


def _recurrent(kind: str) -> Callable[[np.random.Generator], Any]:
    def network(rng: np.random.Generator) -> Any:
        import keras

        layers = keras.layers
        cell = getattr(layers, kind)(_size(rng, 2, 3, 4, 6), name="cell", return_sequences=bool(rng.random() < 0.3))
        return keras.Sequential(
            [keras.Input((_size(rng, 3, 5), _size(rng, 2, 4, 6))), cell, layers.Flatten(), layers.Dense(3, name="out")]
        )

    return network


_NETWORKS: dict[str, Callable[[np.random.Generator], Any]] = {
    "mlp": _mlp,
    "conv1d": _conv1d,
    "conv2d": _conv2d,
    "pointwise": _pointwise,
    "residual": _residual,
    "several-axes": _several_axes,
    "depthwise": _depthwise,
    "separable": _separable,
    "einsum": _einsum,
    "lstm": _recurrent("LSTM"),
    "gru": _recurrent("GRU"),
}
