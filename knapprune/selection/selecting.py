"""Select the weights a budget allows: the front door of all ways to select."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

from knapprune.adapters.adapter import Adapter, ConfiguredAdapter, is_quantised
from knapprune.adapters.configuration import configuration
from knapprune.adapters.data_fit import check_fit
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.training_adapter import training_adapter
from knapprune.hardware.hardware_model import HardwareModel, find_hardware_model
from knapprune.hardware.nothing import Nothing
from knapprune.hardware.resources import Resources
from knapprune.network.batches import is_arrays
from knapprune.network.hls_config import HlsConfigSource, Overrides
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.layers import Kernels, Masks
from knapprune.saliency import Saliency, Statistics, chosen, needs_data, saliency_of
from knapprune.saliency.normalisation import Normalisation, normalisation
from knapprune.selection.budget import Budget, BudgetError, with_part
from knapprune.selection.channels.asked import asks_for_no_hardware
from knapprune.selection.check import SelectionWarning, check_result
from knapprune.selection.fetch_groups import AnyStructure, fetch_groups, select_fetch_groups
from knapprune.selection.labelled import select_labelled
from knapprune.selection.masks import masked, masks_of
from knapprune.selection.request import Method, Outcome, Request, requested
from knapprune.selection.result import Selection
from knapprune.selection.values.asked import check_data_bits, digits_of
from knapprune.selection.variants import Choose, check_keys
from knapprune.unused import unused
from knapsolve.validation import positive_number

BATCH = 32
"""Samples that are used at a time where nobody says how many."""


def select(  # noqa: PLR0913
    model: Any,
    hls_config: HlsConfigSource | None = None,
    budget: Budget | None = None,
    *,
    structure: AnyStructure | Mapping[str, AnyStructure] = "auto",
    saliency: str | Saliency = "auto",
    normalise: str | Normalisation = "auto",
    solver: str = "auto",
    time_limit: float = 10.0,
    data: Any = None,
    batch_size: int | None = None,
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
        defaults, will do for hardware that hls4ml does not write. None for an hls4ml graph, which carries its own, and
        for budgets of ``parameters`` and ``macs`` alone, which need no hardware; of a PyTorch module, ``macs`` need
        ``{"InputShape": [[3, 32, 32]]}``.
    budget
        By resource, a fraction of today's use (a float from 0 to 1) or an absolute count; by layer name, such a mapping
        for that layer alone. ``{"part": "xcku115-flvb2104-2-i"}`` is what that chip has, and ``"share": 0.8`` with it a
        share of it; the part then takes the place of the configuration's. None where the structure leaves nothing to
        choose: fetch groups with p given. ``parameters`` and ``macs``, the multiplications of a sample, are the
        network's own size, which whole channels save.
    structure
        Which weights live and die together: ``"auto"`` takes the finest that saves what is budgeted and that the solver
        takes; a name, a function or one of these by layer name. ``"channel"`` is all that must go together when a
        channel goes, in all layers that it passes: every layer then has that, ``"auto"`` or ``"none"``, and what is
        counted is what `knapprune.shrink` leaves. Or
        :class:`~knapprune.hardware.fetch_groups.FetchGroup`, or its name: every group of g weights loses p, and where p
        is not given it is chosen by layer.
    saliency
        ``"l1"``, ``"l2"``, or, with data, ``"taylor"``, ``"fisher"``, ``"gauss-newton"``, ``"hessian"``,
        ``"movement"``; or a function of layer and kernel, or of layer, kernel and gradients (with data): see
        :mod:`knapprune.saliency`. ``"auto"`` is ``"fisher"`` with data and ``"l1"`` without.
    normalise
        How layers are made comparable: see :mod:`knapprune.saliency.normalisation`. ``"auto"`` is ``"none"`` for values
        that say by how much the loss rises, and ``"lamp"`` for all others.
    solver, time_limit
        For :func:`knapsolve.solve`; the time is in seconds, and for each of the two where one solve is followed by
        another.
    data, batch_size
        ``(inputs, targets)`` for gradients, and how many samples of it are used at a time; or a ``tf.data.Dataset``, a
        ``keras.utils.PyDataset`` or a torch ``DataLoader``, which come in batches of their own. None takes 32 samples.
    choose
        What to choose for each layer beside its weights: ``{"reuse_factor": "legal"}``, or a list of reuse factors,
        and ``{"bits": [8, 12, 16]}`` for the width of the weights; either may be a mapping by layer name. The budget
        may then cap ``"latency"`` too, an estimate in clock cycles. Not together with fetch groups. See
        :mod:`knapprune.selection.joint`. Or ``{"digits": 2}``, the most signed digits of weights that are constants,
        and with it ``"data_bits": [4, 6, 8]``, the widths of the results of layers: see
        :mod:`knapprune.selection.values.with_data`.
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
        If another argument cannot be used, or does nothing in this call.
    RuntimeError
        If the solver is stopped before it has any selection.

    Warns
    -----
    HardwareWarning
        Where hls4ml would change a setting, or a layer cannot save a budgeted resource.
    BudgetWarning
        Where one unit of a resource is budgeted as a whole number, and thousands are in use.
    SelectionWarning
        Where a layer loses all of its weights, or an output of the last layer does.
    """
    saliency, normalise = chosen(saliency, normalise, data=data is not None)
    positive_number("time_limit", time_limit)
    if choose is not None:
        check_keys(choose)
        check_data_bits(choose, saliency, normalise)
    _check_read(saliency, data, batch_size, choose)
    samples = BATCH if batch_size is None else batch_size
    framework = find_adapter(model)
    if choose is not None and isinstance(framework, ConfiguredAdapter):
        raise ValueError(
            f"choose: a {type(model).__qualname__} is configured already; give the model that it was converted "
            "from, and convert that again with the selection's hls_config"
        )
    if choose is not None and is_quantised(framework, model):
        raise ValueError(
            f"choose: a {type(model).__qualname__} with quantised layers has types of its own, and hls4ml finds others "
            "with each change; expected None: what is chosen is which weights are kept"
        )
    if choose is not None and budget is None:
        raise BudgetError("budget: there is none to choose under; expected one, such as {'dsp': 0.5}")
    request = request_for(
        framework,
        model,
        hls_config,
        budget,
        structure,
        (saliency, normalise, solver, time_limit),
        None if data is None else (data, samples),
        hardware,
        overrides,
        timed=choose is not None and not {"digits", "data_bits"} & set(choose),
    )
    outcome = _outcome(request, choose)
    return selection_of(request, outcome)


