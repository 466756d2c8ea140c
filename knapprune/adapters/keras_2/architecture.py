"""Turn the architecture that Keras 2 saved into the one that Keras 3 rebuilds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knapprune.adapters.file_notes import Notes, UnreadableError
from knapprune.adapters.keras_2.layers import class_of, modern_layer

_FUNCTIONAL = ("Functional", "Model")
_MODELS = ("Sequential", *_FUNCTIONAL)


def modern_model(saved: Mapping[str, Any], notes: Notes, name: str = "model") -> dict[str, Any]:
    """Turn a model into Keras 3's form."""
    kind, config = class_of(saved), saved["config"]
    if kind == "Sequential":
        # Before Keras 2.3 it was a bare list of layers.
        config = {"name": name, "layers": config} if isinstance(config, list) else config
        modern = _sequential(config, notes)
    elif kind in _FUNCTIONAL and "layers" in config:
        kind, modern = "Model", _functional(config, notes)
    else:
        raise UnreadableError(f"the architecture is a {kind!r}, expected a Sequential or Functional model")
    modern["name"] = new_name(config["name"])
    return {"module": "keras", "class_name": kind, "config": modern, "registered_name": None}


def saved_layers(saved: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the layers of a model in the order of the file; that of a rebuilt model may be another."""
    config = saved["config"]
    return list(config if isinstance(config, list) else config["layers"])


def is_model(saved: Mapping[str, Any]) -> bool:
    """Say whether a layer is a model in itself."""
    return class_of(saved) in _MODELS


def new_name(name: str) -> str:
    """Name a layer as Keras 3 allows it."""
    return name.replace("/", "_")


def _modern(saved: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    if is_model(saved):
        return modern_model(saved, notes)
    name = saved["config"].get("name", "")
    if new_name(name) != name:
        notes.setdefault("every / in the name is replaced by _", []).append(name)
        saved = {**saved, "config": {**saved["config"], "name": new_name(name)}}
    return modern_layer(saved, notes, lambda inside: _modern(inside, notes))


def _sequential(config: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    layers = [_modern(layer, notes) for layer in config["layers"]]
    if layers and layers[0]["class_name"] != "InputLayer":
        shape = _input_shape(config["layers"][0]) or config.get("build_input_shape")
        if shape is None:
            raise UnreadableError(f"model {config['name']!r} does not say what shape its input has; build it first")
        entry = {"batch_input_shape": shape, "name": f"{layers[0]['config']['name']}_input"}
        layers.insert(0, _modern({"class_name": "InputLayer", "config": entry}, notes))
    return {"layers": layers}


def _input_shape(saved: Mapping[str, Any]) -> Any:
    """Find the shape of what goes into a layer, the batch first, if it says so."""
    if not is_model(saved):
        return saved["config"].get("batch_input_shape")
    layers = saved_layers(saved)
    if class_of(saved) in _FUNCTIONAL:
        entries = saved["config"]["input_layers"]
        layers = [layer for layer in layers if [layer["name"]] == [entry[0] for entry in entries]]
    return _input_shape(layers[0]) if layers else None


def _functional(config: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    saved = {layer["name"]: layer for layer in config["layers"]}
    layers = []
    for name, layer in saved.items():
        nodes = [_node(node, saved, class_of(layer)) for node in layer["inbound_nodes"]]
        layers.append({**_modern(layer, notes), "name": new_name(name), "inbound_nodes": nodes})
    names = [layer["name"] for layer in layers]
    if len(set(names)) != len(names):
        raise UnreadableError("two layers have one name once their slashes are replaced")
    ends = {end: _ends(config[end], saved, after=end == "output_layers") for end in ("input_layers", "output_layers")}
    return {"trainable": config.get("trainable", True), "layers": layers, **ends}


def _node(node: Any, saved: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Turn one call of a layer, ``[[name, node, tensor, arguments], ...]``, into positional and named arguments."""
    first = node[0] if isinstance(node, list) and node and isinstance(node[0], list) else node
    named = first[3] if _is_reference(first) and len(first) > 3 else {}
    given = _tensors(node, saved)
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    named = {key: _tensors(value, saved) for key, value in named.items() if value is not None}
    if isinstance(given, list) and kind in ("RNN", "SimpleRNN", "LSTM", "GRU", "Bidirectional"):
        named["initial_state"], given = given[1:], given[0]
    return {"args": [given], "kwargs": named}


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(type(index) is int for index in value[1:3])
    )


def _known(name: str, saved: Mapping[str, Any]) -> Mapping[str, Any]:
    if name not in saved:
        raise UnreadableError(f"there is no layer {name!r}, whose result is used")
    layer: Mapping[str, Any] = saved[name]
    return layer


def _tensors(value: Any, saved: Mapping[str, Any]) -> Any:
    """Replace every reference to the result of a call by what stands for it in Keras 3."""
    if _is_reference(value):
        # Keras 2 counts the calls of a model from one: its own definition was the first.
        history = [new_name(value[0]), value[1] - is_model(_known(value[0], saved)), value[2]]
        config = {"shape": [], "dtype": "float32", "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(value, list):
        return [_tensors(each, saved) for each in value]
    if isinstance(value, dict):
        return {key: _tensors(each, saved) for key, each in value.items()}
    return value


def _ends(value: Any, saved: Mapping[str, Any], after: bool) -> Any:
    """Turn the references at an end of a model; Keras 3 too counts from one there, but for Functional models only."""
    if _is_reference(value):
        sequential = class_of(_known(value[0], saved)) == "Sequential"
        return [new_name(value[0]), value[1] - (after and sequential), value[2]]
    if isinstance(value, dict):
        return {key: _ends(each, saved, after) for key, each in value.items()}
    if not isinstance(value, list):
        raise UnreadableError(f"the model begins or ends with {value!r}, expected layers")
    ends = [_ends(each, saved, after) for each in value]
    return ends[0] if len(ends) == 1 else ends
