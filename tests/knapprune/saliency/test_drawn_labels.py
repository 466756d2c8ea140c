"""Labels drawn from a classifier's own answers: their frequencies, their form, and what is no classifier."""

import numpy as np
import pytest

from knapprune.network.batches import Batch
from knapprune.saliency.drawn_labels import with_drawn_labels

SAMPLES = 4000
P = np.array([0.1, 0.0, 0.6, 0.3])
OUTPUTS = np.tile(P, (SAMPLES, 1))
NUMBERS = np.zeros(SAMPLES, dtype=np.uint8)


def drawn(targets, outputs=OUTPUTS, weights=None, seed=0):
    batch = Batch(np.ones((SAMPLES, 2)), targets, weights, SAMPLES)
    return with_drawn_labels(batch, outputs, np.random.default_rng(seed))


@pytest.mark.parametrize("outputs", [OUTPUTS, OUTPUTS.astype(np.float16), np.log(OUTPUTS + 1e-9) + 2.0])
def test_classes_are_drawn_as_often_as_the_model_says_from_probabilities_and_from_logits(outputs):
    found = np.bincount(drawn(NUMBERS, outputs).targets, minlength=4) / SAMPLES
    assert np.abs(found - P).max() < 4 * np.sqrt(0.25 / SAMPLES)
    assert found[1] == 0


@pytest.mark.parametrize("shape", [(SAMPLES,), (SAMPLES, 1), (SAMPLES, 4)])
def test_drawn_labels_have_the_form_of_the_true_ones(shape):
    true = np.zeros(shape, dtype=np.float32)
    if shape[-1] == 4:
        true[:, 1] = 1
    found = drawn(true).targets
    assert found.shape == shape
    assert found.dtype == np.float32
    classes = found.argmax(axis=1) if shape[-1] == 4 else found.ravel()
    assert set(np.unique(classes)) == {0, 2, 3}
    if shape[-1] == 4:
        assert (found.sum(axis=1) == 1).all()


def test_the_same_seed_draws_the_same_labels():
    assert np.array_equal(drawn(NUMBERS).targets, drawn(NUMBERS).targets)
    assert not np.array_equal(drawn(NUMBERS).targets, drawn(NUMBERS, seed=1).targets)


def test_weights_of_samples_enter_by_their_roots_and_inputs_stay():
    found = drawn(NUMBERS, weights=np.full(SAMPLES, 4.0))
    assert (found.sample_weight == 2).all()
    assert (found.inputs == 1).all()
    assert found.size == SAMPLES


@pytest.mark.parametrize(
    ("targets", "outputs", "message"),
    [
        (NUMBERS, np.ones((SAMPLES, 1)), r"outputs: got shape \(4000, 1\), expected \(samples, classes\)"),
        (NUMBERS, [OUTPUTS, OUTPUTS], "outputs: got a list, expected"),
        (np.ones((SAMPLES, 4)), OUTPUTS, "targets: got rows that do not sum to one"),
        (np.ones((SAMPLES, 3)), OUTPUTS, r"targets: got shape \(4000, 3\), expected class numbers or one-hot rows"),
        ({"a": NUMBERS}, OUTPUTS, "targets: got a dict, expected class numbers"),
    ],
)
def test_what_is_no_classifier_of_one_label_is_refused(targets, outputs, message):
    with pytest.raises(ValueError, match=message):
        drawn(targets, outputs)
