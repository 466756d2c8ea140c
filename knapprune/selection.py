"""Select the weights a budget allows: build the knapsack, solve it, turn the answer into masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

from knapprune import group_selection
from knapprune.adapters.adapter import ConfiguredAdapter, adapter, training_adapter, written_kernels
from knapprune.budget import Budget, BudgetError, parse_budget, with_part
from knapprune.candidates import Candidates, candidates
from knapprune.configuration import configuration
from knapprune.group_selection import AnyStructure
from knapprune.hardware.model import HardwareModel
from knapprune.hardware.model import hardware as find_hardware
from knapprune.hardware.resources import count, covered
from knapprune.hls_config import HlsConfigSource, Overrides, as_dict
from knapprune.items import items_of, knapsack
from knapprune.last_layer import last_layer, lost_outputs, outputs_first
from knapprune.layers import Masks
from knapprune.masks import kept, masked, masks_of, solve_knapsack
from knapprune.minimum import check_caps
from knapprune.normalisation import Normalisation, normalisation
from knapprune.saliency import Saliency, Statistics, needs_data, saliency_of, structure_values
from knapprune.selection_check import SelectionWarning, check_result
from knapprune.selection_result import Selection
from knapprune.variants import Choose

if TYPE_CHECKING:
    from knapprune.structures import Structure
    from knapsolve import Solution

    Labelled = str | Structure | Mapping[str, str | Structure]


def select(
    model: Any,
    hls_config: HlsConfigSource | None = None,
    budget: Budget | None = None,
    *,
    structure: AnyStructure | Mapping[str, AnyStructure] = "auto",
    saliency: str | Saliency = "l1",
    normalise: str | Normalisation = "lamp",
    solver: str = "auto",
    time_limit: float = 10.0,
    data: Any = None,
    batch_size: int = 32,
    choose: Choose | None = None,
    hardware: str | HardwareModel = "hls4ml",
    **overrides: Unpack[Overrides],
) -> Selection:
    """Choose which weights to keep so that the most saliency fits the budget.

    Where an output of the network would lose all of its weights, the best structure of each output is ranked before the
    others of the last layer, and what is kept is chosen anew; with ``choose`` there is a warning only.

    Parameters
    ----------
    model
        The network.
    hls_config
        The dict that ``hls4ml.utils.config_from_keras_model`` returns, or a YAML file in hls4ml's form. ``{}``, its
        defaults, will do for hardware that hls4ml does not write. None for an hls4ml graph, which carries its own.
    budget
        By resource, a fraction of today's use (a float from 0 to 1) or an absolute count; by layer name, such a mapping
        for that layer alone. ``{"part": "xcku115-flvb2104-2-i"}`` is what that chip has, and ``"share": 0.8`` with it a
        share of it; the part then takes the place of the configuration's. None where the structure leaves nothing to
        choose: fetch groups with p given.
    structure
        Which weights live and die together: ``"auto"`` takes the finest that saves what is budgeted and that the solver
        takes; a name, a function or one of these by layer name. Or :class:`~knapprune.fetch_groups.FetchGroup`, or its
        name: every group of g weights loses p, and where p is not given it is chosen by layer.
    saliency
        ``"l1"``, ``"l2"``, or, with data, ``"taylor"``, ``"fisher"``, ``"gauss-newton"``, ``"hessian"``,
        ``"movement"``; or a function of layer and kernel, or of layer, kernel and gradients (with data): see
        :mod:`knapprune.saliency`.
    normalise
        How layers are made comparable: see :mod:`knapprune.normalisation`.
    solver, time_limit
        For :func:`knapsolve.solve`; the time is in seconds, and for each of the two where one solve is followed by
        another.
    data, batch_size
        ``(inputs, targets)`` for gradients, and how many samples of it are used at a time; or a ``tf.data.Dataset``, a
        ``keras.utils.PyDataset`` or a torch ``DataLoader``, which come in batches of their own.
    choose
        What to choose for each layer beside its weights: ``{"reuse_factor": "legal"}``, or a list of reuse factors,
        and ``{"bits": [8, 12, 16]}`` for the width of the weights; either may be a mapping by layer name. The budget
        may then cap ``"latency"`` too, an estimate in clock cycles. See :mod:`knapprune.joint`.
    hardware
        The resource model, or its name.
    overrides
        ``backend``, ``io_type``, ``part`` and ``clock_period``, in place of the configuration's own.

    Returns
    -------
    Selection
        Masks and all that is known of them.

    Raises
    ------
    BudgetError
        If the budget is malformed, below what cannot be pruned, or asks what no strategy in the model can save.
    TypeError
        If no adapter knows the model, or gradients are wanted of one that cannot be trained.
    ValueError
        If another argument cannot be used.
    RuntimeError
        If the solver is stopped before it has any selection.

    Warns
    -----
    HardwareWarning
        Where hls4ml would change a setting, or a layer cannot save a budgeted resource.
    SelectionWarning
        Where a layer loses all of its weights, or an output of the last layer does.
    """
    framework = adapter(model)
    config = configuration(framework, model, hls_config, **with_part(overrides, budget))
    resource_model = find_hardware(hardware, config.part, config.backend)
    normal = normalisation(normalise)
    statistics = None
    if data is not None and needs_data(saliency):
        statistics = Statistics(training_adapter(framework, model), model, data, batch_size)
    measure = saliency_of(saliency, statistics)
    labelled = cast("Labelled", structure)
    if choose is not None:
        from knapprune.joint import select_jointly

        if isinstance(framework, ConfiguredAdapter):
            raise ValueError(
                f"choose: a {type(model).__qualname__} is configured already; give the model that it was converted "
                "from, and convert that again with the selection's hls_config"
            )
        if budget is None:
            raise BudgetError("budget: got None, expected one to choose under")
        return select_jointly(
            framework, model, config, budget, choose, resource_model, labelled, measure, normal, solver, time_limit
        )
    kernels = framework.kernels(model)
    written = written_kernels(framework, model, kernels, config)
    layers, uncounted = covered(resource_model, framework.layers(model, config), framework.untouched(model))
    before = count(resource_model, layers, written, uncounted, config.part)
    budgeted = () if budget is None else parse_budget(budget, before)
    caps = tuple(cap for cap in budgeted if cap.asks(before)) or budgeted
    fetched = group_selection.fetch_groups(resource_model, before.layers, caps, structure)
    if budget is None and not (fetched and all(group.pruned is not None for group in fetched.values())):
        raise BudgetError("budget: got None, expected one: only fetch groups with p given leave nothing to choose")
    if fetched is not None:
        found = group_selection.options(resource_model, before.layers, kernels, fetched, measure, normal)
        group_selection.check_minimum(found, caps, before)
        solution = solve_knapsack(group_selection.knapsack(found, caps), solver, time_limit)
        keep, structures = group_selection.masks_and_names(found, solution.selected)
    else:
        groups = candidates(resource_model, before.layers, written, caps, labelled)
        if any(group.words is not None for group in groups) and not _takes_choices(solver):
            groups = candidates(resource_model, before.layers, written, caps, _with_runs(groups, labelled))
        check_caps(resource_model, groups, caps, before)
        prunable = [group for group in groups if group.prunable]
        values = [
            normal(structure_values(measure, group.layer, kernels[group.layer.name], group.labels)[group.alive])
            for group in prunable
        ]
        capacities = [cap.capacity - sum(group.fixed(cap) for group in groups) for cap in caps]

        def solved() -> tuple[Solution, Masks]:
            items = [items_of(group, value, caps) for group, value in zip(prunable, values, strict=True)]
            found = solve_knapsack(knapsack(items, capacities), solver, time_limit)
            return found, kept(groups, items, found.selected)

        solution, keep = solved()
        last = last_layer(before.layers)
        for place, group in enumerate(prunable):
            if group.layer is last and lost_outputs(last, kernels[last.name], keep[last.name]).size:
                values[place] = outputs_first(group, kernels[last.name], values[place])
                solution, keep = solved()
        structures = {group.layer.name: group.structure for group in prunable}
    masks = masks_of(resource_model, before.layers, kernels, keep)
    after = count(resource_model, layers, masked(written, masks), uncounted, config.part)
    check_result(budgeted, after, masks, kernels)
    return Selection(masks, solution, after, before, budgeted, structures, as_dict(config))


def _takes_choices(solver: str) -> bool:
    from knapsolve.solver import AUTO, load

    return solver == AUTO or load(solver).capabilities.choices


def _with_runs(groups: Sequence[Candidates], structure: Labelled) -> Labelled:
    """Take whole runs of rows where rows and words were not asked for by name."""
    found: dict[str, str | Structure] = {}
    for group in groups:
        name = group.layer.name
        wanted = structure.get(name, "auto") if isinstance(structure, Mapping) else structure
        found[name] = "bram-run" if wanted == "auto" and group.words is not None else wanted
    return found


__all__ = ["BudgetError", "SelectionWarning", "select"]
