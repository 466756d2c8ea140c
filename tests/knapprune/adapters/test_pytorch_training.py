"""Gradients, prediction and fine-tuning of modules with arrays, tensors and loaders."""

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.pytorch.adapter import PyTorchAdapter
from knapprune.hardware.constants import constants
from knapprune.network.batches import Batch
from shared.frameworks import torch

pytestmark = pytest.mark.needs("torch", "hls4ml")

ADAPTER = PyTorchAdapter()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def mean_squares(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def linear(inputs=3, outputs=2):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(inputs, outputs, bias=False))


def loader(x, y, batch_size):
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size)


def test_gradients_and_hessian_products_are_those_computed_by_hand():
    rng = np.random.default_rng(0)
    x, y, vector = rng.normal(size=(6, 3)), rng.normal(size=(6, 2)), rng.normal(size=(3, 2))
    module = linear().double()
    weight = module[0].weight.detach().numpy().T
    model, batch = kp.TorchModel(module, loss=mean_squares), Batch(x, y, None, 6)
    assert np.allclose(ADAPTER.gradient(model, batch)["_0"], x.T @ (x @ weight - y) / 6, atol=1e-12)
    assert np.allclose(ADAPTER.hessian_product(model, batch, {"_0": vector})["_0"], x.T @ x @ vector / 6, atol=1e-12)


def test_where_the_loss_is_linear_the_hessian_is_zero():
    model = kp.TorchModel(linear(), loss=lambda outputs, targets: outputs.mean())
    batch = Batch(np.ones((4, 3)), np.ones(4), None, 4)
    assert not ADAPTER.hessian_product(model, batch, {"_0": np.ones((3, 2))})["_0"].any()


def test_gradients_do_not_know_masks_or_frozen_weights_and_leave_no_trace():
    batch = Batch(np.ones((4, 3)), np.ones((4, 2)), None, 4)
    masked = ADAPTER.apply(linear(), {"_0": np.zeros((3, 2), bool)})
    masked[0].weight.requires_grad_(False)
    masked.train()
    found = ADAPTER.gradient(kp.TorchModel(masked, loss=mean_squares), batch)["_0"]
    assert np.allclose(found, -1.0)  # the loss is (0 - 1)^2, averaged over two outputs
    assert masked.training
    assert masked[0].weight.grad is None
    assert not masked[0].weight.requires_grad
    assert not ADAPTER.masks(masked)["_0"].any()


def test_sample_weights_are_refused():
    with pytest.raises(ValueError, match="got sample weights"):
        ADAPTER.gradient(linear(), Batch(np.ones((4, 3)), np.ones(4, int), np.ones(4), 4))


def test_taylor_saliency_is_gradient_times_weight():
    rng = np.random.default_rng(0)
    data = (rng.normal(size=(32, 8)), rng.integers(0, 4, 32))
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(8, 4))
    config = {"Model": {"Precision": "ap_fixed<16,6>", "Strategy": "latency", "ReuseFactor": 1}, "InputShape": (8,)}
    worth = np.abs(ADAPTER.gradient(module, Batch(*data, None, 32))["_0"] * ADAPTER.kernels(module)["_0"])
    chosen = kp.select(module, config, {"dsp": 10}, saliency="taylor", normalise="none", data=data)
    (layer,) = chosen.resources.layers
    costs = constants(layer, ADAPTER.kernels(module)["_0"]).owner.ravel() >= 0  # the others need no multiplier
    ranked = [place for place in np.argsort(-worth.ravel()) if costs[place]]
    assert set(np.flatnonzero(chosen.masks["_0"])) == {*ranked[:10], *np.flatnonzero(~costs)}


def test_predictions_are_the_modules_own_in_evaluation_mode():
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5)).train()
    x = np.random.default_rng(0).normal(size=(1500, 3))
    found = ADAPTER.predict(kp.TorchModel(module), x)
    with torch.no_grad():
        expected = module.eval()(torch.tensor(x, dtype=torch.float32)).numpy()
    module.train()
    assert np.allclose(found, expected, atol=1e-6)
    assert np.array_equal(ADAPTER.predict(module, torch.tensor(x)), found)
    assert module[1].training


def test_a_module_of_several_inputs_and_outputs_takes_and_returns_lists():
    class Pair(torch.nn.Module):
        def forward(self, a, b):
            return a + b, a - b

    first, second = ADAPTER.predict(Pair(), [np.full((4, 2), 3.0), np.ones((4, 2))])
    assert (first == 4).all()
    assert (second == 2).all()


@pytest.mark.parametrize("form", ["arrays", "tensors", "loader"])
def test_fit_trains_in_place_with_the_given_loss_and_optimiser(form):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype(np.float32)
    y = (x @ np.array([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5]])).astype(np.float32)
    module = linear().eval()
    tensors = (torch.tensor(x), torch.tensor(y))
    data = {"arrays": (x, y), "tensors": tensors, "loader": loader(*tensors, 16)}[form]
    model = kp.TorchModel(module, mean_squares, lambda parameters: torch.optim.SGD(parameters, 0.2, momentum=0.5))
    losses = [ADAPTER.fit(model, data, batch_size=16, seed=epoch) for epoch in range(20)]
    assert np.abs(ADAPTER.predict(module, x) - y).max() < 0.05
    assert losses[-1] < losses[0] / 100
    assert not module.training


