"""Choose reuse factors, weight widths and the weights to keep at once, for the most saliency within a budget."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hardware_model import HardwareWarning
from knapprune.hardware.latency import latency
from knapprune.hardware.resources import LATENCY, Resources, covered
from knapprune.hardware.structures import unstructured
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.layers import Layer
from knapprune.saliency import structure_values
from knapprune.selection.budget import BudgetError, Cap, written
from knapprune.selection.candidates import Candidates, layer_candidates
from knapprune.selection.items import Items, items_of
from knapprune.selection.joint_bound import Option
from knapprune.selection.joint_search import TOLERANCE, Found, items_of_options, search
from knapprune.selection.masks import kept, solve_knapsack
from knapprune.selection.minimum import Need, refuse_below
from knapprune.selection.request import Outcome, Request
from knapprune.selection.variants import Choose, Variant, check_choose, configured, variants
from knapsolve import Knapsack, Solution, Status, solve

SECONDS_FOR_A_MINIMUM = 2.0
"""Time to find out how far one cap would have to be raised; without a proof nothing is said."""


@dataclass(frozen=True)
class _Way:
    """One variant of a layer with what can be pruned in it."""

    variant: Variant
    group: Candidates
    items: Items | None
    option: Option


def select_jointly(request: Request, choose: Choose) -> Outcome:
    """Choose variants of all layers and the weights to keep; see :func:`knapprune.selection.selecting.select`.

    Reuse factors cut a layer into different rows. Their normalised values are scaled so that the whole layer is worth
    the same with each of them, as much as in the given configuration; a row of narrower weights is worth the share of
    its saliency that is left (:meth:`knapprune.selection.variants.Variant.worth`).
    """
    layers, caps = request.before.layers, request.caps
    ways = variants(layers, request.written, check_choose(choose, [layer.name for layer in layers]))
    _check_data_widths(request, ways)
    ways = _within_latency(ways, caps)
    by_layer = [
        _ways(request, number, layer, own) for number, (layer, own) in enumerate(zip(layers, ways, strict=True))
    ]
    every = [way for own in by_layer for way in own]
    _check_minimum(by_layer, caps, request.before)

    found = search(
        [way.option for way in every],
        [cap.capacity for cap in caps],
        lambda problem, seconds: solve_knapsack(problem, request.solver, seconds),
        request.time_limit,
    )
    if not found.options:
        if not found.proved:
            raise RuntimeError(
                f"no choice that keeps the budget was found in {request.time_limit:g} s; allow more time"
            )
        raise _contradiction(by_layer, caps)
    chosen = [every[number] for number in found.options]
    solution = _solution(found)
    groups = [way.group for way in chosen]
    keep = kept(groups, items_of_options([way.option for way in chosen]), solution.selected)
    structures = {group.layer.name: group.structure for group in groups if group.prunable}
    hls_config = configured(request.config, [way.variant for way in chosen])
    return Outcome(solution, keep, structures, _built(request, hls_config, chosen), hls_config)


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


def _ways(request: Request, number: int, layer: Layer, variants_of_layer: Sequence[Variant]) -> list[_Way]:
    """Say of each variant of a layer, the one of that number, what can be pruned in it and what that is worth."""
    wanted = request.structures[layer.name]
    capped = tuple(cap.counted for cap in request.caps_on_weights if cap.covers(layer.name))
    of_chip, normal, shared_words = request.written[layer.name], request.normal, request.shared_words
    saliency = structure_values(request.measure, layer, request.kernels[layer.name], unstructured(layer))

    def group_of(built: Layer) -> Candidates:
        return layer_candidates(request.hardware, built, of_chip, capped, wanted, shared_words=shared_words)

    whole = float(normal(_by_label(group_of(layer), saliency)).sum())
    ways = []
    for variant in variants_of_layer:
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
        ways.append(_Way(variant, group, items, Option(number, given, np.array(fixed, dtype=np.int64), items)))
    return ways


def _by_label(group: Candidates, of_weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sums = np.bincount(group.labels.ravel(), weights=of_weights, minlength=len(group.alive))[group.alive]
    return sums.astype(np.float64, copy=False)


def _check_minimum(by_layer: Sequence[Sequence[_Way]], caps: tuple[Cap, ...], before: Resources) -> None:
    """Refuse a budget that is below what every choice uses, each cap by itself."""
    needs = [
        Need(
            cap,
            cap.of_counted(sum(min(int(way.option.fixed[row]) for way in own) for own in by_layer)),
            cap.use(before),
        )
        for row, cap in enumerate(caps)
    ]
    # Variants that take too long are left out already, so beside a latency that is too small nothing else is certain.
    late = [need for need in needs if need.cap.resource == LATENCY and need.cap.limit < need.least]
    beside = [str(cap) for cap in caps if cap.resource == LATENCY and not late]
    refuse_below(late or needs, " beside ".join(["whatever is chosen and pruned", *beside]))


def _contradiction(by_layer: Sequence[Sequence[_Way]], caps: tuple[Cap, ...]) -> BudgetError:
    """Say how far each cap has to be raised so that some choice keeps all of them."""
    lines = [f"{'; '.join(map(str, caps))}: no reuse factors and widths to choose from keep all of these"]
    for row, cap in enumerate(caps):
        least = _least_beside(by_layer, caps, row)
        if least is not None:
            lines.append(f"  the others allow {written([replace(cap, limit=cap.of_counted(least))])} at least")
    return BudgetError("\n".join(lines))


def _least_beside(by_layer: Sequence[Sequence[_Way]], caps: tuple[Cap, ...], row: int) -> int | None:
    """Find the least that stays in use for one cap while all others are kept; None where it cannot be proved."""
    fixed = np.stack([way.option.fixed for own in by_layer for way in own], axis=1)
    most = int(fixed[row].max())
    others = [number for number in range(len(caps)) if number != row]
    if not others:
        return None
    found = solve(
        Knapsack(
            (most - fixed[row]).astype(np.float64),
            fixed[others],
            [caps[number].capacity for number in others],
            choices=np.repeat(np.arange(len(by_layer)), [len(own) for own in by_layer]),
            exactly_one=True,
        ),
        time_limit=SECONDS_FOR_A_MINIMUM,
    )
    return int(fixed[row][found.selected].sum()) if found.status == Status.OPTIMAL else None


def _check_data_widths(request: Request, ways: list[list[Variant]]) -> None:
    """Refuse widths that change the data between layers: what a layer costs would depend on the others' choice."""
    for pick in (min, max):
        chosen = [pick(own, key=lambda variant: variant.layer.weight_bits) for own in ways]
        for variant, layer in zip(chosen, _layers(request, configured(request.config, chosen)), strict=True):
            if layer.data_bits != variant.layer.data_bits:
                raise ValueError(
                    f"choose['bits']: the input of layer {layer.name!r} would have {layer.data_bits} bits instead of "
                    f"{variant.layer.data_bits}, because hls4ml infers it from the weights before it; set the "
                    "Precision of that layer's result in hls_config"
                )


def _built(request: Request, hls_config: dict[str, Any], chosen: Sequence[_Way]) -> list[Layer]:
    """Read back what the configuration that was written says of the layers, as if it came from the user."""
    layers = _layers(request, hls_config)
    for way, layer in zip(chosen, layers, strict=True):
        if replace(way.variant.layer, requested_strategy=layer.requested_strategy) != layer:
            raise RuntimeError(f"layer {layer.name!r}: chose {way.variant.layer}, but the configuration gives {layer}")
    return layers


def _layers(request: Request, hls_config: dict[str, Any]) -> list[Layer]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HardwareWarning)  # said once already, of the user's own configuration
        layers = request.framework.layers(request.model, read_hls_config(hls_config))
    return covered(request.hardware, layers, ())[0]


def _solution(found: Found) -> Solution:
    """State value, bound and status of the whole choice in place of the last selection's."""
    assert found.solution is not None
    return replace(
        found.solution,
        value=found.value,
        bound=found.bound,
        status=Status.OPTIMAL if found.proved else Status.FEASIBLE,
        tolerance=max(found.solution.tolerance, TOLERANCE),
        trace=(*found.solution.trace, f"joint choice: {found.nodes} nodes, {found.leaves} selections"),
    )
