"""Models of several inputs and outputs, given as lists, tuples and dicts: trained, judged and run bit by bit."""

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras, torch
from shared.hls import hls_settings

RANDOM = np.random.default_rng(3)
LEFT, RIGHT = RANDOM.normal(size=(120, 4)).astype("float32"), RANDOM.normal(size=(120, 8)).astype("float32")
SUM = (LEFT[:, :1] + RIGHT[:, 1:2]).astype("float32")
CLASS = np.eye(3)[(LEFT[:, 0] > 0).astype(int) + (RIGHT[:, 0] > 0)].astype("float32")
CONFIG = hls_settings("latency", 1)


def of(form, names, arrays):
    """Give arrays as a list, a tuple, or a dict in another order than the model's."""
    return (
        dict(reversed(list(zip(names, arrays, strict=True))))
        if form == "dict"
        else {"list": list, "tuple": tuple}[form](arrays)
    )


def network(form):
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    right, left = keras.Input((8,), name="right"), keras.Input((4,), name="left")
    hidden = dense(8, "relu", name="fc")(keras.layers.Concatenate(name="both")([left, right]))
    outputs = [dense(1, name="total")(hidden), dense(3, name="kind")(hidden)]
    given = [left, right]
    if form == "dict":
        given, outputs = {"left": left, "right": right}, {"total": outputs[0], "kind": outputs[1]}
    model = keras.Model(given, outputs)
    cross = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), {"total": "mse", "kind": cross} if form == "dict" else ["mse", cross])
    return model


def closeness(targets, outputs):
    assert type(targets) in (list, tuple, dict)
    own = ("total", "kind") if isinstance(outputs, dict) else (0, 1)
    given = ("total", "kind") if isinstance(targets, dict) else (0, 1)
    assert outputs[own[0]].shape == (120, 1)
    assert outputs[own[1]].shape == (120, 3)
    right = np.mean(outputs[own[1]].argmax(1) == targets[given[1]].argmax(1))
    return float(right - np.mean((outputs[own[0]] - targets[given[0]]) ** 2))


@pytest.mark.slow
@pytest.mark.needs("keras", "hls4ml", "g++")
@pytest.mark.parametrize("form", ["list", "tuple", "dict"])
def test_a_keras_model_is_pruned_and_verified_on_inputs_and_outputs_of_every_form(form, tmp_path):
    """In the bit-accurate model each input arrives at its own place: its score is that of the float model."""
    model = network(form)
    data = of(form, ("left", "right"), (LEFT, RIGHT)), of(form, ("total", "kind"), (SUM, CLASS))
    options = {"budget": {"dsp": 0.6}, "steps": 1, "epochs": 8, "tolerance": 10.0, "progress": False}
    fisher = {"saliency": "fisher", "metric": closeness, "checkpoint": tmp_path}
    out = kp.prune(model, CONFIG, train=data, validation=data, **options, **fisher)
    assert out.met
    assert out.metric > out.baseline
    check = kp.verify(out.model, CONFIG, data=data, metric=closeness)
    assert check.model_accuracy == pytest.approx(out.metric, abs=1e-5)
    assert check.accuracy == pytest.approx(out.metric, abs=0.02)
    assert check.counted == check.predicted


@pytest.mark.needs("torch")
@pytest.mark.parametrize("form", ["list", "tuple", "dict"])
def test_a_pytorch_module_is_pruned_on_inputs_and_outputs_of_every_form(form):
    """A dict of inputs goes by the names of forward."""

    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.both, self.kind = torch.nn.Linear(8, 4), torch.nn.Linear(4, 3)

        def forward(self, left, right):
            hidden = torch.relu(self.both(right))
            return hidden[:, :1] + left[:, :1], self.kind(hidden)

    def loss(outputs, targets):
        total, kind = (targets["total"], targets["kind"]) if form == "dict" else targets
        return ((outputs[0] - total) ** 2).mean() + torch.nn.functional.cross_entropy(outputs[1], kind)

    from knapprune.adapters.pytorch.adapter import PyTorchAdapter

    torch.manual_seed(0)
    adapter, model = PyTorchAdapter(), kp.TorchModel(Two(), loss=loss)
    data = of(form, ("left", "right"), (LEFT, RIGHT)), of(form, ("total", "kind"), (SUM, CLASS))
    before = closeness(data[1], adapter.predict(model, data[0]))
    losses = [adapter.fit(model, data, batch_size=16, seed=seed) for seed in range(3)]
    assert losses == sorted(losses, reverse=True)
    assert closeness(data[1], adapter.predict(model, data[0])) > before
    (batch,) = kp_batches(data)
    slopes = adapter.gradient(model, batch)
    assert all(slope.any() for slope in slopes.values())


def kp_batches(data):
    from knapprune.network.batches import batches

    return list(batches(data, 1000))
