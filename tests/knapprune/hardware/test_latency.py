import pytest

from knapprune.hardware.latency import interval, latency
from knapprune.layers import Layer


def layer(strategy, reuse_factor, **more):
    return Layer("conv", "conv2d", (3, 3, 2, 4), strategy, strategy, reuse_factor, reuse_factor, 16, 16, **more)


@pytest.mark.parametrize("strategy", ["latency", "resource", "resource_unrolled"])
def test_a_dense_layer_takes_an_input_every_reuse_factor_cycles(strategy):
    dense = Layer("fc", "dense", (16, 5), strategy, strategy, 8, 8, 16, 16)
    assert interval(dense) == 8
    assert latency(dense) == 10


def test_a_convolution_repeats_them_for_every_group_of_pixels():
    assert interval(layer("resource", 9, pixels=36)) == 9 * 36
    assert interval(layer("latency", 1, pixels=36, copies=12)) == 3
    assert interval(layer("latency", 2, pixels=35, copies=12)) == 6


def test_in_io_stream_every_input_position_is_read_and_only_those_that_complete_an_output_take_longer():
    assert interval(layer("latency", 2, pixels=36, streamed=64)) == 128
    assert interval(layer("distributed_arithmetic", 1, pixels=36, streamed=64)) == 64
    assert interval(layer("resource_unrolled", 9, pixels=36, streamed=64)) == 28 + 36 * 9
    assert interval(layer("resource", 1, pixels=36, streamed=64)) == 64
