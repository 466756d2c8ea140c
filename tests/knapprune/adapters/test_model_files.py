"""Models from files of every kind that is read."""

import subprocess
import sys

import numpy as np
import pytest

import knapprune as kp
from knapprune.tools import ConversionError
from shared.frameworks import keras
from shared.high_granularity import network
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras", "hls4ml")


CONFIG = {
    "Model": {"Precision": "fixed<16,6>", "ReuseFactor": 4, "Strategy": "resource_unrolled"},
    "IOType": "io_stream",
}


def onnx_file(path, *nodes, **constants):
    pytest.importorskip("qonnx")
    from onnx import TensorProto, helper, numpy_helper, save

    made = [helper.make_node(kind, inputs, outputs, **more) for kind, inputs, outputs, more in nodes]
    graph = helper.make_graph(
        made,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))],
        [numpy_helper.from_array(np.asarray(value, "f"), name) for name, value in constants.items()],
    )
    # An old file: what onnx writes today onnxruntime need not read.
    save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def test_an_onnx_file_with_gemm_becomes_a_graph_that_verifies(tmp_path):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 8))
    path = onnx_file(tmp_path / "net.onnx", ("Gemm", ["x", "w", "b"], ["y"], {"transB": 1}), w=weights, b=np.ones(4))
    graph = kp.load(path, hls_config=CONFIG)
    check = kp.verify(graph)
    assert check.predicted == check.counted
    assert check.counted["dsp"] == 8


def test_what_hls4ml_does_not_convert_is_named_with_what_hls4ml_says(tmp_path):
    path = onnx_file(
        tmp_path / "net.onnx", ("Erf", ["x"], ["h"], {}), ("MatMul", ["h", "w"], ["y"], {}), w=np.ones((8, 4))
    )
    with pytest.raises(ConversionError, match=r"hls4ml does not convert net.onnx: .*Erf"):
        kp.load(path, hls_config=CONFIG)


@pytest.mark.needs("hgq")
def test_a_keras_file_with_quantised_layers_is_a_model_that_can_be_pruned(tmp_path):
    from hgq.layers import QDense

    model = network(lambda: QDense(4, name="fc"), shape=(8,))
    model.save(tmp_path / "net.keras")
    loaded = kp.load(tmp_path / "net.keras")
    assert isinstance(loaded, keras.Model)
    config = hls_settings("latency", 1)
    assert kp.verify(loaded, config).counted == kp.estimate(model, config).total


@pytest.mark.needs("hgq")
def test_a_keras_file_with_quantised_layers_is_read_where_nobody_has_imported_them(tmp_path):
    from hgq.layers import QDense

    network(lambda: QDense(4, name="fc"), shape=(8,)).save(tmp_path / "net.keras")
    code = f"import knapprune as kp; print(kp.load({str(tmp_path / 'net.keras')!r}).layers[0].qkernel.shape)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "(8, 4)" in said.stdout


def test_a_plain_keras_file_stays_a_keras_model(tmp_path):
    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(4)])
    model.save(tmp_path / "net.keras")
    assert isinstance(kp.load(tmp_path / "net.keras"), keras.Model)


def test_a_file_of_an_unknown_kind_is_told_what_is_read(tmp_path):
    (tmp_path / "net.pb").write_bytes(b"?")
    with pytest.raises(ValueError, match=r"got 'net.pb', expected one of .keras and .h5 .*\.onnx"):
        kp.load(tmp_path / "net.pb", hls_config=CONFIG)
    with pytest.raises(FileNotFoundError, match="no model file"):
        kp.load(tmp_path / "absent.onnx")


def test_a_file_of_pytorch_points_to_python(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"path: net\.pt is a PyTorch file"):
        kp.load(tmp_path / "net.pt")
