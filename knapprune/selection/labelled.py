"""Select among labelled weights: build the knapsack, solve it, say what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knapprune.network.hls_config import as_dict
from knapprune.network.layers import Masks
from knapprune.selection.candidates import candidates
from knapprune.selection.items import items_of
from knapprune.selection.masks import kept, solve_knapsack
from knapprune.selection.minimum import check_caps
from knapprune.selection.outputs import last_layer, lost_outputs, outputs_first
from knapprune.selection.request import Outcome, Request
from knapsolve.nested.items import knapsack

if TYPE_CHECKING:
    from knapsolve import Solution


def select_labelled(request: Request) -> Outcome:
    """Keep the structures that are worth most within the budget.

    Where an output of the network would lose all of its weights, the best structure of each output is ranked before the
    others of the last layer, and what is kept is chosen anew.
    """
    layers, kernels, caps = request.before.layers, request.kernels, request.caps
    groups = candidates(
        request.hardware, layers, request.written, caps, request.structures, shared_words=request.shared_words
    )
    check_caps(request.hardware, groups, caps, request.before)
    prunable = [group for group in groups if group.prunable]
    values = [request.worth(group) for group in prunable]
    capacities = [cap.capacity - sum(group.fixed(cap) for group in groups) for cap in caps]

    def solved() -> tuple[Solution, Masks]:
        items = [items_of(group, value, caps) for group, value in zip(prunable, values, strict=True)]
        problem = knapsack([own.items for own in items], capacities)
        answer = solve_knapsack(problem, request.method.solver, request.method.time_limit)
        return answer, kept(groups, items, answer.selected)

    solution, keep = solved()
    last = last_layer(layers)
    for place, group in enumerate(prunable):
        if group.layer is last and lost_outputs(last, kernels[last.name], keep[last.name]).size:
            values[place] = outputs_first(group, kernels[last.name], values[place])
            solution, keep = solved()
    structures = {group.layer.name: group.structure for group in prunable}
    return Outcome(solution, keep, structures, layers, as_dict(request.config))
