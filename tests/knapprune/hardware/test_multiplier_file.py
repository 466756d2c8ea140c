"""A table of thresholds from a file: read, checked by key, and used for prediction and count alike."""

import json
from pathlib import Path

import pytest

import knapprune as kp
from knapprune.hardware.dsp import DSP48E1, DSP58, TABLES, MultiplierTable, of_vivado_hls
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.multiplier_file import read_multipliers
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")

MEASURED = Path(__file__).parents[3] / "docs" / "benchmarks" / "multipliers.json"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yml", "block: DSP58", DSP58),
        ("a.toml", 'block = "DSP48E1"', DSP48E1),
        ("a.yaml", "wide_port: 27\nnarrow_port: 18\nin_logic: [[10, 10]]", MultiplierTable(27, 18, ((10, 10),))),
        ("a.toml", 'block = "DSP48E2"\nin_logic = []', MultiplierTable(27, 18, ())),
        ("a.yml", "block: DSP48E2\nwide_port: 30", MultiplierTable(30, 18)),
        ("a.yml", "block: DSP48E2\ntool: Vivado HLS", of_vivado_hls(MultiplierTable(27, 18))),
    ],
)
def test_yaml_and_toml_say_what_differs_from_a_known_block(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text)
    assert read_multipliers(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yml", "blok: DSP58", r"has the key 'blok', expected some of \['block', 'tool', 'wide_port'"),
        ("a.yml", "block: DSP60", r"block is 'DSP60' in .*, expected one of \['DSP48E1'"),
        ("a.yml", "wide_port: 27", "has no block, expected one of .* or both ports"),
        (
            "a.yml",
            "wide_port: 27\nnarrow_port: yes",
            "narrow_port is True in .*, expected a whole number of at least 2",
        ),
        ("a.yml", "wide_port: 18\nnarrow_port: 27", "narrow_port is 27 in .*, expected at most wide_port, 18"),
        ("a.yml", "block: DSP58\nin_logic: [[9, 8]]", r"in_logic has \[9, 8\] in .*, expected pairs"),
        ("a.yml", "block: DSP58\nin_logic: 9", "in_logic has 9 in .*, expected pairs"),
        ("a.yml", "- 1", "holds list, expected a mapping"),
        ("a.yml", "a: [", "is not valid YAML"),
        ("a.toml", "a = [", "is not valid TOML"),
        ("a.json", "{}", r"expected a name that ends in \.yml, \.yaml or \.toml"),
    ],
)
def test_an_error_names_the_key_and_what_is_expected(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_multipliers(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"multipliers: no file .*none\.yml"):
        read_multipliers(tmp_path / "none.yml")


def test_prediction_and_count_follow_the_file(tmp_path):
    (tmp_path / "m.yml").write_text("block: DSP48E2\nin_logic: [[16, 16]]")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="fc1")])
    config = hls_settings(reuse_factor=2)
    check = kp.verify(model, config, hardware=Hls4mlHardware(multipliers=read_multipliers(tmp_path / "m.yml")))
    assert check.counted["dsp"] == check.predicted["dsp"] == 0
    assert kp.verify(model, config).counted["dsp"] == 16


def test_the_published_comparison_with_yosys_is_that_of_these_tables():
    """Where they differ is one of two known cases: small products in logic, or the narrow operand on the wide port."""
    for found in json.loads(MEASURED.read_text())["results"]:
        table = TABLES[found["block"]]
        yosys = {(narrow, wide): blocks for narrow, wide, blocks in found["yosys"]}
        assert len(yosys) == found["pairs"] == 435
        differ = [
            [*pair, table.blocks(*pair), blocks] for pair, blocks in yosys.items() if table.blocks(*pair) != blocks
        ]
        assert differ == found["differ"]
        for narrow, wide, ours, theirs in differ:
            in_logic = (narrow <= 8 and wide <= 10) or narrow <= 4
            small = ours == 0 and theirs > 0 and in_logic and narrow + wide > 8
            turned = (ours, theirs) == (2, 4) and table.narrow_port < narrow <= table.wide_port < wide
            assert small or turned
