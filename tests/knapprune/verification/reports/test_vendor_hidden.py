"""Layers whose reports hide or change their number are found by ports and order, or listed by themselves."""

from itertools import pairwise

import pytest

from knapprune.project.export import export
from knapprune.verification.comparison import LayerCheck
from knapprune.verification.reports.design import read_design
from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.report import read_run, side_by_side
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")

CONFIG = hls_settings("Latency", 1)
ZEROS = "dense_latency_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_"
NAMES = ("fc1", "fc2", "fc3", "output")


def network(widths):
    layers = [keras.Input((widths[0],), name="x")]
    for name, width in zip(NAMES, widths[1:], strict=True):
        layers += [keras.layers.Dense(width, name=name)]
        layers += [keras.layers.Activation("softmax" if name == "output" else "relu", name=f"{name}_act")]
    return keras.Sequential(layers)


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """A network whose layers differ in their sizes, and one with two alike."""
    folder = tmp_path_factory.mktemp("own")
    for name, widths in (("different", (16, 12, 6, 6, 5)), ("alike", (16, 6, 6, 6, 5))):
        export(network(widths), CONFIG, folder / name)
    return folder


@pytest.fixture
def checks():
    """Counts that are of no matter here."""
    return {name: LayerCheck("latency", 1, {"dsp": 1}, {"dsp": 1}, 0) for name in NAMES}


@pytest.fixture
def run(forms):
    """A run of Vivado HLS 2019.2 on a project of hls4ml 1.0: three numbers hidden, linear activations counted."""

    def make(widths, numbers=(4, 7, 10, 11, 13), hidden=("1", "s", "2")):
        def relu(index, size):
            name = f"relu_ap_fixed_{forms.same}_relu_config{index}_s"
            return forms.Module(name, lut=size, ports=forms.dense_ports(size, size))

        sizes = list(pairwise(widths))
        dense = [
            forms.Module(ZEROS + end, dsp=100 + at, ports=forms.dense_ports(*sizes[at], packed=at == 0))
            for at, end in enumerate(hidden)
        ]
        name = f"dense_latency_ap_fixed_ap_fixed_config{numbers[3]}_0_0_0_0_0_0"
        last = forms.Module(name, dsp=103, ports=forms.dense_ports(*sizes[3]))
        softmax = forms.Module(f"softmax_latency_ap_fixed_ap_fixed_softmax_config{numbers[4]}_s", dsp=5)
        relus = [relu(index, size) for index, size in zip(numbers[:3], widths[1:], strict=False)]
        # Listed by kind, and those alike not in the order of the layers.
        inside = [dense[1], dense[2], dense[0], last, *relus, softmax]
        ports = forms.top_ports({"x": widths[0]}, {f"layer{numbers[4]}_out": widths[4]}, suffix="_V")
        return [forms.Module("myproject", dsp=420, inside=[module.name for module in inside], ports=ports), *inside]

    return make


@pytest.mark.parametrize("numbers", [(4, 7, 10, 11, 13), (3, 5, 7, 8, 9)])
def test_hidden_layers_are_found_by_their_ports(projects, checks, run, write_reports, tmp_path, numbers):
    write_reports(tmp_path, run((16, 12, 6, 6, 5), numbers), tool="2019.2")
    found = side_by_side(read_run(tmp_path), projects / "different", checks)
    assert {name: found.by_layer[name]["dsp"] for name in NAMES} == dict(zip(NAMES, (100, 101, 102, 103), strict=True))
    assert {name: found.by_layer[f"{name}_act"]["lut"] for name in NAMES[:3]} == {"fc1": 12, "fc2": 6, "fc3": 6}
    assert found.unmatched == {}
    assert found.remainder["dsp"] == 420 - 406


@pytest.mark.parametrize("numbers", [(4, 7, 10, 11, 13), (3, 5, 7, 8, 9)])
def test_layers_that_nothing_tells_apart_are_listed_by_themselves(
    projects, checks, run, write_reports, tmp_path, numbers
):
    write_reports(tmp_path, run((16, 6, 6, 6, 5), numbers), tool="2019.2")
    found = side_by_side(read_run(tmp_path), projects / "alike", checks)
    assert {name for name in NAMES if name in found.by_layer} == {"fc1", "output"}
    assert {name: use["dsp"] for name, use in found.unmatched.items()} == {f"{ZEROS}s": 101, f"{ZEROS}2": 102}
    assert "no module of its own in the reports: fc2, fc3" in found.notes
    assert f"? {ZEROS}s" in found.table(checks)
    assert found.notes[0].startswith(
        f"in no counted layer: 217 dsp (output_act 5, {ZEROS}s 101, {ZEROS}2 102, between the"
    )


def test_a_number_that_may_be_of_several_layers_is_given_to_none(projects, checks, run, write_reports, tmp_path):
    """One of three activations has a module, all layers around it are hidden."""
    modules = [module for module in run((16, 6, 6, 6, 5)) if "relu_config4" not in module.name]
    modules = [module for module in modules if "relu_config10" not in module.name]
    modules[0].inside = [module.name for module in modules[1:]]
    write_reports(tmp_path, modules, tool="2019.2")
    found = side_by_side(read_run(tmp_path), projects / "alike", checks)
    assert not any(f"{name}_act" in found.by_layer for name in NAMES[:3])
    assert any(name.endswith("relu_config7_s") for name in found.unmatched)
    assert found.by_layer["output_act"]["dsp"] == 5


