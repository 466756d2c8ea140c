import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.hardware.structures import STRUCTURES, labels
from shared.hls import layer_of

LAYERS = st.builds(
    layer_of,
    st.sampled_from([(6, 4), (3, 4, 5), (3, 2, 2, 6)]),
    reuse_factor=st.sampled_from([1, 2, 3, 6]),
    bits=st.sampled_from([5, 9, 16, 18]),
)


@given(LAYERS, st.sampled_from(sorted(STRUCTURES)))
def test_labels_have_the_kernels_shape_and_leave_no_number_out(a_layer, structure):
    found = labels(a_layer, structure)
    assert found.shape == a_layer.kernel_shape
    assert np.array_equal(np.unique(found), np.arange(found.max() + 1))


@given(LAYERS)
def test_a_row_is_consecutive_weights_of_the_output_first_kernel(a_layer):
    flat = np.moveaxis(labels(a_layer, "dsp-row"), -1, 0).ravel()
    assert np.array_equal(flat, np.arange(a_layer.size) // a_layer.reuse_factor)


def test_rows_of_a_convolution_follow_hls4mls_transposition():
    a_layer = layer_of((2, 3, 4, 5), reuse_factor=6)
    kernel = np.arange(120).reshape(2, 3, 4, 5)
    rows = np.transpose(kernel, (3, 0, 1, 2)).reshape(-1, 6)  # (H, W, C, F) to (F, H, W, C), as in resource_strategy.py
    found = labels(a_layer, "dsp-row")
    for number, row in enumerate(rows):
        assert set(kernel[found == number]) == set(row)


def test_where_the_width_divides_36_a_run_has_the_published_rows():
    a_layer = layer_of((8, 9), reuse_factor=4, bits=18)
    assert np.array_equal(labels(a_layer, "bram-run"), labels(a_layer, "dsp-row") // 2)


def test_where_it_does_not_a_run_fills_whole_words():
    a_layer = layer_of((8, 9), reuse_factor=4, bits=16)
    assert np.array_equal(labels(a_layer, "bram-run"), labels(a_layer, "dsp-row") // 9)


@pytest.mark.parametrize(
    ("reuse_factor", "rows"),  # of 9 bits: four fill a piece of 36, two one of 18
    [(4, 4), (512, 4), (513, 2), (1024, 2), (1025, 4), (1536, 4), (1537, 1), (2048, 1), (2049, 4)],
)
def test_a_run_is_as_long_as_the_pieces_of_its_depth_want(reuse_factor, rows):
    a_layer = layer_of((reuse_factor, 7), reuse_factor=reuse_factor, bits=9)
    assert np.array_equal(labels(a_layer, "bram-run"), labels(a_layer, "dsp-row") // rows)


def test_a_filter_is_the_last_axis():
    assert np.array_equal(labels(layer_of((2, 2, 3)), "neuron")[1, 1], [0, 1, 2])


def test_a_function_of_ones_own_is_a_structure():
    assert labels(layer_of((6, 4)), lambda a_layer: np.zeros(a_layer.kernel_shape, dtype=int)).max() == 0


def test_a_channel_is_no_structure_of_one_layer():
    with pytest.raises(ValueError, match="a 'channel' goes through several layers, expected a structure of one layer"):
        labels(layer_of((3, 4)), "channel")


def test_an_unknown_structure_lists_those_there_are():
    with pytest.raises(
        ValueError, match=r"got 'rows'.*'bram-run', 'channel', 'constant', 'dsp-row', 'neuron', 'none', 'row-and-word'"
    ):
        labels(layer_of((6, 4)), "rows")


@pytest.mark.parametrize("wrong", [np.zeros((4, 6), dtype=int), np.zeros((6, 4)), np.full((6, 4), -1)])
def test_labels_of_the_wrong_form_are_refused(wrong):
    with pytest.raises(ValueError, match="labels of layer 'fc'"):
        labels(layer_of((6, 4)), lambda _: wrong)
