"""Constants: which multipliers HLS builds for weights at reuse factor 1, against plain Python and published reports."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from knapprune.hardware.constants import constants, is_upper_bound
from knapprune.hardware.dsp import DSP48E2, of_vivado_hls
from knapprune.hardware.hls4ml import Hls4mlHardware, for_vivado_hls
from knapprune.hardware.structures import labels
from knapprune.network.digits import signed_bits, signed_digits
from knapprune.network.layers import Layer
from knapprune.network.rounding import Rounding
from shared.digits import fewest_digits

HARDWARE = Hls4mlHardware()


def layer(shape, precision="fixed<16,6>", strategy="latency", reuse_factor=1, data_bits=16, **changes):
    kind = Rounding.parse(precision)
    fields = {"name": "x", "kind": "dense", "requested_strategy": strategy, "requested_reuse_factor": reuse_factor}
    return Layer(
        kernel_shape=shape,
        strategy=strategy,
        reuse_factor=reuse_factor,
        weight_bits=kind.type.width,
        weight_type=kind,
        data_bits=data_bits,
        **fields | changes,
    )


def test_signed_digits_are_the_fewest():
    numbers = np.arange(-5000, 5001)
    assert signed_digits(numbers).tolist() == [fewest_digits(number) for number in numbers.tolist()]


@given(st.integers(-(2**59), 2**59))
def test_signed_digits_of_wide_numbers_are_the_fewest(number):
    assert signed_digits(np.array([number]))[0] == fewest_digits(number)


@given(st.integers(-(2**52), 2**52))
def test_signed_bits_hold_the_number_and_one_less_does_not(number):
    bits = int(signed_bits(np.array([number]))[0])
    assert -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)
    assert bits == 1 or not -(2 ** (bits - 2)) <= number < 2 ** (bits - 2)


@given(
    st.integers(1, 6),
    st.integers(1, 12),
    st.sampled_from(["fixed<6,2>", "fixed<8,3>", "ufixed<7,1>", "fixed<10,2,RND,SAT>"]),
    st.integers(0, 1000),
)
@settings(max_examples=80)
def test_multipliers_are_the_distinct_pairs_of_input_and_constant_of_three_digits(inputs, outputs, precision, seed):
    a_layer = layer((inputs, outputs), precision)
    kernel = np.random.default_rng(seed).normal(size=(inputs, outputs))
    whole = a_layer.weight_type.integers(kernel)[0]
    found = constants(a_layer, kernel)
    pairs = {(i, value) for i, row in enumerate(whole.tolist()) for value in row if fewest_digits(value) >= 3}
    assert len(found.value) == len(pairs)
    assert found.known
    for (i, j), owner in np.ndenumerate(found.owner):
        if owner < 0:
            assert (i, whole[i, j]) not in pairs
        else:
            assert found.value[owner] == whole[i, j]
    # Each multiplier is for one input.
    assert {(int(np.argwhere(found.owner == m)[0][0]), int(v)) for m, v in enumerate(found.value)} == pairs


def test_the_axes_along_which_an_input_fans_out_decide_what_is_shared():
    kernel = np.full((3, 4), 11 / 1024)
    assert len(constants(layer((3, 4)), kernel).value) == 3
    assert len(constants(layer((3, 4), fan_out=(0,)), kernel).value) == 4
    depthwise = layer((2, 3, 4, 1), kind="depthwise_conv2d", outputs=(-2, -1))
    assert len(constants(depthwise, np.full((2, 3, 4, 1), 11 / 1024)).value) == 24


def test_weights_that_are_only_known_to_live_each_need_a_multiplier_as_wide_as_their_type():
    alive = np.array([[True, False], [True, True]])
    assert HARDWARE.use(layer((2, 2)), alive)["dsp"] == 3
    wide = layer((2, 2), "fixed<24,6>", data_bits=20)
    assert HARDWARE.use(wide, alive)["dsp"] == 6
    assert HARDWARE.use(wide, np.full((2, 2), 0.3))["dsp"] == 2  # 18 bits by 20


def test_pixels_in_parallel_have_multipliers_of_their_own_where_they_read_data():
    kernel = np.full((3, 1, 2), 11 / 1024)
    conv = layer((3, 1, 2), kind="conv1d", copies=5, pixels=5)
    assert HARDWARE.use(conv, kernel)["dsp"] == 3 * 5
    padded = layer((3, 1, 2), kind="conv1d", copies=5, pixels=5, reached=(4, 5, 4))
    assert HARDWARE.use(padded, kernel)["dsp"] == 4 + 5 + 4


def test_vivado_hls_leaves_eleven_and_thirteen_to_logic_but_not_their_negatives():
    kernel = np.array([[11, 13, -11, -13, 19]]) / 1024
    assert HARDWARE.use(layer((1, 5)), kernel)["dsp"] == 5
    assert for_vivado_hls("xcvu9p").use(layer((1, 5)), kernel)["dsp"] == 3


def test_weights_below_half_a_step_of_their_type_count_as_nothing():
    kernel = np.full((8, 8), 1e-5)
    kernel[0] = 0.3, 0.31, 0.32, 0.33, 0.34, 0.35, 0.36, 0.37
    assert HARDWARE.use(layer((8, 8)), kernel)["dsp"] == 8
    assert HARDWARE.use(layer((8, 8)), np.full((8, 8), 1e-5))["dsp"] == 0


def test_above_reuse_factor_one_latency_has_the_smaller_of_its_constants_and_its_limit():
    kernel = np.full((8, 8), 0.3)  # one constant an input
    assert HARDWARE.use(layer((8, 8), reuse_factor=2), kernel)["dsp"] == 8
    assert HARDWARE.use(layer((8, 8), reuse_factor=16), kernel)["dsp"] == 4
    assert HARDWARE.use(layer((8, 8), reuse_factor=2), np.full((8, 8), 0.25))["dsp"] == 0


def test_constants_that_need_not_share_take_what_their_own_values_need():
    """One of nine bits and one of five, by ten of data: four multipliers are allowed, and one product is in logic."""
    kernel = np.array([[265, 11], [256, 256], [256, 256], [256, 256]]) / 512
    narrow = {"precision": "fixed<10,1>", "data_bits": 10}
    assert HARDWARE.use(layer((4, 2), reuse_factor=2, **narrow), kernel)["dsp"] == 1
    assert HARDWARE.use(layer((4, 2), reuse_factor=8, **narrow), kernel)["dsp"] == 1
    assert HARDWARE.use(layer((4, 2), reuse_factor=2, **narrow), np.full((4, 2), 11 / 512))["dsp"] == 0


def test_a_sign_that_never_changes_is_no_bit_of_the_data():
    kernel = np.full((1, 1), 0.3)
    eleven = layer((1, 1), "fixed<8,1>", data_bits=11)
    assert HARDWARE.use(eleven, kernel)["dsp"] == 1
    assert HARDWARE.use(layer((1, 1), "fixed<8,1>", data_bits=11, never_negative=True), kernel)["dsp"] == 0


def test_multipliers_of_a_memory_go_by_the_values_in_it():
    """Vivado HLS narrows the last row's alone."""
    kernel = np.full((16, 4), 7 / 32)  # four bits of a type of eight
    memory = layer((16, 4), "fixed<8,3>", "resource", 8)
    assert HARDWARE.use(memory, kernel)["dsp"] == 0
    assert for_vivado_hls("xcvu9p").use(memory, kernel)["dsp"] == 7
    kernel[0, 0] = 8 / 32
    assert HARDWARE.use(memory, kernel)["dsp"] == 8


