"""PyTorch modules become smaller and compute the same; what was put on them stays on what is left."""

import copy

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.pytorch.adapter import PyTorchAdapter
from knapprune.network.grid import Grid
from shared.frameworks import Later, torch

pytestmark = pytest.mark.needs("torch")

ADAPTER = PyTorchAdapter()
modules = Later("shared.dying_modules")
NETWORKS = {
    "dense": (lambda: modules.dense(), (5,)),
    "images": (lambda: modules.Images(), (3, 12, 12)),
    "images that padding repeats": (lambda: modules.Images(5, "circular"), (3, 12, 12)),
    "residual": (lambda: modules.Residual(), (3, 8, 8)),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def difference(one, other, shape, seed=0):
    """The largest difference of the results as a share of their range."""
    x = torch.tensor(np.random.default_rng(seed).normal(size=(16, *shape)), dtype=torch.float32)
    with torch.no_grad():
        own, others = one.eval()(x), other.eval()(x)
    return float((own - others).abs().max() / max(own.max() - own.min(), 1e-30))


@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("name", NETWORKS)
def test_a_random_network_computes_the_same(name, seed):
    build, shape = NETWORKS[name]
    rng = np.random.default_rng(seed)
    module = modules.kill(build(), rng, rng.uniform(0.1, 0.6))
    out = kp.shrink(module)
    assert difference(module, out.model, shape) <= 1e-5
    assert type(out.model) is type(module)
    assert out.parameters <= out.parameters_before
    assert (out.parameters < out.parameters_before) == bool(out.removed) == (out.file_bytes < out.file_bytes_before)


@pytest.mark.parametrize("name", NETWORKS)
def test_whole_outputs_without_weights_leave_less_of_every_kind_of_network(name):
    out = kp.shrink(modules.kill(NETWORKS[name][0](), np.random.default_rng(4), 0.5))
    assert out.parameters < 0.8 * out.parameters_before


def pruned(bias=True):
    """Six hidden units: of two, nobody reads the result; two are constant, of which one is also read."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(5, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3, bias=bias))
    masks = {"_0": np.ones((5, 6), bool), "_2": np.ones((6, 3), bool)}
    masks["_0"][:, [1, 2]] = False
    masks["_0"][0, 5] = False
    masks["_2"][[2, 3, 4]] = False
    return ADAPTER.apply(module, masks), masks


def test_a_constant_is_folded_into_a_bias_that_was_not_there():
    module, _ = pruned(bias=False)
    out = kp.shrink(module)
    assert out.removed == {"0": 4}
    expected = torch.tanh(module[0].bias[1]) * module[2].weight[:, 1]
    torch.testing.assert_close(out.model[2].bias.data, expected.data)
    assert (out.model[0].out_features, out.model[2].in_features) == (2, 2)


def test_masks_are_cut_along_and_hold_under_training():
    module, masks = pruned()
    out = kp.shrink(module).model
    assert np.array_equal(ADAPTER.masks(out)["_0"], masks["_0"][:, [0, 5]])
    before = ADAPTER.kernels(out)["_0"]
    optimizer = torch.optim.Adam(out.parameters(), 0.01, weight_decay=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        out(torch.ones(4, 5)).square().sum().backward()
        optimizer.step()
    kernel, keep = ADAPTER.kernels(out)["_0"], masks["_0"][:, [0, 5]]
    assert not kernel[~keep].any()
    assert (kernel != before)[keep].all()


def test_grids_are_cut_along_with_the_numbers_behind_the_weights():
    module, masks = pruned()
    digits = np.random.default_rng(0).integers(1, 4, (5, 6)).astype(np.uint8)
    ADAPTER.hold(module, {"_0": Grid(2.0**-4, -128, 127, digits)})
    out = kp.shrink(module).model
    assert difference(module, out, (5,)) <= 1e-5
    assert np.array_equal(ADAPTER.grids(out)["_0"].digits, digits[:, [0, 5]])
    assert torch.equal(out[0].weight_latent, module[0].weight_latent[[0, 5]])
    with torch.no_grad():
        out[0].weight += 0.3
    kernel = ADAPTER.kernels(out)["_0"]
    assert np.array_equal(np.where(masks["_0"][:, [0, 5]], kernel, 0), ADAPTER.grids(out)["_0"].nearest(kernel))


def test_types_of_data_stay_and_constants_are_rounded_to_them():
    module, _ = pruned()
    types = {"_0": kp.FixedPoint(6, 2), "_1": kp.FixedPoint(6, 2)}
    ADAPTER.round_data(module, types)
    out = kp.shrink(module).model
    assert ADAPTER.data_types(out) == types
    bias = np.floor(float(module[0].bias[1].detach()) * 16 + 0.5) / 16
    value = np.floor(np.tanh(bias) * 16 + 0.5) / 16
    expected = module[2].bias + value * module[2].weight[:, 1]
    torch.testing.assert_close(out[2].bias.data, expected.data)


def test_the_module_given_is_untouched_and_the_loss_and_the_optimiser_stay_with_the_model():
    module, _ = pruned()
    before = copy.deepcopy(module.state_dict())
    model = kp.TorchModel(module, loss=torch.nn.functional.mse_loss, optimizer=torch.optim.RMSprop)
    out = kp.shrink(model)
    assert isinstance(out.model, kp.TorchModel)
    assert (out.model.loss, out.model.optimizer) == (model.loss, model.optimizer)
    ADAPTER.fit(out.model, (np.ones((8, 5), np.float32), np.ones((8, 3), np.float32)), batch_size=4, seed=0)
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert module.training
    assert module[0].out_features == 6


def test_a_smaller_state_is_loaded_into_a_copy():
    module, _ = pruned()
    out = kp.shrink(module).model
    again = copy.deepcopy(out)
    again.load_state_dict({name: own + 0 for name, own in out.state_dict().items()})
    assert difference(out, again, (5,)) == 0


def test_frozen_parameters_stay_frozen():
    module, _ = pruned()
    module[0].weight.requires_grad_(False)
    out = kp.shrink(module).model
    assert [own.requires_grad for own in out.parameters()] == [False, True, True, True]


def convolution(dead=(1,), width=3, bias=(0.5, 0.7, -0.3)):
    """A convolution with constant maps."""
    torch.manual_seed(0)
    part = torch.nn.Conv2d(2, width, 3)
    with torch.no_grad():
        part.weight[list(dead)] = 0
        part.bias.copy_(torch.tensor(bias[:width]))
    return part


def behind(*parts, width=3, positions=25):
    return torch.nn.Sequential(convolution(), *parts, torch.nn.Flatten(), torch.nn.Linear(width * positions, 2))


BEHIND = {
    "a convolution": (lambda: behind(torch.nn.Conv2d(3, 3, 2), positions=16), True),
    "a padded one": (lambda: behind(torch.nn.Conv2d(3, 3, 3, padding=1)), False),
    "one that is padded to the same size": (lambda: behind(torch.nn.Conv2d(3, 3, 3, padding="same")), False),
    "one whose padding repeats": (
        lambda: behind(torch.nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")),
        True,
    ),
    "a depthwise one": (lambda: behind(torch.nn.Conv2d(3, 3, 3, groups=3), positions=9), True),
    "a padded depthwise one": (lambda: behind(torch.nn.Conv2d(3, 3, 3, padding=1, groups=3)), False),
    "an average that counts padding": (lambda: behind(torch.nn.AvgPool2d(3, 1, 1)), False),
    "an average that does not": (lambda: behind(torch.nn.AvgPool2d(3, 1, 1, count_include_pad=False)), True),
    "an average by another number": (lambda: behind(torch.nn.AvgPool2d(3, 1, divisor_override=5), positions=9), False),
    "a maximum": (lambda: behind(torch.nn.MaxPool2d(3, 1, 1)), True),
    "zeros": (lambda: behind(torch.nn.ZeroPad2d(1), positions=49), False),
    "a part that is not known": (lambda: behind(torch.nn.GroupNorm(1, 3)), False),
}


@pytest.mark.parametrize("name", BEHIND)
def test_a_constant_map_goes_only_where_that_is_exact(name):
    build, exact = BEHIND[name]
    module = build()
    out = kp.shrink(module)
    assert ("0" in out.removed) is exact
    assert difference(module, out.model, (2, 7, 7)) <= 1e-5


def test_what_a_forward_pass_does_by_itself_is_followed_or_left_alone():
    special = Later("shared.special_modules")
    for kind, removed in special.REMOVED.items():
        module = special.built(kind)
        out = kp.shrink(module)
        assert difference(module, out.model, (2, 7, 7)) <= 1e-5, kind
        assert out.removed == removed, kind


def test_channels_behind_other_axes_are_not_taken_for_the_second_axis():
    special = Later("shared.special_modules")
    module = special.Sequences()
    with torch.no_grad():
        for part in (module.one, module.other, module.last):
            part.weight[1] = 0
            part.bias[1] = 0.6
    out = kp.shrink(module)
    assert out.removed == {"last": 1}
    assert out.model.fc.in_features == 2 * 28
    assert difference(module, out.model, (2, 7, 7)) <= 1e-5


def test_a_part_that_is_used_twice_and_two_that_share_a_weight_stay_as_they_are():
    special = Later("shared.special_modules")
    module = special.Shared()
    with torch.no_grad():
        module.twice.weight[0] = 0
        module.one.weight[:, 0] = 0
    assert kp.shrink(module).removed == {}


def test_a_module_that_cannot_be_traced_is_refused():
    special = Later("shared.special_modules")
    with pytest.raises(ValueError, match=r"model: the tracer of PyTorch cannot follow Untraceable\.forward"):
        kp.shrink(special.Untraceable())
