"""Exact solver for multiple choice under any number of resources.

The dual's prices bound every selection, and what an option loses against the best of its class at those prices says
whether it can be part of a better selection than the best known: if it loses more than the bound is above that, it
cannot. Few options are left. Where they are very few the optimum is found among all that lose no more than a growing
budget (`list`); otherwise a branch and bound goes on with the dual of every node (`tree`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.budget import grow
from knapsolve.exact.choice.classes import Classes, classes_of
from knapsolve.exact.choice.relaxation import ChoiceRelaxation, relax, restrict, scales
from knapsolve.exact.choice.round import multistart, total
from knapsolve.exact.choice.tree import DONE, search
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, relative_gap
from knapsolve.solver import Answer, Capabilities, Options, Progress

EXACT_FLOAT = 2**53
ROUNDING = 1e-13
"""Rounding error of a bound, relative to the largest sum of values."""
SMALL = 4096
"""Options up to which selections are rounded by repair and exchange."""


@dataclass
class Found:
    """What is known while the search goes on, in terms of one option a class."""

    options: NDArray[np.int64] | None
    value: float
    bound: float
    proved: bool = False
    trace: list[str] = field(default_factory=list)


class Choice:
    """Dual, loss budget, branch and bound. See the module's text."""

    name = "choice"
    capabilities = Capabilities(exact=True, choices=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum, or, where time is up, the best selection and its bound."""
        started = time.perf_counter()
        classes = classes_of(problem)
        if len(classes.start) == 1:
            return Answer(np.zeros(problem.n, np.bool_), 0, prices=np.zeros(problem.m), trace=("choice: nothing",))
        if (classes.start[1:] == classes.start[:-1]).any():
            return Answer(None, -np.inf, infeasible=True, trace=("choice: a class has no option that fits",))
        relaxation = relax(classes, options.seed)
        if relaxation.infeasible:
            return Answer(None, -np.inf, infeasible=True, trace=("choice: the linear relaxation is infeasible",))
        magnitude = float(np.abs(classes.value).max(initial=0.0)) * (len(classes.start) - 1)
        found = Found(None, -np.inf, relaxation.bound + ROUNDING * magnitude)
        _start(found, classes, problem, options)
        exact = magnitude < EXACT_FLOAT or not problem.integer_values
        step, margin = (1.0, 1e-6 + ROUNDING * magnitude) if problem.integer_values else (ROUNDING * magnitude, 0.0)
        deadline = None if options.time_limit is None else started + options.time_limit
        if exact:
            finish(found, classes, relaxation, step, margin, options, started, deadline)
        if found.options is None:
            return Answer(None, -np.inf if found.proved else found.bound, prices=relaxation.prices,
                          infeasible=found.proved, trace=tuple(found.trace))  # fmt: skip
        selected = classes.selection(found.options, problem.n)
        value, _ = evaluate(problem, selected)
        bound = value if found.proved else max(found.bound, value)
        if problem.integer_values and not found.proved:
            bound = int(np.floor(bound + 1e-9))
        return Answer(selected, bound, prices=relaxation.prices, trace=tuple(found.trace))


def _start(found: Found, classes: Classes, problem: Knapsack, options: Options) -> None:
    """Take over a known selection, as far as its items are still options."""
    if options.start is None:
        return
    count = len(classes.start) - 1
    class_of = np.repeat(np.arange(count), np.diff(classes.start))
    taken = (classes.item >= 0) & options.start[classes.item]
    chosen = np.full(count, -1)
    chosen[class_of[~taken & (classes.item < 0)]] = np.flatnonzero(~taken & (classes.item < 0))
    chosen[class_of[taken]] = np.flatnonzero(taken)
    if (chosen >= 0).all():
        residual = np.empty(problem.m)
        value = total(classes.value, classes.weight, chosen, classes.limits, residual)
        if residual.min(initial=0.0) >= 0.0:
            found.options, found.value = chosen, float(value)


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
    small = len(classes.value) <= SMALL
    if small:
        round_off(found, classes, relaxation, options.seed)
        report(found, options, started)
        if done(found, step, margin, options):
            return
    state = grow(classes, relaxation, found.options, step, margin, deadline)
    if state.options is not None and state.options is not found.options:
        residual = np.empty(len(classes.limits))
        found.value = float(total(classes.value, classes.weight, state.options, classes.limits, residual))
        found.options = state.options
    found.bound = min(found.bound, relaxation.bound - state.proved + margin + step)
    report(found, options, started)
    if state.complete:
        found.proved = True
        found.trace.append(f"choice: proved within loss budget {state.proved:.6g}")
        return
    found.trace.append(f"choice: combinations too many beyond loss budget {state.proved:.6g}")
    if not small and found.options is None:
        round_off(found, classes, relaxation, options.seed)
    late = deadline is not None and time.perf_counter() > deadline
    if not done(found, step, margin, options) and not late:
        branch(found, classes, relaxation, step, margin, options, started, deadline)


def done(found: Found, step: float, margin: float, options: Options) -> bool:
    """Return whether the bound says that nothing better exists, or nothing better enough; note a proof."""
    if found.bound < found.value + step - margin:
        found.proved = True
    return found.proved or relative_gap(found.value, found.bound) <= options.gap


def report(found: Found, options: Options, started: float) -> None:
    """Tell the caller how far the search is."""
    if options.on_progress is not None and found.options is not None:
        bound = max(found.value if found.proved else found.bound, found.value)
        options.on_progress(Progress(time.perf_counter() - started, found.value, bound))


def round_off(found: Found, classes: Classes, relaxation: ChoiceRelaxation, seed: int) -> None:
    """Look for good options near those that the dual prefers."""
    kept = np.ones(len(classes.value), np.bool_)
    if len(kept) > SMALL:
        kept = (
            relaxation.loss <= np.partition(relaxation.loss, SMALL + len(relaxation.key))[SMALL + len(relaxation.key)]
        )
    core = core_of(classes, relaxation, kept)
    size = len(core.classes.value)
    best = np.empty(len(core.classes.start) - 1, np.int64)
    shakes = np.exp(0.3 * np.random.default_rng(seed).standard_normal((20, len(classes.limits))))
    shakes[0] = 1.0
    value = core.given + multistart(
        core.classes.value, core.classes.weight, core.classes.start, core.classes.limits, np.ones(size, np.bool_),
        relaxation.loss[core.positions], relaxation.prices, shakes[: max(1, 20 * SMALL // max(size, SMALL))],
        10 if size <= SMALL else 0, best,
    )  # fmt: skip
    if value > found.value:
        found.options, found.value = core.lift(best, relaxation.key), float(value)


@dataclass(frozen=True, eq=False)
class Core:
    """The problem of the options in question, all others being decided.

    Parameters
    ----------
    classes
        The core by itself.
    positions
        Option of the whole problem that each of the core is, shape (P,).
    opened
        Class of the whole problem that each of the core is, shape (K,).
    given
        Value of what is decided.
    """

    classes: Classes
    positions: NDArray[np.int64]
    opened: NDArray[np.int64]
    given: float

    def lift(self, options: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return one option for each class of the whole problem."""
        lifted = key.copy()
        lifted[self.opened] = self.positions[options]
        return lifted


def core_of(classes: Classes, relaxation: ChoiceRelaxation, kept: NDArray[np.bool_]) -> Core:
    """Return the core of the kept options, bool, shape (N,), and the keys of their classes; writes `kept`."""
    kept[relaxation.key] = True
    sizes = np.add.reduceat(kept, classes.start[:-1], dtype=np.int64)
    decided = relaxation.key[sizes == 1]
    kept[decided] = False
    core = restrict(classes, kept, classes.limits - classes.weight[decided].sum(axis=0))
    return Core(core, np.flatnonzero(kept), np.flatnonzero(sizes > 1), float(classes.value[decided].sum()))


def branch(
    found: Found,
    classes: Classes,
    relaxation: ChoiceRelaxation,
    step: float,
    margin: float,
    options: Options,
    started: float,
    deadline: float | None,
) -> None:
    """Branch and bound over the options that lose little enough; `found` is written."""
    kept = relaxation.loss <= found.bound - found.value - step + margin
    reduced = core_of(classes, relaxation, kept)
    core, given = reduced.classes, reduced.given
    best = np.empty(len(core.start) - 1, np.int64)
    known, m, size = found.value - given, len(core.limits), len(core.value)
    value_scale, weight_scale = scales(core)
    mark = np.zeros(3, np.int64)
    state = (
        np.empty(size + 1, np.int64), np.zeros(size + 2, np.int64), np.empty(size + 2, np.int64),
        np.zeros(size + 2, np.bool_), np.zeros(size + 2), np.zeros((size + 2, m), np.int64),
        np.zeros((size + 2, m), np.int64), np.zeros((size + 2, m), np.int64), -1 - np.arange(m),
        np.zeros(m, np.int64), np.zeros(len(core.start) - 1, np.int64),
    )  # fmt: skip
    class_of = np.repeat(np.arange(len(core.start) - 1), np.diff(core.start))
    allowed = np.ones(size, np.bool_)
    nodes, chunk = 0, 1
    while mark[2] != DONE and len(best):
        before = time.perf_counter()
        value, count = search(
            core.value, core.weight, core.start, class_of, core.limits, value_scale, weight_scale, allowed, best,
            known, step, margin, chunk, mark, *state,
        )  # fmt: skip
        nodes += count
        now = time.perf_counter()
        # Look at the clock about every twentieth of a second.
        chunk = int(max(1, min(4 * chunk, chunk * 0.05 / max(now - before, 1e-6))))
        bound = min(open_bound(mark, state) + given, found.bound)
        better = value > known
        if better:
            known = value
            found.options = reduced.lift(best, relaxation.key)
            found.value = float(value) + given
        if bound < found.bound or better:
            found.bound = bound
            report(found, options, started)
        if mark[2] != DONE and (
            relative_gap(found.value, found.bound) <= options.gap or (deadline is not None and now > deadline)
        ):
            found.trace.append(f"choice: stopped after {nodes} nodes")
            return
    found.proved = True
    found.trace.append(f"choice: proved by {nodes} nodes over {size} options of {len(best)} classes")


def open_bound(mark: NDArray[np.int64], state: tuple[NDArray[Any], ...]) -> float:
    """Return the largest bound of what the search has not seen yet."""
    depth = int(mark[0])
    second, node_bound = state[3][:depth], state[4][:depth]
    pending = node_bound[~second.astype(np.bool_)]
    if depth:
        # The node that the search stands in front of inherits its parent's bound.
        pending = np.append(pending, node_bound[depth - 1])
    return float(pending.max(initial=-np.inf)) if depth else np.inf
