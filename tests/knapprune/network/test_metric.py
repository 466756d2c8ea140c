"""The default metric takes every usual form of labels, and refuses what it would misread."""

import numpy as np
import pytest

from knapprune.network.metric import accuracy

SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [0.5, 0.3, 0.2]])  # classes 0, 2, 1, 0


@pytest.mark.parametrize(
    "labels",
    [[0, 2, 1, 1], [[0], [2], [1], [1]], np.eye(3)[[0, 2, 1, 1]], np.array([0, 2, 1, 1], dtype=np.uint8)],
    ids=["numbers", "column", "one-hot", "unsigned"],
)
def test_three_of_four_right_classes_are_three_quarters(labels):
    assert accuracy(labels, SCORES) == 0.75


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_sigmoid_is_cut_at_one_half(shape):
    probabilities = np.reshape([0.2, 0.6, 0.9, 0.5], shape)
    assert accuracy(np.reshape([0, 1, 0, 0], shape), probabilities) == 0.75
    assert accuracy([False, True, False, False], probabilities) == 0.75


def test_every_pixel_counts_in_a_segmentation():
    scores = np.zeros((2, 3, 3, 2))
    scores[..., 1] = 1
    labels = np.ones((2, 3, 3), dtype=int)
    labels[0, 0] = 0
    assert accuracy(labels, scores) == 1 - 3 / 18


def test_several_labels_a_sample_are_refused():
    with pytest.raises(ValueError, match="y_true: expected one-hot rows or class numbers"):
        accuracy([[1, 1, 0]] * 4, SCORES)


def test_a_regression_is_refused():
    with pytest.raises(ValueError, match="y_true: expected class numbers, got fractions"):
        accuracy([0.5, 1.5, 2, 0], [0.4, 1.4, 2, 0])


def test_labels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"scores of shape \(4, 3\), got shape \(3,\)"):
        accuracy([0, 1, 2], SCORES)


def test_no_samples_have_no_accuracy():
    with pytest.raises(ValueError, match="at least one sample"):
        accuracy([], np.empty((0, 3)))


def test_text_labels_are_refused():
    with pytest.raises(ValueError, match="y_true: expected numbers"):
        accuracy(["a", "b", "c", "d"], SCORES)


@pytest.mark.parametrize(
    ("outputs", "threshold", "right"),
    [
        ([0.2, 0.6, 0.9, 0.4], 0.0, 0.5),  # all of them class 1
        ([-2.0, 0.3, 0.4, -0.1], 0.0, 1.0),
        ([-2.0, 0.3, 0.4, -0.1], 0.5, 0.5),
        ([-2.0, 0.3, 0.4, -0.1], None, 1.0),  # no probabilities, so logits
        ([0.2, 0.6, 0.9, 0.4], None, 1.0),
    ],
)
def test_one_logit_is_cut_at_zero_and_a_probability_at_one_half(outputs, threshold, right):
    assert accuracy([0, 1, 1, 0], outputs, threshold) == right


@pytest.mark.parametrize("targets", [[0, 1, 2, 3], [-1, 1, 1, -1]])
def test_whole_numbers_that_are_no_classes_of_one_output_are_refused(targets):
    with pytest.raises(ValueError, match="expected the class numbers 0 and 1 for a single output"):
        accuracy(targets, np.zeros((4, 1)))
