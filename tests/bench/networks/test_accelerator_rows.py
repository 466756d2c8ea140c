"""The rows on fetch groups are about the layers that the accelerator counts, and about no other."""

import numpy as np
import pytest

from shared.frameworks import keras


@pytest.mark.needs("keras")
def test_layers_that_are_not_counted_have_no_part_in_what_is_kept():
    from bench.networks.accelerator import products, throughput

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(8, 1, name="conv"), keras.layers.BatchNormalization(), keras.layers.ReLU()]
    layers.append(keras.layers.DepthwiseConv2D(3, name="depthwise"))
    model = keras.Sequential([keras.Input((4, 4, 8)), *layers])
    row = throughput(lambda: model, 3, 4, 1)
    kernel = np.abs(model.get_layer("conv").kernel.numpy())
    largest = np.sort(kernel.reshape(2, 4, 8), axis=1)[:, -1]
    for name in ("mean", "geometric", "least"):  # one of each four: there is one layer
        assert row["groups"]["kept"][name] == pytest.approx(largest.sum() / kernel.sum())
        assert row["dense"]["kept"][name] == 1
    assert products(lambda: model) == {"products": 16 * 64, "depthwise": 1, "depthwise_products": 72 * 4}
