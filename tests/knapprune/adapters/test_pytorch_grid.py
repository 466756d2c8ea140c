"""Weights stay on their grids and learn there, whatever trains the module, wherever it is copied, saved or loaded."""

import copy
import pickle

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.hls4ml.nodes import graph_kernels
from knapprune.adapters.pytorch.adapter import PyTorchAdapter
from knapprune.adapters.types_adapter import HoldsValues
from knapprune.network.batches import Batch
from knapprune.network.grid import Grid
from knapprune.network.hls_config_file import read_hls_config
from shared.frameworks import Later, torch
from shared.networks import random_masks

pytestmark = pytest.mark.needs("torch", "hls4ml")

ADAPTER = PyTorchAdapter()
torch_modules, torch_prune = Later("shared.torch_modules"), Later("torch.nn.utils.prune")
STEP, LOW, HIGH = 2.0**-5, -128, 127
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, 0.02, weight_decay=0.1, amsgrad=True),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))


def some_grids(model, seed=0):
    """Return a grid of 8 bits for each kernel, of none to three digits a weight."""
    rng = np.random.default_rng(seed)
    return {
        name: Grid(STEP, LOW, HIGH, rng.integers(0, 4, kernel.shape).astype(np.uint8))
        for name, kernel in ADAPTER.kernels(model).items()
    }


def held(model=None):
    model = model or network()
    ADAPTER.hold(model, some_grids(model))
    return model


def train(model, optimizer, steps=10):
    """A training loop of the user's own, that knows nothing of grids."""
    rng = np.random.default_rng(1)
    x, y = torch.tensor(rng.normal(size=(64, 8)), dtype=torch.float32), torch.tensor(rng.integers(0, 4, 64))
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model(x)


def digits_of(number):
    """Count the digits of a whole number's non-adjacent form, from the last bit on."""
    number, count = abs(number), 0
    while number:
        if number % 2:
            number -= 2 - number % 4  # 1 where the next bit is 0, and -1 where it is 1
            count += 1
        number //= 2
    return count


def on_grid(tensor, grid):
    """Say whether a parameter in PyTorch's order, read past the adapter, has values of a grid alone."""
    outputs, inputs, *moves = range(tensor.ndim)
    steps = tensor.detach().double().numpy().transpose(*moves, inputs, outputs) / grid.step
    whole = steps.astype(int)
    digits = np.vectorize(digits_of)(whole)
    return (
        (whole == steps).all()
        and whole.min() >= grid.low
        and whole.max() <= grid.high
        and (digits <= grid.digits).all()
    )


def holds(model, grids):
    return all(on_grid(model[int(name[1:])].weight, grid) for name, grid in grids.items())


def same(one, other):
    return one.keys() == other.keys() and all(
        (one[name].step, one[name].low, one[name].high) == (grid.step, grid.low, grid.high)
        and np.array_equal(one[name].digits, grid.digits)
        for name, grid in other.items()
    )


def test_the_adapter_holds_values():
    assert isinstance(ADAPTER, HoldsValues)


def test_a_weight_at_the_end_of_its_type_turns_back_at_once():
    """However far it was pushed beyond: a step of two values back is two values back."""
    model = torch.nn.Sequential(torch.nn.Linear(1, 1))
    ADAPTER.hold(model, {"_0": Grid(STEP, LOW, HIGH, np.full((1, 1), 3, np.uint8))})
    for moved, value in ((100.0, HIGH * STEP), (-3 * STEP, (HIGH - 3) * STEP)):
        model[0].weight.data += moved
        assert ADAPTER.kernels(model)["_0"].item() == value


def test_digits_are_counted_here_as_by_hand():
    assert [digits_of(number) for number in (0, 1, -3, 7, 11, -12, 85)] == [0, 1, 2, 2, 3, 2, 4]


def test_weights_are_brought_to_the_nearest_values_of_their_grids():
    model = network()
    before, grids = ADAPTER.kernels(model), some_grids(model)
    ADAPTER.hold(model, grids)
    assert holds(model, grids)
    for name, kernel in ADAPTER.kernels(model).items():
        assert np.array_equal(kernel, grids[name].nearest(before[name]))
        assert len(np.unique(kernel)) > 10
    assert same(ADAPTER.grids(model), grids)


