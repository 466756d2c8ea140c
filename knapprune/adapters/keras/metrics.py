"""What a Keras model's outputs are and the metric that fits: accuracy, or Keras' own by name.

For Keras 3 and for tf_keras: nothing of either is imported, and `keras` is the one whose model it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.metric import accuracy, class_numbers
from knapprune.network.named_metrics import NAMED, Metric, check_one_output, for_regression, unknown

_REGRESSION = ("error", "huber", "log_cosh", "poisson", "mse", "mae", "mape", "msle", "tweedie")
# Of values alone, or of none: no metrics of targets and outputs.
_OF_VALUES = ("metric", "mean", "sum", "mean_metric_wrapper")
# Of which less is better, and which are no losses.
_LESS = ("root_mean_squared_error", "log_cosh_error", "false_positives", "false_negatives", "kl_divergence")


def metric(model: Any, name: str | None, keras: Any) -> Metric:
    """Find the metric of a name, or the share of right classes."""
    check_one_output(len(getattr(model, "outputs", None) or [None]))
    loss = _loss(model, keras)
    threshold = _threshold(model, loss, keras)
    if name is None and any(word in _name(loss) for word in _REGRESSION) and _is_regression(model, keras):
        raise for_regression(_name(loss))
    if name in (None, "accuracy", "acc"):
        return partial(accuracy, threshold=threshold)
    if name in NAMED:
        return NAMED[name]
    _made(name, keras)  # one that cannot be made is refused before anything is trained
    logits = threshold == 0.0 if _width(model) == 1 else bool(getattr(loss, "from_logits", False))
    return partial(_measure, name, logits, keras)


def _measure(name: str, logits: bool, keras: Any, y_true: Any, y_pred: Any) -> float:
    """Measure by a metric of Keras, which takes probabilities, and one-hot rows where there are several classes."""
    own = _made(name, keras)
    targets, outputs = np.asarray(y_true), np.asarray(y_pred, dtype=np.float32)
    classes = outputs.ndim > 1 and outputs.shape[-1] > 1
    if logits:
        outputs = _softmax(outputs) if classes else _sigmoid(outputs)
    if classes and name.startswith("sparse"):
        targets = class_numbers(targets, outputs)[0]
    elif classes and targets.shape != outputs.shape:
        targets = np.eye(outputs.shape[-1], dtype=np.float32)[class_numbers(targets, outputs)[0].astype(int)]
    elif targets.size == outputs.size:
        targets = targets.reshape(outputs.shape)
    if isinstance(own, keras.metrics.Metric):
        own.update_state(targets, outputs)
        reached = own.result()
    else:
        reached = own(targets.astype(np.float32), outputs)
    # Keras 3 computes on several backends.
    result = keras.ops.convert_to_numpy(reached) if hasattr(keras, "ops") else reached
    return float(np.mean(result)) * (-1 if _less_is_better(name, keras) else 1)


def _softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _sigmoid(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))  # never overflows


def _made(name: str, keras: Any) -> Any:
    """Make Keras' own metric of a name: a metric, or a function of targets and outputs."""
    classes = _classes(keras)
    if name in _OF_VALUES:
        raise unknown(name, {*NAMED, *classes})
    try:
        try:
            found = keras.metrics.get(name)
        except ValueError:
            found = name
        if found != name:  # which Keras 2 returns for names that it does not know
            return found
        if name not in classes:
            raise unknown(name, {*NAMED, *classes})
        return classes[name]()  # Keras 2 knows classes by their own names alone
    except TypeError as error:
        raise ValueError(
            f"metric: {name!r} of Keras needs settings ({error}), expected a function that has them"
        ) from None


def _classes(keras: Any) -> dict[str, Any]:
    """List the metrics there are, by their names as Keras writes them in its logs."""
    kinds = {name: own for name, own in vars(keras.metrics).items() if isinstance(own, type)}
    parted = {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): own for name, own in kinds.items()}
    return {name: own for name, own in parted.items() if name not in _OF_VALUES}


def _less_is_better(name: str, keras: Any) -> bool:
    if name in _LESS:
        return True
    if "cosine" in name:
        return False
    try:
        keras.losses.get(name)
    except ValueError:
        return False
    return True


def _loss(model: Any, keras: Any) -> Any:
    """Take the loss of the one output; None where there is none."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, Mapping):
        loss = next(iter(loss.values()), None)
    elif isinstance(loss, list | tuple):
        loss = loss[0] if loss else None
    return keras.losses.get(loss) if isinstance(loss, str) else loss


def _name(loss: Any) -> str:
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", "")).lower()


def _width(model: Any) -> int:
    shape = model.outputs[0].shape
    return int(shape[-1]) if len(shape) > 1 and shape[-1] is not None else 1


def _threshold(model: Any, loss: Any, keras: Any) -> float | None:
    """Say from where on a single output says class 1; None where neither loss nor layer tells."""
    if "binary" in _name(loss):
        return 0.0 if getattr(loss, "from_logits", False) else 0.5
    if _activation(model, keras) is keras.activations.sigmoid:
        return 0.5
    return None


def _is_regression(model: Any, keras: Any) -> bool:
    """Whether outputs can be anything: a classifier may be trained by a squared error too."""
    return _activation(model, keras) not in (keras.activations.sigmoid, keras.activations.softmax)


def _activation(model: Any, keras: Any) -> Any:
    """Find what computes the output, as far as a layer says so."""
    layer = model.layers[-1]
    kinds = {keras.layers.Softmax: keras.activations.softmax}
    return kinds.get(type(layer), getattr(layer, "activation", None))
