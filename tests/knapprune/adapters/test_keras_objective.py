"""What is added to a model's loss: distances to a teacher, norms of groups, on the model itself and off again."""

from __future__ import annotations

import numpy as np
import pytest

from knapprune.adapters.objective import Distillation, GroupPenalty
from shared.frameworks import Later, keras

pytestmark = pytest.mark.needs("keras")

adapter = Later("knapprune.adapters.keras.objective")
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(32, 5)).astype("float32")


def network(seed, activation, loss, outputs=3):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(outputs, activation, name="fc")])
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model


def softmax(scores):
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def loss_of(model, y):
    return model.fit(X, y, epochs=1, batch_size=32, verbose=0).history["loss"][0]


@pytest.mark.parametrize("activation", [None, "softmax"], ids=["logits", "probabilities"])
def test_a_classifier_learns_from_the_softened_answers_of_its_teacher(activation):
    """The loss is the mixture by hand, from logits or probabilities and with sparse labels."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=activation is None)
    model, teacher = network(1, activation, loss), network(2, activation, loss)
    y = RANDOM.integers(0, 3, 32)
    own = loss_of(model, y)
    objective = adapter.KerasObjective(model)
    objective.distil(teacher, Distillation(0.3, temperature=4.0))
    scores, answers = (
        np.log(softmax(X @ net.get_weights()[0] + net.get_weights()[1]).astype(float)) for net in (model, teacher)
    )
    distance = -(softmax(answers / 4) * np.log(softmax(scores / 4))).sum(axis=1).mean() * 16
    assert loss_of(model, y) == pytest.approx(0.7 * own + 0.3 * distance, rel=1e-4)
    objective.remove()
    assert loss_of(model, y) == pytest.approx(own, rel=1e-6)
    assert "compute_loss" not in vars(model)


@pytest.mark.parametrize("loss", ["mse", "huber", lambda true, predicted: keras.ops.mean(abs(true - predicted))])
def test_any_other_loss_is_mixed_with_the_squared_difference(loss):
    """Regression, by name or by a function of the user's."""
    model, teacher = network(1, None, loss), network(2, None, loss)
    y = RANDOM.normal(size=(32, 3)).astype("float32")
    own = loss_of(model, y)
    adapter.KerasObjective(model).distil(teacher, Distillation(0.5))
    distance = np.square(model.predict(X, verbose=0) - teacher.predict(X, verbose=0)).mean()
    assert loss_of(model, y) == pytest.approx(0.5 * own + 0.5 * distance, rel=1e-4)


def test_yes_or_no_is_softened_too():
    """A sigmoid's output, alone at its own temperature: the entropy of the teacher where both agree."""
    model = network(1, "sigmoid", "binary_crossentropy", outputs=1)
    p = model.predict(X, verbose=0).astype(float)
    adapter.KerasObjective(model).distil(model, Distillation(1.0, temperature=1.0))
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    assert loss_of(model, np.zeros((32, 1))) == pytest.approx(entropy, rel=1e-4)


def test_groups_are_penalised_by_their_norms_and_strengths_change_without_compiling_again():
    """By hand; a group that is cut has a gradient of zero, not of NaN."""
    model = network(1, None, "mse")
    y = RANDOM.normal(size=(32, 3)).astype("float32")
    kernel = model.get_weights()[0]
    kernel[:, 2] = 0
    model.layers[-1].kernel.assign(kernel)
    own = loss_of(model, y)
    labels = np.broadcast_to(np.arange(3), (5, 3))
    objective = adapter.KerasObjective(model)
    objective.penalise({"fc": GroupPenalty(labels, np.array([1.0, 2.0, 3.0]))})
    norms = np.linalg.norm(kernel, axis=0)
    assert loss_of(model, y) == pytest.approx(own + norms[0] + 2 * norms[1], rel=1e-5)
    compiled = model.train_function
    objective.penalise({"fc": GroupPenalty(labels, np.array([0.0, 1.0, 0.0]))})
    assert loss_of(model, y) == pytest.approx(own + norms[1], rel=1e-5)
    assert model.train_function is compiled
    objective.penalise(
        {"fc": GroupPenalty(labels.clip(max=1), np.array([0.0, 1.0]))}
    )  # two groups of three have merged
    assert loss_of(model, y) == pytest.approx(own + norms[1], rel=1e-5)
    assert model.train_function is compiled
    objective.penalise({"fc": GroupPenalty(np.arange(15).reshape(5, 3), np.full(15, 2.0))})  # more than ever
    assert loss_of(model, y) == pytest.approx(own + 2 * np.abs(kernel).sum(), rel=1e-5)
    model.optimizer.learning_rate = 0.1
    loss_of(model, y)
    assert np.isfinite(model.get_weights()[0]).all()


@pytest.mark.parametrize(("weight", "temperature"), [(0.0, 2.0), (1.5, 2.0), (0.5, 0.0)])
def test_a_mixture_that_is_none_is_refused(weight, temperature):
    """The message names the argument."""
    with pytest.raises(ValueError, match=r"distill: got the .*, expected a number"):
        Distillation(weight, temperature)
