"""What it costs to take more or fewer items of a type than the dual would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.relaxation import Relaxation


@dataclass(frozen=True, eq=False)
class Curve:
    """The core items of one type, most valuable first, and what each count of them is worth.

    Parameters
    ----------
    type
        The type.
    items
        Item indices by decreasing value, shape (b,).
    base
        How many of them the relaxation takes.
    loss
        Loss against the dual bound when k of them are taken, shape (b + 1,); convex, 0 at `base`.
    gain
        Change of the total value when k of them are taken instead of `base`, shape (b + 1,).
    """

    type: int
    items: NDArray[np.int64]
    base: int
    loss: NDArray[np.float64]
    gain: NDArray[np.float64]

    def window(self, budget: float) -> tuple[int, int]:
        """Return the smallest and largest deviation from `base` whose loss is within the budget."""
        allowed = np.flatnonzero(self.loss <= budget)
        return int(allowed[0]) - self.base, int(allowed[-1]) - self.base


def curves(
    values: NDArray[Any], item_type: NDArray[Any], relaxation: Relaxation, size: int
) -> tuple[list[Curve], float]:
    """Build the curves of the `size` items nearest to their thresholds (and all that tie with them).

    Returns
    -------
    list of Curve, float
        One curve for each type that has core items, and the radius: every item outside the core is at least so far
        from its threshold, so that moving it loses at least as much.
    """
    band = relaxation.band
    kind = item_type[band]
    distance = np.abs(values[band] - relaxation.thresholds[kind])
    radius = relaxation.radius
    if size < len(band):
        radius = min(radius, float(np.partition(distance, size)[size]))
        near = distance <= radius
        band, kind = band[near], kind[near]
    found = []
    for t, items in _by_type(band, kind, len(relaxation.thresholds)):
        # Stable sorts are linear where all values tie, and leave equal values in the items' order.
        items = items[np.argsort(-values[items], kind="stable")]
        value = values[items].astype(np.float64)
        reduced = value - relaxation.thresholds[t]
        base = int(np.count_nonzero(value > relaxation.thresholds[t]))
        # Walking away from the base: each item given up loses its reduced cost, each one added minus it.
        below, above = slice(None, base), slice(base, None)
        loss = np.concatenate((reduced[below][::-1].cumsum()[::-1], [0.0], np.maximum(-reduced[above], 0.0).cumsum()))
        gain = np.concatenate((-value[below][::-1].cumsum()[::-1], [0.0], value[above].cumsum()))
        found.append(Curve(t, items, base, loss, gain))
    return found, radius


def _by_type(items: NDArray[np.int64], kind: NDArray[Any], types: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each type that occurs with its items in order."""
    narrow = kind.astype(np.uint16 if types <= 2**16 else np.int64)  # up to 16 bits NumPy's stable sort counts
    order = np.argsort(narrow, kind="stable")
    items, narrow = items[order], narrow[order]
    ends = np.flatnonzero(np.diff(narrow)) + 1
    for part, first in zip(np.split(items, ends), np.concatenate(([0], ends)), strict=True):
        if len(part):
            yield int(narrow[first]), part
