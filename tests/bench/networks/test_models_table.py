"""The table of all networks is what its rows say, and its runner reads what it claims to."""

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BENCH = runpy.run_path(str(ROOT / "bench" / "networks" / "models.py"))


def test_the_page_is_made_from_its_rows():
    docs = ROOT / "docs" / "benchmarks"
    assert BENCH["page"](json.loads((docs / "models.json").read_text())) == (docs / "models.md").read_text()


def test_verified_rows_agree_and_the_others_say_why():
    rows = json.loads((ROOT / "docs" / "benchmarks" / "models.json").read_text())
    for row in rows:
        assert ("counted" in row) != ("error" in row), row["file"]
        if "counted" in row:
            assert row["estimated"] == row["predicted"] == row["counted"], row["file"]


def test_every_network_at_hand_has_a_row(data_folder):
    folder = data_folder / "models"
    named = {spec.file for spec in BENCH["SPECS"]}
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in (".onnx", ".keras", ".json")}
    assert found <= named


@pytest.mark.needs("qonnx")
def test_a_network_runs_to_a_row(data_folder):
    row = BENCH["run"](BENCH["Spec"]("onnx/two_layer_keras.onnx"), data_folder / "models")
    assert row["read_as"] == "hls4ml"
    assert row["counted"] == row["estimated"] == {"dsp": 305, "bram18": 0, "bram": 0}


def test_a_network_that_cannot_be_read_keeps_its_row(tmp_path):
    row = BENCH["run"](BENCH["Spec"]("onnx/none.onnx"), tmp_path)
    assert row["error"] == "FileNotFoundError: path: no model file FOLDER/onnx/none.onnx"
