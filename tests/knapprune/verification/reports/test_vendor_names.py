"""What is read from names of modules and from ports, as published runs have them."""

import pytest

from knapprune.verification.reports.names import hides_its_layer, index_of, may_be_in, result_of
from knapprune.verification.reports.ports import Port, by_argument, data_port, values


@pytest.mark.parametrize(
    ("module", "index"),
    [
        ("conv_1d_cl_array_array_ap_fixed_22_11_5_3_0_64u_config8_s", 8),
        ("dense_resource_rf_leq_nin_ap_ufixed_ap_fixed_19_9_5_3_0_config12_mult_s", 12),
        ("zeropad1d_cl_array_ap_fixed_16_6_5_3_0_1u_config18_Pipeline_CopyMain", 18),
        ("relu_array_ap_fixed_32u_array_ap_ufixed_6_0_4_0_0_32u_relu_config14_s", 14),
        ("dense_latency_ap_fixed_ap_fixed_16_6_5_3_0_config11_0_0_0_0_0_0", 11),
        ("leaky_relu_me_ap_fixed_ap_fixed_LeakyReLU_config10_507", 10),
        ("gru_static_ap_fixed_16_6_5_3_0_ap_fixed_17_4_5_3_0_config2_b_s", 2),
        ("sigmoid_ap_fixed_ap_fixed_18_8_5_3_0_sigmoid_config2_recr_s", 2),
        ("dense_latency_0_0_0_0_0_0_0_0_1", None),
        ("clone_stream_ap_fixed_8_3_4_0_0_ap_fixed_16_6_5_3_0_128_s", None),
        ("pool_op_ap_ufixed_8_0_4_0_0_10_1_s", None),
    ],
)
def test_the_number_of_the_layer_is_behind_config(module, index):
    assert index_of(module) == index


@pytest.mark.parametrize(
    ("module", "function", "result"),
    [
        ("dense_latency_ap_fixed_8_2_5_3_0_ap_fixed_16_4_5_3_0_config2_s", "dense", "ap_fixed_16_4"),
        ("relu_ap_fixed_16_6_5_3_0_ap_ufixed_6_0_4_0_0_relu_config3_s", "relu", "ap_ufixed_6_0"),
        ("relu_array_ap_fixed_32u_array_ap_ufixed_6_0_4_0_0_32u_relu_config14_s", "relu", "ap_ufixed_6_0"),
        ("dense_latency_ap_ufixed_8_0_4_0_0_ap_fixed_16_6_5_3_0_config12_0_0", "dense", "ap_fixed_16_6"),
        ("conv_2d_cl_array_ap_ufixed_3u_array_ap_fixed_14_8_5_3_0_32u_config2_s", "conv_2d_cl", "ap_fixed_14_8"),
        ("pointwise_conv_1d_cl_ap_ufixed_ap_fixed_16_6_5_3_0_config16_s", "pointwise_conv_1d_cl", "ap_fixed_16_6"),
        ("dense_latency_wrapper_ap_fixed_ap_fixed_21_10_5_3_0_config15_s", "dense", "ap_fixed_21_10"),
        ("sigmoid_ap_fixed_16_6_5_3_0_ap_fixed_16_6_5_3_0_sigmoid_config14_s", "sigmoid", "ap_fixed_16_6"),
        ("dense_ap_fixed_16_6_5_3_0_ap_int_8_config3_s", "dense", "ap_int_8"),
        # Cut to the name of the type.
        ("dense_latency_ap_fixed_ap_fixed_config8_0_0_0_0_0_0", "dense", None),
        ("conv_2d_cl_array_array_ap_fixed_8u_config17_s", "conv_2d_cl", None),
        # Of a part: its sums are wider than the layer's result.
        ("dense_resource_ap_fixed_16_6_5_3_0_ap_fixed_22_11_5_3_0_config10_1_s", "dense", None),
        ("dense_latency_ap_fixed_8_4_5_3_0_ap_fixed_22_14_5_3_0_config2_mult_s", "conv_2d_cl", None),
        ("dense_array_array_ap_fixed_25_14_5_3_0_16u_config11_Pipeline_DataPrepare", "dense", None),
        # Kinds that are not told apart.
        ("hard_tanh_array_array_ap_fixed_8_1_4_0_0_16u_hard_tanh_config14_s", "hard_tanh", None),
        ("dense_latency_0_0_0_0_0_0_0_0_1", "dense", None),
    ],
)
def test_the_result_is_the_type_in_front_of_config(module, function, result):
    assert result_of(module, function) == result


def test_a_convolution_has_modules_of_dense_layers_in_it_and_no_other_layer_has():
    module = "dense_latency_ap_fixed_8_4_5_3_0_ap_fixed_22_14_5_3_0_config2_mult_s"
    assert may_be_in(module, "conv_2d_cl")
    assert may_be_in(module, "gru_stack")
    assert not may_be_in(module, "pooling2d_cl")


def test_a_name_of_zeros_hides_its_layer():
    assert hides_its_layer("dense_latency_0_0_0_0_0_0_0_0_0_0_s")
    assert hides_its_layer("pointwise_conv_1d_latency_cl_0_0_0_0_0_0_0_0_1")
    assert not hides_its_layer("dense_latency_ap_fixed_ap_fixed_config8_0_0_0_0_0_0")
    assert not hides_its_layer("myproject_0_0_0_0_0_0")


def test_ports_are_of_the_argument_with_the_longest_name_that_theirs_begins_with():
    ports = [Port(name, True, 16, True) for name in ("input_1_V", "input_10_V", "input_10_0_V", "inputs")]
    found = by_argument(ports, ["input_1", "input_10", "input"])
    assert {name: [port.argument for port in own] for name, own in found.items()} == {
        "input_1": ["input_1_V"],
        "input_10": ["input_10_V", "input_10_0_V"],
        "input": [],
    }


@pytest.mark.parametrize(
    ("bits", "width", "count"),
    [([256], 16, 16), ([16] * 5, 16, 5), ([15, 16, 9], 16, 3), ([250], 16, None), ([], 16, None), ([16], None, None)],
)
def test_values_stand_in_one_port_or_in_one_each(bits, width, count):
    assert values([Port("x", True, width_, True) for width_ in bits], width) == count


def test_clocks_control_and_handshakes_are_no_data():
    for name in ("ap_clk", "ap_rst_n", "ap_ce", "ap_start", "input_1_V_ap_vld", "x_ap_ack"):
        assert data_port(name, "in", "1", "ap_ctrl_hs", "x") is None
    assert data_port("ap_return_0", "out", "16", "ap_ctrl_hs", "f") == Port("f", False, 16, True)
    assert data_port("data_TDATA", "in", "16", "axis", "data") == Port("data", True, 16, False)
