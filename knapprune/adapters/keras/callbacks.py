"""The user's own callbacks, called over all epochs of a pruning as Keras' ``fit`` calls them.

For Keras 3 and for tf_keras: nothing of either is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class KerasListening:
    """The training of a model, epoch by epoch, as callbacks see it: one training, that has begun before.

    Parameters
    ----------
    model
        A compiled model.
    callbacks
        Keras' callbacks.
    validation
        Inputs and targets.
    epochs
        How many there are to be in all.
    keras
        ``keras`` or ``tf_keras``, whose model and callbacks these are.
    fit
        Trains a model of it for one epoch, as `TrainingAdapter.fit` does; more goes to Keras' own ``fit``.
    """

    def __init__(
        self,
        model: Any,
        callbacks: Sequence[Any],
        validation: tuple[Any, Any],
        epochs: int,
        keras: Any,
        fit: Callable[..., float],
    ) -> None:
        strangers = [own for own in callbacks if not isinstance(own, keras.callbacks.Callback)]
        if strangers:
            raise TypeError(f"callbacks: got {strangers[0]!r}, expected objects of {keras.__name__}.callbacks.Callback")
        self.model, self._callbacks, self._validation, self._epochs = model, list(callbacks), validation, epochs
        self._keras, self._fit = keras.callbacks, fit
        self._list: Any = None

    @property
    def stopped(self) -> bool:
        """Whether one of them has set the model's ``stop_training``."""
        return bool(self.model.stop_training)

    def begin(self) -> None:
        """Begin a training."""
        self.model.stop_training = False
        # As `fit` does: callbacks are told of the model once more, and TensorBoard opens its files again.
        self._list = self._keras.CallbackList(self._callbacks, model=self.model, epochs=self._epochs, verbose=0)
        self._list.on_train_begin()

    def fit(self, train: Any, *, epoch: int, batch_size: int, seed: int, rate: float) -> float:
        """Train for one epoch."""
        counted = {
            "initial_epoch": epoch,
            "epochs": epoch + 1,
            "callbacks": [_forward(self._list, self._keras.Callback)],
        }
        validation = {"validation_data": self._validation, "validation_batch_size": batch_size}
        return self._fit(self.model, train, batch_size=batch_size, seed=seed, rate=rate, **counted, **validation)

    def end(self) -> None:
        """End a training."""
        self._list.on_train_end()


def _forward(callbacks: Any, kind: Any) -> Any:
    """Make a callback that passes on all it is told but that a training begins and ends: an epoch is no training."""
    forward = kind()
    told = [name for name in dir(kind) if name.startswith("on_")]
    for name in told:
        if name not in ("on_train_begin", "on_train_end"):
            setattr(forward, name, _to(callbacks, name))
    return forward


def _to(callbacks: Any, name: str) -> Callable[..., None]:
    def told(*given: Any, **named: Any) -> None:
        getattr(callbacks, name)(*given, **named)

    return told
