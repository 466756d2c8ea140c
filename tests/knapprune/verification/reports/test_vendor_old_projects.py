"""Projects that hls4ml 0.6, 0.8 and 1.0 wrote are read, and held against the model as those of today are.

The files in ``projects`` are what these versions wrote of small networks, each project in one text; that of 0.6 without
the parts of its templates that nothing is read from.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from knapprune.project.export import export
from knapprune.project.files import GeneratedProjectError, read_settings, without_macros
from knapprune.project.read import read_project
from knapprune.verification.comparison import LayerCheck
from knapprune.verification.reports.design import Argument, read_design
from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.report import read_run, side_by_side
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")

HERE = Path(__file__).parent / "projects"
CONFIG = hls_settings("Latency", 1)


@pytest.fixture
def unpack(tmp_path):
    """Write a project from its text."""

    def write(name):
        folder = tmp_path / f"hls4ml-{name}"
        _, *pieces = re.split(r"^==== (\S+)\n", (HERE / f"hls4ml-{name}.txt").read_text(), flags=re.MULTILINE)
        for path, text in zip(pieces[::2], pieces[1::2], strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    return write


def shapes(folder):
    return {
        layer.name: (layer.strategy, layer.reuse_factor, layer.n_in, layer.n_out, layer.zeros, layer.fixed)
        for layer in read_project(folder).layers
    }


def test_sizes_behind_macros_and_types_without_a_name_are_read(unpack):
    """0.6: every size is a macro, the settings stand in the build script, and no code is generated beside."""
    folder = unpack("0.6.0-dense")
    assert shapes(folder) == {"fc1": ("latency", 1, 8, 4, 9, ()), "fc2": ("latency", 1, 4, 3, 5, ())}
    project, design = read_project(folder), read_design(folder)
    assert project.part == design.part == "xcvu13p-flga2577-2-e"
    assert (design.top, design.clock_period) == ("myproject", 5.0)
    assert design.arguments == (Argument("input1", False, 8, 16), Argument("layer5_out", True, 3, 16))
    assert [(call.name, call.index, call.shape) for call in design.calls][:3] == [
        ("fc1", 2, (8, 4)),
        ("fc1_relu", 3, None),
        ("fc2", 4, (4, 3)),
    ]
    first = project.layers[0]
    assert np.count_nonzero(first.weights == 0) == 9
    assert first.weights[:2] == pytest.approx([0.1382336766, 0.3286472559])


def test_a_prelu_without_a_type_in_its_struct_has_that_of_its_array(unpack):
    folder = unpack("0.8.1-normalised")
    found = shapes(folder)
    assert found["fc2"] == ("latency", 1, 4, 3, 5, ())
    for name in ("bn", "prelu"):
        multipliers = found[name][-1]
        assert 0 < sum(number for number, _, _ in multipliers) <= 4
        assert {data for _, _, data in multipliers} == {16}
    # Where the array says nothing either, a sentence does.
    path = folder / "firmware" / "weights" / "a5.h"
    path.write_text(path.read_text().replace("model_default_t", "double[] "))
    with pytest.raises(
        GeneratedProjectError, match=r"layer 'prelu': expected the type of an array in .*a5\.h, found none"
    ):
        read_project(folder)


def test_sizes_that_are_products_of_macros_are_read(unpack):
    """0.8: a recurrent layer's kernels are ``N_OUT_2 * 4`` wide."""
    assert shapes(unpack("0.8.1-lstm")) == {
        "rnn": ("resource", 4, 4, 20, 26, ((10, 16, 16), (5, 16, 16))),
        "rnn/recurrent": ("resource", 5, 5, 20, 38, ()),
        "fc2": ("resource", 5, 5, 3, 5, ()),
    }


def test_streams_of_an_older_version_are_read(unpack):
    """1.0: the sizes of a normalisation are macros, those of the packed types numbers."""
    found = shapes(unpack("1.0.0-streamed"))
    assert found["fc1"] == ("resource", 2, 8, 4, 9, ())
    for name, most in (("bn", 2), ("prelu", 4)):
        strategy, reuse, *_, multipliers = found[name]
        assert (strategy, reuse) == ("fixed", 2)
        assert 0 < sum(number for number, _, _ in multipliers) <= most


