"""Models of tf_keras and QKeras become smaller and compute the same; what was put on them stays on what is left."""

from math import prod

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.tf_keras.adapter import TfKerasAdapter
from shared import dying_models
from shared.dying_models import kill, largest_difference
from shared.qkeras_networks import bits, compiled, dense, qkeras, tf_keras

pytestmark = pytest.mark.needs("tf_keras")
ADAPTER = TfKerasAdapter()


def inputs_of(model, seed=0):
    """Numbers that eight bits hold, so that sums of products with quantised weights have no rounding."""
    return np.random.default_rng(seed).integers(-8, 8, (16, *model.input_shape[1:])).astype("float32") / 8


def quantised(rng):
    """A quantised network: convolutions, one of them depthwise, a block around which data go, Dense layers."""
    layers = tf_keras.layers

    def settings(width=6):
        found = {"kernel_quantizer": bits(width)}
        return found | ({"bias_quantizer": bits(7, 1)} if rng.random() < 0.5 else {})

    def act(x):
        kind = rng.choice(["quantized_relu(6, 2)", "quantized_bits(6, 2, alpha=1)", "quantized_tanh(5)"])
        return qkeras.QActivation(str(kind))(x)

    padding = [str(rng.choice(["same", "valid"])) for _ in range(2)]
    entrance = tf_keras.Input((8, 8, 2))
    x = act(qkeras.QConv2D(8, 3, padding=padding[0], **settings())(entrance))
    y = act(qkeras.QConv2D(6, 1, activation=qkeras.quantized_relu(5, 1), **settings())(x))
    y = act(qkeras.QConv2D(8, 3, padding="same", **settings())(y))
    x = act(layers.Add()([x, y]))
    x = act(qkeras.QDepthwiseConv2D(2, padding=padding[1], depthwise_quantizer=bits(6))(x))
    x = act(qkeras.QBatchNormalization()(qkeras.QConv2D(7, 1, **settings())(x)))
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    x = act(qkeras.QDense(12, **settings())(x))
    return tf_keras.Model(entrance, qkeras.QDense(4, **settings())(x))


def on_grid(model):
    """Round biases that are not quantised: what is folded into them is exact then, and so is all else."""
    for layer in model.layers:
        bias = getattr(layer, "bias", None)
        if bias is not None:
            bias.assign(np.round(np.array(bias) * 64) / 64)
    return model


@pytest.mark.parametrize("build", dying_models.NETWORKS)
def test_a_random_network_computes_the_same_with_fewer_parameters(build, monkeypatch):
    monkeypatch.setattr(dying_models, "keras", tf_keras)
    monkeypatch.setattr(dying_models, "layers", tf_keras.layers)
    rng = np.random.default_rng([2, 1])
    model = kill(build(rng), rng)
    out = kp.shrink(model)
    assert largest_difference(model, out.model, inputs_of(model)) <= 1e-5
    assert out.parameters == out.model.count_params() < out.parameters_before == model.count_params()
    assert type(out.model) is type(model)


@pytest.mark.parametrize("seed", range(2))
def test_a_random_quantised_network_computes_the_very_same(seed):
    rng = np.random.default_rng([seed, 5])
    model = on_grid(kill(quantised(rng), rng, 0.4))
    out = kp.shrink(model)
    assert np.ptp(model.predict_on_batch(inputs_of(model))) > 0
    assert largest_difference(model, out.model, inputs_of(model)) == 0
    assert out.parameters < out.parameters_before
    assert sum(out.removed.values()) > 5


def two_layers(activation="quantized_relu(6, 2)", **settings):
    """Six hidden neurons: of one, all weights round to zero, of one nobody reads the result, a third is neither."""
    start = tf_keras.initializers.RandomUniform(-0.9, 0.9, seed=0)
    hidden = qkeras.QDense(6, kernel_quantizer=bits(6), bias_quantizer=bits(6), kernel_initializer=start, name="fc")
    out = qkeras.QDense(3, kernel_initializer=start, name="out", **({"kernel_quantizer": bits(6)} | settings))
    model = compiled(tf_keras.Sequential([tf_keras.Input((5,)), hidden, qkeras.QActivation(activation), out]))
    kernel, bias = hidden.get_weights()
    kernel[:, 1] = 0.01
    bias[:] = np.array([-0.2, 0.3, 0.25, 0.1, -0.1, 0])
    hidden.set_weights([kernel, bias])
    kernel, bias = out.get_weights()
    kernel[2] = -0.01
    out.set_weights([kernel, bias])
    return model


def test_weights_that_round_to_zero_are_dead_and_a_constant_is_folded_as_it_is_quantised():
    model = two_layers()
    out = kp.shrink(model)
    assert out.removed == {"fc": 2}
    # A bias of 0.3 is 10 steps of 1/32, and 5 of 1/16 behind the activation.
    expected = np.array(qkeras.quantized_relu(6, 2)(np.float32(10 / 32))) * bits(6)(model.get_layer("out").kernel[1])
    assert np.array_equal(out.model.get_layer("out").bias, expected)
    assert largest_difference(model, out.model, inputs_of(model)) == 0


def test_a_constant_stays_where_the_bias_that_would_take_it_over_is_rounded():
    model = two_layers(bias_quantizer=bits(6))
    out = kp.shrink(model)
    assert out.removed == {"fc": 1}
    assert largest_difference(model, out.model, inputs_of(model)) == 0


