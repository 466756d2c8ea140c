"""Exact solver for multiple choice under any number of resources.

The dual's prices bound every selection, and what an option loses against the best of its class at those prices says
whether it can be part of a better selection than the best known: if it loses more than the bound is above that, it
cannot. Few options are left. Where they are very few the optimum is found among all that lose no more than a growing
budget (`list`); otherwise a branch and bound goes on with the dual of every node (`tree`).
"""

from __future__ import annotations

import numpy as np

from knapsolve.exact.choice.branching import Found, branch, core_of, done, report
from knapsolve.exact.choice.budget import grow
from knapsolve.exact.choice.classes import Classes, classes_of
from knapsolve.exact.choice.neighbourhood import search_neighbourhoods
from knapsolve.exact.choice.relaxation import ChoiceRelaxation, relax
from knapsolve.exact.choice.round import multistart, sweep
from knapsolve.limits import clock
from knapsolve.limits.interruption import late
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, start_of
from knapsolve.solver import Answer, Capabilities, Options

EXACT_FLOAT = 2**53
ROUNDING = 1e-13
"""Rounding error of a bound, relative to the largest sum of values."""
SMALL = 4096
"""Options up to which selections are rounded by repair and exchange."""
FEW = 256
"""Options in question up to which branch and bound is likely to end."""
ROUNDS = 100
"""Neighbourhoods searched where there is no time limit."""
BUDGETS = 0.4
"""Share of the time left that growing budgets take where there are other ways."""
NEIGHBOURHOODS = 0.85
"""Share of the time left that neighbourhoods take where branch and bound is not likely to end."""


