"""Modules stay on the device that they are on, and their masks and grids with them."""

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import torch

pytestmark = pytest.mark.needs("torch", "hls4ml")

CONFIG = {"Model": {"Precision": "ap_fixed<16,6>", "Strategy": "latency", "ReuseFactor": 1}, "InputShape": (8,)}


@pytest.fixture(params=["cpu", "cuda"])
def device(request):
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU here")
    return request.param


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 8)).astype(np.float32)
    return x, (x @ rng.normal(size=(8, 4))).argmax(axis=1)


def network(device):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4)).to(device)
    return kp.TorchModel(module, loss=torch.nn.CrossEntropyLoss(), optimizer=torch.optim.Adam)


def devices(module):
    return {tensor.device.type for tensor in (*module.parameters(), *module.buffers())}


@pytest.mark.parametrize("choose", [None, {"digits": 2}], ids=["masks", "digits"])
def test_a_module_is_pruned_on_its_device(device, data, choose):
    model = network(device)
    seen = kp.prune(
        model, CONFIG, train=data, validation=data, budget={"dsp": 0.5}, choose=choose, steps=2, epochs=1,
        tolerance=1.0, progress=False,
    )  # fmt: skip
    assert seen.met
    assert devices(seen.model.module) == devices(model.module) == {device}
    for name, mask in seen.masks.items():
        kernel = seen.model.module.get_submodule(name.strip("_")).weight.detach().cpu().numpy().T
        assert not kernel[~mask].any()


def test_a_masked_copy_trains_on_its_device_and_is_opened_on_another(device, data, tmp_path):
    model = network(device)
    chosen = kp.select(model, CONFIG, {"dsp": 0.5}, data=data)
    masked = chosen.apply(model)
    module = masked.module
    x, y = (torch.as_tensor(part).to(device) for part in data)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(x), y).backward()
        optimizer.step()
    torch.save(module.state_dict(), tmp_path / "masked.pt")
    assert devices(module) == {device}
    opened = chosen.apply(network("cpu")).module
    opened.load_state_dict(torch.load(tmp_path / "masked.pt", map_location="cpu", weights_only=True))
    assert devices(opened) == {"cpu"}
    with torch.no_grad():
        here, there = opened(x.cpu()).numpy(), module(x).cpu().numpy()
    assert np.allclose(here, there, atol=1e-5)


def test_it_shrinks_on_its_device(device, data):
    masked = kp.select(network(device), CONFIG, {"_0": {"dsp": 0.4}}, structure={"_0": "neuron"}).apply(network(device))
    small = kp.shrink(masked).model.module
    assert devices(small) == {device}
    x = torch.as_tensor(data[0]).to(device)
    with torch.no_grad():
        assert np.allclose(small(x).cpu().numpy(), masked.module(x).cpu().numpy(), atol=1e-5)
