"""Random Keras models with dead units of all kinds; importing this loads no framework."""

from typing import Any

import numpy as np

from shared.frameworks import keras, layers

ACTIVATIONS = ("relu", "tanh", "sigmoid", "softplus", "elu", None)


def dense(rng: np.random.Generator) -> Any:
    """Dense layers, some without biases, with what stands between them."""
    model = keras.Sequential([keras.Input((6,))])
    for _ in range(rng.integers(2, 5)):
        model.add(layers.Dense(int(rng.integers(3, 12)), rng.choice(ACTIVATIONS), use_bias=bool(rng.random() < 0.7)))
        between = [layers.BatchNormalization, layers.PReLU, layers.LeakyReLU, lambda: layers.Dropout(0.3), None]
        if (kind := between[rng.integers(len(between))]) is not None:
            model.add(kind())
    model.add(layers.Dense(4))
    return model


def convolutional(rng: np.random.Generator) -> Any:
    """Convolutions with and without padding, pooling, flattening and Dense layers."""
    model = keras.Sequential([keras.Input((12, 12, 3))])
    for _ in range(2):
        padding = str(rng.choice(["same", "valid"]))
        model.add(
            layers.Conv2D(int(rng.integers(4, 9)), int(rng.integers(1, 4)), padding=padding, activation=_any(rng))
        )
        if rng.random() < 0.5:
            model.add(layers.BatchNormalization())
        pooling = layers.MaxPooling2D if rng.random() < 0.5 else layers.AveragePooling2D
        model.add(pooling(2, padding=str(rng.choice(["same", "valid"]))))
    after = [layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, lambda: layers.Reshape((-1,))]
    model.add(after[rng.integers(len(after))]())
    model.add(layers.Dense(8, _any(rng)))
    model.add(layers.Dense(4))
    return model


def residual(rng: np.random.Generator) -> Any:
    """Blocks around which data go as they are, behind a convolution."""
    entrance = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(entrance)
    for _ in range(2):
        y = layers.Conv2D(int(rng.integers(4, 9)), 3, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(6, int(rng.integers(1, 4)), padding="same")(y))
        x = layers.Activation("relu")(layers.Add()([x, y]))
    return keras.Model(entrance, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def branched(rng: np.random.Generator) -> Any:
    """Ways of other kernels that are concatenated, multiplied with what another way says, and two results."""
    entrance = keras.Input((9, 9, 3))
    x = layers.Conv2D(5, 3, activation=_any(rng))(entrance)
    left = layers.Conv2D(6, 1, activation=_any(rng))(x)
    right = layers.Conv2D(4, 3, padding="same", activation=_any(rng))(x)
    x = layers.Concatenate()([left, right, x])
    gates = layers.Dense(15, "sigmoid")(layers.Dense(5, "relu")(layers.GlobalAveragePooling2D(keepdims=True)(x)))
    x = layers.Multiply()([x, gates])
    out = layers.Dense(4)(layers.Flatten()(layers.MaxPooling2D(2)(x)))
    return keras.Model(entrance, [out, layers.Dense(2, "softmax")(layers.GlobalMaxPooling2D()(x))])


def separated(rng: np.random.Generator) -> Any:
    """Depthwise and separable convolutions, with and without padding, of several kernels a channel."""
    model = keras.Sequential([keras.Input((12, 12, 3)), layers.Conv2D(5, 3, activation=_any(rng))])
    padding = [str(rng.choice(["same", "valid"])) for _ in range(3)]
    multiplier = int(rng.integers(1, 3))
    model.add(layers.DepthwiseConv2D(3, padding=padding[0], depth_multiplier=multiplier, activation="relu"))
    model.add(layers.BatchNormalization())
    model.add(layers.Conv2D(7, 1, activation=_any(rng)))
    model.add(layers.SeparableConv2D(6, 3, padding=padding[1], depth_multiplier=int(rng.integers(1, 3))))
    model.add(layers.ZeroPadding2D(1) if rng.random() < 0.5 else layers.UpSampling2D(2))
    model.add(layers.SeparableConv2D(6, 2, padding=padding[2], activation=_any(rng)))
    model.add(layers.Flatten())
    model.add(layers.Dense(4))
    return model


def series(rng: np.random.Generator) -> Any:
    """Convolutions along one axis, Dense layers along it, a layer that knapprune does not know, and a model inside."""
    inner = keras.Sequential([keras.Input((12, 5)), layers.Dense(7, "relu"), layers.Dense(6)])
    return keras.Sequential(
        [
            keras.Input((12, 3)),
            layers.Conv1D(6, 3, padding=str(rng.choice(["same", "causal"])), activation=_any(rng)),
            layers.Dense(5, _any(rng)),
            inner,
            layers.Dense(8, "relu"),
            layers.DepthwiseConv1D(3, padding="same"),
            layers.AveragePooling1D(2, padding="same"),
            layers.Dense(7, _any(rng)),
            layers.LayerNormalization(),
            layers.Dense(8, "relu"),
            layers.Flatten(),
            layers.Dense(6, "relu"),
            layers.Dense(4),
        ]
    )


NETWORKS = (dense, convolutional, residual, branched, separated, series)


def kill(model: Any, rng: np.random.Generator, share: float = 0.35) -> Any:
    """Give a model random weights, in which outputs and inputs of layers have no weight, and weights are zero."""
    for variable in model.weights:
        shape, path = tuple(variable.shape), getattr(variable, "path", variable.name).partition(":")[0]
        drawn = rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))
        if path.endswith("variance"):
            drawn = np.abs(drawn) + 0.5
        elif path.endswith("gamma"):
            drawn *= rng.random(shape) > share / 3
        elif len(shape) > 1 and "alpha" not in path:
            drawn *= rng.random(shape) > 0.2
            drawn *= rng.random(shape[-1]) > (share if "depthwise" not in path else 0)
            drawn *= (rng.random(shape[-2]) > share)[:, None]
        variable.assign(drawn)
    return model


def largest_difference(one: Any, other: Any, inputs: Any) -> float:
    """Return the largest difference of two models' results, as a share of the range of the first one's."""
    pairs = zip(*(_results(model, inputs) for model in (one, other)), strict=True)
    return max(float(np.abs(own - others).max() / max(np.ptp(own), 1e-30)) for own, others in pairs)


def _results(model: Any, inputs: Any) -> list[Any]:
    found = model(inputs, training=False)  # nothing is compiled for the few calls of a test
    return [np.array(own) for own in (found if isinstance(found, list) else [found])]


def _any(rng: np.random.Generator) -> str | None:
    return ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
