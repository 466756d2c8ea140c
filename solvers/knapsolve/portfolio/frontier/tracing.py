"""``frontier``: the best value at each capacity of one resource, each point told what the others know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knapsolve import validation
from knapsolve.limits import clock
from knapsolve.limits.compiling import compiling_watched
from knapsolve.limits.interruption import interrupted, listening, stopped
from knapsolve.portfolio.automatic import FIRST_SECONDS
from knapsolve.portfolio.frontier import capacities as wanted
from knapsolve.portfolio.frontier.by_types import points_by_types, prepared
from knapsolve.portfolio.frontier.result import Chosen, Frontier, FrontierPoint, Packed, at
from knapsolve.portfolio.solving import able, solved
from knapsolve.problem import Knapsack
from knapsolve.relaxation.dual import dual_bound, minimise_dual
from knapsolve.solution import Solution, Status, evaluate
from knapsolve.solver import AUTO, Options, Solver

LARGEST_PRICED = 10**5
"""Items up to which every point that is open is bounded by the prices of all others."""

_Point = tuple[FrontierPoint, Chosen]


def frontier(
    problem: Knapsack,
    resource: int = 0,
    points: int = 30,
    *,
    capacities: ArrayLike | None = None,
    solver: str | Solver = AUTO,
    time_limit: float | None = None,
    seed: int = 0,
) -> Frontier:
    """Find the best value at each of several capacities of one resource; the others keep theirs.

    Items of few types are ranked once, and each point begins with the prices of the one before. Any other point begins
    with the selection of the nearest smaller capacity, which fits it too, and no bound is above one of a larger
    capacity. Ctrl-C ends it with what is known of each point so far.

    Parameters
    ----------
    problem
        The problem. Its own capacity of the resource is where the frontier ends, unless others are given.
    resource
        The resource, counted from 0.
    points
        How many capacities to spread from what the cheapest item that is worth anything takes to what all items take
        together, or to the problem's own; fewer where there are fewer whole numbers. Not looked at with `capacities`.
    capacities
        The capacities, each 0 or more, or None to spread them. Returned ascending, each once.
    solver
        As for :func:`solve`.
    time_limit
        Seconds for each point, or None for no limit; what it does not prove has a bound.
    seed
        Seed of every random decision.

    Returns
    -------
    Frontier
        By ascending capacity the best value, its bound, what the selection uses of all resources, and the price of one
        more unit. ``OPTIMAL`` is a proof.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or as from :func:`solve`.
    RuntimeError
        If a solver claims a proof at one capacity that its own selection at a smaller one contradicts.

    Examples
    --------
    >>> from knapsolve import Knapsack, frontier
    >>> found = frontier(Knapsack([10, 13, 7], [3, 4, 2], 9), capacities=[2, 5, 9])
    >>> [(point.capacity, point.value, point.status.value) for point in found.points]
    [(2, 7, 'OPTIMAL'), (5, 17, 'OPTIMAL'), (9, 30, 'OPTIMAL')]
    >>> found.solution(1).selected.tolist()
    [True, False, True]
    """
    started = clock.now()
    if not isinstance(problem, Knapsack):
        raise TypeError(f"problem must be a Knapsack; got {type(problem).__name__}")
    row, number = wanted.resource_of(problem, resource), wanted.number_of(points)
    limit = None if time_limit is None else validation.positive_number("time_limit", time_limit)
    options = Options(time_limit=limit, seed=int(validation.positive_number("seed", seed, zero=True)))
    chosen = able(problem, solver)
    explicit = None if capacities is None else wanted.given(capacities)
    with listening(), compiling_watched(needed=chosen.name == AUTO or problem.requires is not None):
        by_types = prepared(problem, chosen)
        sizes = None if by_types is None else by_types.items.sizes
        listed = (wanted.spread(problem, row, number, sizes) if explicit is None else explicit).tolist()
        found: list[_Point | None] = [None] * len(listed)
        if by_types is not None:
            first = replace(options, time_limit=_first_limit(limit, chosen))
            found = list(points_by_types(problem, by_types, row, listed, first))
        for place in _halving(len(listed)):
            known = found[place]
            if known is None or (known[0].status is Status.FEASIBLE and chosen.name == AUTO):
                found[place] = _solved(problem, row, listed[place], chosen, options, found[:place], known)
        trace = (stopped(),) if interrupted() else ()
    settled = _settled(problem, [point for point in found if point is not None])
    return Frontier(
        points=tuple(point for point, _ in settled),
        resource=row,
        problem=problem,
        seconds=clock.now() - started,
        chosen=tuple(own for _, own in settled),
        trace=trace,
    )


def _first_limit(limit: float | None, chosen: Solver) -> float | None:
    """Return how long few-types may take for a point: with `auto`, others are waiting for what it does not prove."""
    return min(FIRST_SECONDS, limit or FIRST_SECONDS) if chosen.name == AUTO else limit


def _halving(count: int) -> Iterator[int]:
    """Yield the last place, the first, and then the middle of what is between two that have been: each has a start."""
    yield from dict.fromkeys((count - 1, 0))
    spans = [(0, count - 1)]
    for low, high in spans:
        if high - low > 1:
            middle = (low + high) // 2
            yield middle
            spans += [(low, middle), (middle, high)]


def _solved(
    problem: Knapsack,
    resource: int,
    capacity: Any,
    chosen: Solver,
    options: Options,
    smaller: Sequence[_Point | None],
    known: _Point | None,
) -> _Point:
    """Ask the solver for one point; it begins with what is known of it, or with the selection of the next smaller."""
    own = at(problem, resource, capacity)
    begun = known or next((point for point in reversed(smaller) if point is not None and _has_selection(point)), None)
    start = None if begun is None else begun[1].selected(problem)
    if interrupted():
        solution = _without_solving(own, start)
    else:
        solution = solved(own, chosen, replace(options, start=start), clock.now())
    prices = solution.prices
    others = (own.choices, own.requires, own.fixed_in, own.fixed_out)
    if all(given is None for given in others) and (prices is None or (own.weights > own.limits[:, None]).any()):
        # The price of one more unit is that of what it makes fit, too, which no solver was shown.
        prices = minimise_dual(own.values, own.weights, own.limits).prices
    point = FrontierPoint(
        capacity,
        solution.value,
        solution.bound if known is None else min(solution.bound, known[0].bound),
        solution.status,
        solution.usage,
        prices,
        resource,
        solution.solver,
        solution.tolerance,
    )
    return point, Packed(np.packbits(solution.selected))


def _without_solving(problem: Knapsack, start: NDArray[np.bool_] | None) -> Solution:
    """Return what is known of a point that was not come to: the selection of a smaller capacity, and a bound."""
    worth = np.maximum(problem.values, 0).sum()
    bound = int(worth) if problem.integer_values else float(worth) * (1 + 1e-12)
    selected = np.zeros(problem.n, np.bool_) if start is None else start
    value, usage = evaluate(problem, selected)
    status = Status.NO_SOLUTION if start is None else Status.FEASIBLE
    value = -np.inf if start is None else value
    return Solution(selected, value, bound, status, usage, problem.capacities - usage, None, "frontier", 0.0)


def _has_selection(point: _Point) -> bool:
    return point[0].status in (Status.OPTIMAL, Status.FEASIBLE)


def _settled(problem: Knapsack, found: list[_Point]) -> list[_Point]:
    """Tell each point what the others know: selections of smaller capacities, bounds of larger ones, all prices."""
    for place in range(1, len(found)):
        found[place] = _no_less(found[place - 1], found[place])
    for place in reversed(range(len(found) - 1)):
        found[place] = _bounded(found[place], found[place + 1][0].bound)
    if all(point.status is not Status.FEASIBLE for point, _ in found):
        return found
    for place, point in enumerate(found):
        if point[0].status is Status.FEASIBLE:
            own = at(problem, point[0].resource, point[0].capacity)
            found[place] = _bounded(point, _priced(own, [other.prices for other, _ in found]))
    return found


def _no_less(smaller: _Point, larger: _Point) -> _Point:
    """Take the selection of the smaller capacity where it is better; that contradicts a proof of the larger one."""
    (below, chosen), (point, _) = smaller, larger
    if not _has_selection(smaller) or below.value <= point.value:
        return larger
    rounding = max(below.tolerance, point.tolerance) * max(abs(below.value), abs(point.value))
    if point.status in (Status.OPTIMAL, Status.INFEASIBLE) and below.value - point.value > rounding:
        raise RuntimeError(
            f"solver {point.solver!r} says {point.status} of {point.value} under capacity {point.capacity}, but "
            f"{below.value} is possible under {below.capacity}: it contradicts itself"
        )
    status = Status.OPTIMAL if point.status is Status.OPTIMAL else Status.FEASIBLE
    better = replace(
        point,
        value=below.value,
        bound=max(point.bound, below.value),
        status=status,
        usage=below.usage,
        solver=below.solver,
    )
    return better, chosen


def _bounded(point: _Point, bound: int | float) -> _Point:
    """Lower the bound of a point; where it meets the value, that is a proof."""
    known, chosen = point
    if known.status is not Status.FEASIBLE:
        return point
    if isinstance(known.value, int) and np.isfinite(bound):
        bound = int(np.floor(bound))
    lower = max(min(known.bound, bound), known.value)
    proved = lower <= known.value + known.tolerance * abs(known.value)
    return replace(known, bound=lower, status=Status.OPTIMAL if proved else known.status), chosen


def _priced(problem: Knapsack, prices: Sequence[NDArray[np.float64] | None]) -> float:
    """Return the lowest bound that any prices give; they hold whatever else is required of a selection."""
    if problem.n > LARGEST_PRICED:
        return np.inf
    bounds = [
        dual_bound(problem.values, problem.weights, problem.limits, own) * (1 + 1e-9)
        for own in prices
        if own is not None
    ]
    return min(bounds, default=np.inf)
