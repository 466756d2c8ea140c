"""What a Keras model is compiled with, put on a copy of it: the user's own objects, never through what describes them.

A loss, a metric or a schedule that was not registered with Keras cannot be made again from its configuration, and a
function without a name cannot at all. The copy trains by the very objects of the model; only the optimiser, whose state
belongs to the weights, is another.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras


def copy_compile_state(model: Any, clone: Any) -> None:
    """Compile a copy as a model is compiled, with an optimiser of its own in the same state."""
    if not model.compiled:
        return
    compile_alike(model, clone)
    clone.optimizer.build(clone.trainable_variables)
    _copy_state(model.optimizer, clone.optimizer)


def compile_alike(model: Any, other: Any) -> None:
    """Compile a model as another one is compiled, with an optimiser of its own that has seen no step yet."""
    # Of Keras itself: one that a subclass defines may take other arguments, and says what only its own files need.
    keras.Model.compile(other, **{**_arguments(model), "optimizer": _optimizer(model.optimizer)})


@contextmanager
def uncompiled(models: Iterable[Any]) -> Iterator[None]:
    """Have Keras see nothing of what models are compiled with while the block runs."""
    compiled = [model for model in models if model.compiled]
    for model in compiled:
        model.compiled = False
    try:
        yield
    finally:
        for model in compiled:
            model.compiled = True


def describe(model: Any) -> str:
    """Describe a model and what it is compiled with, by names alone where something has no description."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of functions without a name: nothing is to be saved here
        try:
            architecture = json.loads(model.to_json())
            compiled = model.get_compile_config() if model.compiled else None
        except Exception:  # Keras raises what it likes, and a schedule of the user's own NotImplementedError
            with uncompiled([model]):
                architecture = json.loads(model.to_json())
            settings = {**_arguments(model), "optimizer": [model.optimizer, _settings(model.optimizer)]}
            compiled = _map(_name, settings)
    architecture["config"].pop("name", None)
    return json.dumps([architecture, compiled], default=lambda thing: type(thing).__qualname__)


def _arguments(model: Any) -> dict[str, Any]:
    """Read the arguments that `compile` was called with."""
    return dict(model._compile_config.config)


def _optimizer(optimizer: Any) -> Any:
    """Make another optimiser with the same settings."""
    kind = type(optimizer)
    settings = _settings(optimizer)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return kind(_optimizer(optimizer.inner_optimizer), **settings)
    rate = optimizer._learning_rate
    # The number as it is now; a schedule or a function as the object it is.
    settings["learning_rate"] = float(optimizer.learning_rate) if isinstance(rate, keras.Variable) else rate
    try:
        return kind(**settings)
    except TypeError as error:
        raise ValueError(
            f"model: its optimiser {kind.__qualname__} cannot be copied ({error}); expected one whose get_config() "
            "returns the arguments that it is made with"
        ) from error


def _settings(optimizer: Any) -> dict[str, Any]:
    """Read an optimiser's settings but its learning rate, which may be an object that Keras cannot describe."""
    plain = object.__new__(type(optimizer))
    plain.__dict__.update(optimizer.__dict__)
    inner = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    plain.__dict__["inner_optimizer" if inner else "_learning_rate"] = keras.optimizers.SGD() if inner else 0.001
    return {
        name: value for name, value in plain.get_config().items() if name not in ("learning_rate", "inner_optimizer")
    }


def _copy_state(optimizer: Any, other: Any) -> None:
    """Bring an optimiser to the state of the one it was made from, whatever variables either was built for.

    One that was read from an ``.h5`` file was built for no variables at all, and one whose layers were frozen later for
    more than are trained now.
    """
    if not optimizer.built:
        return
    own, theirs = list(other.variables), list(optimizer.variables)
    if [tuple(variable.shape) for variable in own] != [tuple(variable.shape) for variable in theirs]:
        named = {_place(variable): variable for variable in theirs}
        own = [variable for variable in own if _place(variable) in named]
        theirs = [named[_place(variable)] for variable in own]
    for variable, value in zip(own, theirs, strict=True):
        if tuple(variable.shape) == tuple(value.shape):
            variable.assign(value)


def _place(variable: Any) -> str:
    """Name a variable of an optimiser by the weight that it belongs to (base_optimizer.py)."""
    return str(variable.path).split("/")[-1]


def _map(function: Callable[[Any], Any], thing: Any) -> Any:
    """Call a function on each object in nested lists and dicts."""
    if isinstance(thing, Mapping):
        return {key: _map(function, value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [_map(function, value) for value in thing]
    return function(thing)


def _name(thing: Any) -> Any:
    if isinstance(thing, str | int | float | bool | None):
        return thing
    return getattr(thing, "__qualname__", type(thing).__qualname__)
