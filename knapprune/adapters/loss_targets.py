"""What a loss takes for targets, by the name of the loss: Keras, tf_keras and PyTorch name theirs alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from knapprune.network.data_check import ExpectedData, Targets

_TAKES: dict[str, Targets] = {
    "sparsecategoricalcrossentropy": "class numbers",
    "categoricalcrossentropy": "one-hot rows",
    "categoricalfocalcrossentropy": "one-hot rows",
    "binarycrossentropy": "probabilities",
    "binaryfocalcrossentropy": "probabilities",
    "meansquarederror": "numbers",
    "mse": "numbers",
    "meanabsoluteerror": "numbers",
    "mae": "numbers",
    "huber": "numbers",
    "logcosh": "numbers",
    "mseloss": "numbers",
    "l1loss": "numbers",
    "smoothl1loss": "numbers",
    "huberloss": "numbers",
    "bcewithlogitsloss": "probabilities",
    "bceloss": "probabilities",
    "crossentropyloss": "classes",
}


def targets_of(loss: Any) -> Targets | None:
    """Say what a loss takes; None for one that is not known, such as the user's own, or that leaves a class out."""
    if getattr(loss, "ignore_class", None) is not None:
        return None
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return _TAKES.get(re.sub(r"[^a-z0-9]", "", str(name).lower()))


def targets_of_all(loss: Any, names: list[str]) -> tuple[Targets | None, ...]:
    """Say what the losses of outputs take, given as Keras takes them: one for all, or one for each by order or name."""
    if isinstance(loss, Mapping):
        return tuple(targets_of(loss[name]) if name in loss else None for name in names)
    if isinstance(loss, list | tuple):
        return tuple(targets_of(one) for one in loss) if len(loss) == len(names) else (None,) * len(names)
    return (targets_of(loss),) * len(names)


def expected_by_keras(model: Any) -> ExpectedData:
    """Say what a model of Keras 3 or tf_keras takes: its shapes, and what its losses take for targets."""
    outputs = list(model.outputs)
    shapes = tuple(tuple(tensor.shape[1:]) for tensor in model.inputs)
    names = list(getattr(model, "output_names", [])) or [""] * len(outputs)
    targets = targets_of_all(getattr(model, "loss", None), names)
    return ExpectedData(shapes, tuple(tuple(tensor.shape[1:]) for tensor in outputs), targets)
