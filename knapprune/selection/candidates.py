"""What can be pruned in each layer, and what that saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hardware_model import HardwareModel, LabelCosts, SharedWords, SharesWords
from knapprune.hardware.structures import KEPT, ROW_AND_WORD, Structure, labels
from knapprune.network.layers import Kernels, Layer
from knapprune.selection.budget import Cap


@dataclass(frozen=True)
class Candidates:
    """The structures of one layer.

    Parameters
    ----------
    layer
        The layer.
    structure
        The structure's name.
    labels
        Shape of the kernel, integers from 0.
    alive
        Shape (labels,): whether a label has a weight that is not zero. The others are pruned already.
    costs
        What each label uses now, and what no label decides; without what `words` are paid for.
    resources
        The hardware model's resources, in the order of ``costs``.
    prunable
        Whether pruning it saves anything that is capped.
    words
        The memory words that labels share, where they are items together with the labels.
    """

    layer: Layer
    structure: str
    labels: npt.NDArray[np.int64]
    alive: npt.NDArray[np.bool_]
    costs: LabelCosts
    resources: tuple[str, ...]
    prunable: bool
    words: SharedWords | None = None

    def saves(self, cap: Cap) -> bool:
        """Say whether pruning the layer saves something of what is capped."""
        return bool(self.cost_of_types(cap).any()) or self.cost_of_words(cap) > 0

    def cost_of_words(self, cap: Cap) -> int:
        """Say what a unit of a shared word's cost counts towards a cap."""
        return int(self.words is not None and self.words.resource == cap.counted and cap.covers(self.layer.name))

    def cost_of_types(self, cap: Cap) -> npt.NDArray[np.int64]:
        """Say what a label of each type counts towards a cap."""
        if not cap.covers(self.layer.name) or cap.counted not in self.resources:
            return np.zeros_like(self.costs.type_costs[0])
        costs: npt.NDArray[np.int64] = self.costs.type_costs[self.resources.index(cap.counted)]
        return costs

    def fixed(self, cap: Cap) -> int:
        """Say what counts towards a cap whatever is selected."""
        if not cap.covers(self.layer.name):
            return 0
        own = 0 if self.prunable else int(self.cost_of_types(cap)[self.costs.label_type].sum())
        return self.costs.fixed[cap.counted] + own


def candidates(
    resource_model: HardwareModel,
    layers: Sequence[Layer],
    kernels: Kernels,
    caps: tuple[Cap, ...],
    structure: str | Structure | Mapping[str, str | Structure],
    *,
    shared_words: bool = True,
) -> list[Candidates]:
    """List what can be pruned in each layer."""
    groups = []
    for layer, wanted in zip(layers, by_layer(structure, layers), strict=True):
        capped = tuple(cap.counted for cap in caps if cap.covers(layer.name))
        kernel = kernels[layer.name]
        groups.append(layer_candidates(resource_model, layer, kernel, capped, wanted, shared_words=shared_words))
    return groups


def by_layer(structure: Any, layers: Sequence[Layer]) -> list[Any]:
    """Say which structure was asked for in each layer."""
    if not isinstance(structure, Mapping):
        return [structure] * len(layers)
    if unknown := structure.keys() - {layer.name for layer in layers}:
        raise ValueError(f"structure: no layers {sorted(unknown)}, expected some of {[layer.name for layer in layers]}")
    return [structure.get(layer.name, "auto") for layer in layers]


def layer_candidates(
    resource_model: HardwareModel,
    layer: Layer,
    kernel: npt.NDArray[np.generic],
    capped: tuple[str, ...],
    structure: str | Structure,
    *,
    shared_words: bool = True,
) -> Candidates:
    """List what can be pruned in one layer."""
    wanted = resource_model.structure(layer, capped) if structure == "auto" else structure
    label_array = labels(layer, wanted, kernel)
    costs, words = _costs(resource_model, layer, label_array, kernel, capped, wanted == ROW_AND_WORD)
    resources = resource_model.resources
    if wanted == KEPT:
        costs, words = _fixed(costs, resources), None
    if structure == "auto" and words is not None and not shared_words:
        return layer_candidates(resource_model, layer, kernel, capped, "bram-run")
    rows = [resources.index(name) for name in capped]
    name = wanted if isinstance(wanted, str) else getattr(wanted, "__name__", "own")
    return Candidates(
        layer=layer,
        structure=name,
        labels=label_array,
        alive=np.bincount(label_array[kernel != 0], minlength=len(costs.label_type)) > 0,
        costs=costs,
        resources=resources,
        prunable=words is not None or bool(costs.type_costs[rows].any()),
        words=words,
    )


def could_save(resource_model: HardwareModel, group: Candidates, cap: Cap) -> bool:
    """Say whether pruning a layer would save something if it were not pruned already."""
    if group.structure == KEPT:
        return False
    dense = np.ones(group.layer.kernel_shape, dtype=bool)
    shared = group.structure == ROW_AND_WORD
    costs, words = _costs(resource_model, group.layer, group.labels, dense, (cap.counted,), shared)
    return words is not None or bool(costs.type_costs[group.resources.index(cap.counted)].any())


def _fixed(costs: LabelCosts, resources: Sequence[str]) -> LabelCosts:
    """Count all that labels use as what stays."""
    used = costs.type_costs[:, costs.label_type].sum(axis=1)
    fixed = {name: costs.fixed[name] + int(own) for name, own in zip(resources, used, strict=True)}
    return LabelCosts(costs.label_type, np.zeros_like(costs.type_costs), {**costs.fixed, **fixed})


def _costs(
    resource_model: HardwareModel,
    layer: Layer,
    label_array: npt.NDArray[np.int64],
    kernel: npt.NDArray[np.generic],
    capped: tuple[str, ...],
    share_words: bool,
) -> tuple[LabelCosts, SharedWords | None]:
    """Split what a layer uses by label, and by shared word where those are asked for and their resource is capped."""
    costs = resource_model.costs(layer, label_array, kernel)
    if not share_words:
        return costs, None
    if not isinstance(resource_model, SharesWords):
        raise ValueError(
            f"structure {ROW_AND_WORD!r}: hardware model {type(resource_model).__name__} states no shared words, "
            "expected a method words(layer, kernel)"
        )
    words = resource_model.words(layer, kernel)
    if words is None or words.resource not in capped or not np.any(kernel):
        return costs, None
    type_costs = costs.type_costs.copy()
    type_costs[resource_model.resources.index(words.resource)] = 0
    return LabelCosts(costs.label_type, type_costs, {**costs.fixed, words.resource: 0}), words
