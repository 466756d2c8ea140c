"""Make the values of different layers comparable, so that no layer is emptied only because its weights are small.

Each function takes the values of one layer's structures, not negative, and returns as many. None changes the order
within a layer; they differ in how layers trade against each other. Let ``s`` be a value:

- ``lamp``, the default but for measures in the unit of the loss: ``s`` over the sum of itself and all larger values of
  its layer. Signals pass layers one after the other, so what matters is the *product* of the shares of saliency that
  the layers keep. The logarithm of that product is a sum over what is kept, and to first order its terms are these
  scores (Lee, Park, Mo, Ahn, Shin, "Layer-adaptive sparsity for the magnitude-based pruning", ICLR 2021, eq. 3, with
  ``s`` in place of the squared weight). The best structure of every layer scores 1, the most that any can, so a layer
  is emptied last.
- ``sum``: ``s`` over the layer's sum: the share of its saliency. Large layers are cut more.
- ``mean``: ``s`` over the layer's mean: layers of one distribution are cut alike. A layer of nearly equal values is
  kept or emptied as a whole.
- ``max``: ``s`` over the layer's maximum; a layer with one outlier is emptied but for that.
- ``none``: ``s`` itself, the default of ``"fisher"``, ``"gauss-newton"`` and ``"hessian"``, which say by how much the
  loss rises whatever the layer. By the others, layers with small weights are emptied.

On two small networks (``docs/benchmarks/saliency.md``) ``lamp``, ``sum`` and ``none`` are close after fine-tuning and
``mean`` is the worst; ``lamp`` is within about two points of accuracy of the best one for each measure. It is the
default for that, and because it does not depend on the scale of a layer's values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Normalisation = Callable[[Values], Values]


def lamp(values: Values) -> Values:
    """Score each value against the sum of itself and the larger ones."""
    order = np.argsort(-values, kind="stable")
    kept = np.cumsum(values[order])
    scores = np.empty_like(values)
    scores[order] = np.divide(values[order], kept, out=np.zeros_like(values), where=kept > 0)
    return scores


def share(values: Values) -> Values:
    """Score each value as its share of the sum."""
    return _over(values, values.sum())


def mean(values: Values) -> Values:
    """Score each value against the mean."""
    return _over(values, values.mean() if values.size else 0.0)


def maximum(values: Values) -> Values:
    """Score each value against the largest."""
    return _over(values, values.max(initial=0.0))


def none(values: Values) -> Values:
    """Leave the values as they are."""
    return values


#: The normalisations that can be asked for by name.
NORMALISATIONS: dict[str, Normalisation] = {"lamp": lamp, "sum": share, "mean": mean, "max": maximum, "none": none}


def normalisation(name: str | Normalisation) -> Normalisation:
    """Find a normalisation by name, or take the function given."""
    if callable(name):
        return name
    if name not in NORMALISATIONS:
        raise ValueError(f"normalise: got {name!r}, expected a function or one of {['auto', *NORMALISATIONS]}")
    return NORMALISATIONS[name]


def _over(values: Values, scale: float) -> Values:
    return values / scale if scale > 0 else np.zeros_like(values)
