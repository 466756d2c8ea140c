"""``auto``: chooses by what the problem needs and its size, hands the incumbent on, and says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from knapsolve import plugins
from knapsolve.limits import clock
from knapsolve.limits.interruption import OverdueError, interrupted, leaving, overdue
from knapsolve.portfolio.known import Known
from knapsolve.portfolio.stand_in import stand_in
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, start_of
from knapsolve.solver import AUTO, Answer, Capabilities, Options, Progress, load

FIRST_SECONDS = 2.0
"""Time the first stage may take where a second one is waiting."""
CLOSURE_SECONDS = 60.0
"""Time that closure may take without a time limit before a mixed-integer solver is asked."""
CLOSURE_SHARE = 0.75
"""Share of a time limit that closure may take where a mixed-integer solver is waiting."""
LARGEST_PROGRAM = 200_000
"""Items and requirements up to which a mixed-integer solver is worth waiting for."""
PATIENCE = 10**10
"""Cells of a table that auto is willing to fill."""
FEW = 4
"""Items a type from which types are called few."""
SAMPLE = 512
"""Items looked at to tell whether types are few."""


@dataclass(frozen=True)
class Stage:
    """One solver to try.

    Parameters
    ----------
    name
        The solver.
    reason
        Why, in words.
    seconds
        Most time to spend on it where no time limit is given and another stage follows, or None.
    share
        Most of a time limit's rest to spend on it where another stage follows; `seconds` are granted anyway.
    """

    name: str
    reason: str
    seconds: float | None = None
    share: float = 0.0

    def allowed(self, left: float | None) -> float | None:
        """Return the time limit of the stage where `left` seconds are left, None for no end."""
        if self.seconds is None:
            return left
        return self.seconds if left is None else min(max(self.share * left, min(self.seconds, FIRST_SECONDS)), left)


class Automatic:
    """Run the cheapest capable solver first; go on with the next until one has a proof.

    1. closure for requirements; few-types where weights come by types, or many of a sample of items weigh the same in
       several resources; for a part of the time where another solver is waiting.
    2. core for one resource, branch-and-bound for several, choice for multiple choice.
    3. bellman where the table is small, then a mixed-integer solver for what the others give up: highs for requirements
       and real numbers and where OR-Tools is not installed, cpsat otherwise.

    Each is given the best selection of those before it; `Answer.trace` says why it was asked.
    """

    name = AUTO
    capabilities = Capabilities(exact=True, choices=True, requires=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the first proved answer, or the best selection and the lowest bound of all that were tried."""
        started = clock.now()
        start = start_of(problem, options)
        best = Known(Answer(start, np.inf), -np.inf if start is None else evaluate(problem, start)[0])
        for stage in _stages(problem):
            left = None if options.time_limit is None else options.time_limit - (clock.now() - started)
            if left is not None and left <= 0:
                best = best.told(f"auto: time is up before {stage.name}")
                break
            best = best.told(f"auto: {stage.name}, for {stage.reason}")
            report = _relay(options.on_progress, best, started)
            handed = replace(options, time_limit=stage.allowed(left), start=best.answer.selected, on_progress=report)
            try:
                with leaving():
                    answer = load(stage.name).solve(problem, handed)
            except OverdueError:
                return best.better(problem, stand_in(problem, overdue(stage.name)), stage.name).answer
            except MemoryError:
                best = best.told(f"{stage.name}: out of memory")
                continue
            best = best.better(problem, answer, stage.name)
            if best.answer.infeasible or interrupted() or best.is_enough(options.gap):
                break
        if best.lacks_answer:
            return best.better(problem, stand_in(problem, "auto: no answer so far"), AUTO).answer
        return best.answer


def _relay(
    on_progress: Callable[[Progress], None] | None, best: Known, started: float
) -> Callable[[Progress], None] | None:
    """Return the callback for one stage: nothing that it reports is worse than what earlier stages know."""
    if on_progress is None:
        return None
    value, bound = float(best.value), float(best.answer.bound)

    def relay(progress: Progress) -> None:
        seconds = clock.now() - started
        on_progress(Progress(seconds, max(progress.value, value), min(progress.bound, bound)))

    return relay


def _stages(problem: Knapsack) -> Iterator[Stage]:
    """Yield the solvers to try in order; no solver is loaded, and no table measured, before its turn comes."""
    if problem.choices is not None:
        if problem.requires is None:
            yield Stage("choice", "multiple choice")
    elif problem.requires is not None:
        if problem.n + len(problem.requires) > LARGEST_PROGRAM:
            yield Stage("closure", "items that require others, too many for a mixed-integer program")
            return
        yield Stage("closure", "items that require others", CLOSURE_SECONDS, CLOSURE_SHARE)
    else:
        if looks_typed(problem):
            yield Stage("few-types", "weights of few types", FIRST_SECONDS)
        yield Stage("core", "one resource") if problem.m == 1 else Stage("branch-and-bound", "several resources")
        if problem.m == 1 and problem.integer_weights:
            from knapsolve.exact.bellman import table_cells

            if (cells := table_cells(problem)) <= PATIENCE:
                yield Stage("bellman", f"a table of {cells:.0f} cells")
    alone = problem.choices is not None and problem.requires is not None
    yield Stage(_mixed_integer_solver(problem), "what no other solver takes" if alone else "what is still open")


def _mixed_integer_solver(problem: Knapsack) -> str:
    """Return cpsat for whole numbers without requirements, where OR-Tools is installed; highs otherwise."""
    if problem.requires is not None and problem.choices is None:
        # Measured on trees, pits and random graphs: closure proves more and faster, HiGHS is the next best.
        return "highs"
    whole = problem.integer_values and problem.integer_weights
    return "cpsat" if whole and plugins.installed("ortools") else "highs"


def looks_typed(problem: Knapsack) -> bool:
    """Whether the items fall into few types, as far as the evenly spaced sample of them tells."""
    if problem.type_weights is not None:
        return bool(problem.type_weights.shape[1] * FEW <= problem.n)
    if problem.m == 1:
        return False  # core is as fast on equal weights, and sure of what is hard
    sample = problem.weights[:, np.linspace(0, problem.n - 1, min(problem.n, SAMPLE)).astype(np.int64)]
    return bool(len(np.unique(sample, axis=1).T) * FEW <= sample.shape[1])