def test_hidden_layers_are_not_guessed_without_the_text(projects, checks, run, write_reports, tmp_path):
    """Without it, what is hidden may be inside another module."""
    write_reports(tmp_path, run((16, 12, 6, 6, 5)), ("xml",), tool="2019.2")
    found = side_by_side(read_run(tmp_path), projects / "different", checks)
    assert len(found.unmatched) == 3
    assert found.by_layer["output"]["dsp"] == 103


def test_values_that_may_lack_a_port_leave_layers_open(run, write_reports, tmp_path, checks):
    """Of a pruned model sizes are bounds: two modules fit two layers, and the third fits one."""
    model = network((16, 12, 6, 6, 5))
    kernel, bias = model.get_layer("fc2").get_weights()
    kernel[:6] = 0
    model.get_layer("fc2").set_weights([kernel, bias])
    export(model, CONFIG, tmp_path / "own")
    modules = run((16, 12, 6, 6, 5))
    modules[1].ports = tuple(port for port in modules[1].ports if port[0] not in {f"p_read{i}" for i in range(6)})
    write_reports(tmp_path / "there", modules, tool="2019.2")
    found = side_by_side(read_run(tmp_path / "there"), tmp_path / "own", checks)
    assert {name: found.by_layer[name]["dsp"] for name in NAMES if name in found.by_layer} == {
        "fc1": 100,
        "output": 103,
    }
    assert {use["dsp"] for use in found.unmatched.values()} == {101, 102}


def test_numbers_counted_otherwise_are_found_by_order(projects, checks, forms, write_reports, tmp_path):
    """Vitis hides none: each number of hls4ml 1.0 goes to the layer at its place."""
    widths = (16, 12, 6, 6, 5)
    dense = [
        forms.Module(
            f"dense_latency_{forms.same}_{forms.same}_config{index}_s", dsp=index, ports=forms.dense_ports(*size)
        )
        for index, size in zip((2, 5, 8, 11), pairwise(widths), strict=True)
    ]
    relus = [forms.Module(f"relu_{forms.same}_{forms.same}_relu_config{index}_s", lut=index) for index in (4, 7, 10)]
    softmax = forms.Module(f"softmax_stable_ap_fixed_{forms.same}_softmax_config13_s", dsp=5)
    inside = [*dense, *relus, softmax]
    ports = forms.top_ports({"x": 16}, {"layer13_out": 5})
    top = forms.Module("myproject", dsp=31, inside=[module.name for module in inside], ports=ports)
    for kinds in (("xml", "rpt"), ("xml",), ("rpt",)):
        folder = tmp_path / "-".join(kinds)
        write_reports(folder, [top, *inside], kinds)
        found = side_by_side(read_run(folder), projects / "different", checks)
        assert {name: found.by_layer[name]["dsp"] for name in NAMES} == dict(zip(NAMES, (2, 5, 8, 11), strict=True))
        assert [found.by_layer[f"{name}_act"]["lut"] for name in NAMES[:3]] == [4, 7, 10]
        assert found.by_layer["output_act"]["dsp"] == 5
    # A layer of another size at one place, and the whole is of another model.
    dense[2].ports = forms.dense_ports(6, 7)
    write_reports(tmp_path / "other", [top, *inside])
    with pytest.raises(ReportError, match="of another model"):
        side_by_side(read_run(tmp_path / "other"), projects / "different", checks)


@pytest.mark.parametrize("kinds", [("xml", "rpt"), ("xml",)])
def test_a_hidden_module_inside_one_with_a_number_is_part_of_it(
    projects, checks, run, forms, write_reports, tmp_path, kinds
):
    """A convolution hides its number in the function that it calls, and its own name has it."""
    modules = run((16, 12, 6, 6, 5))
    inner = forms.Module("pointwise_conv_1d_latency_cl_0_0_0_0_0_0_0_0_1", dsp=50)
    last = next(module for module in modules if "config11" in module.name)
    last.inside.append(inner.name)
    write_reports(tmp_path, [*modules, inner], kinds, tool="2019.2")
    found = side_by_side(read_run(tmp_path), projects / "different", checks)
    assert found.by_layer["output"]["dsp"] == 103
    assert (inner.name in found.unmatched) == ("rpt" not in kinds)


def test_padding_with_another_number_is_listed_by_itself(checks, forms, write_reports, tmp_path):
    """hls4ml adds padding last, and has numbered it otherwise in every version."""
    model = keras.Sequential(
        [
            keras.Input((8, 2), name="x"),
            keras.layers.Conv1D(4, 3, padding="same", name="fc1"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="fc2"),
        ]
    )
    export(model, CONFIG, tmp_path / "own", io_type="io_stream")
    numbers = {call.function: call.index for call in read_design(tmp_path / "own").calls}
    pad, conv, dense = (
        forms.Module(f"{function}_array_array_ap_fixed_2u_config{index}_s", lut=lut)
        for function, index, lut in (
            ("zeropad1d_cl", numbers["zeropad1d_cl"] + 1, 11),
            ("conv_1d_cl", numbers["conv_1d_cl"], 22),
            ("dense", numbers["dense"], 33),
        )
    )
    top = forms.Module("myproject", inside=[pad.name, conv.name, dense.name])
    write_reports(tmp_path / "there", [top, pad, conv, dense])
    found = side_by_side(
        read_run(tmp_path / "there"), tmp_path / "own", {name: checks[name] for name in ("fc1", "fc2")}
    )
    assert {name: use["lut"] for name, use in found.by_layer.items()} == {"fc1": 22, "fc2": 33}
    assert {name: use["lut"] for name, use in found.unmatched.items()} == {pad.name: 11}
