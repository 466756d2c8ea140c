"""Data between layers rounded to types: to the nearest value, cut off at the ends, in training as anywhere else."""

import numpy as np
import pytest

from knapprune.network.batches import Batch
from knapprune.network.precision import FixedPoint
from shared.frameworks import keras, torch

WIDE, NARROW = FixedPoint(6, 3), FixedPoint(3, 2, signed=False)
INPUTS = np.linspace(-9, 9, 48, dtype=np.float32).reshape(12, 4)
BATCH = Batch(INPUTS, np.arange(12) % 2, None, 12)


def keras_case():
    from knapprune.adapters.keras.adapter import KerasAdapter

    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((4,), name="given"), dense(5, "relu", name="a"), dense(2, name="b")])
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return KerasAdapter(), model, ("a", "b")


def torch_case():
    from knapprune.adapters.pytorch.adapter import PyTorchAdapter

    torch.manual_seed(1)
    nn = torch.nn
    return PyTorchAdapter(), nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), ("_1", "_2")


CASES = [
    pytest.param(keras_case, id="keras", marks=pytest.mark.needs("keras")),
    pytest.param(torch_case, id="pytorch", marks=pytest.mark.needs("torch", "hls4ml")),
]


def rounded(values, kind):
    """Round as ap_fixed does with RND and SAT."""
    step = 2.0**-kind.fraction
    return np.clip(np.floor(values / step + 0.5), kind.low, kind.high) * step


def weights_of(adapter, model):
    """Kernels and biases of the two layers."""
    kernels = list(adapter.kernels(model).values())
    if hasattr(model, "layers"):
        return [(kernel, layer.get_weights()[1]) for kernel, layer in zip(kernels, model.layers, strict=True)]
    biases = [part.bias.detach().numpy() for part in model if isinstance(part, torch.nn.Linear)]
    return list(zip(kernels, biases, strict=True))


@pytest.mark.parametrize("case", CASES)
def test_results_are_rounded_to_the_nearest_value_and_cut_off_at_the_ends(case):
    adapter, model, (hidden, last) = case()
    (first, bias), (second, offset) = weights_of(adapter, model)
    adapter.round_data(model, {hidden: NARROW, last: WIDE})
    inner = rounded(np.maximum(INPUTS @ first + bias, 0), NARROW)
    assert (inner == NARROW.high * 0.5).any()
    assert np.array_equal(adapter.predict(model, INPUTS), rounded(inner @ second + offset, WIDE).astype(np.float32))
    assert adapter.data_types(model) == {hidden: NARROW, last: WIDE}


@pytest.mark.parametrize("case", CASES)
def test_without_types_all_is_as_it_was(case):
    adapter, model, (hidden, last) = case()
    before = adapter.predict(model, INPUTS)
    adapter.round_data(model, {hidden: NARROW})
    assert not np.array_equal(adapter.predict(model, INPUTS), before)
    adapter.round_data(model, {last: WIDE})
    assert adapter.data_types(model) == {last: WIDE}
    adapter.round_data(model, {})
    assert adapter.data_types(model) == {}
    assert np.array_equal(adapter.predict(model, INPUTS), before)


@pytest.mark.parametrize("case", CASES)
def test_gradients_pass_straight_through_but_beyond_the_ends(case):
    adapter, model, (hidden, _) = case()
    before = adapter.gradient(model, BATCH)
    first, second = before
    adapter.round_data(model, {hidden: FixedPoint(20, 10, signed=False)})
    after = adapter.gradient(model, BATCH)
    assert np.allclose(after[first], before[first], atol=1e-3)
    adapter.round_data(model, {hidden: FixedPoint(4, -6, signed=False)})
    cut = adapter.gradient(model, BATCH)
    assert not cut[first].any()
    assert cut[second].any()


@pytest.mark.parametrize("case", CASES)
def test_a_copy_rounds_as_its_original_does_and_by_itself(case):
    adapter, model, (hidden, _) = case()
    adapter.round_data(model, {hidden: NARROW})
    copy = adapter.apply(model, {})
    assert adapter.data_types(copy) == {hidden: NARROW}
    assert np.array_equal(adapter.predict(copy, INPUTS), adapter.predict(model, INPUTS))
    adapter.round_data(copy, {})
    assert adapter.data_types(model) == {hidden: NARROW}


@pytest.mark.parametrize("case", CASES)
def test_results_are_shown_as_they_are_before_they_are_rounded(case):
    adapter, model, (hidden, last) = case()
    (first, bias), (second, offset) = weights_of(adapter, model)
    adapter.round_data(model, {hidden: NARROW})
    values = adapter.values(model, BATCH)
    inner = np.maximum(INPUTS @ first + bias, 0)
    assert np.allclose(values[hidden], inner, rtol=1e-5, atol=1e-6)
    assert np.allclose(values[last], inner @ second + offset, rtol=1e-5, atol=1e-5)
    assert adapter.data_types(model) == {hidden: NARROW}


@pytest.mark.parametrize("case", CASES)
def test_the_loss_is_that_of_the_rounded_model(case):
    adapter, model, (hidden, _) = case()
    adapter.round_data(model, {hidden: NARROW})
    logits = adapter.predict(model, INPUTS).astype(np.float64)
    chances = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -chances[np.arange(12), BATCH.targets].mean()
    assert adapter.loss(model, BATCH) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_types_of_layers_that_are_not_there_are_refused(case):
    adapter, model, _ = case()
    with pytest.raises(ValueError, match=r"types: no layers \['nowhere'\]"):
        adapter.round_data(model, {"nowhere": NARROW})


@pytest.mark.needs("keras")
def test_training_goes_on_in_the_types_without_another_compilation():
    adapter, model, _ = keras_case()
    adapter.round_data(model, {"a": NARROW})
    adapter.fit(model, (INPUTS, BATCH.targets), batch_size=4, seed=0)
    compiled, before = model.train_function, model.get_weights()
    adapter.round_data(model, {"a": FixedPoint(4, -6, signed=False)})
    assert model.train_function is compiled
    adapter.fit(model, (INPUTS, BATCH.targets), batch_size=4, seed=0)
    # All that the second layer gets is cut off, so nothing flows back to the first.
    assert np.array_equal(model.get_weights()[0], before[0])
    assert not np.array_equal(model.get_weights()[2], before[2])


@pytest.mark.needs("keras")
def test_inputs_are_rounded_where_they_are_read():
    adapter, model, _ = keras_case()
    before = adapter.predict(model, rounded(INPUTS, WIDE))
    adapter.round_data(model, {"given": WIDE})
    assert adapter.results(model)["given"].given
    assert np.array_equal(adapter.predict(model, INPUTS), before)


@pytest.mark.needs("keras")
def test_activations_are_layers_of_their_own_to_hls4ml_and_layers_that_move_values_have_no_type():
    from knapprune.adapters.keras.adapter import KerasAdapter

    layers = keras.layers
    inputs = keras.Input((8, 8, 1), name="given")
    inner = layers.ReLU(name="rectified")(layers.Conv2D(2, 3, name="conv")(inputs))
    pooled = layers.Flatten(name="flat")(layers.MaxPooling2D(name="pool")(inner))
    outputs = layers.Dense(3, "softmax", name="classes")(layers.Dense(4, "tanh", name="dense")(pooled))
    nodes = KerasAdapter().results(keras.Model(inputs, outputs))
    assert {name: node.name for name, node in nodes.items()} == {
        "given": "given",
        "conv": "conv",
        "rectified": "rectified",
        "pool": "pool",
        "dense": "dense_tanh",
    }
