"""Samples that a model cannot take: a sentence that names array and row, before anything is trained or written."""

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras, layers, torch
from shared.hls import hls_settings

SAMPLES, WIDTH, CLASSES = 40, 8, 4
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(SAMPLES, WIDTH)).astype("float32")
Y = RANDOM.integers(0, CLASSES, SAMPLES)
ONE_HOT = np.eye(CLASSES, dtype="float32")[Y]


def changed(array, place, value, kind="float64"):
    """Return a copy with one other number in it."""
    out = np.array(array, dtype=kind)
    out[place] = value
    return out


# What is given in place of (X, Y), and what is said of it behind the argument's name.
OF_CLASS_NUMBERS = [
    ((X, Y[:-1]), "got samples in other numbers, inputs 40, targets 39; expected one number above 0"),
    ((X[:0], Y[:0]), "got samples in other numbers, inputs 0, targets 0"),
    ((X[:, :5], Y), r"inputs: got samples of shape \(5,\), expected \(8,\)"),
    ((X.reshape(SAMPLES, 2, 4), Y), r"inputs: got samples of shape \(2, 4\), expected \(8,\)"),
    ((X.astype(object), Y), "inputs: got an array of object, expected numbers"),
    ((X.astype("U8"), Y), "inputs: got an array of <U8, expected numbers"),
    ((X.astype("complex64"), Y), "inputs: got an array of complex64, expected numbers"),
    ((X, Y.astype("U1")), "targets: got an array of <U1, expected numbers"),
    (([[1.0, 2.0], [3.0]], [0, 1]), "inputs: got rows of different lengths, expected an array"),
    ((3.0, Y), "inputs: got a single number, expected an array with the samples on the first axis"),
    ((X, 1), "targets: got a single number, expected an array with the samples on the first axis"),
    ((changed(X, (7, 2), np.nan), Y), "inputs: row 7 has nan, expected finite numbers"),
    ((changed(X, (39, 0), np.inf), Y), "inputs: row 39 has inf, expected finite numbers"),
    ((X, ONE_HOT), r"targets: got targets of shape \(4,\) a sample, expected class numbers of shape \(\).*argmax"),
    ((X, np.stack([Y, Y], 1)), r"targets: got targets of shape \(2,\) a sample, expected class numbers"),
    ((X, changed(Y, 4, 4, int)), "targets: row 4 is 4, expected a class number, 0 to 3"),
    ((X, changed(Y, 5, -1, int)), "targets: row 5 is -1, expected a class number, 0 to 3"),
    ((X, changed(Y, 6, 0.5)), "targets: row 6 is 0.5, expected a class number, 0 to 3"),
    ((X, changed(Y, 8, np.nan)), "targets: row 8 is nan, expected a class number, 0 to 3"),
    (([X, X], Y), "got 2 arrays of inputs, expected 1: the model has as many"),
    ((X, [Y, Y]), "got 2 arrays of targets, expected 1: one for each output"),
    ((X, Y, np.ones(SAMPLES - 1)), "sample_weight: got 39, expected one for each of 40 samples"),
    ((X, Y, changed(np.ones(SAMPLES), 3, -1)), "sample_weight: row 3 is below 0, expected weights of 0 or more"),
    ((X, Y, changed(np.ones(SAMPLES), 3, np.nan)), "sample_weight: row 3 has nan, expected finite numbers"),
]
OF_OTHER_LOSSES = [
    ("categorical_crossentropy", Y, r"targets: got targets of shape \(\) a sample, expected one-hot rows.*; class num"),
    (
        "categorical_crossentropy",
        changed(ONE_HOT, (2, 1), 7.0),
        "targets: row 2 has 7, expected one-hot rows, from 0 to",
    ),
    ("categorical_crossentropy", changed(ONE_HOT, (2, 1), np.nan), "targets: row 2 has nan, expected one-hot rows"),
    (
        "binary_crossentropy",
        changed(ONE_HOT, (9, 0), -1.0),
        "targets: row 9 has -1, expected probabilities, from 0 to 1",
    ),
    ("binary_crossentropy", Y, r"targets: got targets of shape \(\) a sample, expected probabilities of shape \(4,\)"),
    ("mse", ONE_HOT[:, :2], r"targets: got targets of shape \(2,\) a sample, expected numbers of shape \(4,\)"),
    ("mse", changed(ONE_HOT, (0, 0), -np.inf), "targets: row 0 has -inf, expected finite numbers"),
]


