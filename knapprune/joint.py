"""Choose reuse factors, weight widths and the weights to keep at once, for the most saliency within a budget."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.adapter import Adapter, written_kernels
from knapprune.budget import Budget, BudgetError, Cap, parse_budget, written
from knapprune.candidates import Candidates, layer_candidates
from knapprune.hardware.latency import latency
from knapprune.hardware.model import HardwareModel, HardwareWarning
from knapprune.hardware.resources import Resources, count
from knapprune.hls_config import HlsConfig, read_hls_config
from knapprune.items import Items, items_of
from knapprune.joint_bound import Option
from knapprune.joint_search import TOLERANCE, Found, items_of_options, search
from knapprune.layers import Kernels, Layer
from knapprune.masks import kept, masked, masks_of, solve_knapsack
from knapprune.minimum import Need, refuse_below
from knapprune.normalisation import Normalisation
from knapprune.saliency import Measure, structure_values
from knapprune.selection_check import check_result
from knapprune.selection_result import Selection
from knapprune.structures import Structure, unstructured
from knapprune.variants import Choose, Variant, check_choose, configured, variants
from knapsolve import Knapsack, Solution, Status, solve

LATENCY = "latency"
SECONDS_FOR_A_MINIMUM = 2.0
"""Time to find out how far one cap would have to be raised; without a proof nothing is said."""


@dataclass(frozen=True)
class _Way:
    """One variant of a layer with what can be pruned in it."""

    variant: Variant
    group: Candidates
    items: Items | None
    option: Option


def select_jointly(
    framework: Adapter,
    model: Any,
    config: HlsConfig,
    budget: Budget,
    choose: Choose,
    resource_model: HardwareModel,
    structure: str | Structure | Mapping[str, str | Structure],
    measure: Measure,
    normal: Normalisation,
    solver: str,
    time_limit: float,
) -> Selection:
    """Choose variants of all layers and the weights to keep; see :func:`knapprune.selection.select`.

    Reuse factors cut a layer into different rows. Their normalised values are scaled so that the whole layer is worth
    the same with each of them, as much as in the given configuration; a row of narrower weights is worth the share of
    its saliency that is left (:meth:`knapprune.variants.Variant.worth`).

    Parameters
    ----------
    framework, model, config
        The network.
    budget
        The caps, ``"latency"`` in clock cycles among them.
    choose
        What may be chosen.
    resource_model
        The hardware.
    structure, measure, normal, solver, time_limit
        As for `select`, looked up by name.

    Returns
    -------
    Selection
        With the configuration that was chosen.

    Raises
    ------
    BudgetError
        If the budget is malformed or no choice keeps it.
    ValueError
        If `choose` cannot be used.
    RuntimeError
        If no choice is found in time.
    """
    kernels = framework.kernels(model)
    of_chip = written_kernels(framework, model, kernels, config)
    layers = framework.layers(model, config)
    before = with_latency(count(resource_model, layers, of_chip, tuple(framework.untouched(model)), config.part))
    budgeted = parse_budget(budget, before)
    caps = tuple(cap for cap in budgeted if cap.asks(before)) or budgeted
    ways = variants(layers, of_chip, check_choose(choose, kernels))
    _check_data_widths(framework, model, config, ways)
    ways = _within_latency(ways, caps)
    by_layer = [
        _ways(
            number,
            layer,
            own,
            (kernels[layer.name], of_chip[layer.name]),
            caps,
            resource_model,
            structure,
            measure,
            normal,
        )
        for number, (layer, own) in enumerate(zip(layers, ways, strict=True))
    ]
    every = [way for own in by_layer for way in own]
    _check_minimum(by_layer, caps, before)

    found = search(
        [way.option for way in every],
        [cap.capacity for cap in caps],
        lambda problem, seconds: solve_knapsack(problem, solver, seconds),
        time_limit,
    )
    if not found.options:
        if not found.proved:
            raise RuntimeError(f"no choice that keeps the budget was found in {time_limit:g} s; allow more time")
        raise _contradiction(by_layer, caps)
    chosen = [every[number] for number in found.options]
    solution = _solution(found)
    groups = [way.group for way in chosen]
    keep = kept(groups, items_of_options([way.option for way in chosen]), solution.selected)
    masks = masks_of(resource_model, [group.layer for group in groups], kernels, keep)
    written = configured(config, [way.variant for way in chosen])
    after = _after(framework, model, written, chosen, resource_model, masked(of_chip, masks), before.uncounted)
    check_result(budgeted, after, masks, kernels)
    structures = {way.group.layer.name: way.group.structure for way in chosen if way.group.prunable}
    return Selection(masks, solution, after, before, budgeted, structures, written)


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


def with_latency(resources: Resources) -> Resources:
    """Add the estimated latency of each layer to its resources.

    Parameters
    ----------
    resources
        As counted.

    Returns
    -------
    Resources
        With ``"latency"``, in clock cycles.
    """
    own = {layer.name: {**resources.by_layer[layer.name], LATENCY: latency(layer)} for layer in resources.layers}
    return replace(resources, by_layer=own)


def _ways(
    number: int,
    layer: Layer,
    variants_of_layer: Sequence[Variant],
    kernels: tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]],
    caps: tuple[Cap, ...],
    resource_model: HardwareModel,
    structure: str | Structure | Mapping[str, str | Structure],
    measure: Measure,
    normal: Normalisation,
) -> list[_Way]:
    wanted = structure.get(layer.name, "auto") if isinstance(structure, Mapping) else structure
    capped = tuple(cap.counted for cap in caps if cap.covers(layer.name) and cap.resource != LATENCY)
    kernel, of_chip = kernels
    saliency = structure_values(measure, layer, kernel, unstructured(layer))

    def values_of(group: Candidates) -> npt.NDArray[np.float64]:
        return normal(_by_label(group, saliency))

    whole = float(values_of(layer_candidates(resource_model, layer, of_chip, capped, wanted)).sum())
    ways = []
    for variant in variants_of_layer:
        group = layer_candidates(resource_model, variant.layer, of_chip, capped, wanted)
        exact = _by_label(group, saliency)
        values = normal(exact)
        total = float(values.sum())
        if variant.weight_type is not None:
            left = _by_label(group, saliency * variant.worth(of_chip).ravel())
            values = values * np.divide(left, exact, out=np.zeros_like(left), where=exact > 0)
        values = values * (whole / total if total > 0 else 0.0)
        fixed = [
            latency(variant.layer) * cap.covers(layer.name) if cap.resource == LATENCY else group.fixed(cap)
            for cap in caps
        ]
        items = items_of(group, values, caps) if group.prunable else None
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


def _check_data_widths(framework: Adapter, model: Any, config: HlsConfig, ways: list[list[Variant]]) -> None:
    """Refuse widths that change the data between layers: what a layer costs would depend on the others' choice."""
    for pick in (min, max):
        chosen = [pick(own, key=lambda variant: variant.layer.weight_bits) for own in ways]
        for variant, layer in zip(chosen, _layers(framework, model, configured(config, chosen)), strict=True):
            if layer.data_bits != variant.layer.data_bits:
                raise ValueError(
                    f"choose['bits']: the input of layer {layer.name!r} would have {layer.data_bits} bits instead of "
                    f"{variant.layer.data_bits}, because hls4ml infers it from the weights before it; set the "
                    "Precision of that layer's result in hls_config"
                )


def _after(
    framework: Adapter,
    model: Any,
    written: dict[str, Any],
    chosen: Sequence[_Way],
    resource_model: HardwareModel,
    kernels: Kernels,
    uncounted: tuple[str, ...],
) -> Resources:
    """Count what is used with the configuration that was written, as if it came from the user."""
    layers = _layers(framework, model, written)
    for way, layer in zip(chosen, layers, strict=True):
        if replace(way.variant.layer, requested_strategy=layer.requested_strategy) != layer:
            raise RuntimeError(f"layer {layer.name!r}: chose {way.variant.layer}, but the configuration gives {layer}")
    return with_latency(count(resource_model, layers, kernels, uncounted, written["Part"]))


def _layers(framework: Adapter, model: Any, written: dict[str, Any]) -> list[Layer]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HardwareWarning)  # said once already, of the user's own configuration
        return framework.layers(model, read_hls_config(written))


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
