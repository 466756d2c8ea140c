"""What happens to the model's learning rate over a pruning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, pi

Rate = Callable[[int, int], float]
"""Maps (epoch, epochs), epoch from 0, to what the model's own learning rate is multiplied by in that epoch."""


def cosine(epoch: int, epochs: int) -> float:
    """Let the learning rate fall along half a cosine.

    Source: Loshchilov and Hutter, "SGDR: Stochastic gradient descent with warm restarts", arXiv 1608.03983, equation 5.
    """
    return 0.5 * (1.0 + cos(pi * epoch / epochs))


NAMES = ("constant", "cosine", "restarts")


def rate_of(rate: str | Rate, epochs: Sequence[int]) -> Callable[[int, int], float]:
    """Find out the learning rate in each epoch of each step."""
    if isinstance(rate, str) and rate not in NAMES:
        raise ValueError(f"learning_rate: got {rate!r}, expected one of {list(NAMES)} or a function")
    if rate == "constant":
        return lambda step, epoch: 1.0
    if rate == "restarts":
        return lambda step, epoch: cosine(epoch, epochs[step])
    course, total = (cosine if isinstance(rate, str) else rate), sum(epochs)
    return lambda step, epoch: course(sum(epochs[:step]) + epoch, total)