def test_few_bits_of_data_and_limits_are_upper_bounds():
    assert is_upper_bound(layer((2, 2), data_bits=12))
    assert not is_upper_bound(layer((2, 2), data_bits=13))
    assert is_upper_bound(layer((2, 2), reuse_factor=2))
    assert not is_upper_bound(layer((2, 2), strategy="resource", reuse_factor=2, data_bits=8))


def test_the_structure_has_a_label_for_each_multiplier_and_one_for_all_that_need_none():
    kernel = np.array([[11, 11, 3], [0, 11, 13]]) / 1024
    assert labels(layer((2, 3)), "constant", kernel).tolist() == [[0, 0, 3], [3, 1, 2]]
    memory = layer((2, 3), strategy="resource", reuse_factor=2)
    assert labels(memory, "constant", kernel).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_label_pays_for_the_multipliers_that_are_its_own_and_shared_ones_are_fixed():
    kernel = np.array([[11, 11, 13], [11, 19, 3]]) / 1024
    costs = HARDWARE.costs(layer((2, 3)), labels(layer((2, 3)), "neuron"), kernel)
    assert costs.type_costs[0][costs.label_type].tolist() == [1, 1, 1]
    assert costs.fixed["dsp"] == 1  # 11 at the first input, for two neurons


def test_published_reports_have_these_multipliers(data_folder):
    """Every single layer at reuse factor 1, and published ones whose data have 13 bits or more."""
    rows = json.loads((data_folder / "vendor" / "calibration.json").read_text())
    rows = [row for row in rows if row["rf"] == 1 and row.get("constants3") is not None and row["set"] != "forced-dsp"]
    found = {True: [], False: []}
    for row in rows:
        vivado = row["tool"].removeprefix("Vivado HLS ") <= "2020.1"
        table = of_vivado_hls(DSP48E2) if vivado else DSP48E2
        # No width is wider than the weights', and those of five bits and more are all that is left.
        each = table.blocks(max(5, min(row["wbits"], 18)), row["dbits"])
        predicted = row["constants3_5bit" if vivado else "constants3"] * each
        if row["set"] == "single-dense" or row["dbits"] >= 13:
            found[row["set"] == "single-dense"].append(predicted == row["dsp"])
    assert len(found[True]) >= 40
    assert all(found[True])
    assert len(found[False]) >= 15
    assert np.mean(found[False]) >= 0.85
