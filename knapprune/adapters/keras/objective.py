"""What is added to a Keras model's own loss while it is pruned: a teacher's answers, a penalty on groups of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from knapprune.adapters.keras.kernels import find_kernels
from knapprune.adapters.objective import Distillation, GroupPenalty


class KerasObjective:
    """The loss that a model trains by, instead of its own alone.

    ``compute_loss`` is the one place where all of Keras' backends compute the loss of their training steps. It is
    overridden on the one model, until `remove`.

    Parameters
    ----------
    model
        A compiled model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.teacher: Any = None
        self.distillation: Distillation | None = None
        self._kinds: list[_Kind] = []
        self._penalties: list[tuple[Any, Any, Any]] = []
        self._names: tuple[str, ...] = ()
        own = model.compute_loss

        def compute_loss(
            x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            loss = own(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
            if self.distillation is not None and training:
                weight = self.distillation.weight
                loss = (1 - weight) * loss + weight * self._distance(x, y_pred)
            for kernel, labels, strengths in self._penalties if training else []:
                loss = loss + _norms(kernel, labels, strengths)
            return loss

        model.compute_loss = compute_loss
        model.train_function = None

    def distil(self, teacher: Any, distillation: Distillation) -> None:
        self.teacher, self.distillation = teacher, distillation
        self._kinds = _kinds(self.model)
        self.model.train_function = None

    def penalise(self, penalties: Mapping[str, GroupPenalty]) -> None:
        kernels = find_kernels(self.model)
        if tuple(penalties) != self._names or any(
            len(penalty.strengths) > strengths.shape[0]
            for (_, _, strengths), penalty in zip(self._penalties, penalties.values(), strict=True)
        ):
            self._names, self._penalties, self.model.train_function = tuple(penalties), [], None
            for name, penalty in penalties.items():
                # Variables, not constants of the compiled step: a label for each weight may be a large array.
                labels = _variable(penalty.labels.ravel(), "int32")
                self._penalties.append((kernels[name].variable, labels, _variable(penalty.strengths, "float32")))
            return
        for (_, labels, strengths), penalty in zip(self._penalties, penalties.values(), strict=True):
            labels.assign(penalty.labels.ravel())
            # Groups go as training moves the weights that share a multiplier; one without weights has no norm.
            strengths.assign(np.pad(penalty.strengths, (0, strengths.shape[0] - len(penalty.strengths))))
        if keras.backend.backend() == "jax":
            self.model.train_function = None

    def remove(self) -> None:
        del self.model.compute_loss
        self.model.train_function = None

    def _distance(self, x: Any, y_pred: Any) -> Any:
        assert self.distillation is not None
        answers = keras.tree.flatten(self.teacher(x, training=False))
        outputs = keras.tree.flatten(y_pred)
        distances = [
            kind.distance(keras.ops.stop_gradient(answer), output, self.distillation.temperature)
            for kind, answer, output in zip(self._kinds, answers, outputs, strict=True)
        ]
        return sum(distances[1:], distances[0])


def _variable(values: Any, dtype: str) -> Any:
    return keras.Variable(np.asarray(values, dtype=dtype), dtype=dtype, trainable=False)


def _norms(kernel: Any, labels: Any, strengths: Any) -> Any:
    ops = keras.ops
    squares = ops.segment_sum(ops.reshape(ops.square(kernel), (-1,)), labels, num_segments=int(strengths.shape[0]))
    # The root has no slope at zero, and a group that is cut is to stay where it is.
    alive = squares > 0
    norms = ops.where(alive, ops.sqrt(ops.where(alive, squares, 1.0)), 0.0)
    return ops.sum(ops.convert_to_tensor(strengths) * norms)


class _Kind:
    """How the difference of two outputs is measured: by what the model's own loss takes them for."""

    def __init__(self, loss: Any) -> None:
        loss = keras.losses.get(loss)
        name = str(getattr(loss, "name", None) or getattr(loss, "__name__", "")).lower()
        self.classes = "categorical" in name
        self.binary = "binary" in name
        self.logits = bool(getattr(loss, "from_logits", False))

    def distance(self, answer: Any, output: Any, temperature: float) -> Any:
        ops = keras.ops
        answer, output = ops.cast(answer, "float32"), ops.cast(output, "float32")
        if self.classes:
            soft = ops.softmax(self._scores(answer) / temperature)
            crossed = -ops.sum(soft * ops.log_softmax(self._scores(output) / temperature), axis=-1)
            return temperature**2 * ops.mean(crossed)
        if self.binary:
            soft = ops.sigmoid(self._scores(answer) / temperature)
            crossed = ops.binary_crossentropy(soft, self._scores(output) / temperature, from_logits=True)
            return temperature**2 * ops.mean(crossed)
        return ops.mean(ops.square(answer - output))

    def _scores(self, outputs: Any) -> Any:
        """Return logits; those of classes are free up to a constant, so that log-probabilities will do."""
        if self.logits:
            return outputs
        probabilities = keras.ops.clip(outputs, 1e-7, 1 - 1e-7)
        scores = keras.ops.log(probabilities)
        return scores if self.classes else scores - keras.ops.log(1 - probabilities)


def _kinds(model: Any) -> list[_Kind]:
    """Say for each output what the model's loss takes it for."""
    count, loss = len(model.outputs), model.loss
    if isinstance(loss, Mapping):
        return [_Kind(loss[name]) for name in model.output_names]
    losses = list(loss) if isinstance(loss, list | tuple) else [loss] * count
    return [_Kind(own) for own in losses]
