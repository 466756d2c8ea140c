"""A PyTorch module with what it is trained by: PyTorch keeps neither a loss nor an optimiser with a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

_BINARY = ("bcewithlogitsloss", "binary_cross_entropy_with_logits", "bceloss", "binary_cross_entropy")


@dataclass(frozen=True)
class TorchModel:
    """A module, its loss and its optimiser: what knapprune takes where fine-tuning or gradients need them.

    A bare module is taken for ``TorchModel(module)``.

    Parameters
    ----------
    module
        The ``torch.nn.Module``.
    loss
        Called with the module's outputs and the targets, returns a scalar tensor: the mean over the samples. None is
        the cross entropy of logits with class numbers or with one-hot rows.
    optimizer
        Called with the list of parameters to train when a copy of the module is first fine-tuned, returns an optimiser
        of them, which stays with that copy:
        ``lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9)``. None is Adam with a learning rate of
        0.001.

    Raises
    ------
    TypeError
        If the module is none, or a loss or an optimiser is given that cannot be called.
    """

    module: Any
    loss: Callable[[Any, Any], Any] | None = None
    optimizer: Callable[[list[Any]], Any] | None = None

    def __post_init__(self) -> None:
        if not is_module(self.module):
            raise TypeError(f"module: got {type(self.module).__qualname__}, expected a torch.nn.Module")
        for name, given in (("loss", self.loss), ("optimizer", self.optimizer)):
            if given is not None and not callable(given):
                raise TypeError(f"{name}: got {given!r}, expected a function, or None for the default")


def is_module(model: Any) -> bool:
    """Say whether an object is a PyTorch module, without importing PyTorch."""
    return any(
        parent.__module__ == "torch.nn.modules.module" and parent.__name__ == "Module" for parent in type(model).__mro__
    )


def module_of(model: Any) -> Any:
    """Take the module."""
    return model.module if isinstance(model, TorchModel) else model


def trainable(model: Any) -> tuple[Any, Callable[[Any, Any], Any], Callable[[list[Any]], Any]]:
    """Take the module, the loss and the optimiser, with the defaults for what is not given."""
    known = model if isinstance(model, TorchModel) else TorchModel(model)
    loss = known.loss or _cross_entropy
    if loss_name(model) in _BINARY:
        loss = partial(_of_numbers, loss)
    return known.module, loss, known.optimizer or _adam


def tensors_of(outputs: Any) -> Any:
    """Take the numbers of a QuantTensor, which layers of Brevitas may return; what else there is stays as it is."""
    return outputs.value if type(outputs).__module__.startswith("brevitas.") else outputs


def loss_name(model: Any) -> str:
    """Name the loss by its class or its function, in small letters."""
    loss = model.loss if isinstance(model, TorchModel) else None
    loss = getattr(loss, "func", loss)  # of functools.partial
    return str(getattr(loss, "__name__", type(loss).__name__)).lower()


def _of_numbers(loss: Callable[[Any, Any], Any], outputs: Any, targets: Any) -> Any:
    """Compute a loss that takes targets of the outputs' own form from class numbers too, 0 and 1."""
    same = targets.shape == outputs.shape or targets.numel() != outputs.numel()
    return loss(outputs, (targets if same else targets.reshape(outputs.shape)).to(outputs.dtype))


def _cross_entropy(outputs: Any, targets: Any) -> Any:
    import torch

    if not isinstance(outputs, torch.Tensor) or outputs.ndim < 2 or outputs.shape[1] < 2:
        raise ValueError(
            "loss: got none, and the model's outputs are no logits of several classes; give one with "
            "knapprune.TorchModel(module, loss=...)"
        )
    probabilities = outputs.detach()
    if probabilities.min() >= 0 and torch.allclose(probabilities.sum(1), torch.ones_like(probabilities[:, 0])):
        raise ValueError(
            "loss: got none, and the model's outputs are probabilities already, not the logits that cross entropy "
            "takes; give one that fits with knapprune.TorchModel(module, loss=...)"
        )
    if targets.shape == outputs.shape:
        targets = targets.to(outputs.dtype)
    elif targets.ndim == outputs.ndim and targets.shape[1] == 1:
        targets = targets[:, 0]
    return torch.nn.functional.cross_entropy(outputs, targets)


def _adam(parameters: list[Any]) -> Any:
    import torch

    return torch.optim.Adam(parameters, lr=1e-3)
