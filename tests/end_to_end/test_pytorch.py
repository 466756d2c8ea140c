"""PyTorch modules from the float model to the compiled project: what is predicted is what is counted."""

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.pytorch.adapter import PyTorchAdapter
from shared.frameworks import Later, hls4ml, torch
from shared.networks import random_masks

pytestmark = [
    pytest.mark.needs("torch", "hls4ml"),
    pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning"),
]
torch_modules = Later("shared.torch_modules")
ADAPTER = PyTorchAdapter()


NETWORKS = {
    "mlp": (lambda: torch.nn.Sequential(torch.nn.Linear(6, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4)), (6,)),
    "images": (lambda: torch_modules.Images(), (2, 4, 6)),
    "series": (lambda: torch_modules.Series(), (2, 8)),
    "filter": (lambda: torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3)), (2, 4, 4)),
}
STRATEGIES = {"latency": 1, "resource": 3, "resource_unrolled": 3}


def masked(name):
    """A network with about a third of its DSP rows and many single weights gone."""
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    module = build()
    return ADAPTER.apply(module, random_masks(ADAPTER, module, 0.3)), shape


def config_of(module, shape, strategy, **settings):
    config = hls4ml.utils.config_from_pytorch_model(module, shape, **settings)
    config["Model"] |= {"Strategy": strategy, "ReuseFactor": STRATEGIES[strategy]}
    return config


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", ["mlp", "images", "series"])
def test_what_is_predicted_is_what_is_counted(name, strategy, io_type):
    module, shape = masked(name)
    check = kp.verify(module, config_of(module, shape, strategy), io_type=io_type)
    assert check.predicted == check.counted
    assert {layer.strategy for layer in check.by_layer.values()} <= {strategy, "resource", "fixed"}
    whole = kp.estimate(NETWORKS[name][0](), config_of(module, shape, strategy), io_type=io_type)
    assert (check.counted["dsp"] < whole["dsp"]) == (strategy != "resource")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "io_type", "layout"),
    [
        ("images", "io_parallel", "full"),
        ("images", "io_stream", "internal"),
        ("filter", "io_parallel", "full"),
    ],
)
def test_the_compiled_project_computes_what_the_module_does_whatever_the_axes(name, io_type, layout):
    module, shape = masked(name)
    x = np.random.default_rng(1).normal(size=(20, *shape)).astype(np.float32)
    y = ADAPTER.predict(module, x)
    config = config_of(module, shape, "latency", channels_last_conversion=layout, default_precision="fixed<24,8>")

    def largest_difference(expected, outputs):
        return np.abs(expected - outputs).max()

    check = kp.verify(module, config, io_type=io_type, data=(x, y), metric=largest_difference)
    assert check.model_accuracy == 0
    assert check.accuracy < 0.002


def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return (x[order] / 16).astype(np.float32), y[order]


@pytest.mark.slow
def test_a_network_for_digits_is_pruned_to_its_budget_and_still_reads_them():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        x, y = digits()
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10))
        model = kp.TorchModel(module, optimizer=lambda parameters: torch.optim.Adam(parameters, 0.01))
        for epoch in range(15):
            ADAPTER.fit(model, (x[:1200], y[:1200]), batch_size=64, seed=epoch)
        config = config_of(module, (64,), "resource_unrolled") | {"IOType": "io_parallel"}
        config["Model"]["ReuseFactor"] = 4
        out = kp.prune(
            model,
            config,
            train=(x[:1200], y[:1200]),
            validation=(x[1200:1500], y[1200:1500]),
            budget={"dsp": 0.3, "bram18": 0.4},
            steps=3,
            epochs=5,
            batch_size=64,
            tolerance=0.05,
            progress=False,
        )
    finally:
        torch.set_num_threads(threads)
    assert out.met
    assert out.metric > out.baseline - 0.05
    assert out.baseline > 0.9
    check = kp.verify(out.model, config, data=(x[1500:], y[1500:]))
    assert check.counted == out.resources.total
    assert check.accuracy > check.model_accuracy - 0.02
    # hls4ml's own way to the project reads the same weights, without knapprune.
    graph = hls4ml.converters.convert_from_pytorch_model(
        out.model.module, output_dir="unwritten", hls_config=config, backend="Vitis"
    )
    zeros = {node.name: int((node.weights["weight"].data == 0).sum()) for node in graph.get_layers() if node.weights}
    assert zeros == {name: int((~mask).sum()) for name, mask in ADAPTER.masks(out.model).items()}
