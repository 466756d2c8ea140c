"""Rounding the results of a Keras model's layers to fixed-point types, wherever the model computes.

A layer's ``call`` is wrapped on the one model, so its own ``fit``, ``predict`` and ``evaluate`` compute as the hardware
will: rounded to the nearest value of the type, the half upwards, and cut off at the type's ends. Gradients pass
straight through, but for values beyond the ends. Types are no part of a file: they are in the configuration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.graph import calls
from knapprune.adapters.keras.precision import result_node
from knapprune.network.batches import Batch
from knapprune.network.precision import FixedPoint
from knapprune.network.result_node import ResultNode


class Rounding:
    """Rounds tensors to a type; its numbers are variables, so that another type needs no other training step.

    Parameters
    ----------
    kind
        The type.
    """

    def __init__(self, kind: FixedPoint) -> None:
        self.kind = kind
        # Step, least and largest value.
        self._numbers = keras.Variable(np.zeros(3), dtype="float32", trainable=False, autocast=False, name="type")
        self.change(kind)

    def change(self, kind: FixedPoint) -> None:
        """Round to another type from now on."""
        self.kind, step = kind, 2.0**-kind.fraction
        self._numbers.assign(np.array([step, kind.low * step, kind.high * step], np.float32))

    def __call__(self, tensor: Any) -> Any:
        """Round a tensor."""
        ops = keras.ops
        step, low, high = (ops.cast(self._numbers[place], tensor.dtype) for place in range(3))
        inside = ops.clip(tensor, low, high)
        # Exact: the sum takes a number to zero, or to another that is within a factor of two.
        return inside + ops.stop_gradient(ops.floor(inside / step + 0.5) * step - inside)


class _RoundingCall:
    """A layer's ``call`` that rounds what goes in or comes out.

    Parameters
    ----------
    own
        The layer's own.
    """

    def __init__(self, own: Callable[..., Any]) -> None:
        self.own = own
        self.before: Callable[[Any], Any] | None = None
        self.after: Callable[[Any], Any] | None = None

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the layer."""
        outputs = self.own(inputs if self.before is None else self.before(inputs), *args, **kwargs)
        return outputs if self.after is None else self.after(outputs)


@dataclass(frozen=True)
class _Place:
    """Where a result can be got hold of: behind the layer that computes it, or before one that reads it."""

    layer: Any
    side: str

    @property
    def rounding(self) -> Rounding | None:
        """What rounds there."""
        call = self.layer.__dict__.get("call")
        found = getattr(call, self.side) if isinstance(call, _RoundingCall) else None
        return found if isinstance(found, Rounding) else None

    def put(self, taken: Callable[[Any], Any] | None) -> None:
        """Have tensors pass something, or nothing any more."""
        call = self.layer.__dict__.get("call")
        if not isinstance(call, _RoundingCall):
            if taken is None:
                return
            call = self.layer.call = _RoundingCall(self.layer.call)
        setattr(call, self.side, taken)
        if call.before is None and call.after is None:
            del self.layer.__dict__["call"]


def results(model: Any) -> dict[str, ResultNode]:
    """Name the layers whose result has a type of its own, in the data's order."""
    return {name: node for name, (node, _) in _results(model).items()}


def rounding_after(layer: Any) -> Rounding | None:
    """Find what rounds a layer's result."""
    return _Place(layer, "after").rounding


def round_data(model: Any, types: Mapping[str, FixedPoint]) -> None:
    """Round the results named to their types from now on, and no others."""
    known = _results(model)
    if unknown := types.keys() - known.keys():
        raise ValueError(f"types: no layers {sorted(unknown)} in model {model.name!r}, expected some of {list(known)}")
    anew = keras.backend.backend() == "jax"
    for name, (_, places) in known.items():
        kind = types.get(name)
        for place in places:
            own = place.rounding
            if own is not None and kind is not None:
                own.change(kind)
            elif own is not None or kind is not None:
                place.put(None if kind is None else Rounding(kind))
                anew = True
    if anew:  # what was compiled before knows nothing of it
        model.train_function = model.test_function = model.predict_function = None


def data_types(model: Any) -> dict[str, FixedPoint]:
    """Read the types of `round_data` back."""
    found = {name: places[0].rounding for name, (_, places) in _results(model).items()}
    return {name: own.kind for name, own in found.items() if own is not None}


def values(model: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
    """Compute each result on a batch, nothing rounded."""
    types = data_types(model)
    round_data(model, {})
    seen: dict[str, npt.NDArray[np.floating[Any]]] = {}

    def watch(name: str) -> Callable[[Any], Any]:
        def watching(tensor: Any) -> Any:
            seen[name] = keras.ops.convert_to_numpy(tensor)
            return tensor

        return watching

    first = {name: places[0] for name, (_, places) in _results(model).items()}
    try:
        for name, place in first.items():
            place.put(watch(name))
        model(batch.inputs, training=False)
    finally:
        for place in first.values():
            place.put(None)
        round_data(model, types)
    return seen


def _results(model: Any) -> dict[str, tuple[ResultNode, list[_Place]]]:
    """Find where each result that has a type can be got hold of."""
    order = calls(model)
    uses = Counter(id(call.layer) for call in order)
    found = {}
    for call in order:
        node, layer = result_node(call), call.layer
        if node is None or uses[id(layer)] > 1:
            continue
        places = [_Place(layer, "after")]
        given = isinstance(layer, keras.layers.InputLayer)
        if given:
            readers = [other for other in order if any(own is call.outputs[0] for own in other.inputs)]
            if any(len(other.inputs) > 1 or uses[id(other.layer)] > 1 for other in readers):
                continue
            places = [_Place(other.layer, "before") for other in readers]
        found[layer.name] = (ResultNode(node, given), places)
    return found
