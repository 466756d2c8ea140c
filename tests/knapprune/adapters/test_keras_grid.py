"""Weights on a grid under the user's own training: each is a value of its type with at most its digits, always."""

import os
import subprocess
import sys

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.network.grid import Grid
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

ADAPTER = KerasAdapter()
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(160, 6)).astype("float32")
Y = RANDOM.integers(0, 3, 160)
STEP, LOW, HIGH = 2.0**-6, -128, 127
DIGITS = {
    "fc1": RANDOM.integers(0, 4, (6, 8)).astype(np.uint8),
    "fc2": RANDOM.integers(1, 3, (8, 3)).astype(np.uint8),
}
MASKS = {"fc1": RANDOM.random((6, 8)) < 0.6}
OPTIMIZERS = {
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.01, weight_decay=0.05),
    "scaled-and-accumulated": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.02, gradient_accumulation_steps=3)
    ),
}


def grid(digits, step=STEP, low=LOW, high=HIGH):
    return Grid(step, low, high, np.asarray(digits, np.uint8))


GRIDS = {name: grid(digits) for name, digits in DIGITS.items()}


def network(constraint=None, optimizer=None, **settings):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu", name="fc1", kernel_constraint=constraint),
            keras.layers.Dense(3, activation="softmax", name="fc2"),
        ]
    )
    model.compile(optimizer or OPTIMIZERS["adam"](), "sparse_categorical_crossentropy", **settings)
    return model


def ten_steps(model):
    model.fit(X, Y, epochs=1, batch_size=16, verbose=0)


def kernel(model, layer="fc1"):
    return ADAPTER.kernels(model)[layer]


def fewest_digits(number):
    """The fewest digits -1, 0 and 1 of a whole number: taken one by one from the end, a run of ones as two."""
    number, count = abs(int(number)), 0
    while number:
        if number % 2:
            number -= 1 if number % 4 == 1 else -1
            count += 1
        number //= 2
    return count


def on_its_grid(weights, digits, step=STEP, low=LOW, high=HIGH):
    multiples = np.asarray(weights, np.float64) / step
    whole = np.array_equal(multiples, np.rint(multiples)) and multiples.min() >= low and multiples.max() <= high
    return whole and (np.vectorize(fewest_digits)(np.rint(multiples)) <= digits).all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_weights_stay_on_their_grid_in_the_users_own_fit_and_move_on_it(optimizer, jit_compile):
    model = network(optimizer=optimizer(), jit_compile=jit_compile)
    ten_steps(model)  # so that the optimiser has momentum, and a step that knows nothing of grids
    assert not on_its_grid(kernel(model), 4)
    ADAPTER.hold(model, GRIDS)
    before = ADAPTER.kernels(model)
    assert all(on_its_grid(before[name], digits) for name, digits in DIGITS.items())
    ten_steps(model)
    after = ADAPTER.kernels(model)
    for name, digits in DIGITS.items():
        assert on_its_grid(after[name], digits)
        assert not np.array_equal(before[name], after[name])


def test_assigning_the_values_that_are_held_loses_nothing_of_training():
    """As measuring with rounded kernels does, which puts the own ones back."""
    one, other = network(), network()
    for model in (one, other):
        ADAPTER.hold(model, GRIDS)
        ten_steps(model)
    ADAPTER.assign(one, ADAPTER.kernels(one))
    for model in (one, other):
        keras.utils.set_random_seed(2)
        ten_steps(model)
    assert all(np.array_equal(kernel(one, name), kernel(other, name)) for name in GRIDS)


def test_holding_brings_weights_to_the_nearest_values():
    model = network()
    weights = ADAPTER.kernels(model)
    ADAPTER.hold(model, GRIDS)
    multiples = np.arange(LOW, HIGH + 1)
    counts = np.vectorize(fewest_digits)(multiples)
    for name, digits in DIGITS.items():
        for weight, most, held in zip(weights[name].flat, digits.flat, kernel(model, name).flat, strict=True):
            values = sorted(
                multiples[counts <= most], key=lambda value: (abs(value - np.rint(weight / STEP)), abs(value))
            )
            assert held == values[0] * STEP


