"""A smaller layer is what hls4ml makes of one that was as small from the beginning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.network.hls_config import HlsConfigError
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.layers import Products
from knapprune.network.rules.smaller import is_built, smaller_layer, smaller_scale
from knapprune.network.rules.strategy import resolve_layer
from shared.hls import hls_settings, layer_of

pytestmark = pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")


def resolved(shape, settings, io_type):
    kind, hls_type = {2: ("dense", "Dense"), 4: ("conv2d", "Conv2D")}[len(shape)]
    config = read_hls_config(settings | {"IOType": io_type})
    pixels = 1 if kind == "dense" else 25
    return resolve_layer(config, "fc", kind, shape, pixels=pixels, positions=49, hls_type=hls_type, data_bits=16)


@given(
    st.sampled_from([(12, 8), (3, 3, 6, 8)]),
    st.sampled_from(["latency", "resource", "resource_unrolled"]),
    st.integers(1, 40),
    st.sampled_from(["io_parallel", "io_stream"]),
    st.data(),
)
def test_a_layer_that_has_become_smaller_is_one_that_was_small(shape, strategy, factor, io_type, data):
    settings = hls_settings(strategy=strategy, reuse_factor=factor)
    inputs, outputs = (data.draw(st.lists(st.booleans(), min_size=size, max_size=size)) for size in shape[-2:])
    kept = {len(shape) - 2: np.array([*inputs[1:], True]), len(shape) - 1: np.array([True, *outputs[1:]])}
    small = (*shape[:-2], *(int(flags.sum()) for flags in kept.values()))
    try:
        before = resolved(shape, settings, io_type)
    except HlsConfigError:
        return
    found = smaller_layer(before, kept)
    try:
        wanted = resolved(small, settings, io_type)
    except HlsConfigError:
        assert not is_built(found, before)
        return
    assert found == wanted
    assert is_built(found, before)


def test_the_order_of_a_first_axis_is_that_of_what_is_left():
    layer = layer_of((4, 2), "latency", 1, first_axis=(2, 0, 3, 1))
    found = smaller_layer(layer, {0: np.array([True, False, True, True])})
    assert found.first_axis == (1, 0, 2)
    kernel = np.arange(8).reshape(4, 2)
    left = kernel[[0, 2, 3]]
    whole = layer.flat(kernel)
    assert found.flat(left).tolist() == [number for number in whole if number in left]


def test_a_layer_that_scales_keeps_a_share_of_its_multipliers():
    layer = layer_of((4, 2), products=(Products(8, 16, 16), Products(4, 9, 16)))
    assert [own.multipliers for own in smaller_scale(layer, 0.25).products] == [2, 1]
