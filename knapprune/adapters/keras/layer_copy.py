"""A Keras layer made once more, with the user's own functions and classes, which need not be registered."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import keras


@contextmanager
def lambdas() -> Iterator[None]:
    """Let Keras describe functions without a name: no file of them is kept."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
        yield


def needs_help(layer: Any) -> bool:
    """Say whether a layer holds a function of the user's own, which its configuration cannot say."""
    return type(layer) is keras.layers.Lambda or any(_is_strange(own) for own in vars(layer).values())


def like(layer: Any, sizes: Mapping[str, Any]) -> Any:
    """Make a layer after another one, of other sizes, where its configuration is to say otherwise."""
    if type(layer) is keras.layers.Lambda:  # Keras makes none of a configuration, which might be a stranger's
        return keras.layers.Lambda(
            layer.function,
            output_shape=layer._output_shape,
            mask=layer.mask,
            arguments=layer.arguments,
            name=layer.name,
            dtype=layer.dtype_policy,
        )
    config, own = layer.get_config() | sizes, vars(layer)
    # Functions and classes that nobody registered are there already, in the layer.
    functions = {key: own[key] for key in config if _is_strange(own.get(key))}
    classes = {type(one).__name__: type(one) for one in own.values() if not _is_of_keras(type(one).__module__)}
    with keras.saving.custom_object_scope(classes):
        return type(layer).from_config(config | functions)


def _is_strange(own: Any) -> bool:
    """Say whether something is a function that Keras does not know by its name."""
    return isinstance(own, FunctionType) and not _is_of_keras(own.__module__)


def _is_of_keras(module: str) -> bool:
    return module.partition(".")[0] in ("builtins", "hgq", "keras", "knapprune")