def test_small_steps_add_up_until_a_weight_moves():
    """Each step is a ninth of the type's: rounding after each step of the optimiser would never let go of 4."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, name="fc")])
    model.compile(keras.optimizers.SGD(0.11 * STEP), lambda _, outputs: outputs)
    ADAPTER.assign(model, {"fc": np.array([[4 * STEP], [4 * STEP]])})
    ADAPTER.hold(model, {"fc": grid([[1], [3]])})
    for step in range(1, 39):
        model.train_on_batch(np.array([[-1.0, 1.0]]), np.zeros((1, 1)))
        up, down = kernel(model, "fc").ravel() / STEP
        assert up == (4 if 4 + 0.11 * step < 6.5 else 8)  # of one digit
        assert down == np.rint(4 - 0.11 * step)
    assert (up, down) == (8, 0)


def test_a_weight_at_the_end_of_its_type_turns_back_at_once():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="fc")])
    model.compile(keras.optimizers.SGD(STEP), lambda _, outputs: outputs)
    ADAPTER.hold(model, {"fc": grid([[4]])})
    ADAPTER.assign(model, {"fc": np.array([[100.0]])})
    assert kernel(model, "fc") == HIGH * STEP
    for side, there in [(-1, 127), (-1, 127), (1, 126), (1, 125)]:
        model.fit(np.array([[side]], "float32"), np.zeros((1, 1)), epochs=1, verbose=0)
        assert kernel(model, "fc") / STEP == there


def test_masked_weights_stay_zero_on_a_grid():
    model = ADAPTER.apply(network(), MASKS)
    ADAPTER.hold(model, {"fc1": grid(np.full((6, 8), 3))})
    ten_steps(model)
    assert not kernel(model)[~MASKS["fc1"]].any()
    assert on_its_grid(kernel(model), 3)
    assert np.array_equal(ADAPTER.masks(model)["fc1"], MASKS["fc1"])
    assert np.array_equal(ADAPTER.grids(model)["fc1"].digits, np.where(MASKS["fc1"], 3, 0))


@pytest.mark.parametrize("masked", [False, True])
def test_another_mask_on_a_held_model_lets_what_it_frees_start_from_zero(masked):
    model = ADAPTER.apply(network(), MASKS) if masked else network()
    ADAPTER.hold(model, {"fc1": grid(np.full((6, 8), 3))})
    ten_steps(model)
    ADAPTER.remask(model, {"fc1": ~MASKS["fc1"]})
    assert not kernel(model)[MASKS["fc1"]].any()
    ten_steps(model)
    assert not kernel(model)[MASKS["fc1"]].any()
    ADAPTER.remask(model, {"fc1": np.ones((6, 8), bool)})
    model.optimizer.learning_rate = 0.0
    before = kernel(model)
    ten_steps(model)
    assert np.array_equal(kernel(model), before)
    assert (ADAPTER.grids(model)["fc1"].digits == 3).all()


def test_the_users_own_constraint_holds_on_a_grid():
    model = network(constraint="non_neg")
    ADAPTER.hold(model, GRIDS)
    ten_steps(model)
    assert (kernel(model) >= 0).all()
    assert kernel(model).any()
    assert on_its_grid(kernel(model), DIGITS["fc1"])


@pytest.mark.parametrize("masks", [{}, MASKS], ids=["copied", "masked"])
def test_a_copy_keeps_its_grids_and_trains_as_the_model_does(masks):
    model = network()
    ADAPTER.hold(model, GRIDS)
    ten_steps(model)
    before = ADAPTER.kernels(model)
    copy = ADAPTER.apply(model, masks)
    ten_steps(copy)
    assert all(np.array_equal(own, before[name]) for name, own in ADAPTER.kernels(model).items())
    assert all(on_its_grid(own, DIGITS[name]) for name, own in ADAPTER.kernels(copy).items())
    if not masks:
        ten_steps(model)
        assert all(np.array_equal(own, kernel(model, name)) for name, own in ADAPTER.kernels(copy).items())
    assert not any(kernel(copy, name)[~mask].any() for name, mask in masks.items())


def test_a_state_that_is_restored_trains_on_bit_for_bit():
    model = network()
    ADAPTER.hold(model, GRIDS)
    ADAPTER.fit(model, (X, Y), batch_size=16, seed=1)
    state = ADAPTER.state(model)
    ADAPTER.fit(model, (X, Y), batch_size=16, seed=2)
    other = network()
    ADAPTER.hold(other, GRIDS)
    ADAPTER.restore(other, state)
    ADAPTER.fit(other, (X, Y), batch_size=16, seed=2)
    first, second = ADAPTER.state(model), ADAPTER.state(other)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    ADAPTER.restore(other, {**state, **{name: np.zeros_like(state[name]) for name in state if "latent" in name}})
    ADAPTER.fit(other, (X, Y), batch_size=16, seed=2)
    assert not np.array_equal(kernel(other), kernel(model))  # what is behind the weights is part of the state


def test_other_digits_change_a_grid_in_place_without_another_trace():
    class Counting(keras.constraints.Constraint):
        calls = 0

        def __call__(self, w):
            self.calls += 1
            return w

    model = network(constraint=Counting())
    ADAPTER.hold(model, GRIDS)
    ten_steps(model)
    counting, step = model.get_layer("fc1").kernel_constraint.inner, model.train_function
    traced = counting.calls
    assert traced > 0
    fewer = {name: grid(np.minimum(digits, 1)) for name, digits in DIGITS.items()}
    ADAPTER.hold(model, fewer)
    ten_steps(model)
    assert model.train_function is step
    assert counting.calls == traced
    assert all(on_its_grid(kernel(model, name), own.digits) for name, own in fewer.items())
    ADAPTER.hold(model, {"fc1": grid(np.full((6, 8), 2), step=2.0**-3, low=-8, high=7), "fc2": fewer["fc2"]})
    ten_steps(model)  # another type is another list of values
    assert counting.calls > traced
    assert on_its_grid(kernel(model), 2, step=2.0**-3, low=-8, high=7)


def test_digits_that_come_back_find_the_numbers_behind_the_weights_again():
    model = network()
    ADAPTER.hold(model, {"fc1": grid(np.full((6, 8), 4))})
    before = kernel(model)
    ADAPTER.hold(model, {"fc1": grid(np.zeros((6, 8)))})
    assert not kernel(model).any()
    ADAPTER.hold(model, {"fc1": grid(np.full((6, 8), 4))})
    assert np.array_equal(kernel(model), before)


def test_layers_that_are_not_named_are_let_go():
    model = ADAPTER.apply(network(), MASKS)
    ADAPTER.hold(model, GRIDS)
    ten_steps(model)
    ADAPTER.hold(model, {"fc2": GRIDS["fc2"]})
    ten_steps(model)
    assert list(ADAPTER.grids(model)) == ["fc2"]
    assert not on_its_grid(kernel(model), 4)
    assert not kernel(model)[~MASKS["fc1"]].any()
    assert on_its_grid(kernel(model, "fc2"), DIGITS["fc2"])


def test_values_that_are_assigned_go_to_the_grid_and_train_from_there():
    model = ADAPTER.apply(network(), MASKS)
    ADAPTER.hold(model, GRIDS)
    ten_steps(model)
    ADAPTER.assign(model, {"fc1": np.full((6, 8), 5 * STEP)})
    expected = np.where(MASKS["fc1"], np.array([0, 4, 5, 5])[DIGITS["fc1"]], 0) * STEP
    assert np.array_equal(kernel(model), expected)
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    ten_steps(model)
    assert np.array_equal(kernel(model), expected)


@pytest.mark.parametrize(
    "opened",
    ["kp.load(sys.argv[1])", "keras.models.load_model(sys.argv[1], custom_objects=kp.custom_objects())"],
)
def test_a_held_model_that_is_loaded_in_a_fresh_process_trains_on_its_grid(tmp_path, opened):
    model = ADAPTER.apply(network(constraint="non_neg"), MASKS)
    ADAPTER.hold(model, GRIDS)
    ten_steps(model)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=X, y=Y, kernel=kernel(model))
    script = f"""
