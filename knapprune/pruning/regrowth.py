"""Regrowth: a weight that was cut can come back, if the loss would gain from it.

Evci et al., "Rigging the lottery" (RigL), arXiv 1911.11134, section 3: the living weights of least magnitude make room
for the dead ones of largest gradient, a share of the layer at a time, and what comes back starts from zero. Here the
knapsack decides which structures make room and come back: each dead weight is given a magnitude to compete with, its
gradient scaled so that just that share of the layer would change places if weights were alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def revived(
    kernel: npt.NDArray[np.generic],
    mask: npt.NDArray[np.bool_],
    gradient: npt.NDArray[np.floating],
    share: float,
) -> npt.NDArray[np.generic]:
    """Return a masked kernel with magnitudes for its dead weights."""
    dead, living = ~mask, mask & (kernel != 0)
    count = min(int(share * np.count_nonzero(living)), int(np.count_nonzero(dead)))
    if count == 0:
        return kernel
    magnitudes = np.sort(np.abs(kernel[living]))
    slopes = np.sort(np.abs(gradient[dead]))[::-1]
    if slopes[count - 1] == 0:
        count = int(np.count_nonzero(slopes))
        if count == 0:
            return kernel
    scale = magnitudes[count - 1] / slopes[count - 1]
    return np.where(dead, np.abs(gradient) * scale, kernel).astype(kernel.dtype)


def check_regrowth(share: float | None) -> None:
    """Refuse what is no share."""
    number = isinstance(share, int | float | np.integer | np.floating)
    if share is not None and not (number and 0 < share <= 1):
        raise ValueError(f"regrow: got {share!r}, expected a share above 0, up to 1, or None")
