"""Choose how many weights the fetch groups of each layer lose: one option a layer, the most saliency within the budget.

Within a layer and for a given p the best weights are known (:meth:`knapprune.hardware.fetch_groups.FetchGroup.ranks`),
so all that is left to choose is p, by layer: a multiple-choice knapsack of at most g options a layer, solved with
proof. Where p is given there is one option.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from knapprune.hardware.fetch_groups import FetchGroup, fetch_group
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import Resources
from knapprune.hardware.structures import KEPT, Structure, unstructured
from knapprune.network.hls_config import as_dict
from knapprune.network.layers import Kernels, Layer
from knapprune.saliency import Measure, structure_values
from knapprune.saliency.normalisation import Normalisation
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import by_layer
from knapprune.selection.masks import solve_knapsack
from knapprune.selection.minimum import Need, refuse_below
from knapprune.selection.request import Outcome, Request

if TYPE_CHECKING:
    from knapsolve import Knapsack

AnyStructure = str | Structure | FetchGroup


def whole(structure: AnyStructure) -> AnyStructure:
    """Say of a layer in the same terms that all of it is kept."""
    group = fetch_group(structure)
    return KEPT if group is None else replace(group, pruned=0)


@dataclass(frozen=True)
class GroupOptions:
    """What one layer's fetch groups can keep.

    Parameters
    ----------
    layer
        The layer.
    group
        Its groups, with p where that is given.
    ranks
        Shape of the kernel: rank of each weight in its group, 0 for the most salient.
    kept
        Shape (options,), ascending: weights that each group keeps.
    values
        Shape (options,): saliency of all that is kept.
    costs
        What the layer then uses, by option.
    """

    layer: Layer
    group: FetchGroup
    ranks: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    costs: tuple[Mapping[str, int], ...]

    def mask(self, option: int) -> npt.NDArray[np.bool_]:
        """Return the weights that an option keeps."""
        mask: npt.NDArray[np.bool_] = self.ranks < self.kept[option]
        return mask

    def name(self, option: int) -> str:
        """Name the structure with the p of an option."""
        whole = self.kept[option] >= self.group.length(self.layer)
        pruned = 0 if whole else self.group.size - int(self.kept[option])
        return str(self.group if self.group.pruned is not None else replace(self.group, pruned=pruned))

    def cost(self, cap: Cap) -> npt.NDArray[np.int64]:
        """Say what each option counts towards a cap."""
        counts = [cost[cap.counted] if cap.covers(self.layer.name) else 0 for cost in self.costs]
        return np.array(counts, dtype=np.int64)


def select_fetch_groups(request: Request, groups: Mapping[str, FetchGroup]) -> Outcome:
    """Choose p of each layer, where it is not given, and keep the best weights of each group."""
    layers = request.before.layers
    choices = options(request.hardware, layers, request.kernels, groups, request.method.measure, request.method.normal)
    check_minimum(choices, request.caps, request.before)
    solution = solve_knapsack(knapsack(choices, request.caps), request.method.solver, request.method.time_limit)
    keep, structures = masks_and_names(choices, solution.selected)
    return Outcome(solution, keep, structures, layers, as_dict(request.config))


def fetch_groups(
    resource_model: HardwareModel,
    layers: Sequence[Layer],
    caps: tuple[Cap, ...],
    structure: AnyStructure | Mapping[str, AnyStructure],
) -> dict[str, FetchGroup] | None:
    """Find the fetch groups of each layer, if that is what is asked for."""
    by_name: dict[str, FetchGroup] = {}
    for layer, wanted in zip(layers, by_layer(structure, layers), strict=True):
        if wanted == "auto":
            wanted = resource_model.structure(layer, tuple(cap.counted for cap in caps if cap.covers(layer.name)))
        group = fetch_group(wanted)
        if group is not None:
            by_name[layer.name] = group
    if not by_name:
        return None
    if missing := [layer.name for layer in layers if layer.name not in by_name]:
        raise ValueError(
            f"structure: layers {missing} have no fetch groups and others have; expected fetch groups for all: "
            "p = 0 leaves a layer whole"
        )
    return by_name


def options(
    resource_model: HardwareModel,
    layers: Sequence[Layer],
    kernels: Kernels,
    groups: Mapping[str, FetchGroup],
    measure: Measure,
    normal: Normalisation,
) -> list[GroupOptions]:
    """List what each layer can keep, without what another option of the layer makes pointless."""
    choices = []
    for layer in layers:
        group, kernel = groups[layer.name], kernels[layer.name]
        if not layer.size:  # it only scales: nothing to choose, but it counts
            use = resource_model.use(layer, kernel)
            nothing = np.zeros(layer.kernel_shape, dtype=np.int64)
            choices.append(GroupOptions(layer, group, nothing, np.ones(1, np.int64), np.zeros(1), (use,)))
            continue
        alive = (kernel != 0).ravel()
        values = np.zeros(layer.size)
        values[alive] = normal(structure_values(measure, layer, kernel, unstructured(layer))[alive])
        ranks = group.ranks(layer, values.reshape(layer.kernel_shape))
        by_rank = np.bincount(ranks.ravel(), weights=values, minlength=group.length(layer))
        if group.pruned is None:
            kept = np.arange(1, group.length(layer) + 1)
        else:
            kept = np.array([min(group.size - group.pruned, group.length(layer))])
        worth = by_rank.cumsum()[kept - 1]
        costs = [resource_model.use(layer, (ranks < count) & (kernel != 0)) for count in kept]
        useful = _useful(worth, costs)
        chosen = tuple(costs[option] for option in useful)
        choices.append(GroupOptions(layer, group, ranks, kept[useful], worth[useful], chosen))
    return choices


def check_minimum(choices: Sequence[GroupOptions], caps: tuple[Cap, ...], before: Resources) -> None:
    """Refuse a budget that no choice of p keeps.

    Keeping fewer weights uses less of every resource, so what keeps each cap alone keeps all of them.
    """
    given = all(layer.group.pruned is not None for layer in choices)
    refuse_below(
        [
            Need(cap, cap.of_counted(sum(int(layer.cost(cap).min()) for layer in choices)), cap.use(before))
            for cap in caps
        ],
        "with the p that is given" if given else "whatever p is chosen",
    )


def knapsack(choices: Sequence[GroupOptions], caps: tuple[Cap, ...]) -> Knapsack:
    """Build the multiple-choice problem: one class a layer, exactly one of its options is taken."""
    from knapsolve import Knapsack

    counts = [len(layer.kept) for layer in choices]
    rows = [np.concatenate([layer.cost(cap) for layer in choices]) for cap in caps]
    # Where every p is given there need be no budget; a problem has at least one row.
    weights = np.stack(rows) if rows else np.zeros((1, sum(counts)), dtype=np.int64)
    return Knapsack(
        np.concatenate([layer.values for layer in choices]),
        weights,
        [cap.capacity for cap in caps] or [0],
        choices=np.repeat(np.arange(len(choices)), counts),
        exactly_one=True,
    )


def masks_and_names(
    choices: Sequence[GroupOptions], selected: npt.NDArray[np.bool_]
) -> tuple[dict[str, npt.NDArray[np.bool_]], dict[str, str]]:
    """Read the answer."""
    masks, names, start = {}, {}, 0
    for layer in choices:
        option = int(np.flatnonzero(selected[start : start + len(layer.kept)])[0])
        start += len(layer.kept)
        masks[layer.layer.name], names[layer.layer.name] = layer.mask(option), layer.name(option)
    return masks, names


def _useful(worth: npt.NDArray[np.float64], costs: Sequence[Mapping[str, int]]) -> npt.NDArray[np.int64]:
    """Drop an option that is worth no more than the one before it, and one that costs what a more valuable one does."""
    rising = [option for option in range(len(worth)) if option == 0 or worth[option] > worth[option - 1]]
    pairs = zip(rising, [*rising[1:], None], strict=True)
    return np.array([this for this, after in pairs if after is None or costs[this] != costs[after]])