import sys
import knapprune as kp
import keras, numpy as np
from knapprune.adapters.keras.adapter import KerasAdapter
data = np.load(sys.argv[2])
model = {opened}
layer, found = model.get_layer("fc1"), []
for rate in (0.0, 0.05):
    model.optimizer.learning_rate = rate
    model.fit(data["x"], data["y"], epochs=1, batch_size=16, verbose=0)
    found.append(keras.ops.convert_to_numpy(layer.kernel))
assert np.array_equal(found[0], data["kernel"]) and not np.array_equal(found[1], data["kernel"])
own = KerasAdapter().grids(model)["fc1"]
np.savez(sys.argv[3], kernel=found[1], digits=own.digits, type=[own.step, own.low, own.high])
"""
    paths = [str(tmp_path / name) for name in ("model.keras", "data.npz", "after.npz")]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    after = np.load(paths[2])
    assert np.array_equal(after["digits"], np.where(MASKS["fc1"], DIGITS["fc1"], 0))
    assert after["type"].tolist() == [STEP, LOW, HIGH]
    assert on_its_grid(after["kernel"], after["digits"])
    assert (after["kernel"] >= 0).all()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # h5py takes variables of Keras
def test_a_held_model_of_the_legacy_format_keeps_its_grid(tmp_path):
    model = network()
    ADAPTER.hold(model, GRIDS)
    model.save(tmp_path / "model.h5")
    loaded = kp.load(tmp_path / "model.h5")
    assert np.array_equal(ADAPTER.grids(loaded)["fc1"].digits, DIGITS["fc1"])
    ADAPTER.hold(loaded, GRIDS)
    assert np.array_equal(kernel(loaded), kernel(model))


@pytest.mark.needs("torch")
def test_weights_train_on_their_grid_on_the_torch_backend_too(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, y=Y, digits=DIGITS["fc1"])
    script = f"""
