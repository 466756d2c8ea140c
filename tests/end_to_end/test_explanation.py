"""What explanations rest on, against hls4ml's own graph."""

import pytest

import knapprune as kp
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")


def two_axes():
    return keras.Sequential(
        [
            keras.Input((11, 9, 2)),
            keras.layers.Conv2D(3, 3, padding="same", name="same"),
            keras.layers.Conv2D(3, 4, strides=3, padding="same", name="strided"),
            keras.layers.Conv2D(3, 2, strides=2, name="valid"),
            keras.layers.Dense(4, name="several_axes"),
        ]
    )


def one_axis():
    return keras.Sequential(
        [
            keras.Input((20, 3)),
            keras.layers.Conv1D(4, 3, padding="causal", name="causal"),
            keras.layers.Conv1D(4, 5, strides=3, padding="same", name="strided"),
            keras.layers.Conv1D(4, 1, strides=2, padding="same", name="narrow"),
            keras.layers.Conv1D(4, 2, name="valid"),
        ]
    )


@pytest.mark.parametrize("build", [two_axes, one_axis], ids=["2d", "1d"])
def test_convolutions_read_as_many_positions_as_hls4ml_says(build, tmp_path):
    """Padding is a layer of its own in io_stream; what the convolution then reads is its input's height and width."""
    converters = pytest.importorskip("hls4ml.converters")
    model = build()
    config = hls_settings("Latency", 1)
    found = kp.estimate(model, config, io_type="io_stream", explain=True)
    graph = converters.convert_from_keras_model(
        model, hls_config=config, io_type="io_stream", backend="Vitis", output_dir=str(tmp_path)
    )
    nodes = {node.name: node for node in graph.get_layers()}
    for known in found.explanations:
        node = nodes[known.layer.name]
        assert known.layer.streamed == node.get_attr("in_height", 1) * node.get_attr("in_width"), known.layer.name
        assert known.interval == 3 * known.layer.streamed