@pytest.mark.parametrize(("bits", "signed"), [(4, True), (8, True), (8, False), (13, True), (20, True)])
def test_the_nearest_value_is_that_of_the_grid_for_every_type(bits, signed):
    rng = np.random.default_rng(bits)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    grid = Grid(2.0**-bits, low, high, rng.integers(0, 5, (40, 50)).astype(np.uint8))
    model = torch.nn.Sequential(torch.nn.Linear(40, 50))
    weights = rng.uniform(1.2 * low - 4, 1.2 * high, (40, 50)).astype(np.float32)
    weights[:20] = np.round(2 * weights[:20]) / 2  # ties
    ADAPTER.assign(model, {"_0": weights * grid.step})
    ADAPTER.hold(model, {"_0": grid})
    assert np.array_equal(ADAPTER.kernels(model)["_0"], grid.nearest(weights * grid.step))
    assert on_grid(model[0].weight, grid)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trained_weights_are_on_their_grids_and_learn(name):
    model = held()
    grids, before = some_grids(model), ADAPTER.kernels(model)
    train(model, OPTIMIZERS[name](model.parameters()))
    assert holds(model, grids)
    for layer, kernel in ADAPTER.kernels(model).items():
        assert (kernel != before[layer])[grids[layer].digits > 0].mean() > 0.3
        assert not kernel[grids[layer].digits == 0].any()


def test_steps_too_small_to_change_a_rounded_weight_add_up():
    ones = torch.ones(1, 1)
    frozen, model = (torch.nn.Linear(1, 1, bias=False) for _ in range(2))
    grid = Grid(0.5, -8, 7, np.full((1, 1), 1, np.uint8))
    model = torch.nn.Sequential(model)
    for weight in (frozen.weight, model[0].weight):
        weight.data.fill_(1.0)
    ADAPTER.hold(model, {"_0": grid})
    seen = set()
    for _ in range(30):
        for module in (frozen, model):
            optimizer = torch.optim.SGD(module.parameters(), 0.125)
            optimizer.zero_grad()
            module(ones).sum().backward()
            optimizer.step()
        frozen.weight.data.copy_(2 * frozen.weight.data).round_().div_(2)
        model(ones)
        seen.add(model[0].weight.item())
    assert frozen.weight.item() == 1.0
    # From 1 to 1 - 30 / 8: through all values of one digit in between, and none besides.
    assert seen == {1.0, 0.5, 0.0, -0.5, -1.0, -2.0}


def test_what_a_step_leaves_between_values_is_not_seen_by_anyone():
    model, grids = held(), some_grids(network())
    readers = {
        "kernels": lambda: ADAPTER.kernels(model),
        "forward": lambda: model(torch.zeros(1, 8)),
        "state dict": model.state_dict,
        "adapter's state": lambda: ADAPTER.state(model),
        "gradient": lambda: ADAPTER.gradient(model, Batch(np.ones((2, 8)), np.zeros(2, int), None, 2)),
        "copy": lambda: None,
    }
    for read in readers.values():
        model[0].weight.data.add_(0.3 * STEP)
        assert not holds(model, grids)
        if read() is None:
            model = ADAPTER.apply(model, {})
        assert holds(model, grids)


def test_hls4ml_is_given_values_of_the_grid_and_the_layers_are_the_same():
    model = network()
    config = {
        "Model": {"Precision": "ap_fixed<16,6>", "Strategy": "latency", "ReuseFactor": 1},
        "InputShape": (8,),
    }
    plain = kp.estimate(model, config)
    grids = {
        name: Grid(STEP, LOW, HIGH, np.minimum(grid.digits, 2).astype(np.uint8))
        for name, grid in some_grids(model).items()
    }
    ADAPTER.hold(model, grids)
    model[0].weight.data.add_(0.3 * STEP)
    # HLS makes no multiplier for a constant of two digits.
    assert plain.total["dsp"] > 0
    on_grids = kp.estimate(model, config)
    assert on_grids.total["dsp"] == 0
    assert [vars(layer) for layer in on_grids.layers] == [vars(layer) for layer in plain.layers]