def test_a_struct_that_does_not_say_enough_is_told_in_a_sentence(unpack):
    folder = unpack("0.6.0-dense")
    path = folder / "firmware" / "parameters.h"
    path.write_text(path.read_text().replace("static const unsigned n_out = N_LAYER_2;", ""))
    with pytest.raises(GeneratedProjectError, match="layer 'fc1': its structs do not say 'n_out'"):
        read_project(folder)


def test_the_source_with_the_layers_is_the_top_of_an_accelerator(unpack):
    folder = unpack("0.8.1-normalised")
    (folder / "firmware" / "myproject_axi.cpp").write_text('#include "myproject_axi.h"\nvoid myproject_axi() {}\n')
    assert "fc1" in shapes(folder)
    assert read_design(folder).top == "myproject"


def test_settings_are_read_from_where_they_stand(tmp_path):
    with pytest.raises(GeneratedProjectError, match=r"project\.tcl is missing"):
        read_settings(tmp_path)
    script = ["open_project -reset jets_prj", "set_top jets", "set_part {xcku115-flvb2104-2-i}"]
    script += ["create_clock -period 2.5 -name default"]
    (tmp_path / "build_prj.tcl").write_text("\n".join(script))
    expected = {"backend": "vivado", "project_name": "jets", "part": "xcku115-flvb2104-2-i", "clock_period": "2.5"}
    assert read_settings(tmp_path) == expected
    (tmp_path / "project.tcl").write_text('variable part\nset part "xcu250-figd2104-2L-e"\nset clock_period 5\n')
    assert read_settings(tmp_path) == {"part": "xcu250-figd2104-2L-e", "clock_period": "5"}


def test_only_macros_with_numbers_are_replaced():
    defines = "#define DEFINES_H_\n#define N_LAYER_2 64\n#define N_LAYER_20 5\n"
    text = "static const unsigned n_in = N_LAYER_2*N_LAYER_20; // N_LAYER_3"
    assert without_macros(text, defines) == "static const unsigned n_in = 64*5; // N_LAYER_3"


def test_reports_in_an_old_project_are_held_against_the_model(unpack, write_reports, forms, tmp_path):
    folder = unpack("0.6.0-dense")
    kernels = [layer.weights.reshape(layer.n_in, layer.n_out) for layer in read_project(folder).layers]
    dense = keras.layers.Dense
    model = keras.Sequential(
        [
            keras.Input((8,), name="x"),
            dense(4, activation="relu", name="fc1"),
            dense(3, activation="softmax", name="fc2"),
        ]
    )
    for name, kernel in zip(("fc1", "fc2"), kernels, strict=True):
        model.get_layer(name).set_weights([kernel, np.zeros(kernel.shape[1])])
    export(model, CONFIG, tmp_path / "own")
    modules = [
        forms.Module("dense_latency_0_0_0_0_0_0_0_s", dsp=23, ports=forms.dense_ports(8, 4, packed=True)),
        forms.Module("dense_latency_ap_fixed_ap_fixed_config4_0_0", dsp=7, ports=forms.dense_ports(4, 3)),
    ]
    ports = forms.top_ports({"input1": 8}, {"layer5_out": 3}, suffix="_V")
    top = forms.Module("myproject", dsp=30, inside=[module.name for module in modules], ports=ports)
    write_reports(folder, [top, *modules], tool="2019.2")
    checks = {name: LayerCheck("latency", 1, {"dsp": 1}, {"dsp": 1}, 0) for name in ("fc1", "fc2")}
    found = side_by_side(read_run(folder), tmp_path / "own", checks)
    assert {name: use["dsp"] for name, use in found.by_layer.items()} == {"fc1": 23, "fc2": 7}
    assert not any("not compared" in note for note in found.notes)
    kernels[1][0] = 0
    model.get_layer("fc2").set_weights([kernels[1], np.zeros(3)])
    export(model, CONFIG, tmp_path / "pruned")
    with pytest.raises(ReportError, match="layer 'fc2' has other zero weights than in"):
        side_by_side(read_run(folder), tmp_path / "pruned", checks)