import sys
import keras, numpy as np
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.network.grid import Grid
assert keras.backend.backend() == "torch"
data, adapter = np.load(sys.argv[1]), KerasAdapter()
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "relu", name="fc1"), keras.layers.Dense(3)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.optimizer.learning_rate = 0.01
adapter.hold(model, {{"fc1": Grid({STEP}, {LOW}, {HIGH}, data["digits"])}})
kernels = []
for _ in range(2):
    kernels.append(adapter.kernels(model)["fc1"])
    model.fit(data["x"], data["y"], batch_size=16, verbose=0)
np.savez(sys.argv[2], *kernels, adapter.kernels(model)["fc1"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "data.npz"), str(tmp_path / "after.npz")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": "torch"},
    )
    assert done.returncode == 0, done.stderr
    kernels = list(np.load(tmp_path / "after.npz").values())
    assert len(kernels) == 3
    assert all(on_its_grid(own, DIGITS["fc1"]) for own in kernels)
    assert not np.array_equal(kernels[0], kernels[-1])


def test_every_kind_of_kernel_is_held():
    entry = keras.Input((8, 6))
    layer = keras.layers
    sequence = layer.LSTM(4, return_sequences=True, name="lstm")(layer.Conv1D(4, 3, name="conv")(entry))
    sequence = layer.SeparableConv1D(4, 3, name="parts")(layer.GRU(4, return_sequences=True, name="gru")(sequence))
    sequence = layer.DepthwiseConv1D(2, name="depth")(sequence)
    model = keras.Model(entry, layer.Dense(3, "softmax", name="dense")(layer.Flatten()(sequence)))
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    kernels = ADAPTER.kernels(model)
    assert {"conv", "lstm", "lstm/recurrent", "gru/recurrent", "parts_depthwise", "parts_pointwise"} <= set(kernels)
    digits = {name: RANDOM.integers(1, 4, own.shape).astype(np.uint8) for name, own in kernels.items()}
    ADAPTER.hold(model, {name: grid(own) for name, own in digits.items()})
    before = ADAPTER.kernels(model)
    model.fit(RANDOM.normal(size=(160, 8, 6)), Y, batch_size=16, verbose=0)
    for name, own in ADAPTER.kernels(model).items():
        assert on_its_grid(own, digits[name]), name
        assert not np.array_equal(own, before[name]), name


