"""Data that are prepared once train the same, bit by bit, as arrays that are copied in each epoch."""

import numpy as np
import pytest

from knapprune.adapters.keras.adapter import KerasAdapter
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

RANDOM = np.random.default_rng(0)
ADAPTER = KerasAdapter()


def network(names):
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((6,), name=name) for name in names}
    joined = keras.layers.Concatenate()(list(inputs.values())) if len(names) > 1 else inputs[names[0]]
    outputs = keras.layers.Dense(3)(keras.layers.Dropout(0.5)(keras.layers.Dense(8, "relu")(joined)))
    model = keras.Model(inputs if len(names) > 1 else inputs[names[0]], outputs)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize("names", [("one",), ("one", "two")])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_prepared_data_train_as_arrays_do(names, kind, weighted):
    samples = 50  # of batches of 16 the last is a smaller one
    parts = {name: (9 * RANDOM.random((samples, 6))).astype(kind) for name in names}
    train = (parts if len(names) > 1 else parts[names[0]], RANDOM.integers(0, 3, samples))
    if weighted:
        train += (RANDOM.random(samples),)
    found = []
    for data in (train, ADAPTER.prepared(train)):
        model = network(names)
        losses = [ADAPTER.fit(model, data, batch_size=16, seed=seed) for seed in (3, 4)]
        found.append((losses, model.get_weights()))
    assert found[0][0] == found[1][0]
    assert all(np.array_equal(one, other) for one, other in zip(found[0][1], found[1][1], strict=True))


def test_what_yields_batches_stays_as_it_is():
    batches = iter(())
    assert ADAPTER.prepared(batches) is batches