def test_hls4ml_is_given_the_weights_that_the_module_has_and_not_what_more_bits_would_make_of_them():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    model[0].weight.data.fill_(1.0)
    ADAPTER.hold(model, {"_0": Grid(2.0, -8, 7, np.ones((2, 2), np.uint8))})
    model[0].weight.data.fill_(1e-9)  # 1 in single precision, which is as near to 0 as to 2
    config = read_hls_config({"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1}, "InputShape": (2,)})
    graph = ADAPTER.convert(model, config, "unwritten")
    (kernel,) = graph_kernels(graph).values()
    assert not kernel.any()
    assert not model[0].weight.any()


@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_what_normalisations_fold_into_a_kernel_does_not_depend_on_its_grid():
    module = torch_modules.Network().eval()
    module.bn.running_var.fill_(4.0)
    kernels = ADAPTER.kernels(module)
    settings = {"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1}, "InputShape": (2, 6, 6)}
    config = read_hls_config({**settings, "LayerName": {"conv": {"Precision": {"result": "auto"}}}})
    before = ADAPTER.folded(module, kernels, config)
    ADAPTER.hold(module, {"conv": Grid(STEP, LOW, HIGH, np.zeros((3, 2, 2, 3), np.uint8))})
    after = ADAPTER.folded(module, kernels, config)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not np.allclose(before["conv"], kernels["conv"])


def test_fine_tuning_and_loading_leave_weights_on_their_grids():
    model = to_train()
    grids = some_grids(model)
    ADAPTER.hold(model, grids)
    ADAPTER.fit(model, data(), batch_size=8, seed=0)
    assert holds(model.module, grids)
    model.module.load_state_dict(network().state_dict(), strict=False)
    assert holds(model.module, grids)


def test_a_second_forward_pass_before_the_backward_one_is_no_change_in_place():
    model, x = held(), torch.ones(2, 8)
    (model(x).sum() + model(2 * x).sum()).backward()
    assert model[0].weight.grad.any()


def test_a_weight_that_became_nan_is_seen_unless_it_is_masked():
    model = held()
    masks = random_masks(ADAPTER, model, 0.5)
    model = ADAPTER.apply(model, masks)
    model[0].weight.data.fill_(float("nan"))
    found = ADAPTER.kernels(model)["_0"]
    assert np.isnan(found[masks["_0"]]).all()
    assert not found[~masks["_0"]].any()
    ADAPTER.assign(model, {"_0": np.ones((8, 16))})
    assert holds(model, some_grids(model))


@pytest.mark.parametrize("order", ["mask first", "grid first"])
def test_masked_weights_stay_zero_on_a_grid_and_those_that_grow_again_start_at_zero(order):
    model = network()
    grids, masks = some_grids(model), random_masks(ADAPTER, model, 0.5)
    if order == "grid first":
        model = ADAPTER.apply(held(model), masks)
    else:
        model = ADAPTER.apply(model, masks)
        ADAPTER.hold(model, grids)
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    train(model, optimizer)
    for place, layer in ((0, "_0"), (2, "_2")):
        part, gone = model[place], torch.tensor(~masks[layer].T)
        assert not any(tensor[gone].any() for tensor in (part.weight, part.weight.grad))
        assert not any(tensor[gone].any() for tensor in (part.weight_latent, part.weight_held))
        assert part.weight[~gone].any()
    assert holds(model, grids)
    assert all(np.array_equal(ADAPTER.masks(model)[name], mask) for name, mask in masks.items())
    ADAPTER.remask(model, {name: np.ones_like(mask) for name, mask in masks.items()})
    assert not model[0].weight[torch.tensor(~masks["_0"].T)].any()
    train(model, optimizer)
    assert model[0].weight[torch.tensor(~masks["_0"].T)].any()
    assert holds(model, grids)


def test_a_new_mask_is_in_the_numbers_behind_the_weights_at_once():
    model = held()
    masks = random_masks(ADAPTER, model, 0.5)
    ADAPTER.remask(model, masks)
    assert not model[0].weight_latent[torch.tensor(~masks["_0"].T)].any()
    other = ADAPTER.apply(model, {"_0": np.zeros((8, 16), bool)})
    assert not other[0].weight_latent.any()
    assert model[0].weight_latent.any()


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "state dict", "assigned", "new module", "apply"])
def test_grids_and_what_is_behind_the_weights_survive_copies_and_files(how):
    model = held()
    grids, masks = some_grids(model), random_masks(ADAPTER, model, 0.7)
    ADAPTER.remask(model, masks)
    train(model, torch.optim.SGD(model.parameters(), 0.1))
    if how == "deepcopy":
        other = copy.deepcopy(model)
    elif how == "pickle":
        other = pickle.loads(pickle.dumps(model))
    elif how == "apply":
        other = ADAPTER.apply(model, {})
    elif how == "new module":
        other = kp.load_masked(network(), model.state_dict())
    else:
        other = ADAPTER.apply(network(), random_masks(ADAPTER, network(), 0.2, seed=3))
        one = Grid(0.25, -8, 7, np.ones((8, 16), np.uint8))
        ADAPTER.hold(other, {"_0": one, "_2": some_grids(other, seed=5)["_2"]})
        other.load_state_dict(copy.deepcopy(model.state_dict()), assign=how == "assigned")
    assert same(ADAPTER.grids(other), grids)
    outputs = [train(one, torch.optim.SGD(one.parameters(), 0.1)) for one in (model, other)]
    assert torch.equal(*outputs)
    assert torch.equal(model[0].weight_latent, other[0].weight_latent)
    assert holds(other, grids)
    ADAPTER.hold(other, {})
    assert ADAPTER.grids(other) == {}
    assert not [name for name in other.state_dict() if name not in ADAPTER.apply(network(), masks).state_dict()]
    assert same(ADAPTER.grids(model), grids)


def test_a_state_dict_with_grids_does_not_load_without_them_by_accident():
    with pytest.raises(RuntimeError, match=r"Unexpected key.*0.weight_latent"):
        network().load_state_dict(held().state_dict())


def test_a_hook_entered_after_unpickling_in_a_new_process_does_not_take_the_grids_place(monkeypatch):
    saved = pickle.dumps(held())
    monkeypatch.setattr("torch.utils.hooks.RemovableHandle.next_id", 0)
    other = pickle.loads(saved)
    for _ in range(8):
        other[0].register_forward_pre_hook(lambda module, inputs: None)
    train(other, OPTIMIZERS["sgd"](other.parameters()))
    other(torch.zeros(1, 8))
    assert holds(other, some_grids(other))


def to_train(module=None):
    return kp.TorchModel(module or network(), optimizer=lambda parameters: torch.optim.Adam(parameters, 0.01))


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(64, 8)), rng.integers(0, 4, 64)


