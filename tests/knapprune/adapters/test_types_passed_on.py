"""Layers that only move values have their input's type in hls4ml, whatever the configuration says of them."""

import pytest

import knapprune as kp
from knapprune.project.export import export
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras", "hls4ml")
CASES = [
    pytest.param(layer, io_type, id=f"{layer}-{io_type}")
    for layer in ("Flatten", "Reshape", "Permute", "ZeroPadding2D", "UpSampling2D", "MaxPooling2D", "AveragePooling2D")
    for io_type in ("io_parallel", "io_stream")
]
ARGUMENTS: dict[str, tuple[object, ...]] = {
    "Reshape": ((9, 4),),
    "Permute": ((2, 1, 3),),
    "ZeroPadding2D": (1,),
    "AveragePooling2D": (2,),
}


@pytest.mark.parametrize("asked", [None, "ufixed<5,3>"])
@pytest.mark.parametrize(("kind", "io_type"), CASES)
def test_the_data_of_the_next_layer_have_the_type_that_hls4ml_gives_them(kind, io_type, asked, tmp_path):
    layers = keras.layers
    moved = getattr(layers, kind)(*ARGUMENTS.get(kind, ()), name="moved")
    last = {"Flatten": layers.Dense(2, name="out"), "Reshape": layers.Conv1D(2, 2, name="out")}
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 1, strides=2, activation="relu", name="conv"),
            moved,
            last.get(kind, layers.Conv2D(2, 1, name="out")),
        ]
    )
    said = {} if asked is None else {"moved": {"Precision": {"result": asked}}}
    config = hls_settings("latency", 1, conv_relu={"Precision": {"result": "ufixed<6,3>"}}, **said)
    config["IOType"] = io_type
    (layer,) = [layer for layer in kp.estimate(model, config).layers if layer.name == "out"]
    graph = export(model, config, tmp_path / "project").graph
    (node,) = [node for node in graph.get_layers() if node.name == "out"]
    assert layer.data_bits == node.get_input_variable().type.precision.width
