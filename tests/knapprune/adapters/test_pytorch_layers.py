"""What the adapter reads of a module: names, kernels in Keras' order, and where hls4ml keeps each weight."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.pytorch.adapter import PyTorchAdapter
from knapprune.adapters.pytorch.conversion import from_hls4ml, to_hls4ml
from knapprune.network.hls_config import HlsConfigError
from knapprune.network.hls_config_file import read_hls_config
from knapprune.tools import ConversionError
from shared.frameworks import Later, torch
from shared.networks import random_masks

pytestmark = pytest.mark.needs("torch", "hls4ml")

torch_modules = Later("shared.torch_modules")
ADAPTER = PyTorchAdapter()
UNROLLED = {"Precision": "ap_fixed<16,6>", "ReuseFactor": 3, "Strategy": "resource_unrolled"}


def config(shape=(2, 6, 6), **top):
    return read_hls_config({"Model": UNROLLED, "InputShape": shape, **top})


def test_modules_and_models_to_train_are_known_without_importing_torch():
    module = torch_modules.Network()
    assert isinstance(find_adapter(module), PyTorchAdapter)
    assert isinstance(find_adapter(kp.TorchModel(module)), PyTorchAdapter)
    assert not ADAPTER.matches(object())
    with pytest.raises(TypeError, match=r"module: got str, expected a torch.nn.Module"):
        kp.TorchModel("net.pt")
    with pytest.raises(TypeError, match=r"loss: got \(8,\), expected a function, or None for the default"):
        kp.TorchModel(module, (8,))
    with pytest.raises(TypeError, match="optimizer: got 'adam', expected a function"):
        kp.TorchModel(module, optimizer="adam")


def test_kernels_come_in_keras_order_under_hls4mls_names():
    module = torch_modules.Network()
    found = ADAPTER.kernels(module)
    assert {name: kernel.shape for name, kernel in found.items()} == {
        "bn": (0,),
        "conv": (3, 2, 2, 3),
        "fc": (60, 6),
        "head_1": (6, 3),
    }
    assert found["conv"][2, 1, 0, 1] == module.conv.weight[1, 0, 2, 1].item()
    assert found["fc"][7, 4] == module.fc.weight[4, 7].item()
    assert ADAPTER.untouched(module) == []
    assert ADAPTER.untouched(torch.nn.Sequential(torch.nn.LayerNorm(4), torch.nn.ReLU())) == ["_0"]


def test_masks_go_back_to_pytorchs_order():
    module = torch_modules.Network()
    masks = random_masks(ADAPTER, module, 0.5)
    masked = ADAPTER.apply(module, masks)
    assert not masked.conv.weight[masked.conv.weight_mask.logical_not()].any()
    assert masked.conv.weight_mask[1, 0, 2, 1].item() == masks["conv"][2, 1, 0, 1]
    for name, kernel in ADAPTER.kernels(masked).items():
        assert np.array_equal(kernel, np.where(masks[name], ADAPTER.kernels(module)[name], 0))


@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_a_linear_layer_behind_a_convolution_is_kept_in_the_order_of_channels_last():
    (conv, bn, fc, head) = ADAPTER.layers(torch_modules.Network(), config())
    places = np.moveaxis(np.arange(60).reshape(3, 4, 5), 0, -1).ravel()
    assert fc.first_axis == tuple(places)
    assert (conv.first_axis, head.first_axis) == ((), ())
    assert bn.kind == "scale"
    kernel = np.random.default_rng(0).normal(size=fc.kernel_shape)
    assert np.array_equal(fc.flat(kernel), kernel[places].T.ravel())
    assert np.array_equal(fc.unflat(fc.flat(kernel)), kernel)


@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_in_io_stream_the_data_is_turned_and_the_weights_are_not():
    assert all(layer.first_axis == () for layer in ADAPTER.layers(torch_modules.Network(), config(IOType="io_stream")))


def test_a_normalisation_that_is_not_folded_is_a_layer_that_scales():
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.BatchNorm1d(6))
    torch.nn.init.constant_(model[2].weight, 0.3)
    fc, bn = ADAPTER.layers(model, replace(config((4,)), model={**UNROLLED, "ReuseFactor": 2}))
    assert (fc.kind, bn.kind, bn.products[0].multipliers) == ("dense", "scale", 3)


def test_adder_graphs_keep_their_kernels_and_take_reuse_factor_one():
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    da = replace(config((4,)), model={"Precision": "ap_fixed<8,3>", "ReuseFactor": 1, "Strategy": "da"})
    first, second = ADAPTER.layers(module, da)
    assert (first.kernel_shape, first.strategy, first.requested_strategy) == ((4, 3), "distributed_arithmetic", "da")
    mixed = replace(da, layer_names={"_2": {"Strategy": "latency"}})
    assert [layer.strategy for layer in ADAPTER.layers(module, mixed)] == ["distributed_arithmetic", "latency"]
    assert second.strategy == "distributed_arithmetic"
    with pytest.raises(HlsConfigError, match="has ReuseFactor 2, expected 1 for da"):
        ADAPTER.layers(module, replace(da, model={**da.model, "ReuseFactor": 2}))


def test_masks_and_modes_do_not_disturb_the_reading():
    module = torch_modules.Network().train()
    masked = ADAPTER.apply(module, {"fc": np.zeros((60, 6), bool)})
    stream = config(IOType="io_stream")
    assert ADAPTER.layers(masked, stream) == ADAPTER.layers(module, stream)
    assert masked.training
    assert masked.bn.training
    assert not ADAPTER.masks(masked)["fc"].any()


def test_a_change_by_hls4ml_is_warned_of():
    model = torch.nn.Sequential(torch.nn.Linear(9, 4))
    changed = replace(config((9,)), model={**UNROLLED, "Strategy": "resource", "ReuseFactor": 2})
    with pytest.warns(kp.HardwareWarning, match=r"layer '_0': hls4ml replaces reuse factor 2 by 1"):
        ADAPTER.layers(model, changed)


def test_a_module_used_twice_is_refused():
    layer = torch.nn.Linear(4, 4)
    with pytest.raises(ValueError, match="'_0' is used more than once"):
        ADAPTER.kernels(torch.nn.Sequential(layer, torch.nn.ReLU(), layer))


def test_a_shared_weight_is_refused():
    first, second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    second.weight = first.weight
    with pytest.raises(ValueError, match="'_0' and '_1' share one weight"):
        ADAPTER.kernels(torch.nn.Sequential(first, second))


def test_a_weight_under_torchs_own_pruning_is_refused():
    from torch.nn.utils import prune

    layer = torch.nn.Linear(4, 4)
    prune.l1_unstructured(layer, "weight", 0.5)
    with pytest.raises(ValueError, match=r"its weight is computed.*prune.remove"):
        ADAPTER.kernels(torch.nn.Sequential(layer))


def test_control_flow_on_data_is_refused():
    class Branching(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(ValueError, match=r"cannot follow Branching.forward"):
        ADAPTER.kernels(Branching())


def test_what_hls4ml_cannot_convert_is_a_sentence():
    with pytest.raises(ConversionError, match="hls4ml does not convert Sequential: Unsupported layer GELU"):
        ADAPTER.layers(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.GELU()), config((4,)))


def test_a_linear_layer_on_several_axes_is_refused():
    with pytest.raises(ValueError, match="'_0': a Linear layer on several axes"):
        ADAPTER.layers(torch.nn.Sequential(torch.nn.Linear(6, 3)), config((4, 6)))


def test_a_missing_input_shape_is_a_sentence():
    with pytest.raises(HlsConfigError, match=r"there is no InputShape.*config_from_pytorch_model"):
        kp.estimate(torch_modules.Network(), {"Model": UNROLLED})


def test_axes_left_as_they_are_are_refused():
    settings = {"Model": {**UNROLLED, "ChannelsLastConversion": "off"}, "InputShape": (2, 6, 6)}
    with pytest.raises(HlsConfigError, match="ChannelsLastConversion of the model is 'off', expected 'full' or"):
        kp.estimate(torch_modules.Network(), settings)


def test_without_hls4ml_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hls4ml", None)
    with pytest.raises(RuntimeError, match=r'hls4ml is not installed.*pip install "knapprune\[hls4ml\]"'):
        ADAPTER.kernels(torch_modules.Network())


def test_axes_are_turned_where_the_configuration_leaves_that_to_the_caller():
    images = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    given = {"Model": UNROLLED, "InputShape": (3, 4, 5)}
    internal = read_hls_config({**given, "Model": {**UNROLLED, "ChannelsLastConversion": "internal"}})
    assert np.array_equal(to_hls4ml(torch.tensor(images), read_hls_config(given))[0], images)
    assert np.array_equal(to_hls4ml(images, internal)[0], images.transpose(0, 2, 3, 1))
    last = images.transpose(0, 2, 3, 1).reshape(images.shape)
    assert np.array_equal(from_hls4ml(last, internal), images)
    assert np.array_equal(from_hls4ml(images[:, :, 0, 0], internal), images[:, :, 0, 0])
    turned = read_hls_config({**given, "Model": {**UNROLLED, "TransposeOutputs": True}})
    assert np.array_equal(from_hls4ml(images, turned), images)