@pytest.mark.parametrize("into", ["copy", "model without grids", "model of other grids"])
def test_training_goes_on_from_a_state_as_if_it_had_never_stopped(into):
    model = to_train()
    ADAPTER.hold(model, some_grids(model))
    ADAPTER.fit(model, data(), batch_size=8, seed=0)
    state = ADAPTER.state(model)
    other = ADAPTER.apply(model, {}) if into == "copy" else to_train()
    if into == "model of other grids":
        ADAPTER.hold(other, {"_2": some_grids(model, seed=4)["_2"]})
    for seed in (1, 2):
        ADAPTER.fit(model, data(), batch_size=8, seed=seed)
    ADAPTER.restore(other, state)
    assert all(np.array_equal(state[name], array) for name, array in ADAPTER.state(other).items())
    for seed in (1, 2):
        ADAPTER.fit(other, data(), batch_size=8, seed=seed)
    ended, went_on = ADAPTER.state(model), ADAPTER.state(other)
    assert ended.keys() == went_on.keys()
    assert all(np.array_equal(array, went_on[name]) for name, array in ended.items())
    assert not np.array_equal(ended["weight/0.weight"], state["weight/0.weight"])
    assert same(ADAPTER.grids(other), some_grids(model))


def test_a_state_from_before_the_grids_lets_the_weights_go():
    model = to_train()
    state = ADAPTER.state(model)
    ADAPTER.hold(model, some_grids(model))
    ADAPTER.restore(model, state)
    assert ADAPTER.grids(model) == {}
    assert all(np.array_equal(state[name], array) for name, array in ADAPTER.state(model).items())


def test_assigned_values_are_brought_to_the_grid_and_stand_behind_the_weights_they_change():
    model = held()
    grids = some_grids(model)
    train(model, OPTIMIZERS["sgd"](model.parameters()))
    before, behind = ADAPTER.kernels(model), model[0].weight_latent.numpy().T.copy()
    given = np.random.default_rng(2).normal(size=(8, 16))
    given[:2] = before["_0"][:2]
    ADAPTER.assign(model, {"_0": given})
    found = ADAPTER.kernels(model)["_0"]
    assert np.array_equal(found, grids["_0"].nearest(given))
    changed = found != before["_0"]
    latent = model[0].weight_latent.numpy().T
    assert np.array_equal(latent[changed], found[changed])
    assert np.array_equal(latent[~changed], behind[~changed])
    assert changed.any()
    assert (latent[:2] != found[:2]).any()
    assert np.array_equal(model[0].weight_held.numpy().T, found)
    assert np.array_equal(ADAPTER.kernels(model)["_2"], before["_2"])


