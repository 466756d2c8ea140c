"""Masks under the user's own training: what is zero stays zero, whatever the optimiser, and after saving too."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.keras.adapter import KerasAdapter
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

ADAPTER = KerasAdapter()
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(64, 6)).astype("float32")
Y = RANDOM.integers(0, 3, 64)


def network(constraint=None, optimizer=None):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu", name="fc1", kernel_constraint=constraint),
            keras.layers.Dense(3, activation="softmax", name="fc2"),
        ]
    )
    model.compile(optimizer or "adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def kernel(model, layer="fc1"):
    return ADAPTER.kernels(model)[layer]


MASKS = {"fc1": RANDOM.random((6, 8)) < 0.4, "fc2": RANDOM.random((8, 3)) < 0.4}


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: keras.optimizers.Adam(0.01),
        lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
        lambda: keras.optimizers.Lion(0.01),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01, gradient_accumulation_steps=3)),
    ],
    ids=["momentum", "adam", "adamw", "lion", "scaled-and-accumulated"],
)
def test_masked_weights_stay_zero_in_the_users_own_fit(optimizer):
    model = network(optimizer=optimizer())
    model.fit(X, Y, epochs=1, batch_size=16, verbose=0)  # so that the optimiser has momentum to bring weights back with
    masked = ADAPTER.apply(model, MASKS)
    before = kernel(masked)
    masked.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    for name, mask in MASKS.items():
        assert not kernel(masked, name)[~mask].any()
        assert kernel(masked, name)[mask].all()
    assert not np.array_equal(kernel(masked), before)


def test_the_model_given_is_untouched():
    model = network()
    before = model.get_weights()
    ADAPTER.apply(model, MASKS).fit(X, Y, epochs=1, verbose=0)
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    assert model.get_layer("fc1").kernel_constraint is None


def test_unmasked_weights_and_layers_are_the_same_as_before():
    model = network()
    masked = ADAPTER.apply(model, {"fc1": MASKS["fc1"]})
    assert np.array_equal(kernel(masked), np.where(MASKS["fc1"], kernel(model), 0))
    assert np.array_equal(kernel(masked, "fc2"), kernel(model, "fc2"))


def test_the_compile_state_is_kept_with_the_optimisers_own():
    model = network(optimizer=keras.optimizers.Adam(0.007))
    model.fit(X, Y, epochs=1, batch_size=16, verbose=0)
    masked = ADAPTER.apply(model, MASKS)
    assert float(masked.optimizer.learning_rate) == pytest.approx(0.007)
    assert int(masked.optimizer.iterations) == 4
    assert set(masked.evaluate(X, Y, verbose=0, return_dict=True)) == {"loss", "accuracy"}


def test_a_model_that_is_not_compiled_stays_so():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, name="fc1")])
    assert not ADAPTER.apply(model, {"fc1": MASKS["fc1"]}).compiled


def test_a_frozen_layer_stays_frozen():
    model = network()
    model.get_layer("fc1").trainable = False
    assert not ADAPTER.apply(model, MASKS).get_layer("fc1").trainable


def test_the_users_own_constraint_holds_under_the_mask():
    masked = ADAPTER.apply(network(constraint="non_neg"), MASKS)
    masked.fit(X, Y, epochs=2, verbose=0)
    assert (kernel(masked) >= 0).all()
    assert not kernel(masked)[~MASKS["fc1"]].any()


def test_a_second_mask_replaces_the_first_and_keeps_the_users_constraint():
    once = ADAPTER.apply(network(constraint="non_neg"), MASKS)
    twice = ADAPTER.apply(once, {"fc1": ~MASKS["fc1"]})
    assert not kernel(twice).any()
    assert isinstance(twice.get_layer("fc1").kernel_constraint.inner, keras.constraints.NonNeg)


@pytest.mark.parametrize(
    "opened",
    ["kp.load(sys.argv[1])", "keras.models.load_model(sys.argv[1], custom_objects=kp.custom_objects())"],
)
def test_a_mask_survives_saving_and_loading_in_a_fresh_process(tmp_path, opened):
    masked = ADAPTER.apply(network(constraint="non_neg"), MASKS)
    masked.fit(X, Y, epochs=1, verbose=0)
    masked.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=X, y=Y, mask=MASKS["fc1"])
    script = f"""
