"""Modules with layers of Brevitas: masks on the weights behind their quantisers, found by name through QONNX."""

import copy
import importlib

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.brevitas.adapter import BrevitasAdapter
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.kernel_places import ConversionMismatchError
from knapprune.network.hls_config import HlsConfigError
from shared.frameworks import Later, torch
from shared.hls import hls_settings
from shared.networks import random_masks

pytestmark = pytest.mark.needs("brevitas", "torch", "hls4ml", "qonnx", "onnxoptimizer")
modules = Later("shared.brevitas_modules")
ADAPTER = BrevitasAdapter()
DENSE, IMAGES = {"InputShape": [12]}, {"InputShape": [2, 4, 4]}


def quantised(module):
    """Return the weights as the layers multiply by them, in PyTorch's axes, by their paths."""
    module.eval()
    parts = {name: part for name, part in module.named_modules() if hasattr(part, "quant_weight")}
    return {name: part.quant_weight().value.detach().numpy() for name, part in parts.items()}


def trained(module, *shape, steps=20):
    """Train by Adam with weight decay."""
    torch.manual_seed(1)
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05, weight_decay=0.1)
    inputs = torch.randn(64, *shape)
    for _ in range(steps):
        optimizer.zero_grad()
        module(inputs).value.square().mean().backward()
        optimizer.step()
    return module


def test_a_module_with_a_layer_of_brevitas_has_an_adapter_of_its_own():
    assert isinstance(find_adapter(modules.small()), BrevitasAdapter)
    assert isinstance(find_adapter(kp.TorchModel(modules.images())), BrevitasAdapter)
    assert not isinstance(find_adapter(torch.nn.Linear(2, 2)), BrevitasAdapter)


def test_a_masked_weight_is_exactly_zero_behind_its_quantiser_however_it_is_trained():
    module = modules.images()
    before = copy.deepcopy(module.state_dict())
    masked = ADAPTER.apply(module, random_masks(ADAPTER, module, 0.3))
    masks = {name: part.weight_mask.numpy() for name, part in masked.named_modules() if hasattr(part, "weight_mask")}
    assert set(masks) == {"conv", "head.0", "head.2"}
    start = quantised(masked)
    trained(masked, 2, 4, 4)
    for name, weight in quantised(masked).items():
        assert not weight[~masks[name]].any(), name
        assert (weight != start[name])[masks[name]].any(), name
    for name, tensor in module.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_a_copy_computes_what_the_module_does_while_its_scales_still_follow_the_data():
    """Weight decay moves a parameter by which Brevitas multiplies when it ends its statistics."""
    module = trained(modules.small(), 12)
    inputs = np.random.default_rng(2).normal(size=(50, 12)).astype(np.float32)
    copied = ADAPTER.apply(module, {})
    np.testing.assert_array_equal(ADAPTER.predict(copied, inputs), ADAPTER.predict(module, inputs))
    known = ADAPTER.state(copied)
    expected = ADAPTER.predict(copied, inputs)
    trained(copied, 12)
    assert (ADAPTER.predict(copied, inputs) != expected).any()
    ADAPTER.restore(copied, known)
    np.testing.assert_array_equal(ADAPTER.predict(copied, inputs), expected)


