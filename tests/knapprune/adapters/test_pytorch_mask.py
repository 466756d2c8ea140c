"""Masks hold whatever trains the module, and wherever it is copied, saved or loaded."""

import copy
import pickle

import numpy as np
import pytest

from knapprune.adapters.pytorch.adapter import PyTorchAdapter
from shared.frameworks import torch
from shared.networks import random_masks

pytestmark = pytest.mark.needs("torch")

ADAPTER = PyTorchAdapter()
SETTINGS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1, amsgrad=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.001, momentum=0.9, centered=True),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))


def some_masks(model, seed=0):
    return random_masks(ADAPTER, model, 0.4, seed)


def masked():
    return ADAPTER.apply(network(), some_masks(network()))


def data():
    rng = np.random.default_rng(1)
    return torch.tensor(rng.normal(size=(64, 8)), dtype=torch.float32), torch.tensor(rng.integers(0, 4, 64))


def train(model, optimizer, steps=5):
    """A training loop of the user's own, that knows nothing of masks."""
    x, y = data()
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def weights(model):
    """The parameters as they are, read past the adapter."""
    return {f"_{place}": model[place].weight.detach().numpy().T for place in (0, 2)}


def holds(model, masks):
    found = weights(model)
    return all((found[name][~mask] == 0).all() and (found[name][mask] != 0).all() for name, mask in masks.items())


@pytest.mark.parametrize("name", SETTINGS)
def test_masked_weights_stay_zero_and_the_others_learn(name):
    model, masks = masked(), some_masks(network())
    before = weights(copy.deepcopy(model))
    train(model, SETTINGS[name](model.parameters()))
    assert holds(model, masks)
    assert all((weights(model)[name] != before[name])[mask].mean() > 0.5 for name, mask in masks.items())


def test_what_an_optimiser_of_whole_matrices_writes_is_undone_before_it_is_read():
    model, masks = masked(), some_masks(network())
    for place in (0, 2):
        model[place].weight.data.add_(1.0)
    assert not holds(model, masks)
    train(model, SETTINGS["sgd"](model.parameters()), steps=1)
    assert holds(model, masks)
    model[0].weight.data.fill_(float("nan"))
    assert (ADAPTER.kernels(model)["_0"][~masks["_0"]] == 0).all()
    model[0].weight.data.fill_(1.0)
    assert (model.state_dict()["0.weight"].numpy().T[~masks["_0"]] == 0).all()


def test_the_gradient_of_a_masked_weight_is_zero():
    model, masks = masked(), some_masks(network())
    train(model, SETTINGS["sgd"](model.parameters()), steps=1)
    assert (model[0].weight.grad.numpy().T[~masks["_0"]] == 0).all()


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "pickle of 0.1.0", "state dict", "assigned", "new module"])
def test_masks_survive_copies_and_files(how):
    from knapprune.adapters.pytorch.masked_state import load_masked

    model, masks = masked(), some_masks(network())
    if how == "deepcopy":
        other = copy.deepcopy(model)
    elif how == "pickle":
        other = pickle.loads(pickle.dumps(model))
    elif how == "pickle of 0.1.0":
        saved = pickle.dumps(model).replace(b"knapprune.adapters.pytorch.mask", b"knapprune.adapters.pytorch_mask")
        assert b"pytorch_mask" in saved
        other = pickle.loads(saved)
    elif how == "new module":
        other = network()
        load_masked(other, model.state_dict())
    else:
        other = ADAPTER.apply(network(), {name: ~mask for name, mask in masks.items()})
        other.load_state_dict(model.state_dict(), assign=how == "assigned")
    assert holds(other, masks)
    train(other, SETTINGS["adam"](other.parameters()))
    assert holds(other, masks)
    assert all((ADAPTER.masks(other)[name] == mask).all() for name, mask in masks.items())


def test_a_state_dict_with_masks_does_not_load_without_them_by_accident():
    with pytest.raises(RuntimeError, match=r"Unexpected key.*0.weight_mask"):
        network().load_state_dict(masked().state_dict())


def test_a_hook_entered_after_unpickling_in_a_new_process_does_not_take_the_masks_place(monkeypatch):
    model, masks = masked(), some_masks(network())
    saved = pickle.dumps(model)
    monkeypatch.setattr("torch.utils.hooks.RemovableHandle.next_id", 0)
    other = pickle.loads(saved)
    for _ in range(8):
        other[0].register_forward_pre_hook(lambda module, inputs: None)
    train(other, SETTINGS["sgd"](other.parameters()))
    assert holds(other, masks)


def test_two_forward_passes_before_one_backward_are_no_change_in_place():
    model, (x, _) = masked(), data()
    (model(x).sum() + model(2 * x).sum()).backward()


def test_the_model_given_is_not_touched_and_a_new_mask_replaces_the_old_one():
    model = masked()
    before = copy.deepcopy(model.state_dict())
    masks = some_masks(model, seed=5)
    other = ADAPTER.apply(model, masks)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all((ADAPTER.masks(other)[name] == mask).all() for name, mask in masks.items())
    assert ADAPTER.masks(network()) == {}


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"fc": np.ones((8, 16), bool)}, r"no layer 'fc' to mask, expected some of \['_0', '_2'\]"),
        ({"_0": np.ones((16, 8), bool)}, r"shape \(16, 8\), expected bool of shape \(8, 16\)"),
        ({"_0": np.ones((8, 16))}, "is float64"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(masks, message):
    with pytest.raises(ValueError, match=message):
        ADAPTER.apply(network(), masks)