def request_for(  # noqa: PLR0913
    framework: Adapter,
    model: Any,
    hls_config: HlsConfigSource | None,
    budget: Budget | None,
    structure: Any,
    how: tuple[str | Saliency, str | Normalisation, str, float],
    data: tuple[Any, int] | None,
    hardware: str | HardwareModel,
    overrides: Overrides,
    *,
    timed: bool = False,
) -> Request:
    """Read what `select` was given into a request; `how` are saliency, normalisation, solver and time limit."""
    saliency, normalise, solver, time_limit = how
    no_hardware = hardware == "hls4ml" and asks_for_no_hardware(framework, hls_config, budget)
    if no_hardware and hls_config is None:
        hls_config = {}
    config = configuration(framework, model, hls_config, **with_part(overrides, budget))
    check_fit(framework, model, data=None if data is None else data[0])
    statistics = None
    if data is not None and needs_data(saliency):
        statistics = Statistics(training_adapter(framework, model), model, *data)
    return requested(
        framework,
        model,
        config,
        Nothing() if no_hardware else find_hardware_model(hardware, config.part, config.backend),
        budget,
        structure,
        Method(saliency_of(saliency, statistics), normalisation(normalise), solver, time_limit),
        timed=timed,
        data=data,
    )


def selection_of(request: Request, outcome: Outcome) -> Selection:
    """Turn an outcome into masks, count what they leave, and hold it against the budget."""
    masks, after, values = counted(request, outcome)
    check_result(request.budget, after, masks, request.kernels, outcome.layers)
    return Selection(
        masks=masks,
        solution=outcome.solution,
        resources=after,
        before=request.before,
        budget=request.budget,
        structures=outcome.structures,
        hls_config=outcome.hls_config,
        values=values,
        data_types=outcome.data_types,
    )


def counted(request: Request, outcome: Outcome) -> tuple[Masks, Resources, Kernels]:
    """Return the masks of an outcome, what they leave in use, and the values that were chosen."""
    masks = masks_of(request.hardware, outcome.layers, {**request.kernels, **outcome.values}, outcome.keep)
    if outcome.resources is not None:
        return masks, outcome.resources, outcome.values
    if is_quantised(request.framework, request.model):
        # Each holds what its quantiser leaves, or nothing.
        return masks, request.recount(request.framework.apply(request.model, masks)), {}
    built = replace(request, config=read_hls_config(outcome.hls_config))
    after = built.count(outcome.layers, masked({**request.written, **outcome.values}, masks))
    return masks, after, outcome.values


def _check_read(saliency: str | Saliency, data: Any, batch_size: int | None, choose: Choose | None) -> None:
    """Refuse data that nothing reads, and a size of batches where none are made."""
    if data is not None and not needs_data(saliency) and "data_bits" not in (choose or {}):
        name = getattr(saliency, "__name__", "given") if callable(saliency) else repr(saliency)
        raise unused(
            "data", f"the saliency {name} is of the weights alone", "None, or a saliency of gradients such as 'fisher'"
        )
    if batch_size is not None and not is_arrays(data):
        why = "there are no data" if data is None else "the data come in batches of their own"
        raise unused("batch_size", why, "None, or data=(inputs, targets)")


def _outcome(request: Request, choose: Choose | None) -> Outcome:
    """Select in the way that was asked for."""
    if request.anatomy is not None:
        from knapprune.selection.channels.selecting import select_channels

        if choose is not None:
            raise ValueError("choose: got it together with whole channels, expected None")
        return select_channels(request)
    groups = fetch_groups(request.hardware, request.before.layers, request.caps_on_weights, request.structures)
    digits = digits_of(request, choose)
    widths = choose.get("data_bits") if isinstance(choose, Mapping) else None
    if digits and widths is not None:
        from knapprune.selection.values.with_data import select_with_data

        return select_with_data(request, digits, widths)
    if digits:
        from knapprune.selection.values.selecting import select_values

        return select_values(request, digits)[0]
    if widths is not None:
        raise ValueError("choose['data_bits']: no layer's weights are chosen by value, expected digits beside it")
    if choose is not None:
        from knapprune.selection.joint import select_jointly

        if groups is not None:
            raise ValueError(
                f"structure: layers {list(groups)} have fetch groups, expected another structure together with choose"
            )
        return select_jointly(request, choose)
    if not request.budget and not (groups and all(group.pruned is not None for group in groups.values())):
        raise BudgetError(
            "budget: there is none, and only fetch groups with p given leave nothing to choose; expected one, such as "
            "{'dsp': 0.5}"
        )
    return select_labelled(request) if groups is None else select_fetch_groups(request, groups)


__all__ = ["BudgetError", "SelectionWarning", "select"]
