"""The same number of bits for all weights and all data, fine-tuned straight-through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.networks.accuracy.baselines import BATCH, baseline, compiled
from bench.networks.digits.task import Task
from bench.networks.digits.traced import Design, Kind, Stage

RATE = 2e-3
EPOCHS = 15
PLACES = 6
"""Positions of the binary point that are tried, down from the one that holds the largest value."""


def train(task: Task) -> Iterator[tuple[Design, dict[str, Any]]]:
    """Fine-tune with so many bits, from the network that others are pruned from."""
    import keras

    bits, saturates = task.setting["bits"], task.setting["saturates"]
    original = baseline(task.of, task.data, task.seed, task.folder.parent / f"{task.network}-{task.seed}.keras")
    kinds, weights = _kinds(original, task, bits, saturates)
    keras.utils.set_random_seed(task.seed)
    model = _rounded(original, kinds, weights)
    steps = EPOCHS * -(-len(task.data.train[0]) // BATCH)
    fall = keras.optimizers.schedules.CosineDecay(RATE, steps)
    compiled(model, keras.optimizers.Adam(fall), metrics=["accuracy"], jit_compile=False)
    best = _Best()
    model.fit(
        *task.data.train,
        batch_size=BATCH,
        epochs=EPOCHS,
        validation_data=task.data.validation,
        validation_batch_size=len(task.data.validation[0]),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: best.see(model, logs))],
        verbose=0,
    )
    model.set_weights(best.weights)
    yield read(model, kinds, weights), {}


class _Best:
    """The weights of the best epoch by validation."""

    def __init__(self) -> None:
        self.reached = -1.0
        self.weights: list[Any] = []

    def see(self, model: Any, logs: dict[str, float]) -> None:
        if logs["val_accuracy"] > self.reached:
            self.reached, self.weights = logs["val_accuracy"], model.get_weights()


def placed(values: npt.NDArray[np.floating[Any]], bits: int, signed: int) -> int:
    """Place the binary point where rounding and cutting off lose the least square."""
    largest = float(np.abs(values).max())
    top = int(np.ceil(np.log2(max(largest, 2.0**-8))))
    tried = [Kind.of(1, signed, integer, bits - signed - integer, True) for integer in range(top, top - PLACES, -1)]
    lost = [float(np.mean((kind(values.reshape(-1, 1)) - values.reshape(-1, 1)) ** 2)) for kind in tried]
    return int(tried[int(np.argmin(lost))].integer[0])


def _kinds(original: Any, task: Task, bits: int, saturates: bool) -> tuple[list[Kind], list[Kind]]:
    """Choose the types of data, and of weights, by what the trained network holds."""
    network, rows = task.of, task.data.train[0][:8192]
    width = max(bits, network.signed + network.integer + 1)
    data = [Kind.of(network.widths[0], network.signed, network.integer, width - network.signed - network.integer)]
    weights = []
    for layer in original.layers:
        kernel = layer.get_weights()[0]
        integer = placed(kernel, bits, 1)
        weights.append(Kind.of(1, 1, integer, bits - 1 - integer, True))
        rows = np.asarray(layer(rows))
        if layer is not original.layers[-1]:
            # Without saturation no value may be beyond the range.
            whole = placed(rows, bits, 0) if saturates else int(np.ceil(np.log2(max(float(rows.max()) * 1.5, 2.0**-8))))
            data.append(Kind.of(kernel.shape[1], 0, whole, bits - whole, saturates))
    return data, weights


def _rounded(original: Any, kinds: list[Kind], weights: list[Kind]) -> Any:
    """Make the network with rounding in it."""
    import keras
    from keras import ops

    def straight(values: Any, kind: Kind) -> Any:
        """Round to a type; gradients pass where a value is not cut off."""
        step = 2.0 ** -float(kind.fraction[0])
        low, high = -(2.0 ** float(kind.integer[0])) * float(kind.signed[0]), 2.0 ** float(kind.integer[0]) - step
        near = ops.clip(values, low, high)
        return near + ops.stop_gradient(ops.floor(near / step + 0.5) * step - near)

    class Rounded(keras.layers.Layer):  # type: ignore[misc]
        """A Dense layer of rounded weights on rounded data."""

        def __init__(self, of: Any, weight: Kind, result: Kind | None) -> None:
            super().__init__(name=of.name)
            self.of, self.weight, self.result = of, weight, result

        def call(self, inputs: Any) -> Any:
            sums = ops.matmul(inputs, straight(self.of.kernel, self.weight)) + self.of.bias
            return sums if self.result is None else straight(ops.relu(sums), self.result)

    copy = keras.models.clone_model(original)
    copy.set_weights(original.get_weights())
    inputs = keras.Input(original.input_shape[1:])
    data = keras.layers.Lambda(lambda values: straight(values, kinds[0]))(inputs)
    for layer, weight, result in zip(copy.layers, weights, [*kinds[1:], None], strict=True):
        data = Rounded(layer, weight, result)(data)
    return keras.Model(inputs, data)


def read(model: Any, kinds: list[Kind], weights: list[Kind]) -> Design:
    """Read what the network holds."""
    stages = []
    layers = [layer for layer in model.layers if hasattr(layer, "weight")]
    for layer, weight, result in zip(layers, weights, [*kinds[1:], None], strict=True):
        kernel, bias = (np.asarray(part, dtype=np.float64) for part in layer.of.get_weights())
        fraction = int(weight.fraction[0]) + 3 if result is None else int(result.fraction[0]) + 1
        stages.append(Stage(weight(kernel), np.round(np.ldexp(bias, fraction)) / 2.0**fraction, result))
    return Design(kinds[0], stages)
