"""Which kernel of a framework's model is which of hls4ml's graph, and what the graph says of it."""

import numpy as np
import pytest

from knapprune.adapters.conversion import project_settings
from knapprune.adapters.converted import converted, read_converted
from knapprune.adapters.hls4ml.nodes import kernels_of
from knapprune.adapters.kernel_places import ConversionMismatchError, OwnKernel
from knapprune.network.hls_config import as_dict
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.rules.strategy import HardwareWarning
from shared.frameworks import hls4ml, keras
from shared.high_granularity import all_kinds, network
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras", "hls4ml", "hgq")

LATENCY = read_hls_config(hls_settings("latency", 1))


def own_kernels(model):
    return {
        layer.name: OwnKernel(tuple(layer.kernel.shape), keras.ops.convert_to_numpy(layer.qkernel))
        for layer in model.layers
        if hasattr(layer, "qkernel")
    }


def conversion(model):
    calls = []

    def convert(config, folder):
        calls.append(config)
        return hls4ml.converters.convert_from_keras_model(
            model, output_dir=folder, hls_config=as_dict(config), **project_settings(config)
        )

    return convert, calls


def test_every_kind_of_kernel_is_found_and_read_in_its_own_axes():
    model = all_kinds()
    own = own_kernels(model)
    found = read_converted(LATENCY, conversion(model)[0], own)
    assert [layer.name for layer in found.layers] == list(own) == list(found.places)
    assert len(own) == 10
    for layer in found.layers:
        assert layer.kernel_shape == own[layer.name].shape == found.kernels[layer.name].shape
        np.testing.assert_array_equal(found.kernels[layer.name], own[layer.name].values)
    assert {layer.name: layer.kind for layer in found.layers}["axes"] == "dense"


def test_axes_of_an_einsum_are_those_that_each_output_sums_over():
    model = all_kinds()
    found = {layer.name: layer for layer in read_converted(LATENCY, conversion(model)[0], own_kernels(model)).layers}
    # "btc,dc->btd", and "btc,decf->btdef" of which the first two axes and the last are of the outputs
    assert (found["einsum"].outputs, found["einsum"].n_in, found["einsum"].n_out) == ((0,), 5, 5)
    assert (found["normalised_einsum"].n_in, found["normalised_einsum"].n_out) == (5, 6)
    assert set(found["normalised_einsum"].outputs) >= {0, 1}


def test_masks_go_to_the_graph_and_back():
    model = all_kinds()
    graph = conversion(model)[0](LATENCY, "unused")
    rng = np.random.default_rng(1)
    for name, place in read_converted(LATENCY, conversion(model)[0], own_kernels(model)).places.items():
        mask = rng.random(place.shape) < 0.5
        there = place.to_graph(mask)
        assert there.shape == kernels_of(graph)[name].read().shape
        np.testing.assert_array_equal(place.to_own(there), mask)


def test_a_model_is_converted_once_until_a_number_in_it_moves():
    from hgq.layers import QDense

    model = network(lambda: QDense(4, name="fc"), shape=(6,))
    convert, calls = conversion(model)

    def ask():
        numbers = [keras.ops.convert_to_numpy(variable) for variable in model.weights]
        return converted(model, LATENCY, convert, lambda: own_kernels(model), numbers)

    first = ask()
    assert ask() is first
    assert len(calls) == 1
    model.layers[0].kq.quantizer._b.assign_add(np.full(model.layers[0].kernel.shape, -4.0))
    assert ask().layers[0].weight_bits < first.layers[0].weight_bits
    assert len(calls) == 2


@pytest.mark.needs("da4ml")
def test_adder_graphs_are_described_with_the_kernels_that_they_are_made_of():
    model = all_kinds()
    own = own_kernels(model)
    found = read_converted(
        read_hls_config(hls_settings("latency", 1, dense={"Strategy": "DistributedArithmetic"})),
        conversion(model)[0],
        own,
    )
    by_name = {layer.name: layer for layer in found.layers}
    assert by_name["dense"].strategy == "distributed_arithmetic"
    assert by_name["dense"].weight_type is not None
    assert {layer.strategy for name, layer in by_name.items() if name != "dense"} == {"latency"}
    np.testing.assert_array_equal(found.kernels["dense"], own["dense"].values)


def test_a_setting_that_hls4ml_replaces_is_said():
    from hgq.layers import QDense

    model = network(lambda: QDense(4, name="fc"), shape=(6,))
    with pytest.warns(HardwareWarning, match="layer 'fc': hls4ml replaces reuse factor 5 by 6"):
        read_converted(read_hls_config(hls_settings("resource", 5)), conversion(model)[0], own_kernels(model))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda own: own | {"more": OwnKernel((2, 2))}, "layer 'more' is none of the kernels"),
        (lambda own: own | {"fc": OwnKernel((4, 6))}, r"kernel of shape \(4, 6\), and hls4ml one of shape \(6, 4\)"),
        (lambda own: own | {"fc": OwnKernel((6, 4), np.ones((6, 4)))}, "multiplies by other weights in hls4ml"),
        (lambda own: {}, r"kernels \['fc'\], which are none of its layers"),
    ],
)
def test_a_kernel_that_is_not_found_is_named(change, message):
    from hgq.layers import QDense

    model = network(lambda: QDense(4, name="fc"), shape=(6,))
    with pytest.raises(ConversionMismatchError, match=message):
        read_converted(LATENCY, conversion(model)[0], change(own_kernels(model)))
