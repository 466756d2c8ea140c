"""Layers and models of Keras 3, tf_keras and QKeras told apart by their classes' names, without importing any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knapprune.adapters.keras.functions import of_single_numbers

_PACKAGES = ("keras", "tf_keras")
_QUANTISED = ("QActivation", "QBatchNormalization", "QConv1D", "QConv2D", "QDense", "QDepthwiseConv2D")


def is_model(thing: Any) -> bool:
    """Say whether something is a model of Keras 3 or of tf_keras."""
    return is_a(thing, "Model")


def is_a(thing: Any, *names: str) -> bool:
    """Say whether something is of a class of Keras 3 or tf_keras of one of these names, or of one that goes by it."""
    return any(kind.__name__ in names and package_of(kind) in _PACKAGES for kind in type(thing).__mro__)


def package_of(kind: type) -> str:
    """Name the package that a class is of."""
    return kind.__module__.partition(".")[0]


def kind_of(layer: Any) -> str:
    """Name a layer's class as Keras does; empty where it is another's, which may compute something else.

    A layer of QKeras counts as the one that it quantises, where its quantisers go by single numbers: a factor that goes
    by all of a kernel would be another behind a smaller one.
    """
    kind = type(layer)
    name, module = kind.__name__, kind.__module__
    if package_of(kind) in _PACKAGES:
        return "" if ".ops." in module else name
    if package_of(kind) != "qkeras" or name not in _QUANTISED or not is_a(layer, "Layer"):
        return ""
    quantisers = (own for own in getattr(layer, "quantizers", ()) if own is not None)
    return name.removeprefix("Q") if all(map(of_single_numbers, quantisers)) else ""


def leaf_layers(model: Any) -> Iterator[Any]:
    """Walk through a model's layers, and through those of the models in it."""
    return (layer for layer in all_layers(model) if not is_model(layer))


def all_layers(model: Any) -> Iterator[Any]:
    """Walk through a model's layers, models inside it and their layers, in one order for a model and its clone."""
    for layer in model.layers:
        yield layer
        if is_model(layer):
            yield from all_layers(layer)
