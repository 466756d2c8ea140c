"""Choose reuse factors, weight widths and the weights to keep at once, for the most saliency within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.latency import latency
from knapprune.hardware.resources import LATENCY
from knapprune.hardware.structures import unstructured
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.layers import Layer
from knapprune.saliency import structure_values
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import Candidates, layer_candidates
from knapprune.selection.items import LayerItems, items_of
from knapprune.selection.masks import kept
from knapprune.selection.minimum import check_choice, contradiction
from knapprune.selection.request import Outcome, Request
from knapprune.selection.variants import Choose, Variant, check_choose, configured, list_variants
from knapsolve import Status
from knapsolve.nested.problem import NestedKnapsack, Option
from knapsolve.nested.search import solve_nested


@dataclass(frozen=True)
class _Way:
    """One variant of a layer with what can be pruned in it; as an option, its items are those."""

    variant: Variant
    group: Candidates
    items: LayerItems | None
    option: Option


def select_jointly(request: Request, choose: Choose) -> Outcome:
    """Choose variants of all layers and the weights to keep; see :func:`knapprune.selection.selecting.select`.

    Reuse factors cut a layer into different rows. Their normalised values are scaled so that the whole layer is worth
    the same with each of them, as much as in the given configuration; a row of narrower weights is worth the share of
    its saliency that is left (:meth:`knapprune.selection.variants.Variant.worth`).
    """
    layers, caps = request.before.layers, request.caps
    variants = list_variants(layers, request.written, check_choose(choose, [layer.name for layer in layers]))
    _check_data_widths(request, variants)
    in_time = _within_latency(variants, caps)
    by_layer = [_ways(request, layer, own) for layer, own in zip(layers, in_time, strict=True)]
    fixed = [np.stack([way.option.fixed for way in ways]) for ways in by_layer]
    check_choice(fixed, caps, request.before)

    problem = NestedKnapsack([[way.option for way in ways] for ways in by_layer], [cap.capacity for cap in caps])
    answer = solve_nested(problem, request.method.solver, time_limit=request.method.time_limit)
    if answer.solution.status is Status.INFEASIBLE:
        raise contradiction(fixed, caps)
    if answer.solution.status is Status.NO_SOLUTION:
        raise RuntimeError(
            f"no choice that keeps the budget was found in {request.method.time_limit:g} s; allow more time or take "
            "another solver"
        )
    chosen = [ways[number] for ways, number in zip(by_layer, answer.taken, strict=True)]
    groups = [way.group for way in chosen]
    keep = kept(groups, [way.items for way in chosen if way.items is not None], answer.solution.selected)
    structures = {group.layer.name: group.structure for group in groups if group.prunable}
    hls_config = configured(request.config, [way.variant for way in chosen])
    return Outcome(answer.solution, keep, structures, _built(request, hls_config, chosen), hls_config)


def _within_latency(ways: list[list[Variant]], caps: tuple[Cap, ...]) -> list[list[Variant]]:
    """Leave out variants that take too long beside the fastest of the other layers, before anything is counted.

    The fastest of each layer stays, for the message where even those take too long.
    """
    for cap in caps:
        if cap.resource == LATENCY:
            cycles = [[latency(way.layer) * cap.covers(way.layer.name) for way in own] for own in ways]
            slack = cap.limit - sum(min(own) for own in cycles)
            ways = [
                [way for way, taken in zip(own, spent, strict=True) if taken <= max(slack, 0) + min(spent)]
                for own, spent in zip(ways, cycles, strict=True)
            ]
    return ways


def _ways(request: Request, layer: Layer, variants: Sequence[Variant]) -> list[_Way]:
    """Say of each variant of a layer what can be pruned in it and what that is worth."""
    wanted = request.structures[layer.name]
    capped = tuple(cap.counted for cap in request.caps_on_weights if cap.covers(layer.name))
    of_chip, normal, shared_words = request.written[layer.name], request.method.normal, request.shared_words
    saliency = structure_values(request.method.measure, layer, request.kernels[layer.name], unstructured(layer))

    def group_of(built: Layer) -> Candidates:
        return layer_candidates(request.hardware, built, of_chip, capped, wanted, shared_words=shared_words)

    whole = float(normal(_by_label(group_of(layer), saliency)).sum())
    ways = []
    for variant in variants:
        group = group_of(variant.layer)
        exact = _by_label(group, saliency)
        values = normal(exact)
        total = float(values.sum())
        if variant.weight_type is not None:
            left = _by_label(group, saliency * variant.worth(of_chip).ravel())
            values = values * np.divide(left, exact, out=np.zeros_like(left), where=exact > 0)
        values = values * (whole / total if total > 0 else 0.0)
        fixed = [
            latency(variant.layer) * cap.covers(layer.name) if cap.resource == LATENCY else group.fixed(cap)
            for cap in request.caps
        ]
        items = items_of(group, values, request.caps) if group.prunable else None
        given = 0.0 if group.prunable else float(values.sum())
        option = Option(given, np.array(fixed, dtype=np.int64), None if items is None else items.items)
        ways.append(_Way(variant, group, items, option))
    return ways


def _by_label(group: Candidates, of_weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sums = np.bincount(group.labels.ravel(), weights=of_weights, minlength=len(group.alive))[group.alive]
    return sums.astype(np.float64, copy=False)


def _check_data_widths(request: Request, ways: list[list[Variant]]) -> None:
    """Refuse widths that change the data between layers: what a layer costs would depend on the others' choice."""
    for pick in (min, max):
        chosen = [pick(own, key=lambda variant: variant.layer.weight_bits) for own in ways]
        for variant, layer in zip(
            chosen, request.layers_with(read_hls_config(configured(request.config, chosen))), strict=True
        ):
            if layer.data_bits != variant.layer.data_bits:
                raise ValueError(
                    f"choose['bits']: the input of layer {layer.name!r} would have {layer.data_bits} bits instead of "
                    f"{variant.layer.data_bits}, because hls4ml infers it from the weights before it; set the "
                    "Precision of that layer's result in hls_config"
                )


def _built(request: Request, hls_config: dict[str, Any], chosen: Sequence[_Way]) -> list[Layer]:
    """Read back what the configuration that was written says of the layers, as if it came from the user."""
    layers = request.layers_with(read_hls_config(hls_config))
    for way, layer in zip(chosen, layers, strict=True):
        if replace(way.variant.layer, requested_strategy=layer.requested_strategy) != layer:
            raise RuntimeError(f"layer {layer.name!r}: chose {way.variant.layer}, but the configuration gives {layer}")
    return layers
