"""How many signed digits were asked for, in which layers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from knapprune.hardware.hardware_model import PricesValues
from knapprune.hardware.structures import KEPT
from knapprune.network.layers import Layer
from knapprune.saliency import SECOND_ORDER
from knapprune.selection.budget import BudgetError
from knapprune.selection.request import Request

#: The most digits that a number of the widest type has.
MOST_DIGITS = 30
#: Bits of a result up to which a model in 32 bits holds all values of its type.
WIDEST_DATA = 24
_EXPECTED = f"a whole number from 0 to {MOST_DIGITS}, or a list of such"


def digits_of(request: Request, choose: Any) -> dict[str, Collection[int] | None]:
    """Say which numbers of digits the weights of each layer may have; empty where values are not to be chosen.

    A layer whose weights are constants is among them too where look-up tables are budgeted: with None, each weight
    holds what it holds or nothing.
    """
    given = choose.get("digits") if isinstance(choose, Mapping) else None
    _check_asked(request, choose)
    layers = {layer.name: layer for layer in request.before.layers}
    priced = request.estimates_tables
    if given is None and not priced:
        return {}
    if given is not None and (others := sorted(choose.keys() - {"digits", "data_bits"})):
        raise ValueError(f"choose: got digits and {', '.join(others)}, expected digits and perhaps data_bits alone")
    constants = {
        name: layer
        for name, layer in layers.items()
        if _holds_constants(request, layer) and request.structures[name] != KEPT
    }
    asked = dict(given) if isinstance(given, Mapping) else {} if given is None else dict.fromkeys(constants, given)
    if unknown := asked.keys() - layers.keys():
        raise ValueError(f"choose['digits']: no layers {sorted(unknown)}, expected some of {list(layers)}")
    stuck = [name for name in (asked if isinstance(given, Mapping) else layers) if name not in constants]
    if given is not None and (not constants or (isinstance(given, Mapping) and stuck)):
        raise ValueError(f"choose['digits']: {_why([layers[name] for name in stuck])}")
    numbers = {name: _numbers(own, layers[name]) for name, own in asked.items()}
    chosen = {name: numbers.get(name) for name in constants if priced or name in numbers}
    if cut := [name for name in chosen if request.structures[name] != "auto"]:
        raise ValueError(
            f"structure: got {request.structures[cut[0]]!r} for layer {cut[0]!r}, whose values are chosen weight by "
            "weight; expected 'auto' there"
        )
    return chosen


def check_data_bits(choose: Any, saliency: Any, normalise: Any) -> None:
    """Refuse widths of the data that are none, or beside values of weights that are in another unit than the loss."""
    if not isinstance(choose, Mapping) or "data_bits" not in choose:
        return
    given = choose["data_bits"]
    for own in given.values() if isinstance(given, Mapping) else [given]:
        widths_of(own)
    if (saliency not in SECOND_ORDER and not callable(saliency)) or normalise != "none":
        raise ValueError(
            "choose['data_bits']: what a narrower result loses is measured as the loss, so weights are to be valued in "
            f"that unit; expected saliency {', '.join(map(repr, SECOND_ORDER))} or a function, and normalise='none', "
            f"got saliency={saliency!r}, normalise={normalise!r}"
        )


def widths_of(given: Any) -> list[int]:
    """Read widths of the data."""
    numbers = list(given) if isinstance(given, Iterable) and not isinstance(given, str | Mapping) else []
    if not numbers or any(
        isinstance(own, bool) or not isinstance(own, int) or not 1 <= own <= WIDEST_DATA for own in numbers
    ):
        raise ValueError(
            f"choose['data_bits']: got {given!r}, expected a list of whole numbers from 1 to {WIDEST_DATA}"
        )
    return sorted(set(numbers))


def _holds_constants(request: Request, layer: Layer) -> bool:
    return (
        isinstance(request.hardware, PricesValues)
        and layer.weight_type is not None
        and layer.size > 0
        and request.hardware.value_prices(layer, layer.weight_bits) is not None
    )


def _check_asked(request: Request, choose: Any) -> None:
    """Refuse digits of nothing, and look-up tables or digits together with what nobody can choose beside them."""
    asked = isinstance(choose, Mapping) and "digits" in choose
    if asked and (choose["digits"] is None or (isinstance(choose["digits"], Mapping) and not choose["digits"])):
        raise ValueError(f"choose['digits']: got {choose['digits']!r}, expected {_EXPECTED}, or a mapping of layers")
    if not request.estimates_tables:
        return
    if not asked and choose is not None and (others := choose.keys() & {"reuse_factor", "bits"}):
        raise ValueError(
            f"choose: got {', '.join(sorted(others))} under a budget of 'lut', whose look-up tables are known of "
            "constants alone; expected digits, or no such budget"
        )
    if not asked and not any(_holds_constants(request, layer) for layer in request.before.layers):
        raise BudgetError(
            "budget['lut']: pruning saves look-up tables for certain where weights are constants, and no layer holds "
            "any; expected layers at reuse factor 1, or no such budget"
        )


def _why(layers: Sequence[Layer]) -> str:
    """Say why the values of layers cannot be chosen."""
    slow = [f"{layer.name!r} at {layer.reuse_factor}" for layer in layers if layer.reuse_factor > 1]
    others = [f"{layer.name!r} ({layer.kind}, {layer.strategy})" for layer in layers if layer.reuse_factor == 1]
    reasons = []
    if slow:
        reasons.append(
            f"at higher reuse factors than 1 ({', '.join(slow)}) weights are no constants: they live in memory or take "
            "turns at a multiplier, whatever their digits; expected reuse factor 1"
        )
    if others:
        reasons.append(f"the hardware model prices no values of the weights of {', '.join(others)}")
    return "; ".join(reasons) or "the network has no layer whose weights are constants"


def _numbers(given: Any, layer: Layer) -> Collection[int]:
    """Read the most digits, or a list of numbers of them."""
    numbers = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    if not numbers or any(
        isinstance(own, bool) or not isinstance(own, int | np.integer) or not 0 <= own <= MOST_DIGITS for own in numbers
    ):
        raise ValueError(f"choose['digits']: got {given!r} for layer {layer.name!r}, expected {_EXPECTED}")
    assert layer.weight_type is not None
    kind = layer.weight_type.type
    if max(numbers) > 1 and kind.width + (not kind.signed) < 3:
        raise ValueError(
            f"choose['digits']: got {given!r} for layer {layer.name!r}, whose type {kind} holds no number of two "
            "digits; expected at most 1, or a wider type"
        )
    numbers = [int(own) for own in numbers]
    return range(numbers[0] + 1) if not isinstance(given, Iterable) else sorted(set(numbers))
