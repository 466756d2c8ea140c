"""The metric that fits what a model's outputs are: logits, probabilities or numbers, by its loss and its last layer."""

from functools import partial

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.measuring import metric_of
from shared.frameworks import keras, torch
from shared.hls import hls_settings

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(80, 4)).astype("float32")
CLASSES = (X[:, 0] > 0).astype(int)


def network(units=1, activation=None, loss=None):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation, name="out")])
    if loss is not None:
        model.compile("adam", loss)
    return model


def judged(model, metric=None, targets=CLASSES):
    adapter = find_adapter(model)
    return metric_of(adapter, model, metric)(targets, adapter.predict(model, X))


@pytest.mark.needs("keras")
@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        (None, lambda: keras.losses.BinaryCrossentropy(from_logits=True)),
        (None, lambda: None),
        (None, lambda: lambda true, predicted: predicted),
        ("sigmoid", lambda: "binary_crossentropy"),
        ("sigmoid", lambda: None),
        ("sigmoid", lambda: "mse"),
    ],
    ids=["logits", "logits-not-compiled", "logits-own-loss", "sigmoid", "sigmoid-not-compiled", "sigmoid-squared"],
)
@pytest.mark.parametrize("column", [False, True])
def test_one_output_of_keras_is_cut_where_class_1_becomes_the_likelier(activation, loss, column):
    model = network(1, activation, loss())
    logits = X @ model.get_weights()[0]
    right = np.mean((logits[:, 0] > 0) == CLASSES)
    assert judged(model, None, CLASSES[:, None] if column else CLASSES) == pytest.approx(right)
    assert judged(model, "accuracy") == pytest.approx(right)


@pytest.mark.needs("keras")
@pytest.mark.parametrize("loss", ["mse", "mean_absolute_error", "huber"])
@pytest.mark.parametrize("targets", [CLASSES, X[:, 0]], ids=["whole", "fractions"])
def test_a_regression_asks_for_a_metric_before_anything_is_trained(loss, targets):
    """Targets may be whole numbers all the same: no share of equal numbers is computed."""
    model = network(1, None, loss)
    with pytest.raises(ValueError, match=r"metric: got none, and the model's loss '.*' is that of a regression"):
        kp.prune(model, hls_settings(), train=(X, targets), validation=(X, targets), budget={"dsp": 0.5})
    assert judged(model, "mean_squared_error", targets) == pytest.approx(
        -np.mean((model.predict(X, verbose=0)[:, 0] - targets) ** 2)
    )


@pytest.mark.needs("keras")
@pytest.mark.parametrize(
    ("units", "targets", "one_hot"),
    [(1, CLASSES, False), (3, np.arange(80) % 3, False), (3, np.arange(80) % 3, True)],
    ids=["one-output", "numbers", "rows"],
)
def test_metrics_of_keras_by_name_take_classes_of_every_form(units, targets, one_hot):
    """Logits are made probabilities first, class numbers rows."""
    kind = keras.losses.SparseCategoricalCrossentropy if units > 1 else keras.losses.BinaryCrossentropy
    model = network(units, None, kind(from_logits=True))
    logits = model.predict(X, verbose=0)
    given = np.eye(3)[targets] if one_hot else targets
    rows = np.eye(3)[targets] if units > 1 else targets[:, None]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True) if units > 1 else 1 / (1 + np.exp(-logits))
    chosen = probabilities > 0.5
    precision = (chosen & (rows == 1)).sum() / chosen.sum()
    assert judged(model, "precision", given) == pytest.approx(precision)
    assert judged(model, "Precision", given) == pytest.approx(precision)
    name = "categorical_crossentropy" if units > 1 else "binary_crossentropy"
    each = -np.log(np.where(rows == 1, probabilities, 1 - probabilities if units == 1 else 1)).sum(1)
    assert judged(model, name, given) == pytest.approx(-each.mean(), rel=1e-4)  # less is better: negated
    if units > 1:
        right = np.mean(logits.argmax(1) == targets)
        assert judged(model, "sparse_categorical_accuracy", given) == pytest.approx(right)
        assert judged(model, "categorical_accuracy", given) == pytest.approx(right)


@pytest.mark.needs("keras")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("acuracy", "such as 'accuracy', or a function"),
        ("AUCC", "such as 'auc', or a function"),
        ("binary_acuracy", "such as 'binary_accuracy', or a function"),
        ("mean", "got 'mean'"),
        ("precision_at_recall", "needs settings"),
    ],
)
def test_a_name_that_keras_has_not_is_refused_with_the_nearest(name, said):
    with pytest.raises(ValueError, match=f"metric: .*{said}"):
        metric_of(find_adapter(network()), network(), name)


@pytest.mark.needs("keras")
def test_several_outputs_ask_for_a_function():
    entry = keras.Input((4,))
    model = keras.Model(entry, [keras.layers.Dense(2)(entry), keras.layers.Dense(1)(entry)])
    with pytest.raises(ValueError, match="metric: the model has 2 outputs, expected a function"):
        metric_of(find_adapter(model), model, "accuracy")


def test_what_is_neither_a_function_nor_a_name_is_refused():
    with pytest.raises(TypeError, match="metric: got 3, expected a function, a name or None"):
        metric_of(None, None, 3)


def module(*last, loss=None):
    torch.manual_seed(0)
    return kp.TorchModel(torch.nn.Sequential(torch.nn.Linear(4, 1), *last), loss=loss)


@pytest.mark.needs("torch")
@pytest.mark.parametrize("form", ["logits", "logits-function", "logits-partial", "probabilities", "own"])
@pytest.mark.parametrize("targets", [CLASSES, CLASSES[:, None].astype("float32")], ids=["numbers", "column"])
def test_one_output_of_pytorch_trains_and_is_cut_where_class_1_becomes_the_likelier(form, targets):
    functional = torch.nn.functional
    model = {
        "logits": lambda: module(loss=torch.nn.BCEWithLogitsLoss()),
        "logits-function": lambda: module(loss=functional.binary_cross_entropy_with_logits),
        "logits-partial": lambda: module(loss=partial(functional.binary_cross_entropy_with_logits, reduction="mean")),
        "probabilities": lambda: module(torch.nn.Sigmoid(), loss=torch.nn.BCELoss()),
        "own": lambda: module(torch.nn.Sigmoid(), loss=lambda out, true: ((out - true.reshape(-1, 1)) ** 2).mean()),
    }[form]()
    adapter = find_adapter(model)
    assert adapter.describe(model) == adapter.describe(adapter.apply(model, {}))
    adapter.fit(model, (X, targets), batch_size=16, seed=0)
    linear = model.module[0]
    logits = X @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
    assert judged(model, None, targets) == pytest.approx(np.mean((logits[:, 0] > 0) == CLASSES))
    assert 0 < judged(model, "auc", targets) < 1


@pytest.mark.needs("torch")
def test_a_regression_in_pytorch_asks_for_a_metric():
    model = module(loss=torch.nn.MSELoss())
    with pytest.raises(ValueError, match="loss 'mseloss' is that of a regression"):
        judged(model)
    outputs = find_adapter(model).predict(model, X)
    assert judged(model, "mse", X[:, :1]) == pytest.approx(-np.mean((outputs - X[:, :1]) ** 2))
    with pytest.raises(ValueError, match="such as 'accuracy'"):
        judged(model, "acuracy")
