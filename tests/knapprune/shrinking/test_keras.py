"""Keras models become smaller and compute the same; what was put on them stays on what is left."""

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.network.grid import Grid
from shared import dying_models
from shared.dying_models import largest_difference
from shared.frameworks import keras, layers
from shared.networks import dense_network

pytestmark = pytest.mark.needs("keras")

ADAPTER = KerasAdapter()
RANDOM = np.random.default_rng(3)


def inputs_of(model, seed=0):
    return np.random.default_rng(seed).normal(size=(16, *model.input_shape[1:])).astype("float32")


def two_layers(**settings):
    """Six hidden neurons: of two, nobody reads the result; two are constant, of which one is also read."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(6, "tanh", bias_initializer=keras.initializers.RandomNormal(stddev=1), name="fc", **settings),
            layers.Dense(3, use_bias=False, name="out"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.25, momentum=0.5), "mse", metrics=["mae"])
    return model


MASKS = {"fc": np.ones((5, 6), bool), "out": np.ones((6, 3), bool)}
MASKS["fc"][:, [1, 2]] = False
MASKS["fc"][0, 5] = False
MASKS["out"][[2, 3, 4]] = False
MASKS["out"][5, 1] = False


def pruned(**settings):
    return ADAPTER.apply(two_layers(**settings), MASKS)


@pytest.mark.parametrize("build", dying_models.NETWORKS)
def test_a_random_network_computes_the_same_with_fewer_parameters(build):
    rng = np.random.default_rng([2, 1])
    keras.utils.set_random_seed(2)
    model = dying_models.kill(build(rng), rng)
    out = kp.shrink(model)
    assert largest_difference(model, out.model, inputs_of(model)) <= 1e-5
    assert out.parameters == out.model.count_params() < out.parameters_before == model.count_params()
    assert type(out.model) is type(model)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("build", dying_models.NETWORKS)
def test_any_random_network_computes_the_same(build, seed):
    rng = np.random.default_rng([seed, 1])
    keras.utils.set_random_seed(seed)
    model = dying_models.kill(build(rng), rng, rng.uniform(0.1, 0.6))
    assert largest_difference(model, kp.shrink(model).model, inputs_of(model)) <= 1e-5


def test_a_constant_is_folded_into_a_bias_that_was_not_there():
    model = pruned()
    out = kp.shrink(model)
    assert out.removed == {"fc": 4}
    # The second neuron is tanh of its bias; the third is a constant that nobody reads.
    expected = np.tanh(model.get_layer("fc").bias[1]) * model.get_layer("out").kernel[1]
    np.testing.assert_allclose(out.model.get_layer("out").bias, expected, rtol=1e-6)
    assert out.model.get_layer("fc").kernel.shape == (5, 2)
    assert (out.parameters_before, out.parameters) == (5 * 6 + 6 + 6 * 3, 5 * 2 + 2 + 2 * 3 + 3)
    assert "fc                 4" in out.summary()


def test_the_model_given_is_untouched():
    model = pruned()
    before, config = model.get_weights(), model.get_config()
    kp.shrink(model).model.fit(inputs_of(model), np.zeros((16, 3)), verbose=0)
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    assert model.get_config() == config


def test_masks_are_cut_along_and_hold_under_training():
    out = kp.shrink(pruned()).model
    expected = {"fc": MASKS["fc"][:, [0, 5]], "out": MASKS["out"][[0, 5]]}
    found = ADAPTER.masks(out)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    before = ADAPTER.kernels(out)
    out.fit(inputs_of(out), np.ones((16, 3)), epochs=3, verbose=0)
    for name, kernel in ADAPTER.kernels(out).items():
        assert not kernel[~expected[name]].any()
        assert (kernel[expected[name]] != before[name][expected[name]]).all()


def test_grids_are_cut_along_with_the_numbers_behind_the_weights():
    model = pruned()
    digits = RANDOM.integers(1, 4, (5, 6)).astype(np.uint8)
    ADAPTER.hold(model, {"fc": Grid(2.0**-4, -128, 127, digits)})
    model.fit(inputs_of(model), np.ones((16, 3)), verbose=0)
    out = kp.shrink(model).model
    assert largest_difference(model, out, inputs_of(model)) <= 1e-5
    assert np.array_equal(ADAPTER.grids(out)["fc"].digits, np.where(MASKS["fc"], digits, 0)[:, [0, 5]])
    behind = {own: own.get_layer("fc").kernel_constraint.behind(ADAPTER.kernels(own)["fc"]) for own in (model, out)}
    assert np.array_equal(behind[out], behind[model][:, [0, 5]])
    out.fit(inputs_of(model), np.zeros((16, 3)), epochs=2, verbose=0)
    kernel = ADAPTER.kernels(out)["fc"]
    assert np.array_equal(kernel, ADAPTER.grids(out)["fc"].nearest(kernel))


def test_types_of_data_stay_and_constants_are_rounded_to_them():
    model = pruned()
    types = {"fc": kp.FixedPoint(6, 2), "out": kp.FixedPoint(20, 6)}
    ADAPTER.round_data(model, types)
    out = kp.shrink(model)
    assert ADAPTER.data_types(out.model) == types
    assert out.removed == {"fc": 4}
    bias = model.get_layer("fc").bias[1]
    expected = np.floor(np.tanh(bias) * 16 + 0.5) / 16 * model.get_layer("out").kernel[1]
    np.testing.assert_allclose(out.model.get_layer("out").bias, expected, rtol=1e-6)


def test_the_model_is_compiled_as_before_and_frozen_layers_stay_frozen():
    model = pruned()
    model.get_layer("fc").trainable = False
    out = kp.shrink(model).model
    assert not out.get_layer("fc").trainable
    assert out.optimizer.get_config() == model.optimizer.get_config()
    assert out.loss == "mse"
    assert out.evaluate(inputs_of(model), np.ones((16, 3)), verbose=0) == pytest.approx(
        model.evaluate(inputs_of(model), np.ones((16, 3)), verbose=0), rel=1e-5
    )


def test_a_smaller_model_is_saved_and_loaded_with_its_masks_in_a_smaller_file(tmp_path):
    model = dense_network(16, 64, 64, 4)
    dead = {"fc0": np.arange(16 * 64).reshape(16, 64) % 64 < 30, "fc1": np.ones((64, 64), bool)}
    out = kp.shrink(ADAPTER.apply(model, dead))
    out.model.save(tmp_path / "small.keras")
    again = kp.load(tmp_path / "small.keras")
    assert largest_difference(out.model, again, inputs_of(again)) == 0
    assert ADAPTER.masks(again)["fc0"].shape == (16, 30)
    assert out.removed == {"fc0": 34}
    assert out.file_bytes < out.file_bytes_before - 4 * (out.parameters_before - out.parameters) / 2
    assert out.file_bytes == pytest.approx((tmp_path / "small.keras").stat().st_size, rel=0.02)


@pytest.mark.parametrize("trained", [False, True])
def test_an_optimiser_takes_as_much_room_in_the_file_as_before(trained):
    model = dense_network(16, 64, 64, 4)
    model.compile("adam", "mse")
    if trained:
        model.fit(inputs_of(model), np.zeros((16, 4)), verbose=0)
    kernel, bias = model.get_layer("fc1").get_weights()
    kernel[:, :32] = 0
    model.get_layer("fc1").set_weights([kernel, bias])
    out = kp.shrink(model)
    gone = 4 * (out.parameters_before - out.parameters)
    assert out.file_bytes_before - out.file_bytes == pytest.approx(3 * gone if trained else gone, rel=0.05)
    out.model.fit(inputs_of(model), np.zeros((16, 4)), verbose=0)


def constant_before(after, bias):
    """A map of a constant and one that varies, and what reads them."""
    keras.utils.set_random_seed(1)
    entrance = keras.Input((7, 7, 2))
    first = layers.Conv2D(2, 3, activation="relu", name="first")
    out = layers.Dense(3, name="out")(layers.Flatten()(after(first(entrance))))
    model = keras.Model(entrance, out)
    kernel, _ = first.get_weights()
    kernel[..., 1] = 0
    first.set_weights([kernel, np.array([0.1, bias], "float32")])
    return model


AFTER = {
    "a valid convolution": (lambda: layers.Conv2D(3, 2, name="next"), True),
    "a padded one": (lambda: layers.Conv2D(3, 3, padding="same", name="next"), False),
    "a padded one that reaches nowhere": (lambda: layers.Conv2D(3, 1, padding="same", name="next"), True),
    "a depthwise one with padding": (lambda: layers.DepthwiseConv2D(3, padding="same"), False),
    "a separable one": (lambda: layers.SeparableConv2D(3, 3), True),
    "a separable one with padding": (lambda: layers.SeparableConv2D(3, 3, padding="same"), False),
    "padding": (lambda: layers.ZeroPadding2D(1), False),
    "an average": (lambda: layers.AveragePooling2D(2, padding="same"), True),
    "a maximum": (lambda: layers.MaxPooling2D(3, padding="same"), True),
    "a layer that is not known": (lambda: layers.LayerNormalization(), False),
}


@pytest.mark.parametrize("after", AFTER)
def test_a_constant_map_goes_only_where_that_is_exact(after):
    build, exact = AFTER[after]
    model = constant_before(build(), 0.7)
    out = kp.shrink(model)
    assert ("first" in out.removed) is exact
    assert largest_difference(model, out.model, inputs_of(model)) <= 1e-5


def test_a_map_of_zeros_goes_before_padding():
    out = kp.shrink(constant_before(layers.Conv2D(3, 3, padding="same", name="next"), -0.7))
    assert out.removed == {"first": 1}


def test_channels_around_a_sum_go_together():
    entrance = keras.Input((6,))
    x = layers.Dense(4, "relu", name="before")(entrance)
    y = layers.Dense(4, name="around")(layers.Dense(5, "relu", name="inside")(x))
    model = keras.Model(entrance, layers.Dense(2, name="out")(layers.Add()([x, y])))
    kernel, bias = model.get_layer("out").get_weights()
    kernel[:2] = 0
    model.get_layer("out").set_weights([kernel, bias])
    assert kp.shrink(model).removed == {}  # the layer inside reads them still
    kernel, bias = model.get_layer("inside").get_weights()
    kernel[0] = 0
    model.get_layer("inside").set_weights([kernel, bias])
    out = kp.shrink(model)
    assert out.removed == {"before": 1, "around": 1}
    assert largest_difference(model, out.model, inputs_of(model)) <= 1e-5


def test_a_layer_that_is_used_twice_stays_as_it_is():
    one, other = keras.Input((6,)), keras.Input((6,))
    shared = layers.Dense(4, "relu", name="shared")
    both = layers.Concatenate()([shared(one), shared(other)])
    model = keras.Model([one, other], layers.Dense(2, name="out")(layers.Dense(5, name="last")(both)))
    for name, rows in (("shared", [0]), ("last", [1, 5]), ("out", [2])):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[rows] = 0
        model.get_layer(name).set_weights([kernel, bias])
    out = kp.shrink(model)
    assert out.removed == {"last": 1}
    pair = [RANDOM.normal(size=(8, 6)).astype("float32") for _ in range(2)]
    assert largest_difference(model, out.model, pair) <= 1e-5


def test_a_dead_network_keeps_its_shapes():
    model = two_layers()
    model.set_weights([np.zeros_like(own) for own in model.get_weights()])
    out = kp.shrink(model)
    assert out.model.output_shape == (None, 3)
    assert out.model.input_shape == (None, 5)
    assert out.removed == {"fc": 5}
    assert not out.model.predict_on_batch(inputs_of(model)).any()


def test_a_network_without_dead_units_stays_as_it_is():
    model = two_layers()
    out = kp.shrink(model)
    assert out.removed == {}
    assert out.parameters == out.parameters_before
    assert "No layer has lost a unit" in out.summary()
    assert all(np.array_equal(old, new) for old, new in zip(model.get_weights(), out.model.get_weights(), strict=True))


def test_a_model_without_weights_yet_is_refused():
    with pytest.raises(ValueError, match="has no weights yet"):
        kp.shrink(keras.Sequential([layers.Dense(3)]))


def linear(own):
    """One of the user's own, that is named as one of Keras' is."""
    return keras.ops.abs(own)


@pytest.mark.parametrize("function", [linear, lambda own: keras.ops.abs(own)])
def test_lambdas_and_functions_that_nobody_registered_are_taken_over(function):
    factor = keras.ops.convert_to_tensor(2.0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, "relu", name="before"),
            layers.Lambda(lambda own: own * factor),
            layers.Dense(6, function, name="own"),
            layers.Dense(6, "relu", name="after"),
            layers.Dense(2),
        ]
    )
    for name in ("before", "own", "after"):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[:, 0] = 0
        model.get_layer(name).set_weights([kernel, bias])
    out = kp.shrink(model)
    assert out.removed == {"after": 1}  # what they read and make stays
    assert largest_difference(model, out.model, inputs_of(model)) <= 1e-5
