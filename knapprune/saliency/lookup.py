"""Find a measure by its name, or take the user's own function, and give it the statistics it asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.network.layers import Layer
from knapprune.saliency.first_order import FIRST_ORDER
from knapprune.saliency.measures import MEASURES, Named
from knapprune.saliency.normalisation import Normalisation
from knapprune.saliency.statistics import Gradients, Statistics

#: A user's own measure: from a layer, its kernel and, if it takes a third argument, the statistics of its gradients to
#: values >= 0 in the kernel's shape.
Saliency = (
    Callable[[Layer, npt.NDArray[np.generic]], npt.ArrayLike]
    | Callable[[Layer, npt.NDArray[np.generic], Gradients], npt.ArrayLike]
)


AUTO = "auto"
"""Asks for the measure, or the normalisation, that did best where there are data, or that needs none."""

SECOND_ORDER = ("fisher", "gauss-newton", "hessian")
"""The measures that say by how much the loss rises."""


@dataclass(frozen=True)
class Measure:
    """A measure that is ready to be called.

    Parameters
    ----------
    function
        From a layer and its kernel to values in the kernel's shape.
    signed
        Whether values may be negative.
    """

    function: Callable[[Layer, npt.NDArray[np.generic]], npt.ArrayLike]
    signed: bool = False

    def __call__(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> npt.ArrayLike:
        """Value the weights of a layer."""
        return self.function(layer, kernel)


def chosen(
    saliency: str | Saliency, normalise: str | Normalisation, *, data: bool
) -> tuple[str | Saliency, str | Normalisation]:
    """Put names in place of ``"auto"``: Fisher information where there are data, and values of the loss as they are."""
    if saliency == AUTO:
        saliency = "fisher" if data else "l1"
    if normalise == AUTO:
        normalise = "none" if saliency in SECOND_ORDER else "lamp"
    return saliency, normalise


def needs_data(saliency: str | Saliency) -> bool:
    """Say whether a measure is computed from gradients, and so from data."""
    if callable(saliency):
        return _arguments(saliency) == 3
    if saliency not in MEASURES:
        raise ValueError(
            f"saliency: got {saliency!r}, expected one of {[AUTO, *MEASURES]}, or a function of (layer, kernel) or "
            "(layer, kernel, gradients)"
        )
    return bool(MEASURES[saliency].statistics)


def saliency_of(saliency: str | Saliency, statistics: Statistics | None = None) -> Measure:
    """Find a measure by name, or take the function given."""
    if isinstance(saliency, Measure):
        return saliency
    gradual = needs_data(saliency)
    if gradual and statistics is None:
        name = getattr(saliency, "__name__", "a function") if callable(saliency) else saliency
        raise ValueError(
            f"data: there are none, and saliency {name!r} is computed from gradients; expected data=(inputs, targets)"
        )
    named = Named(saliency, FIRST_ORDER) if callable(saliency) else MEASURES[saliency]
    if not gradual or statistics is None:
        return Measure(named.function, named.signed)
    return Measure(
        lambda layer, kernel: named.function(layer, kernel, statistics.of(layer.name, named.statistics)), named.signed
    )


def _arguments(function: Saliency) -> int:
    """Count the arguments a function must be called with, two or three."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C do not say
        return 2
    positional = [own for own in parameters if own.kind in (own.POSITIONAL_ONLY, own.POSITIONAL_OR_KEYWORD)]
    least = sum(own.default is own.empty for own in positional)
    most = 3 if any(own.kind is own.VAR_POSITIONAL for own in parameters) else len(positional)
    if least > 3 or most < 2:
        raise ValueError(
            f"saliency: got a function of {least} arguments, expected one of (layer, kernel) or "
            "(layer, kernel, gradients)"
        )
    return 3 if least == 3 else 2
