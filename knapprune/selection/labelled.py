"""Select among labelled weights: build the knapsack, solve it, say what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from knapprune.network.hls_config import as_dict
from knapprune.network.layers import Masks
from knapprune.selection.candidates import Candidates, candidates
from knapprune.selection.items import LayerItems, items_of
from knapprune.selection.masks import kept, solve_knapsack
from knapprune.selection.minimum import check_caps
from knapprune.selection.outputs import last_layer, lost_outputs, outputs_first
from knapprune.selection.request import Outcome, Request
from knapsolve.nested.items import knapsack

if TYPE_CHECKING:
    from knapsolve import Knapsack, Solution


@dataclass(frozen=True)
class Labelled:
    """The structures of all layers, and what they are worth: a knapsack.

    Parameters
    ----------
    request
        What is asked for.
    groups
        The structures, a layer each.
    values
        What the living structures of each layer that can be pruned are worth.
    """

    request: Request
    groups: Sequence[Candidates]
    values: tuple[npt.NDArray[np.float64], ...]

    @property
    def prunable(self) -> list[Candidates]:
        """The layers that there is anything to choose of."""
        return [group for group in self.groups if group.prunable]

    @cached_property
    def items(self) -> list[LayerItems]:
        """The items of each of these layers."""
        caps = self.request.caps
        return [items_of(group, value, caps) for group, value in zip(self.prunable, self.values, strict=True)]

    @property
    def problem(self) -> Knapsack:
        """The knapsack."""
        caps = self.request.caps
        capacities = [cap.capacity - sum(group.fixed(cap) for group in self.groups) for cap in caps]
        return knapsack([own.items for own in self.items], capacities)

    def kept(self, selected: npt.NDArray[np.bool_]) -> Masks:
        """Say which weights selected items keep."""
        return kept(self.groups, self.items, selected)

    def worth(self, keep: Masks) -> float:
        """Say what the structures are worth that are kept."""
        total = 0.0
        for group, values in zip(self.prunable, self.values, strict=True):
            mask = keep[group.layer.name]
            labels = np.bincount(group.labels[mask], minlength=len(group.alive)) > 0
            total += float(values[labels[group.alive]].sum())
        return total

    def outputs_first(self, keep: Masks) -> Labelled | None:
        """Rank the best structure of each output first, if any output loses all of its weights; else None."""
        last = last_layer(self.request.before.layers)
        for place, group in enumerate(self.prunable):
            kernel = self.request.kernels[group.layer.name]
            if group.layer is last and lost_outputs(last, kernel, keep[last.name]).size:
                ranked = outputs_first(group, kernel, self.values[place])
                return replace(self, values=(*self.values[:place], ranked, *self.values[place + 1 :]))
        return None

    def outcome(self, solution: Solution) -> Outcome:
        """Say what a solution comes to."""
        structures = {group.layer.name: group.structure for group in self.prunable}
        request = self.request
        return Outcome(
            solution, self.kept(solution.selected), structures, request.before.layers, as_dict(request.config)
        )


def labelled(request: Request, groups: Sequence[Candidates]) -> Labelled:
    """Value the structures that can be pruned."""
    return Labelled(request, groups, tuple(request.worth(group) for group in groups if group.prunable))


def structures_of(request: Request) -> list[Candidates]:
    """List what can be pruned for a request."""
    return candidates(
        request.hardware,
        request.before.layers,
        request.written,
        request.caps,
        request.structures,
        shared_words=request.shared_words,
    )


def select_labelled(request: Request) -> Outcome:
    """Keep the structures that are worth most within the budget.

    Where an output of the network would lose all of its weights, the best structure of each output is ranked before the
    others of the last layer, and what is kept is chosen anew.
    """
    groups = structures_of(request)
    check_caps(request.hardware, groups, request.caps, request.before)
    asked = labelled(request, groups)
    outcome = asked.outcome(solve_knapsack(asked.problem, request.method.solver, request.method.time_limit))
    again = asked.outputs_first(outcome.keep)
    if again is None:
        return outcome
    return again.outcome(solve_knapsack(again.problem, request.method.solver, request.method.time_limit))
