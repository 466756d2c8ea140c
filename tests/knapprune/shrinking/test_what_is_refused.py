"""What cannot be made smaller is refused, and what to give instead is said."""

import pytest

import knapprune as kp
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.network.hls_config_file import read_hls_config
from shared.frameworks import keras
from shared.hls import hls_settings
from shared.networks import dense_network


def test_a_model_of_no_framework_is_refused():
    with pytest.raises(TypeError, match=r"model: got builtins\.str, expected a model of one of the adapters"):
        kp.shrink("model.keras")


@pytest.mark.needs("keras", "hls4ml")
def test_a_graph_of_hls4ml_is_refused(tmp_path):
    graph = KerasAdapter().convert(dense_network(4, 3), read_hls_config(hls_settings()), str(tmp_path))
    with pytest.raises(TypeError, match="ModelGraph cannot be made smaller; expected the Keras model or the PyTorch"):
        kp.shrink(graph)


@pytest.mark.needs("keras")
def test_a_model_that_is_no_graph_is_refused():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    model = Own()
    model(keras.ops.ones((1, 2)))
    with pytest.raises(ValueError, match="got Own, expected a Sequential or Functional model"):
        kp.shrink(model)