def test_holding_again_goes_by_the_numbers_behind_the_weights_and_lets_the_others_go():
    model = held()
    grids = some_grids(model)
    train(model, OPTIMIZERS["sgd"](model.parameters()))
    ADAPTER.kernels(model)
    behind = model[0].weight_latent.numpy().T.copy()
    fewer = Grid(STEP / 2, LOW, HIGH, np.minimum(grids["_0"].digits, 1))
    ADAPTER.hold(model, {"_0": fewer})
    assert np.array_equal(ADAPTER.kernels(model)["_0"], fewer.nearest(behind))
    assert same(ADAPTER.grids(model), {"_0": fewer})
    train(model, OPTIMIZERS["sgd"](model.parameters()))
    assert on_grid(model[0].weight, fewer)
    assert not on_grid(model[2].weight, grids["_2"])


def test_kernels_of_convolutions_are_held_in_keras_order():
    module = torch_modules.Network().double()
    grids = some_grids(module)
    ADAPTER.hold(module, grids)
    parts = {"conv": module.conv, "fc": module.fc, "head_1": module.head[1]}
    optimizer = OPTIMIZERS["adamw"](module.parameters())
    before = module.conv.weight.detach().clone()
    for _ in range(10):
        optimizer.zero_grad()
        module(
            torch.ones(2, 2, 6, 6).double() * torch.tensor([1.0, -2.0])[:, None, None, None]
        ).square().sum().backward()
        optimizer.step()
    module.state_dict()
    assert not torch.equal(before, module.conv.weight)
    assert same(ADAPTER.grids(module), {name: grids[name] for name in parts})
    assert all(on_grid(part.weight, grids[name]) for name, part in parts.items())
    assert module.conv.weight_digits[1, 0, 2, 1].item() == grids["conv"].digits[2, 1, 0, 1]


def test_weights_that_stand_in_are_on_the_grid_and_leave_no_trace():
    model = held()
    before = copy.deepcopy(model.state_dict())
    stand_in = {"0.weight": model[0].weight.detach() + 0.3, "2.weight": model[2].weight.detach()}
    torch.func.functional_call(model, stand_in, torch.ones(1, 8))
    assert on_grid(stand_in["0.weight"], some_grids(model)["_0"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_buffers_follow_the_module_and_small_steps_add_up_in_half_precision():
    model = held().double()
    assert {buffer.dtype for name, buffer in model.named_buffers() if "latent" in name} == {torch.float64}
    assert holds(model, some_grids(model))
    half = held(network().half())
    assert half[0].weight_latent.dtype == torch.float32
    assert all(buffer.device.type == "meta" for buffer in copy.deepcopy(half).to("meta").buffers())


@pytest.mark.parametrize(
    ("grids", "message"),
    [
        (
            {"fc": Grid(STEP, LOW, HIGH, np.ones((8, 16), np.uint8))},
            r"no layer 'fc' to hold, expected some of \['_0', '_2'\]",
        ),
        (
            {"_0": Grid(STEP, LOW, HIGH, np.ones((16, 8), np.uint8))},
            r"'_0' are uint8 of shape \(16, 8\), expected uint8 of shape \(8, 16\)",
        ),
        ({"_0": Grid(STEP, LOW, HIGH, np.ones((8, 16), np.int64))}, "'_0' are int64"),
        (
            {"_0": Grid(STEP, -(2**20), 2**20 - 1, np.ones((8, 16), np.uint8))},
            "layer '_0' has 21 bits, expected at most 20",
        ),
    ],
)
def test_a_grid_that_does_not_fit_is_refused_and_nothing_is_changed(grids, message):
    model = held()
    with pytest.raises(ValueError, match=message):
        ADAPTER.hold(model, {"_2": Grid(1.0, -2, 1, np.ones((16, 4), np.uint8)), **grids})
    assert same(ADAPTER.grids(model), some_grids(model))


def test_weights_that_cannot_hold_the_type_are_refused():
    grid = Grid(2.0**-12, -(2**12), 2**12 - 1, np.ones((8, 16), np.uint8))
    with pytest.raises(ValueError, match=r"layer '_0' are torch.float16, which does not hold 13 bits exactly"):
        ADAPTER.hold(network().half(), {"_0": grid})


def test_a_computed_weight_is_refused_as_for_masks():
    grid = {"_0": Grid(STEP, LOW, HIGH, np.ones((8, 16), np.uint8))}
    model = network()
    torch.nn.utils.parametrizations.spectral_norm(model[0])
    with pytest.raises(ValueError, match=r"no layer '_0' to hold, expected some of \['_2'\]"):
        ADAPTER.hold(model, grid)
    model = network()
    torch_prune.identity(model[0], "weight")
    with pytest.raises(ValueError, match="'_0': its weight is computed, expected a plain parameter"):
        ADAPTER.hold(model, grid)
