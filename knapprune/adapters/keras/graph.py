"""The order in which a Keras model calls its layers, models inside models unrolled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knapprune.adapters.keras.kinds import is_a, is_model

_HLS_CLASSES = {
    "InputLayer": "Input",
    "ReLU": "Activation",
    "LeakyReLU": "ParametrizedActivation",
    "ELU": "ParametrizedActivation",
    "Dropout": "Activation",
    "Flatten": "Reshape",
    "Permute": "Transpose",
    **{f"{kind}Pooling{axes}D": f"Pooling{axes}D" for kind in ("Max", "Average") for axes in (1, 2)},
    **{f"Global{kind}Pooling{axes}D": f"GlobalPooling{axes}D" for kind in ("Max", "Average") for axes in (1, 2)},
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), "Merge"),
    **dict.fromkeys(("UpSampling1D", "UpSampling2D"), "Resize"),
}


@dataclass(frozen=True)
class Call:
    """One use of a layer.

    Parameters
    ----------
    layer
        The Keras layer.
    inputs, outputs
        Its symbolic tensors in this use. A tensor that enters or leaves a model inside the model is that of the outer
        model, so that outputs can be matched with inputs by identity.
    """

    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]

    @property
    def hls_type(self) -> str:
        """The class that hls4ml makes of the layer, for looking up its settings.

        Mostly Keras' own name, but a Dense layer on several axes is a convolution to hls4ml
        (``passes/multi_dense.py``), and what computes alike has one name there (``layer_map``).
        """
        name = type(self.layer).__name__
        if name == "Dense":
            axes = len(self.inputs[0].shape) - 1
            if axes > 3:
                raise ValueError(f"layer {self.layer.name!r}: hls4ml takes Dense on up to 3 axes, got {axes}")
            return "Dense" if axes == 1 else f"Conv{axes - 1}D"
        return _HLS_CLASSES.get(name, name)


def calls(model: Any) -> list[Call]:
    """List every use of every layer, sources before users."""
    listed: list[Call] = []
    _visit(model, None, listed)
    return listed


def own_calls(model: Any) -> list[Call]:
    """List every use of every layer, sources before users; a model inside the model is one layer."""
    _check_graph(model)
    return [Call(_layer(node), _inputs(node), _outputs(node)) for node in _nodes(model.outputs)]


def _check_graph(model: Any) -> None:
    if not is_model(model) or not getattr(model, "outputs", None):
        raise ValueError(f"model {model.name!r}: got {type(model).__name__}, expected a Sequential or Functional model")


def _visit(model: Any, outer_inputs: tuple[Any, ...] | None, listed: list[Call]) -> tuple[Any, ...]:
    """Add the calls of one model; return its output tensors as seen from outside."""
    _check_graph(model)
    renamed: dict[int, Any] = {}
    if outer_inputs is not None:
        renamed = {id(inner): outer for inner, outer in zip(model.inputs, outer_inputs, strict=True)}
    for node in _nodes(model.outputs):
        layer, outputs = _layer(node), _outputs(node)
        if outer_inputs is not None and is_a(layer, "InputLayer"):
            continue
        inputs = tuple(renamed.get(id(tensor), tensor) for tensor in _inputs(node))
        if is_model(layer):
            inner = _visit(layer, inputs, listed)
            renamed |= {id(own): tensor for own, tensor in zip(outputs, inner, strict=True)}
        else:
            listed.append(Call(layer, inputs, outputs))
    return tuple(renamed.get(id(tensor), tensor) for tensor in model.outputs)


def _nodes(outputs: Any) -> list[Any]:
    """Nodes that the outputs depend on, sources first, without recursion: models can be deeper than Python's stack."""
    done: dict[int, Any] = {}
    stack = [_maker(tensor) for tensor in reversed(outputs)]
    while stack:
        node = stack[-1]
        waiting = [maker for maker in map(_maker, _inputs(node)) if id(maker) not in done]
        if waiting:
            stack.extend(reversed(waiting))
        else:
            stack.pop()
            done.setdefault(id(node), node)
    return list(done.values())


def _maker(tensor: Any) -> Any:
    """Return the node that a tensor is a result of."""
    layer, place, _ = tensor._keras_history
    return layer._inbound_nodes[place]


# Nodes of Keras 3 and, where they say otherwise, of tf_keras.


def _layer(node: Any) -> Any:
    return node.operation if hasattr(node, "operation") else node.layer


def _inputs(node: Any) -> tuple[Any, ...]:
    return tuple(node.keras_inputs if hasattr(node, "keras_inputs") else node.input_tensors)


def _outputs(node: Any) -> tuple[Any, ...]:
    return tuple(_flat(node.outputs))


def _flat(nested: Any) -> list[Any]:
    """List tensors in the order of both packages: that of the keys, in a dict."""
    if isinstance(nested, dict):
        nested = [nested[key] for key in sorted(nested)]
    return [one for own in nested for one in _flat(own)] if isinstance(nested, list | tuple) else [nested]
