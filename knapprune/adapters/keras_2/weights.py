"""Read the weights that Keras 2 saved into a model of Keras 3.

There are two forms. ``save_weights`` and ``save`` write a list of arrays for each layer, by its name: those that are
trained first. Since Keras 2.12 files that end in ``.keras`` or ``.weights.h5`` hold a tree of groups as the objects
contain each other instead, named by their classes and in the order of the file's architecture.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.file_notes import UnreadableError, in_short, listed
from knapprune.adapters.keras_2.architecture import is_model, new_name, saved_layers
from knapprune.adapters.keras_2.layers import class_of

_LISTS = ("layers", "_layer_checkpoint_dependencies")  # the second in Keras 2.12 to 2.14


def read_weights(model: Any, saved: Mapping[str, Any], group: Any) -> None:
    """Read all weights."""
    if "model_weights" in group:
        group = group["model_weights"]
    if _names(group, "layer_names") is not None:
        _read_lists(model, saved, group)
    elif any(name in group for name in _LISTS):
        read = sum(_read_tree(model, saved, group).values())
        if read != len(model.weights):
            raise UnreadableError(f"the file holds {read} weights of the model's layers, expected {len(model.weights)}")
    else:
        raise UnreadableError("the file holds no weights that Keras saved")


def _read_lists(model: Any, saved: Mapping[str, Any], group: Any) -> None:
    arrays = {}
    for name in _names(group, "layer_names") or ():
        weights = _names(group[name], "weight_names") or ()
        if weights:
            arrays[name] = [np.asarray(group[name][weight]) for weight in weights]
    wanted = {each["config"]["name"]: each for each in _layers(saved) if _part(model, each).weights}
    if set(arrays) != set(wanted):
        # As Keras 2 does it: names that it gave by itself go on counting in a model that is built again.
        if len(arrays) != len(wanted):
            raise UnreadableError(
                f"the weights are of {len(arrays)} layers ({listed(arrays)}), expected {len(wanted)} ({listed(wanted)})"
            )
        arrays = dict(zip(wanted, arrays.values(), strict=True))
    for name, saved_layer in wanted.items():
        layer = _part(model, saved_layer)
        trained, others = _split(layer, saved_layer)
        _assign(layer, trained + others, arrays[name])
        _finalise(layer, saved_layer)


def _split(layer: Any, saved: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """List the variables of a layer as Keras 2 orders them: those that are trained, then the others."""
    if class_of(saved) == "TimeDistributed" and is_model(saved["config"]["layer"]):
        return _split(layer.layer, saved["config"]["layer"])
    if not is_model(saved):
        return list(layer.trainable_weights), list(layer.non_trainable_weights)
    parts = [_split(_part(layer, each), each) for each in _layers(saved)]
    trained = [variable for part in parts for variable in part[0]]
    return trained, [variable for part in parts for variable in part[1]]


def _read_tree(layer: Any, saved: Mapping[str, Any] | None, group: Any) -> dict[int, int]:
    """Read a group into a layer, and its groups into what the layer holds; count what was read by the layers' ids."""
    read = {}
    arrays = group.get("vars", {})
    if len(arrays) and layer.weights:  # what draws random numbers has a state there, and no weights
        _own(layer, {key: np.asarray(array) for key, array in arrays.items()})
        read[id(layer)] = len(arrays)
    for name in group:
        if name in _LISTS and saved is not None:
            parts = [(class_of(each), _part(layer, each), each) for each in _layers(saved)]
            read |= _read_container(parts, group[name])
            continue
        inside = getattr(layer, name, None)
        if isinstance(inside, keras.layers.Layer):
            config = saved["config"].get(name) if saved is not None else None
            read |= _read_tree(inside, config, group[name])
        elif isinstance(inside, list):
            read |= _read_container([(type(each).__name__, each, None) for each in inside], group[name])
    return read


def _read_container(parts: Iterable[tuple[str, Any, Mapping[str, Any] | None]], group: Any) -> dict[int, int]:
    """Read groups that are named and counted by class, in order; up to Keras 2.13 every second number is left out."""
    groups: dict[str, list[str]] = {}
    for name in sorted(group, key=_number):
        groups.setdefault(_unnumbered(name), []).append(name)
    by_class: dict[str, list[tuple[Any, Mapping[str, Any] | None]]] = {}
    for kind, layer, saved in parts:
        if layer.weights:
            by_class.setdefault(kind, []).append((layer, saved))
    read: dict[int, int] = {}
    for kind, layers in by_class.items():
        names = groups.get(kind.lower(), [])
        if len(names) != len(layers):
            raise UnreadableError(f"the weights are of {len(names)} layers of class {kind}, expected {len(layers)}")
        for name, (layer, saved) in zip(names, layers, strict=True):
            read |= _read_tree(layer, saved, group[name])
    return read


def _number(name: str) -> int:
    return int(match[1]) if (match := re.search(r"_(\d+)$", name)) else 0


def _unnumbered(name: str) -> str:
    """Return the class that a group was named by, in lower case: batch_normalization_1 is batchnormalization."""
    return re.sub(r"_\d+$", "", name).replace("_", "")


def _layers(saved: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the layers but for inputs, which a Sequential model of Keras 3 does not list."""
    return [each for each in saved_layers(saved) if class_of(each) != "InputLayer"]


def _part(model: Any, saved: Mapping[str, Any]) -> Any:
    return model.get_layer(new_name(saved["config"]["name"]))


def _own(layer: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    try:
        layer.load_own_variables(arrays)
    except Exception as error:
        raise UnreadableError(f"layer {layer.name!r}: {in_short(error)}") from error


def _assign(layer: Any, variables: Sequence[Any], arrays: Sequence[npt.NDArray[Any]]) -> None:
    expected, came = [tuple(variable.shape) for variable in variables], [array.shape for array in arrays]
    if expected != came:
        raise UnreadableError(f"the weights of layer {layer.name!r} have the shapes {came}, expected {expected}")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _finalise(layer: Any, saved: Mapping[str, Any]) -> None:
    """Let layers know that they have new weights: a Normalization keeps what it computes of them."""
    if is_model(saved):
        for each in _layers(saved):
            _finalise(_part(layer, each), each)
    elif hasattr(layer, "finalize_state"):
        layer.finalize_state()


def _names(group: Any, attribute: str) -> list[str] | None:
    """Read a list of names; a long one is in several attributes, counted from 0."""
    if attribute in group.attrs:
        names = list(group.attrs[attribute])
    elif f"{attribute}0" in group.attrs:
        numbered = itertools.takewhile(group.attrs.__contains__, (f"{attribute}{part}" for part in itertools.count()))
        names = [name for part in numbered for name in group.attrs[part]]
    else:
        return None
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
