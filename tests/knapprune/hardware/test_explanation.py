from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.hardware.explanation import legal_reuse_factors
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.rounding import Rounding
from knapprune.network.rules.strategy import resolve_layer
from shared.hls import layer_of

DENSE = layer_of((16, 32))
HARDWARE = Hls4mlHardware()


def explained(layer, kernel=None, hardware=HARDWARE):
    return hardware.explain(layer, np.ones(layer.kernel_shape) if kernel is None else kernel)


def test_multipliers_and_words_make_up_the_counts():
    found = explained(DENSE)
    assert (found.multipliers, found.whole_multipliers, found.dsp_per_product) == (128, 128, 1)
    assert found.use["dsp"] == 128
    assert (found.word_bits, found.word_depth) == (128 * 16, 4)
    assert found.use["bram18"] == -(-found.word_bits // 36) == 57
    assert "bram18: 57 of 57 halves of a block; the memory is 2048 bits wide (128 weights of 16) and 4 deep: " in str(
        found
    )


@pytest.mark.parametrize(
    ("n_in", "reuse_factor", "halves", "deep"),
    [
        (512, 512, 4, "512 deep: a half takes 36 bits of up to 512 words"),
        (1024, 1024, 8, "1024 deep: a half takes 18 bits of up to 1024 words"),
        (1100, 1100, 12, "1100 deep: 36 bits take 3 halves"),
        (2048, 2048, 15, "2048 deep: a half takes 9 bits of up to 2048 words"),
    ],
)
def test_the_memory_is_told_with_what_a_half_of_a_block_takes_of_it(n_in, reuse_factor, halves, deep):
    layer = replace(DENSE, kernel_shape=(n_in, 8), strategy="resource", reuse_factor=reuse_factor)
    memory = "the memory is 128 bits wide (8 weights of 16)"
    assert f"bram18: {halves} of {halves} halves of a block; {memory} and {deep}" in str(explained(layer))


def test_a_table_of_outputs_is_told_with_the_memory():
    layer = replace(DENSE, kernel_shape=(128, 8), strategy="resource", reuse_factor=512)
    assert "and 512 deep, and a table of outputs 2 bits wide and as deep: a half takes 36 bits" in str(explained(layer))


def test_zero_rows_show_in_what_is_used_and_not_in_the_whole():
    kernel = np.ones((16, 32))
    kernel[:, :16] = 0
    found = explained(DENSE, kernel)
    assert (found.multipliers, found.whole_multipliers) == (64, 128)
    assert (found.use["dsp"], found.whole["dsp"]) == (64, 128)
    assert found.use["bram18"] < found.whole["bram18"]
    assert "dsp: 64; 64 of 128 multipliers, 1 DSP each for 16 x 16 bits" in str(found)


def test_products_that_take_no_dsp_are_told():
    found = explained(replace(DENSE, weight_bits=8, data_bits=8))
    assert found.dsp_per_product == 0
    assert found.multipliers == 128
    assert "products of 8 x 8 bits go to look-up tables" in str(found)
    assert "dsp" not in found.pruning


def test_wide_products_and_pixels_at_once_multiply():
    conv = layer_of((3, 4, 8), "latency", 1, 18, 30, name="conv", copies=5, pixels=10)
    found = explained(conv)
    assert found.use["dsp"] == 96 * 2 * 5 == found.multipliers * found.dsp_per_product * conv.copies
    assert "for each of 5 pixels at once, 2 DSP each" in str(found)


def test_a_reuse_factor_under_latency_is_told_to_be_a_bound():
    assert "at most 128 of 128 multipliers" in str(explained(replace(DENSE, strategy="latency")))


@given(
    st.sampled_from(
        [("latency", 1), ("latency", 3), ("resource", 4), ("resource_unrolled", 8), ("resource_unrolled", 32)]
    ),
    st.integers(2, 40),
    st.integers(2, 40),
    st.integers(1, 3),
    st.floats(0, 1),
)
def test_multipliers_times_their_price_are_the_dsps(setting, weight_bits, data_bits, copies, density):
    strategy, factor = setting
    layer = replace(
        DENSE, strategy=strategy, reuse_factor=factor, weight_bits=weight_bits, data_bits=data_bits, copies=copies
    )
    kernel = np.random.default_rng(0).random(layer.kernel_shape) < density
    found = explained(layer, kernel)
    assert found.multipliers * found.dsp_per_product * copies == found.use["dsp"] == HARDWARE.use(layer, kernel)["dsp"]
    assert found.whole["bram18"] == -(-found.word_bits // 36)
    assert found.multipliers <= found.whole_multipliers


@pytest.mark.parametrize(
    ("changes", "dsp", "bram18"),
    [
        ({}, "structure 'dsp-row' saves it", "'bram-run' can save bram18 here, and 'row-and-word' more"),
        ({"strategy": "latency", "reuse_factor": 1}, "structure 'constant' saves it", None),
        ({"strategy": "latency"}, "only caps its multipliers; 'resource_unrolled'", None),
        ({"strategy": "resource"}, "spends the same on zeros; 'resource_unrolled'", "'resource_unrolled' with"),
        ({"strategy": "distributed_arithmetic", "reuse_factor": 1}, None, None),
    ],
)
def test_it_says_which_structure_or_which_strategy_would_make_pruning_pay(changes, dsp, bram18):
    found = explained(replace(DENSE, **changes))
    assert set(found.pruning) == {name for name, wanted in (("dsp", dsp), ("bram18", bram18)) if wanted}
    for resource, wanted in (("dsp", dsp), ("bram18", bram18)):
        assert wanted is None or wanted in found.pruning[resource]


@pytest.mark.parametrize(
    ("strategy", "factor", "io_type", "why"),
    [
        ("Unrolled", 4, "io_stream", "latency, not unrolled: hls4ml knows no strategy of that name"),
        ("resource_unrolled", 1, "io_stream", "resource, not resource_unrolled: hls4ml unrolls only for reuse factors"),
        ("resource_unrolled", 4, "io_parallel", "hls4ml unrolls convolutions only in io_stream"),
        ("resource_unrolled", 4, "io_stream", "resource_unrolled, as asked for"),
        ("da", 1, "io_stream", "distributed_arithmetic, as asked for"),
        ("resource", 5, "io_stream", "reuse factor: 4, not 5: the closest legal one"),
    ],
)
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_settings_that_hls4ml_changes_are_told_with_the_reason(strategy, factor, io_type, why):
    config = read_hls_config({"Model": {"Strategy": strategy, "ReuseFactor": factor}}, io_type=io_type)
    layer = resolve_layer(config, "conv", "conv1d", (2, 4, 8), pixels=9, positions=10, hls_type="Conv1D", data_bits=16)
    assert why in str(explained(layer))


def test_legal_reuse_factors_are_those_that_hls4ml_takes_as_they_are():
    assert legal_reuse_factors(replace(DENSE, kernel_shape=(16, 5))) == {
        "resource": (1, 2, 4, 8, 16, 80),
        "resource_unrolled": (2, 4, 8, 16),
        "distributed_arithmetic": (1,),
    }


def test_a_convolution_in_io_parallel_is_not_unrolled_and_takes_no_reuse_factor_above_its_inputs():
    conv = layer_of((2, 4, 6), "resource", 1, name="conv", pixels=9)
    assert legal_reuse_factors(conv) == {"resource": (1, 2, 4, 8), "distributed_arithmetic": (1,)}
    streamed = legal_reuse_factors(replace(conv, streamed=10))
    assert streamed["resource"] == (1, 2, 4, 8, 16, 24, 48)
    assert streamed["resource_unrolled"] == (2, 4, 8, 16, 24)
    assert legal_reuse_factors(replace(DENSE, pixels=3)).keys() == {"resource", "distributed_arithmetic"}


def test_the_interval_is_labelled_as_an_estimate_with_its_error():
    assert "initiation interval: 4 cycles, estimated: 98% of 776 reports within one" in str(explained(DENSE))


def test_logic_is_labelled_as_an_estimate_with_its_error():
    text = str(explained(replace(DENSE, strategy="resource")))
    assert "lut: about 53464, estimated: 9 in 10 of 15 reports within 50%; 1650 for the layer" in text
    assert "ff: about 18465, estimated: 9 in 10 of 15 reports within 47%" in text
    assert "after logic synthesis" not in text
    deep = str(explained(replace(DENSE, strategy="resource", reuse_factor=32)))
    assert "after logic synthesis: about 3325 lut (9 in 10 of 93 reports within 18%) and 2115 ff" in deep


def test_a_shallow_memory_is_told_behind_its_blocks():
    assert "memories of fc are 4 deep: logic synthesis will move them" in str(explained(DENSE))


def test_under_latency_the_interval_is_that_of_the_constants():
    """512 weights of one value are 16 constants, at the 128 multipliers that are left."""
    layer = replace(DENSE, strategy="latency", reuse_factor=4, weight_type=Rounding.parse("fixed<16,6>"))
    assert explained(layer, np.full(layer.kernel_shape, 0.6875)).interval == 3
