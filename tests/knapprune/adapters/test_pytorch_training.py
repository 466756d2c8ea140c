"""Gradients, prediction and fine-tuning of modules with arrays, tensors and loaders."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("hls4ml")

import knapprune as kp  # noqa: E402
from knapprune.adapters.pytorch import PyTorchAdapter  # noqa: E402
from knapprune.batches import Batch  # noqa: E402

torch.set_num_threads(1)
ADAPTER = PyTorchAdapter()


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
    assert np.array_equal(np.flatnonzero(chosen.masks["_0"]), np.sort(np.argsort(worth.ravel())[-10:]))


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
    seen = []
    ADAPTER.fit(model, data, epochs=20, batch_size=16, after_epoch=lambda: seen.append(module.training))
    assert np.abs(ADAPTER.predict(module, x) - y).max() < 0.05
    assert seen == [False] * 20


def test_the_default_loss_takes_class_numbers_and_one_hot_rows():
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = (x[:, 0] > 0).astype(int)
    for targets in (y, y[:, None], np.eye(2, dtype=int)[y]):
        module = linear()
        ADAPTER.fit(module, (x, targets), epochs=1, batch_size=4, after_epoch=lambda: None)
        assert np.isfinite(ADAPTER.kernels(module)["_0"]).all()


def test_state_goes_back_with_its_masks():
    module = ADAPTER.apply(linear(), {"_0": np.eye(3, 2, dtype=bool)})
    state, before = ADAPTER.state(module), ADAPTER.kernels(module)["_0"]
    module[0].weight.data.mul_(3.0)
    ADAPTER.restore(module, state)
    assert np.array_equal(ADAPTER.kernels(module)["_0"], before)


def test_outputs_that_are_no_logits_need_a_loss():
    x, y = np.zeros((4, 3)), np.zeros(4, int)
    for module, message in (
        (torch.nn.Sequential(*linear(), torch.nn.Softmax(-1)), "probabilities already"),
        (linear(outputs=1), "no logits of several classes"),
    ):
        with pytest.raises(ValueError, match=message):
            ADAPTER.fit(module, (x, y), epochs=1, batch_size=2, after_epoch=lambda: None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.zeros((0, 3)), np.zeros(0)), r"\[0\] samples"),
        ((np.zeros((4, 3)), np.zeros(5)), r"\[4, 5\] samples"),
        ((np.zeros((4, 3)),), "batch 0 is a ndarray"),
        ([], "without any batch"),
        (torch.zeros(4, 3), "got Tensor"),
        ((np.full((4, 3), np.nan), np.zeros(4, int)), "the loss is nan in epoch 1"),
    ],
)
def test_data_that_cannot_be_used_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        ADAPTER.fit(linear(), data, epochs=1, batch_size=2, after_epoch=lambda: None)
