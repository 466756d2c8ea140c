"""Catapult, Quartus and oneAPI: the settings that take effect are hls4ml's, and DSPs follow from them."""

import warnings
from functools import cache

import numpy as np
import pytest

import knapprune as kp
from knapprune import HardwareWarning
from knapprune.hardware.intel import blocks
from knapprune.network.hls_config import HlsConfigError
from knapprune.network.hls_config_file import read_hls_config
from shared.frameworks import keras
from shared.hls import hls_settings
from shared.networks import dense_network

pytestmark = pytest.mark.needs("keras")

SIZES = [(16, 24), (24, 30), (30, 12), (12, 5)]


@cache
def unpruned():
    return dense_network(16, *(n_out for _, n_out in SIZES))


def config(backend, strategy="Resource", reuse_factor=4, bits=16):
    return {"Backend": backend, **hls_settings(strategy, reuse_factor, bits)}


def quiet(call, *arguments, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HardwareWarning)
        return call(*arguments, **keywords)


@pytest.mark.parametrize("backend", ["Catapult", "Quartus", "oneAPI"])
@pytest.mark.parametrize("strategy", ["Latency", "Resource"])
@pytest.mark.parametrize("reuse_factor", [1, 4, 7, 48, 1000])
def test_strategies_and_reuse_factors_are_those_that_hls4ml_takes(tmp_path, backend, strategy, reuse_factor):
    hls4ml = pytest.importorskip("hls4ml")
    given = config(backend, strategy, reuse_factor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = hls4ml.converters.convert_from_keras_model(
            unpruned(), hls_config={"Model": dict(given["Model"])}, backend=backend, output_dir=str(tmp_path / "p")
        )
    found = quiet(kp.estimate, unpruned(), given)
    for layer in found.layers:
        node = graph.graph[layer.name]
        assert layer.strategy == node.get_attr("strategy")
        assert layer.reuse_factor == node.get_attr("reuse_factor")


@pytest.mark.parametrize("backend", ["Quartus", "oneAPI"])
def test_intel_issues_every_product_and_packs_two_narrow_ones(backend):
    found = quiet(kp.estimate, unpruned(), config(backend))
    issued = {layer.name: layer.size // layer.reuse_factor for layer in found.layers}
    by_hand = {name: (count + 1) // 2 for name, count in issued.items()}
    assert {name: use["dsp"] for name, use in found.by_layer.items()} == by_hand
    assert list(found) == ["dsp"]
    wide = quiet(kp.estimate, unpruned(), config(backend, bits=24))
    assert wide["dsp"] == sum(issued.values())


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(18, 19, 5), (19, 18, 5), (19, 19, 10), (27, 27, 10), (28, 27, 20), (53, 53, 40)]
)
def test_a_block_takes_two_products_of_18_x_19_or_one_of_27_x_27(first, second, expected):
    assert blocks(10, first, second) == expected


@pytest.mark.parametrize("backend", ["Catapult", "Quartus", "oneAPI"])
def test_what_pruning_cannot_save_is_said_with_what_can(backend):
    what = "'latency' with reuse factor 1 can save" if backend == "Catapult" else "a larger reuse factor can save dsp"
    with pytest.raises(kp.BudgetError, match=f"pruning saves no dsp here(?s:.*){what}"):
        quiet(kp.select, unpruned(), config(backend), {"dsp": 0.5})


def test_the_reuse_factors_can_be_chosen_for_intel():
    before = quiet(kp.estimate, unpruned(), config("Quartus"))
    found = quiet(kp.select, unpruned(), config("Quartus"), {"dsp": 0.3}, choose={"reuse_factor": "legal"})
    assert found.resources["dsp"] <= 0.3 * before["dsp"]
    assert found.masks == {}
    assert quiet(kp.estimate, unpruned(), found.hls_config)["dsp"] == found.resources["dsp"]


def test_catapult_saves_single_weights_under_latency():
    given = config("Catapult", "Latency", 1)
    found = kp.select(unpruned(), given, {"dsp": 0.5})
    assert found.resources["dsp"] == found.before["dsp"] // 2
    assert found.resources["dsp"] == sum(np.count_nonzero(mask) for mask in found.masks.values())
    capped = kp.estimate(unpruned(), config("Catapult", "Latency", 7))
    assert capped["dsp"] == sum(layer.size // 7 for layer in capped.layers)


def test_the_part_is_the_backends_own_where_none_is_given():
    assert read_hls_config(config("Quartus")).part == "Arria10"
    assert read_hls_config(config("oneapi")).part == "Agilex7"
    assert read_hls_config(config("Quartus"), part="10AX115N2F45E1SG").part == "10AX115N2F45E1SG"
    assert read_hls_config(config("Vitis")).part == "xcvu13p-flga2577-2-e"


@pytest.mark.parametrize("backend", ["Catapult", "Quartus", "oneAPI"])
def test_their_projects_are_not_counted(backend):
    with pytest.raises(ValueError, match=f"Backend is '{backend}', expected one of .*kp.estimate has estimates"):
        kp.verify(unpruned(), config(backend))


def test_other_kinds_of_layers_are_refused_there():
    model = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.DepthwiseConv2D(3, name="deep")])
    with pytest.raises(HlsConfigError, match="layer 'deep' is a DepthwiseConv2D; for backend Catapult only Dense"):
        quiet(kp.estimate, model, config("Catapult"))
