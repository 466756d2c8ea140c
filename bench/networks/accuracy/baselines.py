"""The unpruned networks: trained once for each seed, and taken by every method as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from bench.networks.accuracy.data import Data

BATCH = 256
EPOCHS = 20
RATE = 2e-3
PRUNING_RATE = 3e-3
WEIGHT_DECAY = 0.02


class Network(Protocol):
    """What is trained."""

    @property
    def build(self) -> Callable[[], Any]:
        """What makes it."""


def baseline(network: Network, data: Data, seed: int, path: Path) -> Any:
    """Load the unpruned network of a seed, or train it and save it: the epoch that is best by validation."""
    import keras

    if not path.exists():
        keras.utils.set_random_seed(seed)
        model = network.build()
        steps = EPOCHS * -(-len(data.train[0]) // BATCH)
        fall = keras.optimizers.schedules.CosineDecay(RATE, steps)
        compiled(model, keras.optimizers.AdamW(fall, weight_decay=WEIGHT_DECAY), metrics=["accuracy"])
        partial = path.with_suffix(".partial.keras")
        best = keras.callbacks.ModelCheckpoint(partial, "val_accuracy", save_best_only=True)
        model.fit(
            *data.train,
            batch_size=BATCH,
            epochs=EPOCHS,
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