def test_every_kernel_is_found_by_its_name_where_hls4ml_multiplies_by_it():
    """Two layers of the same shape and the same weights are told apart, and the order behind a convolution is known."""
    module = modules.images()
    with torch.no_grad():
        module.head[2].weight.copy_(module.head[0].weight[:, :6])
    settings = {"head_2": {"ReuseFactor": 3, "Strategy": "resource_unrolled"}}
    config = hls_settings("latency", 1, **settings) | IMAGES
    check = kp.verify(module, config)
    assert check.predicted == check.counted
    assert list(check.by_layer) == ["conv", "head_0", "head_2"]
    assert [layer.reuse_factor for layer in check.by_layer.values()] == [1, 1, 3]
    layers = {layer.name: layer for layer in kp.estimate(module, config).layers}
    assert [layers[name].weight_bits for name in ("conv", "head_0", "head_2")] == [5, 8, 8]
    assert {layer.data_bits for layer in layers.values()} == {12}
    seen = {}

    def measure(layer, kernel):
        seen[layer.name] = kernel
        return np.abs(kernel)

    kp.select(module, config, {"dsp": 0.5}, saliency=measure)
    own = quantised(module)
    np.testing.assert_array_equal(seen["conv"], own["conv"].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(seen["head_0"], own["head.0"].T)


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_a_selection_uses_what_is_counted_in_its_masked_module(io_type):
    module = modules.images()
    config = hls_settings("resource_unrolled" if io_type == "io_stream" else "latency", 2) | IMAGES
    if io_type == "io_parallel":
        config["Model"]["ReuseFactor"] = 1
    selection = kp.select(module, config, {"dsp": 0.5}, io_type=io_type)
    check = kp.verify(selection.apply(module), config, io_type=io_type)
    assert check.predicted == check.counted == selection.resources.total
    assert 0 < check.counted["dsp"] <= 0.5 * selection.before["dsp"]


@pytest.mark.slow
@pytest.mark.needs("da4ml")
def test_look_up_tables_of_adder_graphs_are_budgeted_and_counted():
    module = modules.small()
    config = hls_settings("distributed_arithmetic", 1) | DENSE
    selection = kp.select(module, config, {"lut": 0.6})
    assert 0 < selection.resources["lut"] <= 0.6 * selection.before["lut"]
    adders = [
        sum(layer.adders for layer in kp.verify(own, config).by_layer.values())
        for own in (module, selection.apply(module))
    ]
    assert 0 < adders[1] < 0.8 * adders[0]


def test_a_state_dict_with_masks_goes_into_a_new_module():
    module = modules.small()
    masked = trained(ADAPTER.apply(module, random_masks(ADAPTER, module, 0.4)), 12)
    torch.manual_seed(5)
    new = torch.nn.Sequential(modules.pixels(), modules.linear(12, 8), modules.relu(), modules.linear(8, 4))
    again = kp.load_masked(new, masked.state_dict())
    inputs = np.random.default_rng(2).normal(size=(50, 12)).astype(np.float32)
    np.testing.assert_array_equal(ADAPTER.predict(again, inputs), ADAPTER.predict(masked, inputs))
    for name, mask in ADAPTER.masks(trained(again, 12)).items():
        assert not ADAPTER.kernels(again)[name][~mask].any()
    plain = kp.export(again)
    assert not [name for name in plain.state_dict() if "mask" in name]
    np.testing.assert_array_equal(ADAPTER.predict(plain, inputs), ADAPTER.predict(again, inputs))


def test_gradients_are_those_at_the_weights_behind_the_quantiser():
    model = kp.TorchModel(modules.small())
    config = hls_settings("resource_unrolled", 4) | DENSE
    inputs = np.random.default_rng(0).normal(size=(32, 12)).astype(np.float32)
    labels = np.arange(32) % 4
    selection = kp.select(model, config, {"dsp": 0.5}, saliency="taylor", data=(inputs, labels))
    assert selection.resources["dsp"] <= 0.5 * selection.before["dsp"]
    module = copy.deepcopy(model.module).eval()
    torch.nn.functional.cross_entropy(module(torch.from_numpy(inputs)).value, torch.from_numpy(labels)).backward()
    batch = kp.network.batches.Batch(inputs, labels, None, 32)
    found = ADAPTER.gradient(model, batch)
    np.testing.assert_allclose(found["_1"], module[1].weight.grad.numpy().T, rtol=1e-5, atol=1e-7)


def float_scale():
    from brevitas.quant import Int8WeightPerTensorFloat

    return modules.small(Int8WeightPerTensorFloat)


def scale_of_each_channel():
    from brevitas.quant.fixed_point import Int8WeightPerChannelFixedPoint

    return modules.small(Int8WeightPerChannelFixedPoint, bias_quant=None, return_quant_tensor=False)


def binary():
    from brevitas.quant import SignedBinaryWeightPerTensorConst

    return modules.small(SignedBinaryWeightPerTensorConst)


def unseen():
    return torch.nn.Sequential(modules.pixels(), modules.linear(12, 4))


def on_axes():
    return modules.seen(torch.nn.Sequential(modules.pixels(), modules.linear(4, 4)), 3, 4)


def grouped():
    return modules.seen(torch.nn.Sequential(modules.pixels(), modules.convolution(2, 2, 3, groups=2)), 2, 4, 4)


def unused():
    module = modules.small()
    module[1].more = modules.linear(3, 3, bias=False, return_quant_tensor=False)
    holder = torch.nn.Module()
    holder.net, holder.spare = module, modules.linear(3, 3, bias=False, return_quant_tensor=False)
    holder.__class__ = type("Holder", (torch.nn.Module,), {"forward": lambda self, x: self.net(x)})
    return holder


def twice():
    layer = modules.linear(12, 12)
    return modules.seen(torch.nn.Sequential(modules.pixels(), layer, modules.relu(), layer), 12)


@pytest.mark.parametrize(
    ("build", "shape", "error", "message"),
    [
        (
            float_scale,
            [12],
            kp.ConversionError,
            r"'_1' quantises its weight with a scale of 0\.0.*power of two; take Int8",
        ),
        (scale_of_each_channel, [12], kp.ConversionError, "'_1' quantises its weight with 8 scales, expected one"),
        (binary, [12], kp.ConversionError, "'_1' quantises its weight to one bit, of which no value is zero"),
        (unseen, [12], ValueError, "'_0' quantises data and has seen none, expected a trained module"),
        (on_axes, [3, 4], kp.ConversionError, r"'_1' is a QuantLinear on inputs of shape \(3, 4\), expected one axis"),
        (grouped, [2, 4, 4], kp.ConversionError, "'_1' is a convolution in 2 groups, expected one in 1"),
        (unused, [12], ConversionMismatchError, "'spare' is not found in what Brevitas exports, .*'net_1', 'net_3'"),
        (twice, [12], ValueError, "layer '_1' is used more than once"),
    ],
)
def test_what_hls4ml_does_not_take_is_named_with_what_to_set(build, shape, error, message):
    with pytest.raises(error, match=message):
        kp.estimate(build(), hls_settings("latency", 1) | {"InputShape": shape})


def test_a_configuration_says_the_shape_of_the_inputs():
    with pytest.raises(HlsConfigError, match="hls_config: there is no InputShape"):
        kp.estimate(modules.small(), hls_settings("latency", 1))


@pytest.mark.parametrize("package", ["onnxoptimizer", "qonnx"])
def test_a_package_of_the_extra_that_is_not_there_is_named(package, monkeypatch):
    module, whole = modules.small(), importlib.import_module

    def without(name, *arguments):
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return whole(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(kp.MissingToolError, match=rf'{package} is not installed; .*"knapprune\[brevitas\]"'):
        kp.estimate(module, hls_settings("latency", 1) | DENSE)


def test_nothing_but_weights_is_chosen_and_nothing_is_shrunk():
    config = hls_settings("latency", 1) | DENSE
    with pytest.raises(ValueError, match="choose: a Sequential with quantised layers has types of its own"):
        kp.select(modules.small(), config, {"dsp": 0.5}, choose={"reuse_factor": "legal"})
    with pytest.raises(TypeError, match="Sequential"):
        kp.shrink(modules.small())
