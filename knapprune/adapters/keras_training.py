"""Fine-tuning through Keras' own ``fit``: masks are constraints, so nothing else is needed to keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def fit(model: Any, train: Any, *, epochs: int, batch_size: int, after_epoch: Callable[[], None]) -> None:
    """Train a compiled model.

    Parameters
    ----------
    model
        The model; its weights change.
    train
        ``(inputs, targets)``, or anything else that ``fit`` takes as its first argument.
    epochs, batch_size
        As for ``fit``; the batch size counts only for arrays.
    after_epoch
        Called after each epoch.

    Raises
    ------
    ValueError
        If the model is not compiled, or its loss is NaN or infinite.
    """
    if not model.compiled:
        raise ValueError("model: got one that is not compiled, expected one with an optimiser and a loss to train by")
    arguments = {"x": train[0], "y": train[1], "batch_size": batch_size} if _is_pair(train) else {"x": train}
    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: after_epoch()), _StopAtNaN()]
    model.fit(**arguments, epochs=epochs, callbacks=callbacks, verbose=0)


def _is_pair(train: Any) -> bool:
    return isinstance(train, tuple | list) and len(train) == 2


class _StopAtNaN(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training with an error as soon as the loss is no number."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not abs(loss) < float("inf"):
            raise ValueError(
                f"train: the loss is {loss} in epoch {epoch + 1}; lower the learning rate or check the data"
            )
