"""What is not installed is said in one form, by one kind of error, with what to install."""

import json
import re
import sys
from pathlib import Path

import pytest
import typer

import knapprune as kp
from knapprune.adapters.onnx_files import load_onnx_model
from knapprune.cli.inputs import load
from knapprune.cli.screen import on_screen
from knapprune.tools import MissingToolError, require


def test_keras_that_is_missing_is_named_by_every_command(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(typer.Exit) as left, on_screen():
        load(Path("model.keras"), None, Path("config.yml"))
    assert isinstance(left.value.__cause__, MissingToolError)
    assert 'Keras is not installed; install it with: pip install "knapprune[keras]"' in capsys.readouterr().err


@pytest.mark.parametrize("package", ["qonnx", "onnx"])
def test_what_onnx_files_need_is_named(monkeypatch, tmp_path, package):
    monkeypatch.setitem(sys.modules, package, None)
    for name in [name for name in sys.modules if name.startswith("qonnx.")]:
        monkeypatch.delitem(sys.modules, name)
    message = f'{package} is not installed; install it with: pip install "knapprune[onnx]"'
    with pytest.raises(MissingToolError, match=re.escape(message)):
        load_onnx_model(tmp_path / "net.onnx")
    (tmp_path / "net.onnx").write_bytes(b"some graph")
    with pytest.raises(MissingToolError, match=re.escape(message)):
        kp.load(tmp_path / "net.onnx", hls_config={"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}})


def test_a_package_is_called_by_its_title_and_a_module_that_is_there_is_returned(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    with pytest.raises(MissingToolError, match=r'^scikit-learn is not installed; .* "knapprune\[all\]"$'):
        require("sklearn.datasets", extra="all")
    assert require("json.decoder", extra="all") is json.decoder
