"""A Brevitas network, trained on scikit-learn's digits and pruned: counted, and exact; another is in the guide."""

from types import SimpleNamespace

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.brevitas.adapter import BrevitasAdapter
from shared.frameworks import Later, torch
from shared.hls import hls_settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("brevitas", "torch", "hls4ml", "qonnx", "onnxoptimizer", "sklearn", "g++"),
]
modules = Later("shared.brevitas_modules")
ADAPTER = BrevitasAdapter()


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    train, held, test = slice(0, 1200), slice(1200, 1500), slice(1500, None)
    return SimpleNamespace(train=(x[train], y[train]), held=(x[held], y[held]), test=(x[test], y[test]))


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trained(module, train, epochs, weight_decay=0.0):
    """Train as a user would, by Adam."""
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01, weight_decay=weight_decay)
    inputs, labels = (torch.from_numpy(part) for part in train)
    module.train()
    for _ in range(epochs):
        for places in torch.randperm(len(inputs)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(inputs[places]).value, labels[places]).backward()
            optimizer.step()
    return module


def test_a_convolutional_network_keeps_its_budget_in_the_users_own_training_and_is_exact(digits):
    """A row of weights costs what it does while one of them is there; at reuse factor 1 it goes by their values."""
    torch.manual_seed(0)
    layers = [modules.convolution(1, 6, 3, stride=2), modules.relu(), torch.nn.Flatten(), modules.linear(54, 10)]
    train, test = ((part.reshape(-1, 1, 8, 8), labels) for part, labels in (digits.train, digits.test))
    module = trained(torch.nn.Sequential(modules.pixels(), *layers), train, epochs=10)
    config = hls_settings("resource_unrolled", 3) | {"InputShape": [1, 8, 8], "IOType": "io_stream"}
    selection = kp.select(module, config, {"dsp": 0.5})
    masked = trained(selection.apply(module), train, epochs=5, weight_decay=1e-4)
    check = kp.verify(masked, config, data=test)
    assert check.predicted == check.counted
    assert selection.before["dsp"] > 100
    assert 0 < check.counted["dsp"] <= selection.before["dsp"] // 2
    assert check.accuracy == check.model_accuracy > 0.75
