"""Anytime heuristic for several resources: roundings of many relaxations, and large neighbourhoods of the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.heuristics.fill import fill
from knapsolve.heuristics.improvement import Improvement
from knapsolve.problem import Knapsack
from knapsolve.relaxation.fixing import Relaxed, program_of, relax_program
from knapsolve.relaxation.incumbent import FLOAT_PROOF, Clock, Incumbent
from knapsolve.solution import start_of
from knapsolve.solver import Answer, Capabilities, Options

ROUNDS = 300
"""Rounds without improvement after which the search ends where no time limit is given."""


class LocalSearch:
    """Beams of rounded relaxations and large neighbourhoods by turns; the bound is the dual's."""

    name = "local-search"
    capabilities = Capabilities(exact=False, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the best selection found until time is up, or until many rounds brought nothing."""
        clock = Clock(options.time_limit)
        program = program_of(problem)
        if len(program.items) == 0:
            return Answer(np.zeros(problem.n, np.bool_), 0, prices=np.zeros(problem.m), trace=("local-search: empty",))
        relaxed = relax_program(program)
        incumbent = Incumbent(problem, options, relaxed, clock, self.name)
        incumbent.offer(rounded(relaxed, problem.n))
        start = start_of(problem, options)
        if start is not None:
            incumbent.offer(start)
        search = Improvement(relaxed, incumbent, np.random.default_rng(options.seed), clock.out)
        while search.open and not clock.out():
            search.round()
            if options.time_limit is None and search.stale >= ROUNDS:
                break
        return Answer(
            incumbent.selected,
            incumbent.bound,
            prices=relaxed.dual.prices / program.row_scale,
            tolerance=0.0 if problem.integer_values else FLOAT_PROOF,
            trace=(
                f"local-search: {search.rounds} rounds, core of {len(search.core.items)} of {problem.n} items",
                *incumbent.refused,
            ),
        )


def rounded(relaxed: Relaxed, n: int) -> NDArray[np.bool_]:
    """Take items by reduced cost, each that still fits; return the selection of all n items of the problem."""
    order = np.argsort(-relaxed.reduced, kind="stable")
    program = relaxed.program
    selected = np.zeros(n, np.bool_)
    selected[program.items[order[fill(program.columns[order], program.limits)]]] = True
    return selected
