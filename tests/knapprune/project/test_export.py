"""Projects are written whole or not at all, and nothing of the user's is overwritten unasked."""

import sys

import numpy as np
import pytest

from knapprune.project.count import count_project
from knapprune.project.export import export
from knapprune.tools import ConversionError, MissingToolError
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

CONFIG = {"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 4, "Strategy": "resource_unrolled"}}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="fc")])


def test_a_project_holds_its_own_path_and_no_trace_of_where_it_was_written(model, tmp_path):
    project = export(model, CONFIG, tmp_path / "out")
    assert project.folder == tmp_path / "out"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    written = (project.folder / "hls4ml_config.yml").read_text()
    assert f"OutputDir: {project.folder}\n" in written
    assert f"{project.folder}/keras_model.keras" in written
    texts = [path.read_bytes() for path in project.folder.rglob("*") if path.is_file()]
    assert not any(b"/.out-" in text for text in texts)


def test_what_hls4ml_says_is_kept_and_not_printed(model, tmp_path, capfd):
    project = export(model, CONFIG, tmp_path / "out")
    assert "ResourceUnrolled" in project.log
    assert "ResourceUnrolled" not in "".join(capfd.readouterr())


def test_the_configuration_is_not_changed(model, tmp_path):
    config = {"Model": {"Strategy": "Latency"}}
    export(model, config, tmp_path / "out")
    assert config == {"Model": {"Strategy": "Latency"}}


def test_top_level_keys_are_read_and_keywords_override_them(model, tmp_path):
    config = CONFIG | {"Part": "xc7z020clg400-1", "IOType": "io_stream", "ClockPeriod": 7}
    project = export(model, config, tmp_path / "out", backend="Vivado", clock_period=3)
    tcl = (project.folder / "project.tcl").read_text()
    assert 'set part "xc7z020clg400-1"' in tcl
    assert 'set backend "vivado"' in tcl
    assert "set clock_period 3" in tcl
    assert "hls::stream<" in (project.folder / "firmware" / "myproject.cpp").read_text()


def test_an_existing_folder_is_not_overwritten(model, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("all of it")
    with pytest.raises(FileExistsError, match=r"output_dir: .*out exists; .* force=True"):
        export(model, CONFIG, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "all of it"


def test_force_replaces_a_project_and_nothing_else(model, tmp_path):
    first = export(model, CONFIG, tmp_path / "out")
    (first.folder / "firmware" / "weights" / "stale.h").write_text("")
    second = export(model, CONFIG, tmp_path / "out", force=True)
    assert not (second.folder / "firmware" / "weights" / "stale.h").exists()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("all of it")
    with pytest.raises(FileExistsError, match="is no hls4ml project"):
        export(model, CONFIG, tmp_path / "home", force=True)


def test_an_empty_folder_is_used(model, tmp_path):
    (tmp_path / "out").mkdir()
    assert count_project(export(model, CONFIG, tmp_path / "out").folder).layers[0].name == "fc"


def test_a_failed_conversion_leaves_the_old_project_and_says_what_hls4ml_said(model, tmp_path, monkeypatch):
    import hls4ml

    old = export(model, CONFIG, tmp_path / "out")

    def fail(*_arguments, **_keywords):
        print("chatter of a converter")
        raise KeyError("layer of another world")

    monkeypatch.setattr(hls4ml.converters, "convert_from_keras_model", fail)
    with pytest.raises(ConversionError, match=r"hls4ml does not convert .*another world") as caught:
        export(model, CONFIG, tmp_path / "out", force=True)
    assert "chatter of a converter" in caught.value.__notes__[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert count_project(old.folder).layers


def test_a_layer_that_hls4ml_does_not_know_is_named(tmp_path):
    inputs = keras.Input((6, 8))
    attended = keras.layers.MultiHeadAttention(2, 4, name="attention")(inputs, inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="out")(keras.layers.Flatten()(attended)))
    with pytest.raises(ConversionError, match=r"does not know 'attention' \(MultiHeadAttention\) either"):
        export(model, CONFIG, tmp_path / "out")


def test_a_layer_name_that_is_no_identifier_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="fc-1")])
    with pytest.raises(ValueError, match="expected layer names that are C\\+\\+ identifiers, got 'fc-1'"):
        export(model, CONFIG, tmp_path / "out")


def test_a_missing_hls4ml_says_what_to_install(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hls4ml", None)
    with pytest.raises(MissingToolError, match=r'pip install "knapprune\[hls4ml\]"'):
        export(model, CONFIG, tmp_path / "out")


def test_a_masked_model_is_converted_with_its_zeros(model, tmp_path):
    from knapprune.adapters.keras.adapter import KerasAdapter

    mask = np.ones((8, 4), dtype=bool)
    mask[:4, 1] = False  # with a reuse factor of 4, half a neuron is one row
    masked = KerasAdapter().apply(model, {"fc": mask})
    (layer,) = count_project(export(masked, CONFIG, tmp_path / "out").folder).layers
    assert layer.multipliers == 7
