"""Yosys' counts are believed only where they are there. Most of this runs a stand-in for the tool."""

import re
import subprocess
import time

import pytest

from knapprune.hardware.adder_graph import LayerAdders, read_adder_graphs
from knapprune.tools import MissingToolError
from knapprune.verification import yosys
from knapprune.verification.verilog import verilog

CODE = """
void dense_da_7(inp_t model_inp[2], out_t model_out[2]) { // ap_fixed<8,3> -> ap_fixed<12,6>
    ap_fixed<8,3> v0 = model_inp[0]; // 0.0
    ap_ufixed<4,2> v1 = model_inp[1]; // 0.0
    ap_fixed<9,4> v2 = v0 + bit_shift<-1>(v1); // 1.0
    ap_fixed<11,6> v4 = v2 - bit_shift<2>(v0); // 2.0
    ap_fixed<12,7> v5 = v4 - ap_ufixed<1,0>(0.5); // 2.0
    model_out[0] = ap_fixed<12,7>(-v5);
    model_out[1] = ap_fixed<10,5>(-bit_shift<0>(v2));
}
"""
GRAPH = read_adder_graphs(CODE)["dense_da_7"]

needs_yosys = pytest.mark.needs("yosys")


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a shell script in the place of yosys."""

    def put(script):
        tool = tmp_path / "yosys"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return put


def test_a_yosys_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt-get install yosys"):
        yosys.synthesise("", "top")


def test_an_exit_code_of_zero_without_counts_is_an_error(stand_in):
    stand_in("echo nothing to see here; exit 0")
    with pytest.raises(yosys.SynthesisError, match=r"(?s)no counts of module 'top'.*nothing to see here"):
        yosys.synthesise("", "top")


def test_counts_of_another_module_are_an_error(stand_in):
    stand_in("""printf '%s' '{"modules": {"\\\\other": {"num_cells_by_type": {"LUT2": 3}}}}' > counts.json""")
    with pytest.raises(yosys.SynthesisError, match="no counts of module 'top'"):
        yosys.synthesise("", "top")


def test_cells_that_are_not_of_the_device_are_an_error(stand_in):
    stand_in("""printf '%s' '{"modules": {"\\\\top": {"num_cells_by_type": {"LUT2": 3, "$add": 1}}}}' > counts.json""")
    with pytest.raises(yosys.SynthesisError, match=r"unmapped: \$add"):
        yosys.synthesise("", "top")


def test_counts_are_believed_whatever_the_exit_code(stand_in):
    stand_in(
        """printf '%s' '{"modules": {"\\\\top": {"num_cells_by_type": {"LUT2": 3, "INV": 2}}}}' > counts.json; exit 1"""
    )
    assert yosys.synthesise("", "top").lut == 5


def test_a_time_limit_ends_yosys_and_what_it_started(stand_in, tmp_path):
    stand_in(f"sleep 60 & echo $! > {tmp_path}/child; sleep 60")
    started = time.monotonic()
    with pytest.raises(yosys.SynthesisError, match=r"longer than 0\.5 s"):
        yosys.synthesise("", "top", time_limit=0.5)
    assert time.monotonic() - started < 20
    child = int((tmp_path / "child").read_text())
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False).stdout
    assert state.strip() == "" or state.startswith("Z")


def test_cells_are_sorted_by_resource():
    found = yosys.count_cells(
        {"LUT6": 2, "LUT2": 1, "INV": 1, "CARRY8": 2, "CARRY4": 1, "DSP48E2": 3, "FDRE": 4, "X": 9}
    )
    assert found.resources == {"lut": 4, "dsp": 3, "ff": 4, "carry": 5}


@needs_yosys
def test_a_layer_counts_every_copy():
    once = yosys.synthesise_layer(LayerAdders("fc", (GRAPH,)))
    assert once.lut > 20
    assert once.dsp == once.ff == 0
    assert yosys.synthesise_layer(LayerAdders("fc", (GRAPH,), copies=3)).lut == 3 * once.lut


@needs_yosys
@pytest.mark.parametrize("result", [None, "ap_fixed<9,3>"])
def test_the_verilog_computes_what_the_graph_does(result, tmp_path):
    """Yosys evaluates the Verilog; the numbers are compared in as many bits as each output has."""
    graph = GRAPH.with_result(result) if result else GRAPH
    (tmp_path / "design.v").write_text(verilog(graph))
    for first, second in [(0, 0), (127, 15), (-128, 15), (-1, 1), (77, 10), (-100, 0)]:
        commands = (
            f"read_verilog {tmp_path}/design.v; hierarchy -top dense_da_7; proc; flatten; "
            f"eval -set i0 8'd{first % 256} -set i1 4'd{second} -show o0 -show o1"
        )
        said = subprocess.run(["yosys", "-p", commands], capture_output=True, text=True, check=True).stdout
        shown = re.findall(r"Eval result: \\o\d = (\d+)'([01]+)\.", said)
        wanted = graph([first / 32, second / 4])
        assert len(shown) == 2, said
        for (width, bits), number, value in zip(shown, wanted, (graph.values[4], graph.values[2]), strict=True):
            assert int(bits, 2) == int(number * 2**value.type.fraction) % 2 ** int(width)