import sys
import knapprune as kp
assert "keras" not in sys.modules
import keras, numpy as np
data = np.load(sys.argv[2])
model = {opened}
model.fit(data["x"], data["y"], epochs=1, verbose=0)
kernel = keras.ops.convert_to_numpy(model.get_layer("fc1").kernel)
assert not kernel[~data["mask"]].any() and (kernel >= 0).all() and kernel.any()
"""
    paths = [str(tmp_path / "model.keras"), str(tmp_path / "data.npz")]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0.dev0"])
def test_a_masked_model_of_an_earlier_version_keeps_its_mask(version):
    """The files name the module that the mask had then."""
    model = kp.load(Path(__file__).parent / "masked" / f"{version}.keras")
    constraint = model.get_layer("fc").kernel_constraint
    assert np.array_equal(constraint.mask, np.arange(12).reshape(3, 4) % 3 > 0)
    assert isinstance(constraint.inner, keras.constraints.NonNeg)
    model.fit(np.ones((8, 3), "f"), np.ones((8, 4), "f"), epochs=1, verbose=0)
    weights = kernel(model, "fc")
    assert not weights[~constraint.mask].any()
    assert weights.any()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # h5py takes variables of Keras
def test_a_masked_model_of_the_legacy_format_keeps_its_mask(tmp_path):
    ADAPTER.apply(network(), MASKS).save(tmp_path / "model.h5")
    assert np.array_equal(ADAPTER.masks(kp.load(tmp_path / "model.h5"))["fc1"], MASKS["fc1"])


def test_a_mask_is_saved_in_one_bit_a_weight():
    mask = RANDOM.random((64, 64)) < 0.5
    from knapprune.adapters.keras.mask import KernelMask

    config = KernelMask(mask).get_config()
    assert len(config["bits"]) <= mask.size / 8 * 4 / 3 + 4
    assert np.array_equal(KernelMask.from_config(config).mask, mask)


def test_a_weight_that_became_nan_is_zero_under_the_mask():
    from knapprune.adapters.keras.mask import KernelMask

    masked = KernelMask(np.array([True, False]))(keras.ops.convert_to_tensor([1.0, float("nan")]))
    assert keras.ops.convert_to_numpy(masked).tolist() == [1.0, 0.0]


def test_a_nested_model_is_masked_inside():
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, name="fc1")], name="inner")
    entry = keras.Input((6,))
    model = keras.Model(entry, keras.layers.Dense(3, name="fc2")(inner(entry)))
    masked = ADAPTER.apply(model, MASKS)
    masked.compile("sgd", "mse")
    masked.fit(X, np.zeros((64, 3)), epochs=1, verbose=0)
    assert not kernel(masked)[~MASKS["fc1"]].any()
    assert kernel(model)[~MASKS["fc1"]].all()


def test_an_optimiser_that_writes_past_the_constraints_is_refused():
    with pytest.raises(ValueError, match="compile it with use_ema=False"):
        ADAPTER.apply(network(optimizer=keras.optimizers.Adam(use_ema=True)), MASKS)


def test_a_mask_of_an_unknown_layer_or_shape_is_refused():
    with pytest.raises(ValueError, match=r"no layer 'fc9' to mask, expected some of \['fc1', 'fc2'\]"):
        ADAPTER.apply(network(), {"fc9": MASKS["fc1"]})
    with pytest.raises(ValueError, match=r"layer 'fc1' is bool of shape \(8, 6\), expected bool of shape \(6, 8\)"):
        ADAPTER.apply(network(), {"fc1": MASKS["fc1"].T})
    with pytest.raises(ValueError, match="layer 'fc1' is float64"):
        ADAPTER.apply(network(), {"fc1": MASKS["fc1"] * 1.0})
