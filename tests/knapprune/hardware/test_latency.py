import pytest

from knapprune.hardware.latency import dense_interval, dense_latency, interval, latency
from shared.hls import layer_of


def layer(strategy, reuse_factor, **more):
    return layer_of((3, 3, 2, 4), strategy, reuse_factor, **more)


@pytest.mark.parametrize("strategy", ["latency", "resource", "resource_unrolled"])
def test_a_dense_layer_takes_an_input_every_reuse_factor_cycles(strategy):
    dense = layer_of((16, 5), strategy, 8)
    assert interval(dense) == 8
    assert latency(dense) == 10


def test_constants_take_turns_at_the_multipliers_that_are_left():
    """1,285 constants at 4 multipliers: 324 cycles are reported at reuse factor 512."""
    assert dense_interval("latency", 512, 1285, 4) == 324
    assert dense_latency("latency", 512, 32, 1285, 4) == 323
    assert dense_interval("latency", 512, 0, 4) == 2


def test_the_reuse_factor_bounds_them():
    assert dense_interval("latency", 100, 1285, 4) == 100
    assert dense_interval("resource", 512, 1285, 4) == 512


def test_additions_follow_one_another_while_they_fit_the_clock():
    assert dense_latency("latency", 1, 64) == 1
    assert dense_latency("latency", 1, 64, part="xc7z020-clg400-1") == 6
    assert dense_latency("latency", 1, 64, part="xc7z020-clg400-1", clock_period=10) == 3


def test_a_convolution_repeats_them_for_every_group_of_pixels():
    assert interval(layer("resource", 9, pixels=36)) == 9 * 36
    assert interval(layer("latency", 1, pixels=36, copies=12)) == 3
    assert interval(layer("latency", 2, pixels=35, copies=12)) == 6
    assert latency(layer("resource", 9, pixels=36)) == 9 * 36 + 2
    assert interval(layer("latency", 64, pixels=2), 20, 4) == 2 * (5 + 2)


def test_in_io_stream_every_input_position_is_read_and_a_loop_fills_and_drains_at_each():
    assert interval(layer("latency", 4, pixels=36, streamed=64)) == 256
    assert interval(layer("latency", 1, pixels=36, streamed=64)) == 192
    assert interval(layer("distributed_arithmetic", 1, pixels=36, streamed=64)) == 192
    assert interval(layer("resource_unrolled", 9, pixels=36, streamed=64)) == 64 * 18


def test_published_streamed_convolutions_are_near():
    """A Conv1D of 200 positions takes 11,400 cycles at reuse factor 48, a Conv2D of 18 x 18 takes 15,228 at 36."""
    assert interval(layer("resource", 48, pixels=200, streamed=200)) == 11400
    assert interval(layer("resource", 36, pixels=256, streamed=324)) == pytest.approx(15228, rel=0.05)
