"""``frontier``: the best selection at each budget of one resource, from one reading of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from knapprune.adapters.finding import find_adapter
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import SIZES
from knapprune.network.hls_config import HlsConfigSource, Overrides
from knapprune.saliency import Saliency, chosen
from knapprune.saliency.normalisation import Normalisation
from knapprune.selection.budget import Budget, BudgetError, Cap, parse_budget
from knapprune.selection.channels.asked import asks_for_channels
from knapprune.selection.fetch_groups import AnyStructure, fetch_groups
from knapprune.selection.frontier.result import Frontier, FrontierPoint, Source, share_of
from knapprune.selection.labelled import Labelled, labelled, structures_of
from knapprune.selection.minimum import Need, check_caps, refuse_below
from knapprune.selection.request import Request
from knapprune.selection.selecting import counted, request_for
from knapsolve.limits import clock
from knapsolve.portfolio.frontier.capacities import number_of


def frontier(  # noqa: PLR0913
    model: Any,
    hls_config: HlsConfigSource | None = None,
    resource: str = "dsp",
    points: int = 30,
    *,
    budgets: Sequence[float] | None = None,
    budget: Budget | None = None,
    structure: AnyStructure | Mapping[str, AnyStructure] = "auto",
    saliency: str | Saliency = "auto",
    normalise: str | Normalisation = "auto",
    solver: str = "auto",
    time_limit: float = 10.0,
    data: Any = None,
    batch_size: int = 32,
    hardware: str | HardwareModel = "hls4ml",
    **overrides: Unpack[Overrides],
) -> Frontier:
    """Find the best selection at each of several budgets of one resource.

    The network is read, counted and valued once; from one budget to the next goes what the solver knows. Each point is
    what :func:`~knapprune.select` would choose with that budget.

    Parameters
    ----------
    model, hls_config
        As for :func:`~knapprune.select`.
    resource
        The resource whose budget changes: one that `select` takes, but for ``parameters``, ``macs`` and ``latency``.
    points
        How many budgets to spread from what stays in use whatever is pruned to today's use; fewer where there are fewer
        whole numbers between. Not looked at with `budgets`.
    budgets
        The budgets, each as in a budget for `select`: a fraction of today's use, or a count. None to spread them.
    budget
        On other resources, or on layers, as for `select`; the same at each point.
    structure
        As for `select`, but for fetch groups and whole channels.
    saliency, normalise, solver, data, batch_size, hardware
        As for `select`.
    time_limit
        Seconds that the solver has for each point.
    overrides
        ``backend``, ``io_type``, ``part`` and ``clock_period``, in place of the configuration's own.

    Returns
    -------
    Frontier
        By ascending budget what is kept, its bound, all resources, and the price of one more unit.

    Raises
    ------
    BudgetError
        If the resource or a budget is unknown, malformed or below what cannot be pruned, or pruning saves nothing of
        it.
    TypeError, ValueError
        If another argument cannot be used.
    RuntimeError
        If the solver is stopped before it has any selection.

    Warns
    -----
    HardwareWarning
        As from `select`.
    """
    started = clock.now()
    number = number_of(points)
    _refuse(resource, budget, structure, overrides)
    saliency, normalise = chosen(saliency, normalise, data=data is not None)
    request = _request(
        model,
        hls_config,
        resource,
        budget,
        structure,
        (saliency, normalise, solver, time_limit),
        None if data is None else (data, batch_size),
        hardware,
        overrides,
    )
    _refuse_fetch_groups(request)
    groups = structures_of(request)
    check_caps(request.hardware, groups, request.caps, request.before)
    cap = request.budget[-1]
    least = cap.of_counted(sum(group.fixed(cap) for group in groups))
    limits = _spread(least, cap, number) if budgets is None else _given(budgets, request, least)
    asked = labelled(request, groups)
    found, sources = _points(asked, cap, limits)
    return Frontier(
        points=tuple(found),
        resource=resource,
        before=request.before,
        budget=request.budget[:-1],
        total=_total(asked),
        seconds=clock.now() - started,
        sources=tuple(sources),
    )


def _refuse(resource: Any, budget: Any, structure: Any, overrides: Mapping[str, Any]) -> None:
    """Refuse what a frontier cannot do, before anything is read."""
    if not isinstance(resource, str):
        raise TypeError(f"resource: got {resource!r}, expected a resource's name such as 'dsp'")
    if "choose" in overrides:
        raise ValueError(
            "choose: a frontier chooses which weights are kept, and no more; use knapprune.select for each"
        )
    if budget is not None and not isinstance(budget, Mapping):
        raise BudgetError(f"budget: got {budget!r}, expected a mapping such as {{'bram18': 0.5}}, or None")
    if resource in SIZES or asks_for_channels(structure, budget):
        raise ValueError(
            "structure: a frontier takes structures of a layer, not whole channels; use knapprune.select for each"
        )
    if budget is not None and resource in budget:
        raise BudgetError(f"budget: holds {resource!r}, whose budgets are the frontier; expected other resources")


def _request(  # noqa: PLR0913
    model: Any,
    hls_config: HlsConfigSource | None,
    resource: str,
    budget: Any,
    structure: Any,
    how: tuple[Any, Any, str, float],
    data: tuple[Any, int] | None,
    hardware: str | HardwareModel,
    overrides: Overrides,
) -> Request:
    """Ask for all that is in use of the resource, within what the others may use; that cap comes last."""
    framework = find_adapter(model)
    full = {**(budget or {}), resource: 1.0}
    try:
        return request_for(framework, model, hls_config, full, structure, how, data, hardware, overrides)
    except BudgetError:
        request = request_for(framework, model, hls_config, budget, structure, how, None, hardware, overrides)
        if resource not in request.before.total:
            known = [name for name in request.before.total if name not in SIZES]
            raise BudgetError(f"resource: got {resource!r}, expected one of {known}") from None
        raise


def _refuse_fetch_groups(request: Request) -> None:
    if fetch_groups(request.hardware, request.before.layers, request.caps_on_weights, request.structures) is not None:
        raise ValueError(
            "structure: a frontier takes no fetch groups, of which each layer is one choice; use knapprune.select for "
            "each budget"
        )


def _spread(least: int, cap: Cap, points: int) -> list[int]:
    """Spread budgets from what stays in use to what is in use."""
    most = max(cap.limit, least)
    if points == 1:
        return [most]
    limits: list[int] = np.unique(np.linspace(least, most, points).astype(np.int64)).tolist()
    return limits


def _given(budgets: Any, request: Request, least: int) -> list[int]:
    """Read budgets that were given, as `select` reads one."""
    cap = request.budget[-1]
    if isinstance(budgets, str | bytes | Mapping) or not isinstance(budgets, Sequence | np.ndarray):
        raise TypeError(f"budgets: got {budgets!r}, expected a list of fractions or counts")
    if not len(budgets):
        raise BudgetError("budgets: got none, expected one or more")
    limits = []
    for place, amount in enumerate(budgets):
        try:
            (own,) = parse_budget({cap.resource: amount}, request.before)
        except BudgetError as error:
            raise BudgetError(str(error).replace(f"budget[{cap.resource!r}]", f"budgets[{place}]")) from None
        refuse_below([Need(own, least, cap.use(request.before))], "whatever is pruned")
        limits.append(own.limit)
    return sorted(set(limits))


def _points(asked: Labelled, cap: Cap, limits: Sequence[int]) -> tuple[list[FrontierPoint], list[Source]]:
    """Solve for all budgets; where an output would be lost, once more with the best of each output first."""
    sources = _solved(asked, cap, limits)
    outcomes = [source.outcome() for source in sources]
    bounds = [source.point.bound for source in sources]
    lost = [place for place, outcome in enumerate(outcomes) if asked.outputs_first(outcome.keep) is not None]
    if lost:
        again = asked.outputs_first(outcomes[lost[0]].keep)  # the ranking is the same at all of them
        assert again is not None
        for place, source in zip(lost, _solved(again, cap, [limits[place] for place in lost]), strict=True):
            sources[place], outcomes[place] = source, source.outcome()
    total = _total(asked)
    points = []
    for place, (limit, source) in enumerate(zip(limits, sources, strict=True)):
        known, ranked = source.point, place in lost
        value = asked.worth(outcomes[place].keep) if ranked else float(known.value)
        points.append(
            FrontierPoint(
                budget=limit,
                value=value,
                share=share_of(value, total),
                bound=float(bounds[place]),
                status=str(known.status),
                price=None if known.price is None else known.price * _unit(cap),
                resources=dict(counted(asked.request, outcomes[place])[1].total),
                outputs_first=ranked,
                solver=known.solver,
            )
        )
    return points, sources


def _solved(asked: Labelled, cap: Cap, limits: Sequence[int]) -> list[Source]:
    """Solve the knapsack for all budgets at once."""
    import knapsolve

    method, problem = asked.request.method, asked.problem
    row = asked.request.caps.index(cap)
    fixed = sum(group.fixed(cap) for group in asked.groups)
    capacities = [replace(cap, limit=limit).capacity - fixed for limit in limits]
    solved = knapsolve.frontier(problem, row, capacities=capacities, solver=method.solver, time_limit=method.time_limit)
    places = {point.capacity: place for place, point in enumerate(solved.points)}
    for point in solved.points:
        if point.status not in (knapsolve.Status.OPTIMAL, knapsolve.Status.FEASIBLE):
            raise RuntimeError(
                f"solver {point.solver!r} found no selection in {method.time_limit:g} s ({point.status}); allow more "
                "time or take another solver or a coarser structure"
            )
    return [Source(asked, solved, places[capacity]) for capacity in capacities]


def _unit(cap: Cap) -> int:
    """Say how much of what is counted one unit of the budget is."""
    return replace(cap, limit=1).capacity


def _total(asked: Labelled) -> float:
    return float(sum(values.sum() for values in asked.values))
