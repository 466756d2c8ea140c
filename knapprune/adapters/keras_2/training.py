"""Compile a model of Keras 3 as Keras 2 had compiled it, as far as Keras 3 knows what it was compiled with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras

from knapprune.adapters.file_notes import Notes, in_short
from knapprune.adapters.keras_2.layers import class_of

_PLAIN = ("accuracy", "acc", "crossentropy", "ce")  # of which `compile` makes what suits the output


def compile_as_saved(model: Any, saved: Mapping[str, Any], notes: Notes) -> None:
    """Compile a model; the optimiser begins afresh."""
    read: dict[str, Any] = {}
    dropped: Notes = {}
    for argument in ("metrics", "weighted_metrics"):
        try:
            metrics = _each(saved.get(argument), _metric)
            read[argument] = metrics if isinstance(metrics, list | dict) or metrics is None else [metrics]
        except Exception as error:  # Keras raises what it likes, and whatever is in the file may be wrong
            dropped[f"{argument} dropped ({in_short(error)})"] = []
    at_work = "optimiser"
    try:
        read["optimizer"] = _optimizer(saved.get("optimizer_config") or saved.get("optimizer"))
        at_work = "loss"
        read["loss"] = _each(saved.get("loss"), _loss)
        at_work = "compile"
        model.compile(loss_weights=saved.get("loss_weights"), **read)
    except Exception as error:  # as above
        what = f"training configuration dropped ({at_work}: {in_short(error)}); compile the model to train it"
        dropped = {what: []}
    notes.update(dropped)


def _optimizer(saved: Any) -> Any:
    if saved is None:
        raise ValueError("the file names none")
    if isinstance(saved, str):
        return keras.optimizers.get(saved)
    kind, config = class_of(saved), dict(saved["config"])
    if kind.startswith("LossScaleOptimizer"):  # Keras 3 scales the loss by itself where layers compute in 16 bits
        return _optimizer(config["inner_optimizer"])
    rate = config.pop("learning_rate", config.pop("lr", 0.001))
    if isinstance(rate, Mapping):
        schedule = _class(keras.optimizers.schedules, class_of(rate), rate)
        rate = schedule(**_known(schedule, rate["config"]))
    elif decay := config.get("decay"):
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)
    own_class = _class(keras.optimizers, kind, saved)
    return own_class(**_known(own_class, config), learning_rate=rate)


def _loss(saved: Any) -> Any:
    if isinstance(saved, str) or class_of(saved) == "function":
        name = saved if isinstance(saved, str) else saved["config"]
        keras.losses.get(name)
        return name
    own_class = _class(keras.losses, class_of(saved), saved)
    config = _known(own_class, saved["config"])
    if config.get("reduction") in ("auto", None):
        config.pop("reduction", None)
    return own_class(**config)


def _metric(saved: Any) -> Any:
    if isinstance(saved, str) or class_of(saved) == "function":
        name = saved if isinstance(saved, str) else saved["config"]
        if name not in _PLAIN:
            keras.metrics.get(name)
        return name
    config = dict(saved["config"])
    if class_of(saved) == "MeanMetricWrapper":
        function = config["fn"] if isinstance(config["fn"], str) else config["fn"]["config"]
        return keras.metrics.MeanMetricWrapper(keras.metrics.get(function), name=config.get("name"))
    own_class = _class(keras.metrics, class_of(saved), saved)
    return own_class(**_known(own_class, config))


def _each(saved: Any, read: Callable[[Any], Any]) -> Any:
    """Read one, or a list or dictionary of them, as `compile` takes them."""
    if saved is None:
        return None
    if isinstance(saved, str) or (isinstance(saved, Mapping) and "class_name" in saved):
        return read(saved)
    if isinstance(saved, Mapping):
        return {name: _each(value, read) for name, value in saved.items()}
    values = [_each(value, read) for value in saved]
    return values[0] if len(values) == 1 else values


def _class(module: Any, kind: str, saved: Mapping[str, Any]) -> Any:
    registered = keras.saving.get_registered_object(saved.get("registered_name") or saved["class_name"])
    own_class = registered or getattr(module, kind, None)
    if not isinstance(own_class, type):
        raise ValueError(f"Keras 3 has no {kind}")
    return own_class


def _known(own_class: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the class takes; the others were settings of how Keras 2 ran it."""
    taken = inspect.signature(own_class).parameters
    return {key: value for key, value in config.items() if key in taken and value is not None}