class Choice:
    """Dual, loss budget, branch and bound. See the module's text."""

    name = "choice"
    capabilities = Capabilities(exact=True, choices=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum, or, where time is up, the best selection and its bound."""
        started = clock.now()
        problem = _in_whole_units(problem)
        classes = classes_of(problem)
        if len(classes.start) == 1:
            return Answer(np.zeros(problem.n, np.bool_), 0, prices=np.zeros(problem.m), trace=("choice: nothing",))
        if (classes.start[1:] == classes.start[:-1]).any():
            return Answer(None, -np.inf, infeasible=True, trace=("choice: a class has no option that fits",))
        deadline = None if options.time_limit is None else started + options.time_limit
        relaxation = relax(classes, options.seed, deadline)
        if relaxation.infeasible:
            return Answer(None, -np.inf, infeasible=True, trace=("choice: the linear relaxation is infeasible",))
        magnitude = float(np.abs(classes.value).max(initial=0.0)) * (len(classes.start) - 1)
        found = Found(problem.limits.astype(np.float64), relaxation.bound + ROUNDING * magnitude)
        _start(found, classes, problem, options)
        exact = magnitude < EXACT_FLOAT or not problem.integer_values
        step, margin = (1.0, 1e-6 + ROUNDING * magnitude) if problem.integer_values else (ROUNDING * magnitude, 0.0)
        if exact:
            finish(found, classes, relaxation, step, margin, options, started, deadline)
        else:
            found.trace.append("choice: values too large for exact sums of floats, nothing searched")
        if found.options is None:
            return Answer(None, -np.inf if found.proved else found.bound, prices=relaxation.prices,
                          infeasible=found.proved, trace=tuple(found.trace))  # fmt: skip
        selected = classes.selection(found.options, problem.n)
        value, _ = evaluate(problem, selected)
        bound = value if found.proved else max(found.bound, value)
        if problem.integer_values and not found.proved:
            bound = int(np.floor(bound + 1e-9))
        return Answer(selected, bound, prices=relaxation.prices, trace=tuple(found.trace))


def _in_whole_units(problem: Knapsack) -> Knapsack:
    """Lower each capacity to a multiple of what divides all weights there: no selection uses the rest of it."""
    if not problem.integer_weights or problem.item_type is None or problem.type_weights is None:
        return problem
    there = np.bincount(problem.item_type, minlength=problem.type_weights.shape[1]) > 0
    units = np.maximum(np.gcd.reduce(problem.type_weights[:, there], axis=1), 1)
    capacities = problem.limits // units * units
    if (capacities == problem.limits).all():
        return problem
    return Knapsack.from_types(
        problem.values,
        problem.item_type,
        problem.type_weights,
        capacities,
        choices=problem.choices,
        exactly_one=problem.exactly_one,
        requires=problem.requires,
    )


def _start(found: Found, classes: Classes, problem: Knapsack, options: Options) -> None:
    """Take over a known selection, as far as its items are still options."""
    start = start_of(problem, options)
    if start is None:
        return
    count = len(classes.start) - 1
    class_of = np.repeat(np.arange(count), np.diff(classes.start))
    taken = (classes.item >= 0) & start[classes.item]
    chosen = np.full(count, -1)
    chosen[class_of[~taken & (classes.item < 0)]] = np.flatnonzero(~taken & (classes.item < 0))
    chosen[class_of[taken]] = np.flatnonzero(taken)
    if (chosen >= 0).all():
        found.adopt(classes, chosen, "Options.start")


def finish(
    found: Found,
    classes: Classes,
    relaxation: ChoiceRelaxation,
    step: float,
    margin: float,
    options: Options,
    started: float,
    deadline: float | None,
) -> None:
    """Search until the optimum is proved or time is up; `found` is written."""
    if late(deadline):
        _make_fit(found, classes, relaxation)
        found.trace.append("choice: time was up with the linear relaxation")
        return
    size = len(classes.value)
    if size <= SMALL:
        round_off(found, classes, relaxation, options.seed)
        report(found, options, started)
        if done(found, step, margin, options):
            found.trace.append("choice: a rounded selection meets the dual bound")
            return
    until = deadline
    if deadline is not None and size <= SMALL:
        now = clock.now()
        until = now + BUDGETS * (deadline - now)
    state = grow(classes, relaxation, found.options, step, margin, until)
    if state.refused:
        found.trace.append(state.refused)
    if found.adopt(classes, state.options, "combinations") and not state.refused:
        # Where values are whole, the margin alone covers the rounding.
        found.bound = min(found.bound, relaxation.bound - state.proved + margin + (step if step < 1.0 else 0.0))
        report(found, options, started)
        if state.complete:
            found.proved = True
            found.trace.append(f"choice: proved within loss budget {state.proved:.6g}")
            return
        found.trace.append(f"choice: combinations too many beyond loss budget {state.proved:.6g}")
    if found.options is None and not late(deadline):
        round_off(found, classes, relaxation, options.seed)
    if found.options is None:
        _make_fit(found, classes, relaxation)
    if not done(found, step, margin, options) and not late(deadline):
        look_around(found, classes, relaxation, step, margin, options, deadline)
        report(found, options, started)
    if not done(found, step, margin, options) and not late(deadline):
        branch(found, classes, relaxation, step, margin, options, started, deadline)


def _make_fit(found: Found, classes: Classes, relaxation: ChoiceRelaxation) -> None:
    """Make the dual's options fit in one pass, whatever that loses."""
    options = relaxation.key.copy()
    sweep(classes.weight, classes.start, classes.limits, relaxation.loss, options)
    found.adopt(classes, options, None)


def look_around(
    found: Found,
    classes: Classes,
    relaxation: ChoiceRelaxation,
    step: float,
    margin: float,
    options: Options,
    deadline: float | None,
) -> None:
    """Search the neighbourhoods of good selections: briefly where branch and bound is likely to end by itself."""
    short = np.count_nonzero(relaxation.loss <= found.bound - found.value) <= FEW + len(relaxation.key)
    if len(classes.value) > SMALL:
        return
    until = deadline
    if deadline is not None:
        now = clock.now()
        until = now + (1.0 - NEIGHBOURHOODS if short else NEIGHBOURHOODS) * (deadline - now)
    # What meets the bound, rounded down where values are whole, needs no better.
    top = np.floor(found.bound + margin) - margin if step == 1.0 else found.bound
    found.adopt(classes, search_neighbourhoods(
        classes, relaxation, found.options, relaxation.bound - top,
        ROUNDS if deadline is None or short else 2**62, until, options.seed, found.trace,
    ), "neighbourhoods")  # fmt: skip
    found.trace.append(f"choice: neighbourhoods searched up to value {found.value:.10g}")


def round_off(found: Found, classes: Classes, relaxation: ChoiceRelaxation, seed: int) -> None:
    """Look for good options near those that the dual prefers."""
    kept = np.ones(len(classes.value), np.bool_)
    # Those that the dual prefers lose nothing, and are there beside the others.
    rank = SMALL + len(relaxation.key)
    if len(kept) > rank:
        kept = relaxation.loss <= np.partition(relaxation.loss, rank)[rank]
    core = core_of(classes, relaxation, kept)
    size = len(core.classes.value)
    best = np.empty(len(core.classes.start) - 1, np.int64)
    shakes = np.exp(0.3 * np.random.default_rng(seed).standard_normal((20, len(classes.limits))))
    shakes[0] = 1.0
    value = core.given + multistart(
        core.classes.value, core.classes.weight, core.classes.start, core.classes.limits, np.ones(size, np.bool_),
        relaxation.prices, shakes[: max(1, 20 * SMALL // max(size, SMALL))], 10 if size <= SMALL else 0, best,
    )  # fmt: skip
    if value > found.value:
        found.adopt(classes, core.lift(best, relaxation.key), "rounding", float(value))
