"""Choose what each constant holds, and which structures of the other layers are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from knapprune.hardware.constants import inputs_of
from knapprune.hardware.hardware_model import EstimatesLogic, PricesValues
from knapprune.hardware.resources import LUT
from knapprune.hardware.structures import unstructured
from knapprune.network.hls_config import as_dict
from knapprune.network.layers import Layer
from knapprune.saliency import structure_values
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import candidates
from knapprune.selection.items import items_of
from knapprune.selection.minimum import Need, refuse_below
from knapprune.selection.request import Outcome, Request
from knapprune.selection.values.choice import Choice
from knapprune.selection.values.listing import options_of
from knapprune.selection.values.options import Options, Weights
from knapprune.selection.values.search import bracketed, fitted
from knapsolve import Status

Digits = Mapping[str, Collection[int] | None]
"""By layer name, the numbers of signed digits that its weights may have; None where each holds its value or nothing."""


def select_values(request: Request, digits: Digits, share: float = 1.0) -> tuple[Outcome, float]:
    """Choose what each constant holds, and which structures of the other layers are kept.

    `share` is the part of the look-up tables that prices of digits are to fill, where adder graphs share the rest; what
    it came to is returned beside the outcome.
    """
    choice = list_choice(request, digits)
    needs = [
        Need(cap, cap.of_counted(fixed), cap.use(request.before))
        for cap, fixed in zip(request.caps, choice.fixed, strict=True)
    ]
    refuse_below(needs, "whatever is chosen")
    if choice.of_adders:
        best, bound, lines, share = fitted(choice, share)
    else:
        best, bound, lines = bracketed(choice)
    proved = best.worth >= bound * (1 - best.solution.tolerance)
    solution = replace(
        best.solution,
        value=best.worth,
        bound=max(bound, best.worth),
        status=Status.OPTIMAL if proved else Status.FEASIBLE,
        trace=(*best.solution.trace, *lines),
    )
    values = choice.kernels(best.values)
    structures = {group.layer.name: group.structure for group in choice.groups if group.prunable}
    structures |= dict.fromkeys(values, "values")
    keep = {**best.keep, **{name: value != 0 for name, value in values.items()}}
    return Outcome(solution, keep, structures, request.layers, as_dict(request.config), values), share


def list_choice(request: Request, digits: Digits, only: Collection[str] | None = None) -> Choice:
    """List the options of the layers whose values are chosen, and the structures of the others; of some layers only."""
    known = [layer for layer in request.layers if only is None or layer.name in only]
    layers = [layer for layer in known if layer.name in digits]
    options = [_options(request, layer, digits[layer.name]) for layer in layers]
    rest = [layer for layer in known if layer.name not in digits]
    counted = tuple(cap for cap in request.caps if cap.counted in request.hardware.resources)
    structures = {layer.name: request.structures[layer.name] for layer in rest}
    groups = candidates(request.hardware, rest, request.written, counted, structures, shared_words=request.shared_words)
    prunable = [group for group in groups if group.prunable]
    fixed = []
    for cap in request.caps:
        if cap.counted == LUT:  # of structures, look-up tables are not saved for certain
            fixed.append(sum(_tables(request, layer) for layer in rest if cap.covers(layer.name)))
        else:
            own = sum(_of_no_weight(request, layer, cap) for layer in layers)
            fixed.append(own + sum(group.fixed(cap) for group in groups))
    others = [items_of(group, request.worth(group), request.caps) for group in prunable]
    return Choice(request, options, groups, others, fixed)


def _tables(request: Request, layer: Layer) -> int:
    if not request.built:
        return request.before.by_layer[layer.name][LUT]
    assert isinstance(request.hardware, EstimatesLogic)
    logic = request.hardware.logic(layer, request.written[layer.name])
    return 0 if logic is None else logic.lut


def _of_no_weight(request: Request, layer: Layer, cap: Cap) -> int:
    if not cap.covers(layer.name):
        return 0
    return request.hardware.use(layer, np.zeros(layer.kernel_shape))[cap.counted]


def _options(request: Request, layer: Layer, digits: Collection[int] | None) -> Options:
    """List what a layer's weights may hold."""
    kernel, written = request.kernels[layer.name], request.written[layer.name]
    if kernel is not written and not np.array_equal(kernel, written):
        raise ValueError(
            f"choose['digits']: a normalisation is folded into layer {layer.name!r}, so its values are not those of "
            "the model; expected a network whose normalisations are folded, or a result precision that keeps it apart"
        )
    assert layer.weight_type is not None
    assert isinstance(request.hardware, PricesValues)
    kind = layer.weight_type.type
    prices = request.hardware.value_prices(layer, kind.width + (not kind.signed))
    assert prices is not None
    saliency = structure_values(request.method.measure, layer, kernel, unstructured(layer))
    alive = (np.asarray(kernel) != 0).ravel()
    worth = np.zeros(layer.size)
    worth[alive] = request.method.normal(saliency[alive])
    exact = np.asarray(kernel, dtype=np.float64).ravel()
    weights = Weights(
        layer=layer,
        exact=exact,
        saliency=worth,
        inputs=inputs_of(layer).ravel(),
        prices=prices,
        step=2.0**-kind.fraction,
        low=kind.low,
        high=kind.high,
        moves=digits is not None,
    )
    return options_of(weights, digits, layer.weight_type.integers(written)[0].ravel())
