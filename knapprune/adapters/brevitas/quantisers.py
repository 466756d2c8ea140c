"""Whether hls4ml takes the quantisers of a module: whole numbers times one power of two, and zero stays zero."""

from __future__ import annotations

from collections.abc import Iterator
from math import frexp
from typing import Any, NamedTuple

import torch

from knapprune.adapters.brevitas.parts import named_parts, of_brevitas
from knapprune.adapters.pytorch.training import mode
from knapprune.tools import ConversionError

_REMEDY = {
    "weight": "Int8WeightPerTensorFixedPoint",
    "bias": "Int8BiasPerTensorFixedPointInternalScaling",
    "data": "Int8ActPerTensorFixedPoint, or Uint8ActPerTensorFixedPoint behind a ReLU",
}
# Attributes of layers of Brevitas that hold a quantiser, and what it rounds.
_DATA = ("input_quant", "act_quant", "output_quant")


class _Setting(NamedTuple):
    """What a quantiser says: tensors, or None where it is of another kind than whole numbers with a scale."""

    scale: Any
    zero_point: Any
    bit_width: Any


def check_quantisers(module: Any) -> None:
    """Check that hls4ml can compute with each quantiser, and that zero is among its values."""
    with torch.no_grad(), mode(module, training=False):
        for name, part in named_parts(module).items():
            if of_brevitas(part):
                for what, setting in _settings(name, part):
                    _check(name, what, setting)


def quantised_weight(part: Any) -> Any:
    """Compute the weight that a layer of Brevitas multiplies by."""
    with torch.no_grad(), mode(part, training=False):
        weight = part.quant_weight()
    return getattr(weight, "value", weight)


def end_statistics(module: Any) -> None:
    """Have scales that still follow the data's statistics go on as parameters, from where they are.

    Until then, a scale is not among what can be put back. It is what Brevitas does when it loads a state dict; its own
    end of the statistics multiplies by a parameter that weight decay may have moved.
    """
    for part in module.modules():
        if _collects(part) and 0 < part.counter <= part.collect_stats_steps:
            part.load_state_dict(part.state_dict())


def _collects(part: Any) -> bool:
    return hasattr(part, "collect_stats_steps") and hasattr(part, "counter")


def _settings(name: str, part: Any) -> Iterator[tuple[str, _Setting]]:
    if (weight := getattr(part, "weight_quant", None)) is not None and weight.is_quant_enabled:
        yield "weight", _of(part.quant_weight())
    bias = getattr(part, "bias_quant", None)
    # One that goes by the scales of weights and data has the power of two that both make.
    if bias is not None and bias.is_quant_enabled and part.bias is not None and not bias.requires_input_scale:
        yield "bias", _of(bias(part.bias))
    for attribute in _DATA:
        data = getattr(part, attribute, None)
        if data is not None and data.is_quant_enabled:
            if any(_collects(own) and own.counter == 0 for own in data.modules()):
                raise ValueError(
                    f"model: layer {name!r} quantises data and has seen none, expected a trained module: run it in "
                    "training mode on some data first, so that its scale is known"
                )
            asked = (getattr(data, key, None) for key in _Setting._fields)
            yield "data", _Setting(*(own() if callable(own) else None for own in asked))


def _of(tensor: Any) -> _Setting:
    return _Setting(*(getattr(tensor, key, None) for key in _Setting._fields))


def _check(name: str, what: str, setting: _Setting) -> None:
    whose = f"model: layer {name!r} quantises its {what}"
    remedy = f"take {_REMEDY[what]} of brevitas.quant, or one made from it with another bit_width"
    if any(own is None for own in setting):
        raise ConversionError(f"{whose} to other than whole numbers with a scale, which hls4ml does not take; {remedy}")
    if what == "weight" and setting.bit_width.item() < 2:
        raise ConversionError(f"{whose} to one bit, of which no value is zero, expected at least two; {remedy}")
    if setting.scale.numel() != 1:
        raise ConversionError(
            f"{whose} with {setting.scale.numel()} scales, expected one of the whole tensor; {remedy}"
        )
    scale = setting.scale.item()
    if frexp(scale)[0] != 0.5:
        raise ConversionError(f"{whose} with a scale of {scale:.6g}, expected a power of two; {remedy}")
    if setting.zero_point.any():
        zero = setting.zero_point.flatten()[0].item()
        raise ConversionError(f"{whose} with a zero point of {zero:g}, expected 0, so that zero stays zero; {remedy}")
