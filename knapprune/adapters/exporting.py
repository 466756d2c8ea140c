"""A pruned model for those who do not have this library."""

from __future__ import annotations

from typing import Any

from knapprune.adapters.finding import find_adapter
from knapprune.adapters.user_adapter import MakesPlain


def export(model: Any) -> Any:
    """Copy a pruned model with its masks and grids folded into plain weights.

    What the copy is saved to can be loaded where knapprune is not installed: nothing of it is left. Its weights are
    those of the model, zeros included; but trained further, they no longer stay zero, or on their grids, and the data
    between layers are rounded no more.

    Parameters
    ----------
    model
        A Keras model or a PyTorch module, such as ``model`` of what `knapprune.prune` returns. It is not changed.

    Returns
    -------
    object
        A Keras model, compiled as the one given, or a PyTorch module.

    Raises
    ------
    TypeError
        If no adapter knows the model, or its adapter has nothing to fold, as that of hls4ml graphs.
    """
    framework = find_adapter(model)
    if not isinstance(framework, MakesPlain):
        raise TypeError(
            f"model: a {type(model).__qualname__} holds no masks, expected a Keras model or a PyTorch module"
        )
    return framework.plain(model)
