"""Compiled projects compute what Keras computes, up to the bits that the types have."""

import numpy as np
import pytest

from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.project.emulation import CompilationError, build, optimising_pays, predict
from knapprune.project.export import export
from knapprune.verification.verifying import verify
from shared.frameworks import keras, layers
from shared.networks import random_masks

# 16 fractional bits: sums of a few dozen products are right to about 1e-3.
WIDE = {"Precision": "ap_fixed<24,8>", "Strategy": "resource_unrolled"}
pytestmark = [pytest.mark.slow, pytest.mark.needs("keras")]


def masked(model):
    adapter = KerasAdapter()
    return adapter.apply(model, random_masks(adapter, model, 0.5, seed=1))


@pytest.fixture(scope="module")
def dense():
    """Reuse factors below and above the number of inputs: the two forms of generated code."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(6, activation="relu", name="below"),
            layers.Dense(4, name="above"),
        ]
    )
    config = {"Model": WIDE | {"ReuseFactor": 4}, "LayerName": {"above": WIDE | {"ReuseFactor": 12}}}
    return masked(model), config


def test_a_pruned_dense_network_agrees_with_keras(dense, tmp_path):
    model, config = dense
    x = np.random.default_rng(0).normal(size=(1500, 8)).astype("float32")
    check = verify(model, config, data=(x, model.predict(x, verbose=0).argmax(axis=1)), output_dir=tmp_path / "hls")
    assert check.compiled
    assert check.model_accuracy == 1
    assert check.accuracy > 0.99  # a tie within 1e-3 may go the other way
    assert "bit-accurate accuracy: " in check.summary()


def test_outputs_keep_their_shape_and_batches_do_not_matter(dense, tmp_path):
    model, config = dense
    x = np.random.default_rng(0).normal(size=(9, 8))
    project = export(model, config, tmp_path / "a folder with spaces")
    build(project)
    expected = model.predict(x, verbose=0)
    for batch_size in (1, 4, 1024):
        (found,) = predict(project, x, [(4,)], batch_size=batch_size)
        assert found.shape == (9, 4)
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_a_convolution_in_a_stream_with_two_outputs_agrees_with_keras(tmp_path):
    keras.utils.set_random_seed(2)
    inputs = keras.Input((6, 6, 2))
    features = layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    model = masked(keras.Model(inputs, [features, layers.Dense(2, name="fc")(layers.Flatten()(features))]))
    x = np.random.default_rng(0).normal(size=(20, 6, 6, 2)).astype("float32")
    expected = model.predict(x, verbose=0)

    def worst_difference(labels, outputs):
        assert [output.shape for output in outputs] == [(20, 4, 4, 4), (20, 2)]
        return max(float(np.abs(label - output).max()) for label, output in zip(labels, outputs, strict=True))

    config = {"Model": WIDE | {"ReuseFactor": 2}, "IOType": "io_stream"}
    check = verify(model, config, data=(x, expected), metric=worst_difference)
    assert check.model_accuracy == 0
    assert 0 < check.accuracy < 5e-3


def test_a_compiler_error_is_passed_on(dense, tmp_path, monkeypatch):
    model, config = dense
    project = export(model, config, tmp_path / "hls")
    compiler = tmp_path / "bin" / "g++"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\necho 'error: no room on the chip' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{compiler.parent}:/usr/bin:/bin")
    with pytest.raises(CompilationError, match="no room on the chip"):
        build(project)


DEEP = {"Precision": "ap_fixed<28,12>", "ReuseFactor": 1, "Strategy": "latency"}
ROWS = DEEP | {"Strategy": "resource", "ReuseFactor": 6}


@pytest.mark.parametrize(
    ("shape", "layer", "settings", "io_type"),
    [
        ((6, 5, 3), lambda: layers.DepthwiseConv2D(3, name="x"), DEEP, "io_parallel"),
        (
            (9, 4),
            lambda: layers.DepthwiseConv1D(3, name="x"),
            DEEP | {"Strategy": "resource", "ReuseFactor": 6},
            "io_stream",
        ),
        ((9, 4), lambda: layers.SeparableConv1D(6, 3, name="x"), WIDE | {"ReuseFactor": 2}, "io_stream"),
        ((5, 4), lambda: layers.EinsumDense("abc,cde->abde", (5, 2, 3), name="x"), DEEP, "io_parallel"),
        ((5, 4), lambda: layers.EinsumDense("abc,bcd->abd", (5, 3), name="x"), DEEP, "io_parallel"),
        ((5, 4), lambda: layers.LSTM(4, name="x"), WIDE | {"ReuseFactor": 4}, "io_parallel"),
        ((5, 4), lambda: layers.GRU(4, return_sequences=True, name="x"), WIDE | {"ReuseFactor": 2}, "io_stream"),
    ],
    ids=["depthwise", "depthwise-rows", "separable", "einsum", "einsum-in-place", "lstm", "gru"],
)
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_a_masked_layer_of_each_kind_agrees_with_keras(shape, layer, settings, io_type):
    keras.utils.set_random_seed(2)
    model = masked(keras.Sequential([keras.Input(shape), layer()]))
    x = np.random.default_rng(0).normal(size=(20, *shape)).astype("float32")
    expected = model.predict(x, verbose=0)

    def worst_difference(labels, outputs):
        return float(np.abs(labels - np.reshape(outputs, labels.shape)).max())

    check = verify(model, {"Model": settings}, io_type=io_type, data=(x, expected), metric=worst_difference)
    # The tables of sigmoid and tanh have 1024 entries; everything else is sums of a few products.
    assert 0 < check.accuracy < (0.05 if settings["Strategy"] == "resource_unrolled" else 5e-3)


def test_a_convolution_is_compiled_with_optimisation_long_before_an_unrolled_layer(tmp_path):
    whole = keras.Sequential([keras.Input((8,)), layers.Dense(6, name="fc")])
    unrolled = export(whole, {"Model": WIDE | {"ReuseFactor": 4}}, tmp_path / "dense").graph
    assert not optimising_pays(unrolled, 10_000)
    assert optimising_pays(unrolled, 30_000)
    streamed = keras.Sequential(
        [
            keras.Input((12, 12, 2)),
            layers.Conv2D(4, 3, name="conv"),
            layers.Flatten(),
            layers.Dense(2, name="fc"),
        ]
    )
    config = {
        "IOType": "io_stream",
        "Model": {"Precision": "ap_fixed<24,8>", "ReuseFactor": 1, "Strategy": "latency"},
        "LayerName": {"fc": WIDE | {"ReuseFactor": 2}},
    }
    # 72 weights at 100 pixels, and 800 that have a line each.
    graph = export(streamed, config, tmp_path / "conv").graph
    assert not optimising_pays(graph, 1_900)
    assert optimising_pays(graph, 2_100)
