"""What users give to Keras' fit: callbacks, weights of classes and samples, layers that are not to be trained."""

import numpy as np
import pytest

import knapprune as kp
from knapprune.pruning.class_weights import weighted
from shared.frameworks import keras, torch
from shared.hls import hls_settings


def network(blobs, frozen=False):
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((16,)), dense(32, "relu", name="fc1"), dense(4, name="out")])
    if frozen:
        model.get_layer("fc1").trainable = False
    model.compile(
        keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    model.fit(*blobs[0], epochs=3, verbose=0)
    return model


def pruned(model, blobs, **options):
    arguments = {"train": blobs[0], "validation": blobs[1], "budget": {"dsp": 0.5}, "tolerance": 1.0, "steps": 2}
    config = hls_settings() | ({} if hasattr(model, "compiled") else {"InputShape": [16]})
    return kp.prune(model, config, progress=False, **{**arguments, "epochs": 3, **options})


@pytest.mark.needs("keras")
def test_callbacks_hear_of_the_run_what_fit_tells_them(blobs):
    """Each step is one training; epochs go on, with the losses and metrics of both data, and what is returned
    is what a run without callbacks returns.
    """
    heard = []

    class Listener(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            heard.append("begin")

        def on_train_end(self, logs=None):
            heard.append("end")

        def on_epoch_begin(self, epoch, logs=None):
            heard.append(epoch)

        def on_train_batch_end(self, batch, logs=None):
            heard.append("batch")

        def on_test_end(self, logs=None):
            heard.append("judged")

        def on_epoch_end(self, epoch, logs=None):
            assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(logs)
            assert self.params["epochs"] == 6
            heard.append(round(logs["val_accuracy"], 4))

    model = network(blobs)
    out = pruned(model, blobs, callbacks=[Listener()])
    plain = pruned(model, blobs)
    each = [round(metric, 4) for step in out.history for metric in step.metrics]
    expected = []
    for epoch in range(6):
        told = [epoch, *["batch"] * 13, "judged", each[epoch]]
        expected += [*(["begin"] if epoch % 3 == 0 else []), *told, *(["end"] if epoch % 3 == 2 else [])]
    assert heard == expected
    assert out.metric == plain.metric
    assert all(np.array_equal(a, b) for a, b in zip(out.model.get_weights(), plain.model.get_weights(), strict=True))


@pytest.mark.needs("keras", "tensorboard")
def test_tensorboard_has_the_epochs_of_all_steps(blobs, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    out = pruned(network(blobs), blobs, callbacks=[keras.callbacks.TensorBoard(tmp_path, write_graph=False)])
    events = EventAccumulator(str(tmp_path / "validation")).Reload().Tensors("epoch_accuracy")
    assert [event.step for event in events] == list(range(6))
    each = [metric for step in out.history for metric in step.metrics]
    assert [float(make_ndarray(event.tensor_proto)) for event in events] == pytest.approx(each)


@pytest.mark.needs("keras")
def test_early_stopping_ends_a_step_and_no_more(blobs):
    """No epoch is better by so much: each step has the first epoch and one that is waited for."""
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=100.0, patience=1, restore_best_weights=True)
    out = pruned(network(blobs), blobs, callbacks=[stop])
    assert [len(step.metrics) for step in out.history] == [2, 2]
    assert out.met


@pytest.mark.needs("keras")
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_learning_rate_that_a_callback_sets_is_scaled_on(blobs, schedule):
    rates = []

    class Halve(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))
            self.model.optimizer.learning_rate = rates[-1] / 2

    pruned(network(blobs), blobs, callbacks=[Halve()], steps=1, learning_rate=schedule)
    fall = [1.0, 1.0, 1.0] if schedule == "constant" else [0.5 * (1 + np.cos(np.pi * epoch / 3)) for epoch in range(3)]
    expected = [3e-3 * factor / 2**epoch for epoch, factor in enumerate(fall)]
    assert rates == pytest.approx(expected, rel=1e-4)


@pytest.mark.needs("keras")
def test_what_is_no_callback_is_refused(blobs):
    with pytest.raises(TypeError, match="callbacks: got 'tensorboard', expected a list"):
        pruned(network(blobs), blobs, callbacks="tensorboard")
    with pytest.raises(TypeError, match=r"callbacks: got 3, expected objects of keras\.callbacks\.Callback"):
        pruned(network(blobs), blobs, callbacks=[3])


@pytest.mark.needs("keras")
def test_weights_of_classes_count_as_in_fit_and_as_those_of_samples_do(blobs):
    """In training and in gradients."""
    from knapprune.adapters.keras.adapter import KerasAdapter
    from knapprune.network.batches import Batch

    (x, y), adapter, model = blobs[0], KerasAdapter(), network(blobs)
    by_class, by_sample = {0: 0.0, 1: 0.0, 3: 0}, (y == 2).astype("float32")
    first, second = (adapter.apply(model, {}) for _ in range(2))
    first.fit(x, y, batch_size=len(x), class_weight={**by_class, 2: 1.0}, verbose=0)
    adapter.fit(second, weighted((x, y), by_class), batch_size=len(x), seed=0)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    whole = adapter.gradient(model, Batch(x, y, by_sample, len(x)))
    part = adapter.gradient(model, Batch(x[y == 2], y[y == 2], None, int(by_sample.sum())))
    assert all(np.allclose(whole[name], part[name] * by_sample.mean(), atol=1e-6) for name in whole)
    options = {"steps": 1, "epochs": 1, "saliency": "fisher"}
    runs = [pruned(model, blobs, class_weight=by_class, **options)]
    runs += [pruned(model, blobs, train=train, **options) for train in ((x, y, by_sample), (x, y))]
    same = [[np.array_equal(runs[0].masks[name], run.masks[name]) for name in run.masks] for run in runs[1:]]
    assert all(same[0])
    assert not all(same[1])
    assert np.array_equal(runs[0].model.get_weights()[0], runs[1].model.get_weights()[0])


def test_a_class_counts_by_its_weight_times_that_of_the_sample():
    inputs, classes = np.zeros((3, 2)), np.array([0, 1, 1])
    assert weighted((inputs, classes), {1: 3})[2].tolist() == [1, 3, 3]
    assert weighted((inputs, np.eye(2)[classes], [1, 1, 0.5]), {1: 3})[2].tolist() == [1, 3, 1.5]
    with pytest.raises(ValueError, match="class_weight: expected a class number or a one-hot row"):
        weighted((inputs, np.array([0.5, 1, 1])), {1: 3})
    with pytest.raises(ValueError, match="class_weight: got targets of several outputs"):
        weighted((inputs, [classes, classes]), {1: 3})
    with pytest.raises(ValueError, match=r"class_weight: got a range for data, expected arrays; .* sample_weight\)"):
        weighted(range(3), {1: 3})


@pytest.mark.needs("keras")
@pytest.mark.parametrize("given", [[1.0, 2.0], {"a": 1.0}, {0: -1.0}, {0: float("nan")}])
def test_class_weights_that_are_none_are_refused(blobs, given):
    with pytest.raises(ValueError, match=r"class_weight: got .*, expected weights by class number"):
        pruned(network(blobs), blobs, class_weight=given)


@pytest.mark.needs("torch")
def test_pytorch_refuses_what_only_keras_has(blobs):
    module = torch.nn.Sequential(torch.nn.Linear(16, 4))
    with pytest.raises(ValueError, match="callbacks: PyTorchAdapter calls none"):
        pruned(module, blobs, callbacks=[object()])
    with pytest.raises(ValueError, match=r"class_weight: PyTorchAdapter .*CrossEntropyLoss\(weight=...\)"):
        pruned(module, blobs, class_weight={0: 2.0})


@pytest.mark.needs("keras")
@pytest.mark.parametrize("structure", ["auto", {"out": "dsp-row"}, "fetch-group:4"])
def test_a_frozen_layer_keeps_its_values_and_all_of_its_weights(blobs, structure):
    model = network(blobs, frozen=True)
    budget = {"dsp": 0.95} if structure != "fetch-group:4" else {"cycles": 0.95}
    hardware = "hls4ml" if structure != "fetch-group:4" else kp.Accelerator(4, 1, 4, "in")
    kernel = np.array(model.get_layer("fc1").get_weights()[0])
    out = pruned(model, blobs, structure=structure, budget=budget, hardware=hardware)
    assert out.met
    assert np.array_equal(kernel, out.model.get_layer("fc1").get_weights()[0])
    assert set(out.masks) == {"out"}
    with pytest.raises(kp.BudgetError, match="stay in use"):
        pruned(model, blobs, structure=structure, budget={next(iter(budget)): 0.1}, hardware=hardware)


@pytest.mark.needs("torch")
def test_a_frozen_layer_of_pytorch_stays_as_it_is(blobs):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))
    for parameter in module[0].parameters():
        parameter.requires_grad_(False)
    weights = module[0].weight.detach().numpy().copy()
    out = pruned(module, blobs, budget={"dsp": 0.95}, structure="auto")
    assert out.met
    assert np.array_equal(weights, out.model[0].weight.detach().numpy())
    assert len(out.masks) == 1


@pytest.mark.needs("keras")
def test_digits_are_chosen_for_no_frozen_layer(blobs):
    model = network(blobs, frozen=True)
    config = hls_settings("latency", 1)
    kernel = np.array(model.get_layer("fc1").get_weights()[0])
    options = {"train": blobs[0], "validation": blobs[1], "tolerance": 1.0, "steps": 1, "epochs": 1, "progress": False}
    out = kp.prune(model, config, budget={"dsp": 0.99}, choose={"digits": 2}, **options)
    assert np.array_equal(kernel, out.model.get_layer("fc1").get_weights()[0])
    assert not np.array_equal(model.get_layer("out").get_weights()[0], out.model.get_layer("out").get_weights()[0])
