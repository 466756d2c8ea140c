"""What a PyTorch module's outputs are, as its loss takes them, and the metric that fits."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from knapprune.adapters.pytorch.model import loss_name, trainable
from knapprune.network.metric import accuracy
from knapprune.network.named_metrics import NAMED, Metric, for_regression, unknown

_REGRESSION = ("mseloss", "l1loss", "huberloss", "mse_loss", "l1_loss", "huber_loss", "poisson", "gaussian_nll")


def metric(model: Any, name: str | None) -> Metric:
    """Find the metric of a name, or the share of right classes."""
    loss = loss_name(model)
    if name is None and any(word in loss for word in _REGRESSION):
        raise for_regression(loss)
    if name in (None, "accuracy", "acc"):
        return partial(accuracy, threshold=_threshold(model, loss))
    if name not in NAMED:
        raise unknown(name, NAMED)
    return NAMED[name]


def _threshold(model: Any, loss: str) -> float | None:
    """Say from where on a single output says class 1; None where neither loss nor module tells."""
    if loss in ("bcewithlogitsloss", "binary_cross_entropy_with_logits"):
        return 0.0
    if loss in ("bceloss", "binary_cross_entropy"):
        return 0.5
    modules = list(trainable(model)[0].modules())
    return 0.5 if isinstance(modules[-1], torch.nn.Sigmoid) else None