def network(loss="sparse_categorical_crossentropy"):
    model = keras.Sequential([keras.Input((WIDTH,)), layers.Dense(8, "relu"), layers.Dense(CLASSES, "softmax")])
    model.compile("adam", loss)
    return model


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.mark.needs("keras")
@pytest.mark.parametrize(("data", "message"), OF_CLASS_NUMBERS, ids=[message[:40] for _, message in OF_CLASS_NUMBERS])
@pytest.mark.parametrize("name", ["train", "validation"])
def test_data_that_cannot_be_trained_on_are_named(model, tmp_path, name, data, message):
    """Nothing is written: the folder for the state is not even made."""
    if name == "validation" and len(data) == 3:
        pytest.skip("validation data are not weighted")
    given = {"train": (X, Y), "validation": (X, Y), name: data}
    with pytest.raises(ValueError, match=f"^{name}: {message}"):
        kp.prune(
            model, hls_settings(), budget={"dsp": 0.5}, metric=lambda _, __: 0.0, checkpoint=tmp_path / "run", **given
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.needs("keras")
@pytest.mark.parametrize(("loss", "targets", "message"), OF_OTHER_LOSSES)
def test_targets_that_a_loss_does_not_take_are_named(loss, targets, message):
    with pytest.raises(ValueError, match=f"^train: {message}"):
        kp.prune(
            network(loss), hls_settings(), train=(X, targets), validation=(X, ONE_HOT), budget={"dsp": 0.5},
            metric=lambda _, __: 0.0,
        )  # fmt: skip


@pytest.mark.needs("keras")
@pytest.mark.parametrize(
    ("loss", "inputs", "targets"),
    [
        ("sparse_categorical_crossentropy", X, Y[:, None]),
        ("sparse_categorical_crossentropy", X.astype("float16"), Y.astype("float32")),
        ("sparse_categorical_crossentropy", X.tolist(), Y.tolist()),
        ("categorical_crossentropy", X, 0.9 * ONE_HOT + 0.1 / CLASSES),
        ("mse", X, 5 * ONE_HOT),
        ("mse", (X * 100).astype("int8"), ONE_HOT.astype(bool)),
    ],
)
def test_what_frameworks_take_is_taken(loss, inputs, targets):
    """A class number too much in a column, in floating point or in a list; smoothed labels; whole numbers."""
    out = kp.prune(
        network(loss), hls_settings(), train=(inputs, targets), validation=(inputs, targets), budget={"dsp": 0.9},
        metric=lambda _, __: 0.0, steps=1, epochs=1, progress=False, check_conversion=False,
    )  # fmt: skip
    assert out.met


@pytest.mark.needs("keras")
@pytest.mark.parametrize("number", [16, 17])
def test_selecting_and_verifying_name_their_rows_too(model, number):
    wrong = (X, OF_CLASS_NUMBERS[number][0][1])
    message = OF_CLASS_NUMBERS[number][1]
    with pytest.raises(ValueError, match=f"^data: {message}"):
        kp.select(model, hls_settings(), {"dsp": 0.5}, data=wrong)
    with pytest.raises(ValueError, match=f"^data: {message}"):
        kp.verify(model, hls_settings(), data=wrong)


@pytest.mark.needs("torch", "hls4ml")
@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (X, changed(Y, 4, 4, int), "targets: row 4 is 4, expected a class number, 0 to 3"),
        (X[:, :5], Y, "the module does not take the first samples: "),
        (changed(X, (7, 2), np.nan, "float32"), Y, "inputs: row 7 has nan"),
        (X, ONE_HOT[:, :2], r"targets: got targets of shape \(2,\) a sample, expected class numbers"),
    ],
)
def test_a_module_s_data_are_named(inputs, targets, message):
    module = torch.nn.Sequential(torch.nn.Linear(WIDTH, 4), torch.nn.ReLU(), torch.nn.Linear(4, CLASSES))
    config = hls_settings() | {"InputShape": [[WIDTH]]}
    with pytest.raises(ValueError, match=f"^train: {message}"):
        kp.prune(module, config, train=(inputs, targets), validation=(X, Y), budget={"dsp": 0.5})
