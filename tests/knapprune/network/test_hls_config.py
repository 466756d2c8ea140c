import pytest

from knapprune.network.hls_config import HlsConfigError
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.precision import FixedPoint

LEVELS = {
    "Model": {"Strategy": "Latency", "ReuseFactor": 1, "Precision": {"default": "fixed<16,6>"}},
    "LayerType": {"Dense": {"ReuseFactor": 2, "Precision": {"weight": "fixed<10,2>"}}},
    "LayerName": {"fc1": {"ReuseFactor": 4, "Precision": {"weight": "auto"}}},
}


def test_name_wins_over_type_and_type_over_model():
    config = read_hls_config(LEVELS)
    assert [config.reuse_factor(*layer) for layer in (("fc1", "Dense"), ("fc2", "Dense"), ("c1", "Conv1D"))] == [
        4,
        2,
        1,
    ]


def test_names_match_in_any_case_as_in_hls4ml():
    assert read_hls_config(LEVELS).reuse_factor("FC1", "dense") == 4


def test_auto_is_none_and_the_models_default_stands_behind_it():
    config = read_hls_config(LEVELS)
    assert config.precision("weight", "fc1", "Dense") is None
    assert config.precision("weight", "fc2", "Dense") == FixedPoint(10, 2)
    assert config.precision("bias", "fc2", "Dense") == FixedPoint(16, 6)
    assert config.default_precision == FixedPoint(16, 6)


def test_a_plain_precision_holds_for_every_variable():
    config = read_hls_config({"Model": {"Precision": "fixed<12,4>"}, "LayerName": {"fc": {"Precision": "int<8>"}}})
    assert config.precision("weight", "fc", "Dense") == FixedPoint(8, 8)
    assert config.precision("weight", "other", "Dense") == FixedPoint(12, 4)


def test_an_empty_config_has_hls4mls_defaults():
    config = read_hls_config({})
    assert (config.backend, config.io_type, config.clock_period) == ("Vitis", "io_parallel", 5)
    assert (config.strategy("fc", "Dense"), config.reuse_factor("fc", "Dense")) == ("latency", 1)
    assert config.default_precision == FixedPoint(16, 6)


def test_top_level_keys_are_read_and_keywords_override_them():
    top = {"Backend": "Vivado", "IOType": "io_stream", "Part": "xc7z020", "ClockPeriod": 10}
    config = read_hls_config(top)
    assert (config.backend, config.io_type, config.part, config.clock_period) == ("Vivado", "io_stream", "xc7z020", 10)
    config = read_hls_config(top, backend="vitis", io_type="io_parallel", part="xcu50", clock_period=3.3)
    assert (config.backend, config.io_type, config.part, config.clock_period) == ("Vitis", "io_parallel", "xcu50", 3.3)


def test_hls4mls_own_yaml_file_reads_like_the_dict(tmp_path):
    path = tmp_path / "hls_config.yml"
    path.write_text(
        "KerasModel: !keras_model model.keras\nBackend: Vivado\nIOType: io_stream\n"
        "HLSConfig:\n  Model:\n    ReuseFactor: 8\n    Precision: fixed<16,6>\n    Strategy: resource_unrolled\n"
    )
    config = read_hls_config(path)
    assert (config.backend, config.io_type) == ("Vivado", "io_stream")
    assert (config.strategy("fc", "Dense"), config.reuse_factor("fc", "Dense")) == ("resource_unrolled", 8)
    assert read_hls_config(str(path)) == config


def test_a_read_config_can_be_read_again_with_another_part():
    config = read_hls_config(LEVELS, io_type="io_stream")
    assert read_hls_config(config) == config
    assert read_hls_config(config, part="xc7z020").io_type == "io_stream"


def test_parallelization_comes_from_the_first_level_that_names_the_layer():
    config = read_hls_config({"Model": {"ParallelizationFactor": 4}, "LayerName": {"c1": {"ReuseFactor": 2}}})
    assert config.parallelization_factor("c1", "Conv1D") == 1
    assert config.parallelization_factor("c2", "Conv1D") == 4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"Backend": "Libero"}, r"Backend is 'Libero', expected one of \['Vitis', 'Vivado', 'Catapult'"),
        ({"IOType": "serial"}, r"IOType is 'serial', expected one of \['io_parallel', 'io_stream'\]"),
        ({"ClockPeriod": -1}, "ClockPeriod is -1"),
        ({"Model": ["ReuseFactor"]}, "Model is list, expected a mapping"),
        ({"LayerName": {"fc": 4}}, r"LayerName\['fc'\] is int"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_expected(source, message):
    with pytest.raises(HlsConfigError, match=message):
        read_hls_config(source)


@pytest.mark.parametrize("factor", [0, -4, 2.5, "four", True])
def test_a_reuse_factor_must_be_a_whole_number(factor):
    with pytest.raises(HlsConfigError, match="ReuseFactor of layer 'fc'"):
        read_hls_config({"Model": {"ReuseFactor": factor}}).reuse_factor("fc", "Dense")


def test_a_floating_point_precision_is_refused_with_the_layer():
    with pytest.raises(HlsConfigError, match=r"precision of weight of layer 'fc'.*'float'"):
        read_hls_config({"Model": {"Precision": "float"}}).precision("weight", "fc", "Dense")


def test_a_default_of_auto_is_refused():
    with pytest.raises(HlsConfigError, match="default Precision is 'auto'"):
        _ = read_hls_config({"Model": {"Precision": "auto"}}).default_precision


def test_a_file_that_is_no_mapping_is_refused(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text("- 1\n")
    with pytest.raises(HlsConfigError, match="holds list"):
        read_hls_config(path)
    path.write_text("a: [")
    with pytest.raises(HlsConfigError, match="not valid YAML"):
        read_hls_config(path)
