"""Write small models with Keras 2, each with inputs and what Keras 2 makes of them: the archives beside this file.

    python write.py FOLDER [NAME ...]                       NAME-VERSION.tar.xz of each model
    python write.py --published DATA published.json         outputs of the networks in the folder of optional data

To be run with TensorFlow 2.15, 2.13 and 2.3 (Python 3.11 and 3.8), each in an environment of its own, such as
``pip install "tensorflow-cpu==2.15.*"``; the published networks with 2.14, which alone reads a .keras file of 2.14.
"""

import json
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

keras, layers = tf.keras, tf.keras.layers
VERSION = ".".join(tf.__version__.split(".")[:2])
# The optimisers of before 2.11.
legacy = getattr(keras.optimizers, "legacy", keras.optimizers)


def dense():
    """Compiled with an optimiser of old, and trained so that it has a state."""
    model = keras.Sequential(
        [
            layers.Dense(6, activation="relu", kernel_regularizer="l2", input_shape=(5,), name="fc1"),
            layers.BatchNormalization(name="bn1"),
            layers.LeakyReLU(0.1, name="leaky"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(3, kernel_initializer="lecun_uniform", activation="softmax", name="out"),
        ],
        name="dense",
    )
    adam = legacy.Adam(1e-3, decay=1e-2)
    model.compile(adam, "categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["mae"])
    model.fit(np.zeros((4, 5)), np.eye(3)[[0, 1, 2, 0]], epochs=1, verbose=0)
    return model


def custom():
    """With a loss that only its author has."""

    def own_loss(true, predicted):
        return tf.reduce_mean(tf.abs(true - predicted))

    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="fc")], name="custom")
    model.compile("rmsprop", own_loss, [own_loss])
    return model


