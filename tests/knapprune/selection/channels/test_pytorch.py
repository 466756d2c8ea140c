"""Whole channels of PyTorch modules: sums, concatenations, depthwise layers and flattening."""

import pytest

import knapprune as kp
from shared.channel_counts import multiplications_of_module
from shared.frameworks import Later, torch
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("torch", "hls4ml")

modules = Later("shared.dying_modules")
NETWORKS = {
    "dense": (lambda: modules.dense(16), (5,)),
    "images": (lambda: modules.Images(8), (3, 12, 12)),
    "residual": (lambda: modules.Residual((8, 8, 12)), (3, 8, 8)),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def network(name):
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    return build().eval(), shape


@pytest.mark.parametrize("budget", [{"parameters": 0.5}, {"macs": 0.5}, {"parameters": 0.6, "macs": 0.4}])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_left_is_as_small_as_predicted_and_computes_the_same(name, budget):
    module, shape = network(name)
    chosen = kp.select(module, {"InputShape": [list(shape)]}, budget, structure="channel")
    masked = chosen.apply(module)
    out = kp.shrink(masked)
    x = torch.randn(16, *shape)
    with torch.no_grad():
        torch.testing.assert_close(masked.eval()(x), out.model.eval()(x), atol=1e-5, rtol=1e-5)
    assert out.parameters == chosen.resources["parameters"] < out.parameters_before
    assert chosen.before["macs"] == multiplications_of_module(module, shape)
    assert chosen.resources["macs"] == multiplications_of_module(out.model, shape)
    assert all(cap.use(chosen.resources) <= cap.limit for cap in chosen.budget)
    assert out.removed


def test_multiplications_need_the_sizes_of_the_inputs():
    module, _ = network("residual")
    assert "macs" not in kp.select(module, budget={"parameters": 0.5}).resources
    with pytest.raises(kp.BudgetError, match=r"layer 'stem' are multiplied is not known.*hls_config={'InputShape'"):
        kp.select(module, budget={"macs": 0.5})


@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
@pytest.mark.parametrize("normalised", [False, True])
def test_hardware_is_that_of_the_smaller_module(normalised):
    torch.manual_seed(0)
    between = [torch.nn.BatchNorm2d(8)] if normalised else []
    module = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), *between, torch.nn.Conv2d(8, 6, 3), torch.nn.ReLU()),
        *(torch.nn.Flatten(), torch.nn.Linear(96, 10), torch.nn.ReLU(), torch.nn.Linear(10, 3)),
    )
    config = hls_settings(strategy="resource", reuse_factor=3) | {"InputShape": [[1, 8, 8]]}
    chosen = kp.select(module, config, {"dsp": 0.4}, structure="channel")
    assert chosen.resources["dsp"] <= 0.4 * chosen.before["dsp"]
    assert kp.estimate(kp.shrink(chosen.apply(module)).model, config).total == chosen.resources.total


def test_a_residual_network_is_pruned_and_trained_on():
    module, shape = network("residual")
    x = torch.randn(64, *shape).numpy()
    y = (x.mean((1, 2, 3)) > 0).astype("int64")
    out = kp.prune(
        kp.TorchModel(module),
        *({"InputShape": [list(shape)]},),
        train=(x, y),
        validation=(x, y),
        budget={"macs": 0.5},
        steps=2,
        epochs=1,
        tolerance=1.0,
        progress=False,
    )
    assert out.met
    small = kp.shrink(out.model)
    assert out.resources["macs"] == multiplications_of_module(small.model.module, shape)
    assert out.resources["parameters"] == small.parameters