@pytest.mark.parametrize(("step", "low", "high"), [(2.0**-17, -(2**19), 2**19 - 1), (4.0, 0, 7), (2.0**-8, 0, 255)])
def test_all_digits_of_a_type_hold_all_its_values(step, low, high):
    model = network()
    values = RANDOM.integers(low, high + 1, (6, 8)) * step
    ADAPTER.hold(model, {"fc1": grid(np.full((6, 8), 30), step, low, high)})
    ADAPTER.assign(model, {"fc1": values})
    model.optimizer.learning_rate = 0.0
    ten_steps(model)
    assert np.array_equal(kernel(model), values.astype(np.float32))


def test_training_that_diverges_is_seen():
    model = network(optimizer=keras.optimizers.SGD(0.1))
    ADAPTER.hold(model, GRIDS)
    with np.errstate(invalid="ignore"):
        model.fit(np.full((16, 6), np.nan, "float32"), Y[:16], verbose=0)
    assert np.isnan(kernel(model)).all()


def test_grids_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"no layer 'fc9' to hold, expected some of \['fc1', 'fc2'\]"):
        ADAPTER.hold(network(), {"fc9": GRIDS["fc1"]})
    with pytest.raises(ValueError, match=r"layer 'fc1' are uint8 of shape \(8, 6\), expected uint8 of shape \(6, 8\)"):
        ADAPTER.hold(network(), {"fc1": grid(DIGITS["fc1"].T)})
    with pytest.raises(ValueError, match="digits of layer 'fc1' are int64"):
        ADAPTER.hold(network(), {"fc1": Grid(STEP, LOW, HIGH, DIGITS["fc1"].astype(np.int64))})
    with pytest.raises(ValueError, match="type of layer 'fc1' has 21 bits, expected at most 20"):
        ADAPTER.hold(network(), {"fc1": grid(DIGITS["fc1"], STEP, -(2**20), 2**20 - 1)})
    with pytest.raises(ValueError, match="compile it with use_ema=False"):
        ADAPTER.hold(network(optimizer=keras.optimizers.Adam(use_ema=True)), GRIDS)
    half = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, name="fc1", dtype="bfloat16")])
    with pytest.raises(ValueError, match="weights of layer 'fc1' are bfloat16"):
        ADAPTER.hold(half, {"fc1": GRIDS["fc1"]})


def test_a_refused_grid_changes_nothing():
    model = network()
    before = kernel(model)
    with pytest.raises(ValueError, match="no layer 'fc9'"):
        ADAPTER.hold(model, {"fc1": GRIDS["fc1"], "fc9": GRIDS["fc1"]})
    assert np.array_equal(kernel(model), before)
    assert ADAPTER.grids(model) == {}


def test_a_backend_whose_constraints_keep_nothing_is_refused(monkeypatch):
    model = network()
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="JAX backend, where a constraint keeps nothing from one step to the next"):
        ADAPTER.hold(model, GRIDS)
