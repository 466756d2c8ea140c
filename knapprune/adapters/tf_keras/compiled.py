"""What a tf_keras model is compiled with, put on a copy of it: the user's own objects, and the optimiser's state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from knapprune.adapters.tf_keras.describing import described


def is_compiled(model: Any) -> bool:
    """Say whether a model has a loss and an optimiser."""
    return bool(model._is_compiled)


def copy_compile_state(model: Any, clone: Any) -> None:
    """Compile a copy as a model is compiled, with an optimiser of its own in the same state."""
    if not is_compiled(model):
        return
    compile_alike(model, clone)
    if not getattr(model.optimizer, "_built", False):
        return
    # One whose layers were frozen later was built for more than are trained now.
    own, theirs = (_by_place(one) for one in (clone, model))
    for place, variable in theirs.items():
        if place in own and own[place].shape == variable.shape:
            own[place].assign(variable)


def compile_alike(model: Any, other: Any) -> None:
    """Compile a model as another one is compiled, with an optimiser of its own that has seen no step yet."""
    tf_keras.Model.compile(other, **{**model._compile_config.config, "optimizer": _optimizer(model.optimizer)})


def optimizer_variables(model: Any) -> list[Any]:
    """List all that an optimiser remembers; it is built before, if no step was made yet."""
    if not is_compiled(model):
        return []
    optimizer = model.optimizer
    if not getattr(optimizer, "_built", False):
        optimizer.build(model.trainable_variables)
    rate = optimizer._learning_rate
    return [*optimizer.variables, *([rate] if isinstance(rate, tf.Variable) else [])]


def moments(model: Any, variable: Any) -> list[Any]:
    """Find what the optimiser remembers of each weight of a variable, by the name it gives to such (optimizer.py)."""
    return [
        own
        for own in optimizer_variables(model)
        if own.name.partition(":")[0].endswith(f"/{variable._shared_name}") and own.shape == variable.shape
    ]


def describe(model: Any) -> str:
    """Describe a model and what it is compiled with, by names alone where something has no description."""
    with described():
        architecture = json.loads(model.to_json())
    architecture["config"].pop("name", None)
    compiled: dict[str, Any] = {}
    if is_compiled(model):
        settings = {name: value for name, value in model.optimizer.get_config().items() if name != "learning_rate"}
        rate = model.optimizer._learning_rate
        compiled = {
            **_named(model._compile_config.config),
            "optimizer": [type(model.optimizer).__qualname__, settings, _named(_plain_rate(rate))],
        }
    return json.dumps([architecture, compiled], default=lambda thing: type(thing).__qualname__)


def check_optimizer(model: Any) -> None:
    """Refuse an optimiser that writes past the constraints, and one of the old kind."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return
    if not isinstance(optimizer, tf_keras.optimizers.Optimizer) or not hasattr(optimizer, "_learning_rate"):
        raise ValueError(
            f"model {model.name!r} is compiled with {type(optimizer).__module__}.{type(optimizer).__qualname__}, "
            f"expected an optimiser of tf_keras.optimizers, such as tf_keras.optimizers.Adam()"
        )
    if optimizer.use_ema:
        # optimizer.py, finalize_variable_values: the last write of fit, and the only one behind the constraints.
        raise ValueError(
            f"model {model.name!r} is compiled with use_ema=True: at the end of fit, tf_keras overwrites weights by "
            "their averages without applying constraints, and no mask holds; compile it with use_ema=False"
        )


def _optimizer(optimizer: Any) -> Any:
    """Make another optimiser with the same settings; the learning rate as it is now, or the schedule that it is."""
    kind = type(optimizer)
    try:
        return kind(**{**optimizer.get_config(), "learning_rate": _plain_rate(optimizer._learning_rate)})
    except TypeError as error:
        raise ValueError(
            f"model: its optimiser {kind.__qualname__} cannot be copied ({error}); expected one whose get_config() "
            "returns the arguments that it is made with"
        ) from error


def _by_place(model: Any) -> dict[str, Any]:
    """List what an optimiser remembers by what it is of which weight: a step puts the optimiser's name before that."""
    prefix = f"{model.optimizer.name}/"
    return {str(own.name).removeprefix(prefix): own for own in optimizer_variables(model)}


def _plain_rate(rate: Any) -> Any:
    return float(rate.numpy()) if hasattr(rate, "numpy") else rate


def _named(thing: Any) -> Any:
    """Take the names of objects in nested lists and dicts."""
    if isinstance(thing, Mapping):
        return {key: _named(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [_named(value) for value in thing]
    if isinstance(thing, str | int | float | bool | None):
        return thing
    return getattr(thing, "__qualname__", type(thing).__qualname__)