def schedule():
    """With a learning rate that changes."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="fc")], name="schedule")
    rate = keras.optimizers.schedules.ExponentialDecay(1e-2, 100, 0.9)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "mse", ["mae", keras.metrics.RootMeanSquaredError()])
    return model


def conv2d():
    """Convolutions with arguments that Keras 3 no longer has."""
    x = data = keras.Input((8, 8, 2), name="image")
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False, name="conv")(x)
    x = layers.BatchNormalization(name="bn", scale=False)(x)
    x = layers.ReLU(6.0, name="relu6")(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="each")(x)
    x = layers.SeparableConv2D(5, 3, padding="same", activation="tanh", name="apart")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Conv2DTranspose(3, 2, strides=2, name="back")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.SpatialDropout2D(0.1)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(data, layers.Dense(2, name="out")(x), name="conv2d")


def conv1d():
    """The same in one dimension."""
    x = data = keras.Input((12, 3), name="series")
    x = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu", name="conv")(x)
    if hasattr(layers, "DepthwiseConv1D"):
        x = layers.DepthwiseConv1D(3, name="each")(x)
    x = layers.SeparableConv1D(5, 3, name="apart")(x)
    x = layers.Cropping1D(1)(x)
    x = layers.MaxPooling1D(2)(x)
    x = layers.Permute((2, 1))(x)
    x = layers.Flatten()(x)
    return keras.Model(data, layers.Dense(2, name="out")(x), name="conv1d")


def recurrent():
    """Every way in which cells are held."""
    x = data = keras.Input((6, 3), name="series")
    x = layers.LSTM(4, return_sequences=True, name="lstm")(x)
    x = layers.GRU(3, return_sequences=True, name="gru")(x)
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")(x)
    x = layers.TimeDistributed(layers.Dense(3), name="each")(x)
    x = layers.GRU(3, reset_after=False, return_sequences=True, name="old_gru")(x)
    x = layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)], return_sequences=True, name="stack")(x)
    x = layers.SimpleRNN(3, name="simple")(x)
    return keras.Model(data, layers.Dense(2, name="out")(x), name="recurrent")


def states():
    """A recurrent layer that is given where to begin."""
    series, start = keras.Input((5, 3), name="series"), keras.Input((4,), name="start")
    x = layers.GRU(4, name="gru")(series, initial_state=start)
    return keras.Model([series, start], layers.Dense(2, name="out")(x), name="states")


def nested():
    """Models in a model: one frozen, one in parts, one that is called twice; weights of one shape throughout."""
    first, second = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    shared = layers.Dense(4, activation="relu", name="shared")
    block = keras.Sequential(
        [
            layers.Dense(4, input_shape=(4,), name="inner"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(4, name="after"),
            layers.Dense(4, name="frozen"),
            layers.BatchNormalization(name="frozen_norm"),
        ],
        name="block",
    )
    block.layers[3].trainable = block.layers[4].trainable = False
    still = keras.Sequential(
        [layers.BatchNormalization(name="still_norm", input_shape=(4,)), layers.Dense(4, name="still_fc")], name="still"
    )
    still.trainable = False
    inside = keras.Input((4,), name="inside")
    tail = keras.Model(inside, layers.Add(name="skip")([inside, layers.Dense(4, name="deep")(inside)]), name="tail")
    left, right = tail(block(shared(first))), tail(still(shared(second)))
    joined = layers.Concatenate(name="joined")([left, right])
    multiplied = layers.Multiply(name="product")([left, right])
    outputs = [layers.Dense(2, name="classes")(joined), layers.Dense(1, name="score")(multiplied)]
    return keras.Model([first, second], outputs, name="nested")


def several():
    """Two outputs with losses of their own; layers of one shape that Keras 3 lists in another order."""
    first, second = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    joined = layers.Dot(axes=1)([layers.Dense(3)(first), layers.Dense(3)(second)])
    kept = layers.Average()([layers.Dense(3)(second), layers.Dense(3)(second)])
    kept = layers.Dense(3)(layers.Dense(3)(kept))
    outputs = [layers.Dense(1, activation="sigmoid", name="yes")(joined), layers.Dense(2, name="values")(kept)]
    model = keras.Model([first, second], outputs, name="several")
    model.compile(
        "nadam",
        {"yes": keras.losses.BinaryCrossentropy(label_smoothing=0.1), "values": "mse"},
        {"yes": ["accuracy"], "values": ["mae", "mse"]},
        {"yes": 0.3, "values": 1.0},
    )
    return model


def lengthy():
    """A model that begins with a model."""
    inner = keras.Sequential([layers.Dense(3, input_shape=(4,), name="a"), layers.ThresholdedReLU(0.2)], name="inner")
    return keras.Sequential([inner, layers.Dense(2, name="b")], name="lengthy")


def unbuilt():
    """A model that learned the shape of its input from data."""
    model = keras.Sequential([layers.Dense(3, name="a"), layers.Dense(2, "sigmoid", name="b")], name="unbuilt")
    model.compile("adamax", "hinge", [keras.metrics.AUC(name="area"), "acc"])
    model.fit(np.zeros((4, 4)), np.zeros((4, 2)), epochs=1, verbose=0)
    return model


def slashes():
    """Names that Keras 3 does not allow."""
    x = data = keras.Input((4,), name="data")
    for name in ("block1/dense", "block2/dense"):
        x = layers.Dense(4, activation="relu", name=name)(x)
    return keras.Model(data, x, name="slashes")


def activations():
    """Activations as names, as functions of TensorFlow and as layers."""
    x = data = keras.Input((5,), name="data")
    x = layers.Dense(5, activation="swish", name="a")(x)
    x = layers.PReLU(name="prelu")(x)
    x = layers.ELU(0.5)(x)
    x = layers.Activation("softplus")(x)
    x = layers.Dense(5, activation=tf.nn.leaky_relu, name="b")(x)
    x = layers.Dense(5, activation=tf.nn.relu6, name="c")(x)
    x = layers.LayerNormalization(name="norm")(x)
    return keras.Model(data, layers.Softmax(name="soft")(x), name="activations")


def hard():
    """An activation that Keras 3 computes otherwise."""
    x = data = keras.Input((6, 3), name="series")
    x = layers.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True, name="lstm")(x)
    return keras.Model(data, layers.Dense(2, activation="hard_sigmoid", name="out")(x), name="hard")


def attention():
    """A layer that is given tensors by name."""
    x = data = keras.Input((6, 4), name="series")
    y = layers.MultiHeadAttention(2, 3, name="mha")(x, value=x)
    x = layers.LayerNormalization(name="norm")(layers.Add()([x, y]))
    x = layers.EinsumDense("abc,cd->abd", output_shape=(6, 3), bias_axes="d", name="einsum")(x)
    return keras.Model(data, layers.Dense(2, name="out")(layers.Reshape((18,))(x)), name="attention")


def embedding():
    """Whole numbers in."""
    words = layers.Embedding(10, 4, input_length=6, name="words")
    return keras.Sequential([words, layers.GlobalMaxPooling1D(), layers.Dense(2, name="out")], name="embedding")


def normalised():
    """Weights that are not trained, and a model for every step."""
    steps = [layers.Dense(3, input_shape=(2,)), layers.BatchNormalization(), layers.Dense(2)]
    each = keras.Sequential(steps, name="each")
    x = data = keras.Input((4,), name="data")
    x = layers.Reshape((2, 2))(layers.Normalization(name="scaled")(x))
    x = layers.Flatten()(layers.TimeDistributed(each, name="every")(x))
    return keras.Model(data, layers.Dense(2, kernel_constraint="non_neg", name="out")(x), name="normalised")


def mixed():
    """Computed in 16 bits."""
    x = data = keras.Input((4,), name="data")
    x = layers.Dense(3, dtype="mixed_float16", name="fc")(x)
    model = keras.Model(data, layers.Activation("linear", dtype="float32", name="out")(x), name="mixed")
    model.compile(keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1, nesterov=True)), "mae")
    return model


def unlayered():
    """Arithmetic without layers."""
    x = data = keras.Input((4,), name="data")
    return keras.Model(data, layers.Dense(3, name="fc")(x) * 2.0 + 1.0, name="unlayered")


def code():
    """Python in the file."""
    x = data = keras.Input((4,), name="data")
    return keras.Model(data, layers.Lambda(lambda x: x + 1, name="plus")(layers.Dense(3, name="fc")(x)), name="code")


MODELS = {
    make.__name__: make
    for make in (
        dense, custom, schedule, conv2d, conv1d, recurrent, states, nested, several, lengthy, unbuilt, slashes,
        activations, hard, attention, embedding, normalised, mixed, unlayered, code,
    )
}  # fmt: skip


def write(name, folder):
    """Save a model in every form, with weights such that none can be taken for another."""
    keras.backend.clear_session()
    model = MODELS[name]()
    random = np.random.default_rng(0)
    model.set_weights(
        [
            # One-dimensional ones may be variances.
            random.uniform(0.1, 1, w.shape) * (1 if w.ndim == 1 else random.choice([-1, 1], w.shape))
            for w in model.get_weights()
        ]
    )
    x = [random.normal(size=(3, *(tuple(each.shape) or (0, 4))[1:])).astype("f") for each in model.inputs]
    if name == "embedding":
        x = [random.integers(0, 10, (3, 6)).astype("f")]
    y = model.predict(x if len(x) > 1 else x[0])
    y = y if isinstance(y, list) else [y]
    values = {f"{side}{i}": each for side, arrays in (("x", x), ("y", y)) for i, each in enumerate(arrays)}
    if getattr(model, "loss", None):
        targets = [np.abs(np.cos(np.arange(each.size, dtype="f"))).reshape(each.shape) for each in y]
        values["scores"] = model.evaluate(x if len(x) > 1 else x[0], targets if len(y) > 1 else targets[0], verbose=0)
    np.savez(folder / "values.npz", **values)
    (folder / "net.json").write_text(model.to_json())
    for save, file in ((model.save_weights, "net_weights.h5"), (model.save, "net.h5"), (model.save, "net.keras")):
        save(str(folder / file))
    if tuple(map(int, VERSION.split("."))) >= (2, 12):  # from here on the ending says that it is another form
        model.save_weights(str(folder / "tree.weights.h5"))


def published(data):
    """Say what Keras 2 makes of the published networks: the first outputs for one input of random numbers."""
    files = [data / "vendor/reports/tutorial/model.keras", *sorted((data / "models/mlperf_tiny").glob("*.h5"))]
    files += sorted(path.with_name(f"{path.stem[:-8]}.json") for path in (data / "models/jets").glob("*_weights.h5"))
    found = {}
    for path in files:
        if path.suffix == ".json":
            saved = json.loads(path.read_text()) if path.exists() else {}
            if not saved or any(kind in path.read_text() for kind in ("BinaryDense", "TernaryDense", "QDense")):
                continue
            if isinstance(saved["config"], list):
                saved["config"] = {"name": "net", "layers": saved["config"]}
            model = keras.models.model_from_json(json.dumps(saved))
            model.load_weights(str(path.with_name(f"{path.stem}_weights.h5")))
        else:
            model = keras.models.load_model(path, compile=False)
        x = np.random.default_rng(1).normal(size=(1, *model.inputs[0].shape[1:])).astype("f")
        found[str(path.relative_to(data))] = [float(value) for value in model.predict(x, verbose=0)[0].ravel()[:5]]
    return found


if __name__ == "__main__":
    if sys.argv[1] == "--published":
        Path(sys.argv[3]).write_text(json.dumps(published(Path(sys.argv[2])), indent=1) + "\n")
        sys.exit()
    for each in sys.argv[2:] or MODELS:
        with tempfile.TemporaryDirectory() as files:
            write(each, Path(files))
            with tarfile.open(Path(sys.argv[1]) / f"{each}-{VERSION}.tar.xz", "w:xz") as archive:
                for file in sorted(Path(files).iterdir()):
                    archive.add(file, file.name)
