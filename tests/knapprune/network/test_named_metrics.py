"""Metrics by name against scikit-learn's, and names that no metric has."""

import numpy as np
import pytest

from knapprune.network.named_metrics import NAMED, auc, unknown

RANDOM = np.random.default_rng(0)


@pytest.mark.needs("sklearn")
@pytest.mark.parametrize("classes", [2, 4])
def test_the_area_under_the_curve_is_that_of_scikit_learn(classes):
    """With equal scores among them, as rounded hardware has."""
    from sklearn.metrics import roc_auc_score

    labels = RANDOM.integers(0, classes, 200)
    scores = np.round(RANDOM.random((200, classes)) + 0.5 * np.eye(classes)[labels], 1)
    scores /= scores.sum(axis=1, keepdims=True)
    if classes == 2:
        assert auc(labels, scores[:, 1:]) == pytest.approx(roc_auc_score(labels, scores[:, 1]))
        assert auc(labels, np.log(scores[:, 1] + 1e-3)) == pytest.approx(roc_auc_score(labels, scores[:, 1]))
    else:
        assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores, multi_class="ovr"))
        assert auc(np.eye(classes)[labels], scores) == auc(labels, scores)


def test_samples_of_one_class_have_no_area():
    with pytest.raises(ValueError, match="expected samples of two classes"):
        auc([1, 1], [0.2, 0.3])


@pytest.mark.needs("sklearn")
def test_errors_are_those_of_scikit_learn_with_the_other_sign():
    from sklearn import metrics

    targets, outputs = RANDOM.normal(size=50), RANDOM.normal(size=(50, 1))
    assert NAMED["mse"](targets, outputs) == pytest.approx(-metrics.mean_squared_error(targets, outputs))
    assert NAMED["mae"](targets, outputs) == pytest.approx(-metrics.mean_absolute_error(targets, outputs))
    assert NAMED["r2_score"](targets, outputs) == pytest.approx(metrics.r2_score(targets, outputs))


def test_an_error_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match=r"outputs' shape \(3, 2\), got \(3,\)"):
        NAMED["mse"](np.zeros(3), np.zeros((3, 2)))


def test_an_unknown_name_is_answered_by_the_nearest():
    assert "such as 'accuracy'" in str(unknown("acuracy", NAMED))
    assert "one of ['acc', " in str(unknown("quux", NAMED))
