"""The top function of a generated project is taken apart once, for all that ask what it calls."""

import pytest

from knapprune.project.files import GeneratedProjectError
from knapprune.project.firmware import LayerCall, parse

TOP = """
void net(
    input_t fc_input[N_INPUT],
    result_t layer2_out[2]
) {
    nnet::load_weights_from_txt<weight_t, 6>(w2, "w2.txt");
    layer2_t plain[2];
    nnet::dense<input_t, layer2_t, config2>(fc_input, plain, w2, b2); // fc
    mine::relu<layer2_t, result_t, relu_config3>(plain, layer2_out); // fc_relu
}
"""
PARAMETERS = "struct config2 : nnet::dense_config {\n    static const unsigned n_in = N_INPUT;\n};\n"
DEFINES = (
    "#define N_INPUT 3\ntypedef ap_fixed<16,6> input_t;\ntypedef nnet::array<ap_fixed<8,3>, N_INPUT*1> layer2_t;\n"
)


def test_a_call_is_a_line_that_ends_in_a_layers_name_whatever_its_namespace():
    assert parse(TOP, PARAMETERS, DEFINES).calls == (
        LayerCall("dense", "fc", ("input_t", "layer2_t", "config2"), ("fc_input", "plain", "w2", "b2")),
        LayerCall("relu", "fc_relu", ("layer2_t", "result_t", "relu_config3"), ("plain", "layer2_out")),
    )


def test_macros_for_sizes_are_numbers_everywhere():
    texts = parse(TOP, PARAMETERS, DEFINES)
    assert "n_in = 3;" in texts.structs["config2"]
    assert texts.types["layer2_t"] == "nnet::array<ap_fixed<8,3>, 3*1>"
    assert texts.parameters_of("net") == ("input_t fc_input[3]", "result_t layer2_out[2]")


def test_a_function_that_is_not_there_is_named():
    with pytest.raises(GeneratedProjectError, match="no function 'other'"):
        parse(TOP, PARAMETERS, DEFINES).parameters_of("other")


def test_streams_are_seen_in_the_top_function():
    assert not parse(TOP, PARAMETERS, DEFINES).streamed
    assert parse(TOP.replace("input_t fc_input[N_INPUT]", "hls::stream<input_t> &fc_input"), "", "").streamed
