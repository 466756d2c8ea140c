"""Select whole channels, with all that goes with each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from knapprune.hardware.nothing import Nothing
from knapprune.hardware.resources import LUT, SIZES, Resources
from knapprune.hardware.structures import CHANNEL, KEPT
from knapprune.network.channels import ChannelMix, Flags, UnknownChannels
from knapprune.network.hls_config import HlsConfigError, as_dict
from knapprune.network.layers import Masks
from knapprune.selection.budget import BudgetError
from knapprune.selection.channels.asked import asks_for_sizes, check_structures
from knapprune.selection.channels.counting import count_smaller, smaller_layers
from knapprune.selection.channels.problem import ChannelProblem, dies_alone, parts_of, pinned, worth
from knapprune.selection.channels.search import ChannelSearch
from knapprune.selection.masks import masks_of
from knapprune.selection.minimum import Need, refuse_below
from knapprune.selection.request import Outcome, Request
from knapprune.shrinking.cuts import cuts_of
from knapprune.shrinking.groups import ChannelGroups, channel_groups
from knapprune.shrinking.sizes import Anatomy, with_sizes

_TIGHTER = 5
"""How often a budget is tightened that the smaller network, counted, does not keep."""


def select_channels(request: Request) -> Outcome:
    """Keep the channels that are worth most within the budget.

    What counts is what the smaller network uses. Where the count of that is above a cap, because hls4ml takes another
    reuse factor or infers another type for it, the cap is tightened by as much for the next search.
    """
    problem = channel_problem(request)
    method, capacities = request.method, [cap.capacity for cap in request.caps]

    def used(kept: Flags) -> tuple[npt.NDArray[np.int64], bool]:
        return _used(request, problem, kept)

    for _ in range(_TIGHTER):
        search = ChannelSearch(problem, request.caps, capacities, used, method.solver, method.time_limit)
        found = search.run()
        if found is None:
            raise BudgetError(
                f"{'; '.join(map(str, request.caps))}: no selection of whole channels was found that hls4ml builds as "
                "configured, expected a ReuseFactor that divides more sizes, or a larger budget"
            )
        kept, solution = found
        keep = _masks(request, problem.groups, kept)
        resources = _smaller(request, problem.groups, kept, keep)
        over = [max(cap.counted_use(resources) - cap.capacity, 0) for cap in request.caps]
        if not any(over):
            break
        capacities = [max(room - more, 0) for room, more in zip(capacities, over, strict=True)]
    structures = dict.fromkeys(keep, CHANNEL)
    layers = request.before.layers
    return Outcome(solution, keep, structures, layers, as_dict(request.config), resources=resources)


def _smaller(request: Request, groups: ChannelGroups, kept: Flags, keep: Masks) -> Resources:
    """Count the network that is left."""
    framework, hardware = request.framework, request.hardware
    if isinstance(hardware, Nothing):
        left = _anatomy(request).without(groups.removed(kept | ~groups.alive))
        return with_sizes(request.count(request.before.layers, request.written), left)
    masks = masks_of(hardware, request.before.layers, request.kernels, keep)
    masked = framework.apply(request.model, masks)
    try:
        return count_smaller(framework, masked, request.config, hardware, sized=asks_for_sizes(request.budget))
    except HlsConfigError as error:
        raise BudgetError(
            f"budget: the network that is left by whole channels cannot be built as configured ({error}); expected "
            "another budget, or a ReuseFactor that divides more sizes"
        ) from error


def channel_problem(request: Request) -> ChannelProblem:
    """Find the channels that can go, and refuse a budget that they cannot keep."""
    anatomy = _anatomy(request)
    check_structures(request.structures)
    if not request.budget:
        raise BudgetError(
            "budget: there is none, and there is always a choice of channels; expected one, such as {'parameters': 0.5}"
        )
    for cap in request.budget:
        if cap.counted == LUT and LUT not in request.hardware.resources:
            raise BudgetError(
                f"{cap}: look-up tables go by the values of single weights, expected dsp, bram18, parameters or macs "
                f"with structure {CHANNEL!r}"
            )
    groups = channel_groups(anatomy.graph, _whole(request, anatomy))
    if not groups.free.any():
        raise ValueError(_why_none(anatomy, request))
    layers, method = request.before.layers, request.method
    parts = parts_of(anatomy, groups, request.hardware, layers, request.written)
    values = worth(parts, groups, layers, request.kernels, method)
    problem = ChannelProblem(groups, parts, values, pinned(groups, values), dies_alone(anatomy, groups))
    _check_budget(request, problem)
    return problem


def _anatomy(request: Request) -> Anatomy:
    assert request.anatomy is not None
    return request.anatomy


def _whole(request: Request, anatomy: Anatomy) -> set[str]:
    """Name the layers that must stay whole: as asked, or because their kernels cannot be masked."""
    masked = {layer.name for layer in request.before.layers if request.structures[layer.name] != KEPT}
    kernels: dict[str, list[str]] = {}
    for own in anatomy.weights:
        if own.kernel:
            kernels.setdefault(own.layer, []).append(own.kernel)
    whole = {layer for layer, own in kernels.items() if not masked.issuperset(own)}
    mixes = {name for name, own in anatomy.operations.items() if isinstance(own, ChannelMix)}
    return whole | (mixes - kernels.keys())


def _check_budget(request: Request, problem: ChannelProblem) -> None:
    """Refuse a budget that not even one channel of each tensor keeps, or of which channels save nothing."""
    today, _ = _used(request, problem, problem.groups.alive)
    least, _ = _used(request, problem, problem.least)
    for cap, now, then in zip(request.caps, today, least, strict=True):
        if now == then and now > cap.capacity:
            raise BudgetError(f"{cap}: whole channels save no {cap.resource} here, {cap.of_counted(int(now))} stay")
    refuse_below(
        (
            Need(cap, cap.of_counted(int(then)), cap.of_counted(int(now)))
            for cap, now, then in zip(request.caps, today, least, strict=True)
        ),
        "with the best channel of each tensor",
    )


def _used(request: Request, problem: ChannelProblem, kept: Flags) -> tuple[npt.NDArray[np.int64], bool]:
    """Count what a selection uses of each cap, and say whether hls4ml builds it as it is configured."""
    anatomy, groups = _anatomy(request), problem.groups
    if problem.proves:  # nothing else dies, and constants are neither found nor folded
        cuts = groups.cuts(anatomy.operations, kept)
    else:
        anatomy = anatomy.without(groups.removed(kept | ~groups.alive))
        cuts = cuts_of(anatomy.graph)
    layers = smaller_layers(anatomy, cuts, request.before.layers)
    use: Mapping[str, Mapping[str, int]] = {}
    if any(cap.counted not in SIZES for cap in request.caps):
        use = {own.layer.name: own.use(request.hardware, request.written) for own in layers}
    sizes = anatomy.sizes(cuts)
    counts = [(cap, sizes if cap.counted in SIZES else use) for cap in request.caps]
    totals = [sum(own[cap.counted] for name, own in count.items() if cap.covers(name)) for cap, count in counts]
    return np.array(totals, dtype=np.int64), all(own.built for own in layers)


def _masks(request: Request, groups: ChannelGroups, kept: Flags) -> Masks:
    """Mask what goes into and out of channels that are removed; of dead ones, what is zero stays so."""
    anatomy = _anatomy(request)
    operations = anatomy.operations
    known = {layer.name for layer in request.before.layers}
    gone, dead = groups.removed(kept | ~groups.alive), groups.removed(groups.alive)
    masks: Masks = {}
    for own in anatomy.weights:
        operation = operations.get(own.layer)
        if own.kernel not in known or operation is None:
            continue
        mask, living = np.ones(own.shape, bool), request.kernels[own.kernel] != 0
        touched = False
        for axis, tensor in ((own.input_axis, operation.input), (own.output_axis, operation.output)):
            if axis is None:
                continue
            shape = [-1 if place == axis % len(own.shape) else 1 for place in range(len(own.shape))]
            times = own.shape[axis] // len(gone[tensor])
            mask &= ~np.repeat(gone[tensor], times).reshape(shape)
            mask &= ~np.repeat(dead[tensor], times).reshape(shape) | living
            touched = touched or bool((groups.free | ~groups.alive)[groups.of[tensor]].any())
        if touched:
            masks[own.kernel] = mask
    return masks


def _why_none(anatomy: Anatomy, request: Request) -> str:
    unknown = [
        own.layer for own in anatomy.graph.operations if isinstance(own, UnknownChannels) and own.layer is not None
    ]
    whole = sorted(name for name, own in request.structures.items() if own == KEPT)
    reasons = [
        f"how layers {', '.join(map(repr, unknown))} compute their channels is not followed" if unknown else "",
        f"layers {', '.join(map(repr, whole))} are kept whole" if whole else "",
    ]
    why = "; ".join(reason for reason in reasons if reason) or "all are inputs or outputs"
    return f"structure {CHANNEL!r}: no channel of the model can go: {why}; expected another structure"
