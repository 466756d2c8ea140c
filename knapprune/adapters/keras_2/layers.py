"""Turn a layer as Keras 2 saved it into one that Keras 3 rebuilds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import keras

from knapprune.adapters.file_notes import Notes, UnreadableError, in_short

# Arguments that Keras 3 no longer has, and the values with which nothing is lost; None where any value will do.
_GONE: dict[str, tuple[Any, ...] | None] = {
    "batch_input_shape": None,  # the model has an input layer
    "input_length": None,
    "query_shape": None,  # what a call finds out by itself
    "key_shape": None,
    "value_shape": None,
    "ragged": (False, None),
    "type_spec": (None,),
    "time_major": (False,),
}
_ONE_GROUP: dict[str, tuple[Any, ...] | None] = {"groups": (1,)}
_APART = _ONE_GROUP | {"kernel_regularizer": (None,), "kernel_constraint": (None,)}
_DROPOUT: dict[str, tuple[Any, ...] | None] = {"trainable": None, "noise_shape": None}
_GONE_OF: dict[str, dict[str, tuple[Any, ...] | None]] = {
    "DepthwiseConv1D": _ONE_GROUP,
    "DepthwiseConv2D": _ONE_GROUP,
    "Conv1DTranspose": _ONE_GROUP,
    "Conv2DTranspose": _ONE_GROUP,
    "Conv3DTranspose": _ONE_GROUP,
    "SeparableConv1D": _APART,
    "SeparableConv2D": _APART,
    "Discretization": {"trainable": None},
    "SpatialDropout1D": _DROPOUT,
    "SpatialDropout2D": _DROPOUT,
    "SpatialDropout3D": _DROPOUT,
}
_RENAMED = {"InputLayer": {"batch_input_shape": "batch_shape"}, "LeakyReLU": {"alpha": "negative_slope"}}
_BUILT_OTHERWISE = {"ThresholdedReLU": ("ReLU", {"theta": "threshold"})}
# Keras 2 before 2.1 knew no other; Keras 3 would take the opposite for granted.
_DEFAULTS = {"GRU": {"reset_after": False}, "GRUCell": {"reset_after": False}}
_INSIDE = ("layer", "backward_layer", "cell", "cells")
_OPERATION = "is an operation of TensorFlow, which Keras 3 does not rebuild; use a layer instead, such as Add"
_WHY_NOT = {
    "Lambda": "is a Lambda: code from a file is not run; build the model in Python and load its weights",
    "TFOpLambda": _OPERATION,
    "SlicingOpLambda": _OPERATION,
    "TensorFlowOpLayer": _OPERATION,
    "PruneLowMagnitude": "is of TensorFlow Model Optimization; save what its strip_pruning returns",
}
_HARD_SIGMOID = "hard_sigmoid is x / 6 + 0.5, where Keras 2 and hls4ml have x / 5 + 0.5"


def modern_layer(
    saved: Mapping[str, Any], notes: Notes, inside: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Turn one layer into Keras 3's form.

    Initialisers are left out: Keras 3 refuses some of Keras 2's, and the weights are loaded anyway.
    """
    kind = class_of(saved)
    config = {key: _plain(value) for key, value in saved["config"].items() if not key.endswith("_initializer")}
    name = config.get("name", kind)
    registered = str(saved.get("registered_name") or saved["class_name"])
    if isinstance(policy := config.get("dtype"), dict):
        config["dtype"] = policy["config"]["name"]
    if keras.saving.get_registered_object(registered) is not None:
        modern = {"module": None, "class_name": kind, "config": config, "registered_name": registered}
    else:
        kind, config = _changed(kind, config, name, notes)
        for key in _INSIDE:
            if isinstance(config.get(key), dict):
                config[key] = inside(config[key])
            elif isinstance(config.get(key), list):
                config[key] = [inside(each) for each in config[key]]
        if kind in _WHY_NOT or not isinstance(getattr(keras.layers, kind, None), type):
            raise UnreadableError(f"layer {name!r} {_why_not(kind)}")
        modern = {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
    try:
        keras.saving.deserialize_keras_object(copy.deepcopy(modern))  # which takes out some of what it reads
    except Exception as error:  # Keras raises what it likes, and is told only what the file says
        raise UnreadableError(f"layer {name!r} is a {kind} that Keras 3 cannot build: {in_short(error)}") from error
    return modern


def class_of(saved: Mapping[str, Any]) -> str:
    """Name the class of what a file holds, without the package that it is registered in."""
    return str(saved["class_name"]).rpartition(">")[2]


def _changed(kind: str, config: dict[str, Any], name: str, notes: Notes) -> tuple[str, dict[str, Any]]:
    kind, renamed = _BUILT_OTHERWISE.get(kind, (kind, _RENAMED.get(kind, {})))
    config = {renamed.get(key, key): value for key, value in config.items()}
    for argument, harmless in (_GONE | _GONE_OF.get(kind, {})).items():
        value = config.pop(argument, None)
        if harmless is not None and value is not None and value not in harmless:
            raise UnreadableError(f"layer {name!r} has {argument}={value!r}, which Keras 3 does not have")
    config = _DEFAULTS.get(kind, {}) | config
    if kind == "BatchNormalization" and isinstance(config.get("axis"), list):
        if len(config["axis"]) != 1:
            raise UnreadableError(f"layer {name!r} normalises over several axes, {config['axis']}, as Keras 3 does not")
        config["axis"] = config["axis"][0]
    for argument in [key for key in config if key.endswith(("_regularizer", "_constraint"))]:
        get = keras.regularizers.get if argument.endswith("_regularizer") else keras.constraints.get
        try:
            get(config[argument])
        except Exception:  # as above
            notes.setdefault(f"{argument} dropped", []).append(name)
            del config[argument]
    if "hard_sigmoid" in (config.get("activation"), config.get("recurrent_activation")):
        notes.setdefault(_HARD_SIGMOID, []).append(name)
    return kind, config


def _plain(value: Any) -> Any:
    """Take a number of NumPy out of the form in which Keras 2.12 saved it."""
    return value["config"]["value"] if isinstance(value, dict) and value.get("class_name") == "__numpy__" else value


def _why_not(kind: str) -> str:
    return _WHY_NOT.get(
        kind, f"is a {kind}, which Keras 3 does not have; a class of your own has to be registered with Keras"
    )
