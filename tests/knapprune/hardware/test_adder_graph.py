"""Adder graphs are read from C++: functions are written by hand here, so every number is known."""

import pytest

from knapprune.hardware.adder_graph import AdderGraphError, LayerAdders, read_adder_graphs
from knapprune.network.precision import FixedPoint
from knapprune.project.adders import layer_adders
from knapprune.project.firmware import parse
from knapprune.verification.verilog import verilog

# y0 = 4 a - (a + b / 2) + 0.5, y1 = -(a + b / 2), y2 = 0
CODE = """
template <typename inp_t, typename out_t>
void dense_da_7(inp_t model_inp[2], out_t model_out[3]) { // ap_fixed<8,3> -> ap_fixed<12,6>
    #pragma HLS INLINE

    ap_fixed<8,3> v0 = model_inp[0]; // 0.0
    ap_ufixed<4,2> v1 = model_inp[1]; // 0.0
    ap_fixed<9,4> v2 = v0 + bit_shift<-1>(v1); // 1.0
    ap_fixed<11,6> v4 = v2 - bit_shift<2>(v0); // 2.0
    ap_fixed<12,7> v5 = v4 - ap_ufixed<1,0>(0.5); // 2.0

    model_out[0] = ap_fixed<12,7>(-v5);
    model_out[1] = ap_fixed<10,5>(-bit_shift<0>(v2));
    model_out[2] = 0;
}
void other(int a) { b = a; }
"""


def test_a_generated_function_computes_what_its_matrix_says():
    graph = read_adder_graphs(CODE)["dense_da_7"]
    assert graph.kernel.tolist() == [[3.0, -1.0, 0.0], [-0.5, -0.5, 0.0]]
    assert graph.bias.tolist() == [0.5, 0.0, 0.0]
    assert graph([1.5, 0.25]).tolist() == [4.875, -1.625, 0.0]


def test_sums_differences_constants_and_negations_are_all_adders():
    assert read_adder_graphs(CODE)["dense_da_7"].adders == 5


def test_only_functions_of_adder_graphs_are_read():
    assert list(read_adder_graphs(CODE)) == ["dense_da_7"]


def test_a_product_is_no_adder_graph():
    with pytest.raises(AdderGraphError, match=r"function dense_da_7: expected a sum or a difference, got 'v0 \* v1'"):
        read_adder_graphs(CODE.replace("v0 + bit_shift<-1>(v1)", "v0 * v1"))


def test_a_missing_output_is_an_error():
    with pytest.raises(AdderGraphError, match="expected 3 outputs, got 2"):
        read_adder_graphs(CODE.replace("    model_out[2] = 0;\n", ""))


def test_a_call_of_a_missing_function_names_the_layer():
    with pytest.raises(AdderGraphError, match="layer 'fc': its adder graph dense_da_8"):
        layer_adders(parse("    nnet::dense_da_8<a_t, b_t>(in, out); // fc\n", "", "", CODE))


@pytest.mark.parametrize(
    ("call", "struct"),
    [
        ("dense_da_7<input_t, layer7_t>", ""),
        (
            "dense<input_t, layer7_t, config7>",
            "constexpr static auto da = nnet::dense_da_7<typename a::value_type>;",
        ),
        (
            "conv2d_cl<config7, input_t, layer7_t>",
            "constexpr static auto da = nnet::dense_da_7<input_t, layer7_t>;",
        ),
        ("conv_2d_cl<input_t, layer7_t, config7>", "typedef config7_mult mult_config;"),
    ],
    ids=["dense", "dense in io_stream", "convolution", "convolution in io_stream"],
)
def test_every_way_of_calling_an_adder_graph_is_found(call, struct):
    parameters = (
        "struct config7_mult : nnet::dense_config {\n    using kernel = nnet::dense_da_wrapper_7<x, y, z>;\n};\n"
        f"struct config7 : nnet::conv2d_config {{\n    static const unsigned n_pixels = 6;\n    {struct}\n}};\n"
    )
    defines = "typedef ap_fixed<8,3> input_t;\ntypedef nnet::array<ap_fixed<9,4>, 3*1> layer7_t;\n"
    found = layer_adders(parse(f"    nnet::{call}(in, out); // fc\n", parameters, defines, CODE))["fc"]
    copies = 6 if struct else 1
    assert (found.copies, found.adders) == (copies, copies * 5)
    assert found.graphs[0].result == FixedPoint(9, 4)


@pytest.mark.parametrize(
    ("precision", "kept"),
    [
        ("ap_fixed<9,4>", FixedPoint(9, 4)),
        ("fixed<9,4,TRN,WRAP,0>", FixedPoint(9, 4)),
        ("ap_fixed<9,4,AP_RND,AP_WRAP,0>", None),
        ("ap_fixed<9,4,AP_TRN,AP_SAT,0>", None),
    ],
)
def test_a_result_that_rounds_or_saturates_cuts_nothing(precision, kept):
    assert read_adder_graphs(CODE)["dense_da_7"].with_result(precision).result == kept


def test_copies_multiply_the_adders():
    assert LayerAdders("c", tuple(read_adder_graphs(CODE).values()), copies=4).adders == 20


def test_verilog_has_a_port_for_each_input_and_each_output_that_is_not_zero():
    text = verilog(read_adder_graphs(CODE)["dense_da_7"], "top")
    assert "module top (" in text
    assert "input [7:0] i0," in text
    assert "output [11:0] o0," in text
    assert " o2" not in text
