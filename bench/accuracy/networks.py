"""The networks that are pruned, their hls4ml configurations, and how their unpruned versions are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.accuracy.data import Data

BATCH = 256
BASELINE_EPOCHS = 20
BASELINE_RATE = 2e-3
PRUNING_RATE = 3e-3
WEIGHT_DECAY = 0.02


@dataclass(frozen=True)
class Network:
    """A network to prune.

    Parameters
    ----------
    name
        In tables.
    build
        Makes it, not trained. The last layer gives logits: the class needs no softmax.
    config
        For hls4ml.
    """

    name: str
    build: Callable[[], Any]
    config: dict[str, Any]


def lenet() -> Any:
    """Build LeNet-5 as it is used with hls4ml: rectified, max-pooled, 400-120-84-10 at its end."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(16, 5, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(120, activation="relu", name="dense1"),
            layers.Dense(84, activation="relu", name="dense2"),
            layers.Dense(10, name="output"),
        ],
        name="lenet",
    )


#: 18 bits as the multipliers of a DSP48; convolutions pixel by pixel, so that 6,150 DSPs hold the network.
LENET = Network(
    "LeNet-5",
    lenet,
    {
        "IOType": "io_stream",
        "Model": {"Precision": "ap_fixed<18,8>", "ReuseFactor": 1, "Strategy": "latency"},
        "LayerName": {
            "dense1": {"Strategy": "resource_unrolled", "ReuseFactor": 25},
            "dense2": {"Strategy": "resource_unrolled", "ReuseFactor": 12},
        },
    },
)

NETWORKS = {"lenet": LENET}


def baseline(network: Network, data: Data, seed: int, path: Path) -> Any:
    """Load the unpruned network of a seed, or train it and save it: the epoch that is best by validation.

    Parameters
    ----------
    network
        Which.
    data
        To train on.
    seed
        Of its first weights and the order of its data.
    path
        Where it is, or will be.

    Returns
    -------
    keras.Model
        Compiled to be fine-tuned: every method starts from this optimiser.
    """
    import keras

    if not path.exists():
        keras.utils.set_random_seed(seed)
        model = network.build()
        steps = BASELINE_EPOCHS * -(-len(data.train[0]) // BATCH)
        fall = keras.optimizers.schedules.CosineDecay(BASELINE_RATE, steps)
        compiled(model, keras.optimizers.AdamW(fall, weight_decay=WEIGHT_DECAY), metrics=["accuracy"])
        partial = path.with_suffix(".partial.keras")
        best = keras.callbacks.ModelCheckpoint(partial, "val_accuracy", save_best_only=True)
        model.fit(
            *data.train,
            batch_size=BATCH,
            epochs=BASELINE_EPOCHS,
            validation_data=data.validation,
            callbacks=[best],
            verbose=0,
        )
        partial.rename(path)
    model = keras.models.load_model(path, compile=False)
    return compiled(model, keras.optimizers.Adam(PRUNING_RATE))


def compiled(model: Any, optimizer: Any, **more: Any) -> Any:
    """Compile a model of logits, and return it."""
    import keras

    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), **more)
    return model