def test_the_default_loss_takes_class_numbers_and_one_hot_rows():
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = (x[:, 0] > 0).astype(int)
    for targets in (y, y[:, None], np.eye(2, dtype=int)[y]):
        module = linear()
        losses = [ADAPTER.fit(module, (x, targets), batch_size=4, seed=epoch) for epoch in range(3)]
        assert losses[2] < losses[0]


def trained_by_adam():
    model = kp.TorchModel(linear(8, 4), optimizer=lambda parameters: torch.optim.Adam(parameters, 0.05))
    rng = np.random.default_rng(0)
    return model, (rng.normal(size=(32, 8)), rng.integers(0, 4, 32))


def test_training_goes_on_from_a_state_as_if_it_had_never_stopped():
    model, data = trained_by_adam()
    ADAPTER.fit(model, data, batch_size=8, seed=0)
    state = ADAPTER.state(model)
    other = ADAPTER.apply(model, {})
    for seed in (1, 2):
        ADAPTER.fit(model, data, batch_size=8, seed=seed)
    ADAPTER.restore(other, state)
    for seed in (1, 2):
        ADAPTER.fit(other, data, batch_size=8, seed=seed)
    assert np.array_equal(ADAPTER.kernels(model)["_0"], ADAPTER.kernels(other)["_0"])
    ADAPTER.restore(model, state)
    assert all(np.array_equal(state[name], array) for name, array in ADAPTER.state(model).items())


def test_the_global_generators_are_left_as_they_were():
    model, data = trained_by_adam()
    before = torch.get_rng_state()
    ADAPTER.fit(model, data, batch_size=8, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_rate_scales_the_step_of_one_epoch_alone():
    steps = []
    for rate in (1.0, 0.5):
        model = kp.TorchModel(linear(), mean_squares, lambda parameters: torch.optim.SGD(parameters, 0.1))
        before = ADAPTER.kernels(model)["_0"]
        ADAPTER.fit(model, (np.ones((4, 3)), np.ones((4, 2))), batch_size=4, seed=0, rate=rate)
        steps.append(ADAPTER.kernels(model)["_0"] - before)
    assert np.allclose(steps[1], steps[0] / 2)


def test_a_new_mask_has_the_optimiser_forget_the_weights_that_die():
    model, data = trained_by_adam()
    ADAPTER.fit(model, data, batch_size=8, seed=0)
    mask = np.random.default_rng(3).random((8, 4)) < 0.5
    ADAPTER.remask(model, {"_0": mask})
    moment = ADAPTER.state(model)["optimizer/0/exp_avg"].T
    assert not moment[~mask].any()
    assert moment[mask].all()
    assert np.array_equal(ADAPTER.masks(model)["_0"], mask)
    assert not ADAPTER.kernels(model)["_0"][~mask].any()


def test_kernels_are_put_in_and_the_state_has_no_masks():
    model, _ = trained_by_adam()
    names = ADAPTER.state(model).keys()
    ADAPTER.remask(model, {"_0": np.eye(8, 4, dtype=bool)})
    assert ADAPTER.state(model).keys() == names
    ADAPTER.assign(model, {"_0": np.full((8, 4), 2.0)})
    assert (model.module[0].weight.detach().numpy() == 2).all()


def test_the_description_tells_architectures_losses_and_optimisers_apart():
    model, _ = trained_by_adam()
    others = [linear(8, 5), model.module, kp.TorchModel(model.module, loss=mean_squares)]
    assert len({ADAPTER.describe(known) for known in (model, *others)}) == 4
    assert ADAPTER.describe(model) == ADAPTER.describe(ADAPTER.apply(model, {}))


def test_a_state_of_other_weights_is_refused():
    with pytest.raises(ValueError, match=r"state: got the weights \[\], expected \['0.weight'\]"):
        ADAPTER.restore(linear(), {})


def test_a_loss_that_is_no_number_is_returned():
    assert np.isnan(ADAPTER.fit(linear(), (np.full((4, 3), np.nan), np.zeros(4, int)), batch_size=2, seed=0))


def test_outputs_that_are_no_logits_need_a_loss():
    x, y = np.zeros((4, 3)), np.zeros(4, int)
    for module, message in (
        (torch.nn.Sequential(*linear(), torch.nn.Softmax(-1)), "probabilities already"),
        (linear(outputs=1), "no logits of several classes"),
    ):
        with pytest.raises(ValueError, match=message):
            ADAPTER.fit(module, (x, y), batch_size=2, seed=0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.zeros((0, 3)), np.zeros(0)), r"\[0\] samples"),
        ((np.zeros((4, 3)), np.zeros(5)), r"\[4, 5\] samples"),
        ((np.zeros((4, 3)),), "batch 0 is a ndarray"),
        ([], "without any batch"),
        (lambda: torch.zeros(4, 3), "got Tensor"),
    ],
)
def test_data_that_cannot_be_used_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        ADAPTER.fit(linear(), data() if callable(data) else data, batch_size=2, seed=0)