def test_a_constant_of_zero_goes_whatever_the_bias_is():
    model = two_layers(bias_quantizer=bits(6))
    kernel, bias = model.get_layer("fc").get_weights()
    bias[1] = -0.3
    model.get_layer("fc").set_weights([kernel, bias])
    out = kp.shrink(model)
    assert out.removed == {"fc": 2}
    assert largest_difference(model, out.model, inputs_of(model)) == 0


@pytest.mark.parametrize(
    ("activation", "settings"),
    [
        ("quantized_relu(6, 2)", {"kernel_quantizer": "quantized_bits(6, 0)"}),
        ("quantized_relu(6, 2)", {"kernel_quantizer": "stochastic_ternary(alpha=1)"}),
        ("quantized_bits(6, 2, alpha='auto')", {}),
        ("bernoulli()", {}),
    ],
)
def test_what_is_quantised_by_all_numbers_together_or_by_chance_stays_whole(activation, settings):
    model = two_layers(activation, **settings)
    out = kp.shrink(model)
    assert out.removed == {}
    assert all(np.array_equal(old, new) for old, new in zip(model.get_weights(), out.model.get_weights(), strict=True))


@pytest.mark.filterwarnings(r"ignore:The `keras\.constraints\.serialize:UserWarning")  # QKeras' own, in any save
def test_masks_are_cut_along_hold_under_training_and_are_saved(tmp_path):
    model = dense()
    masks = {"fc1": np.ones((64, 32), bool), "out": np.ones((32, 10), bool)}
    masks["fc1"][:, 5:9] = masks["out"][20:25] = masks["out"][1, 3] = False
    masked = ADAPTER.apply(model, masks)
    masked.get_layer("pixels").trainable = False
    out = kp.shrink(masked)
    assert out.removed == {"fc1": 9}
    kept = np.r_[0:5, 9:20, 25:32]
    expected = {"fc1": masks["fc1"][:, kept], "out": masks["out"][kept]}
    assert all(np.array_equal(ADAPTER.masks(out.model)[name], mask) for name, mask in expected.items())
    x = np.random.default_rng(0).integers(0, 16, (64, 64)).astype("float32") / 16
    assert largest_difference(masked, out.model, x) == 0
    assert out.model.loss is model.loss
    assert out.model.optimizer.get_config() == model.optimizer.get_config()
    assert [layer.trainable for layer in out.model.layers] == [layer.trainable for layer in masked.layers]
    before = ADAPTER.kernels(out.model)
    out.model.fit(x, np.arange(64) % 10, verbose=0)
    assert not ADAPTER.kernels(out.model)["out"][~expected["out"]].any()
    assert not np.array_equal(ADAPTER.kernels(out.model)["out"], before["out"])
    assert np.array_equal(ADAPTER.kernels(masked)["out"] != 0, masks["out"])
    out.model.save(tmp_path / "small.keras")
    assert out.file_bytes < out.file_bytes_before
    assert largest_difference(out.model, kp.load(tmp_path / "small.keras"), x) == 0


def test_whole_channels_are_selected_and_the_network_has_what_was_counted():
    model = quantised(np.random.default_rng(4))
    chosen = kp.select(model, budget={"parameters": 0.5, "macs": 0.6}, structure="channel", saliency="l2")
    masked = chosen.apply(model)
    out = kp.shrink(masked)
    assert largest_difference(masked, out.model, inputs_of(model)) <= 1e-5
    assert out.parameters == chosen.resources["parameters"]
    assert multiplications(out.model) == chosen.resources["macs"]
    assert all(cap.use(chosen.resources) <= cap.limit for cap in chosen.budget)
    assert any(0.9 * cap.limit <= cap.use(chosen.resources) for cap in chosen.budget)


def multiplications(model):
    """Count each kernel at each position of its result."""
    kernels = {layer: getattr(layer, "depthwise_kernel", getattr(layer, "kernel", None)) for layer in model.layers}
    return sum(prod(own.shape) * prod(layer.output_shape[1:-1]) for layer, own in kernels.items() if own is not None)


def test_models_inside_models_lambdas_and_sums_written_as_such_stay_as_they_are():
    layers = tf_keras.layers
    inner = tf_keras.Sequential([tf_keras.Input((6,)), layers.Dense(4, "relu"), layers.Dense(6)])
    entrance = tf_keras.Input((6,))
    x = layers.Dense(6, "relu", name="before")(entrance)
    x = layers.Dense(5, "relu", name="after")(inner(x) + x)
    doubled = layers.Lambda(lambda own: own * 2)(inner(entrance))
    model = tf_keras.Model(entrance, [layers.Dense(2, name="out")(x), doubled])
    for name in ("before", "after"):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[:, 0] = 0
        model.get_layer(name).set_weights([kernel, bias])
    out = kp.shrink(model)
    assert out.removed == {"after": 1}
    assert largest_difference(model, out.model, inputs_of(model)) <= 1e-5


def test_a_model_that_is_no_graph_or_not_built_is_refused():
    class Own(tf_keras.Model):
        def call(self, inputs):
            return inputs

    model = Own()
    model(np.ones((1, 2), "float32"))
    with pytest.raises(ValueError, match="got Own, expected a Sequential or Functional model"):
        kp.shrink(model)
    with pytest.raises(ValueError, match="has no weights yet"):
        kp.shrink(tf_keras.Sequential([qkeras.QDense(3)]))
