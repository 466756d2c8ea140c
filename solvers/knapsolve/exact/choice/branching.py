"""Branch and bound over what the loss budget leaves in question, and what is known while a search goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.classes import Classes
from knapsolve.exact.choice.dual import most_steps, slack_basis
from knapsolve.exact.choice.relaxation import ChoiceRelaxation, restrict, scale
from knapsolve.exact.choice.round import total
from knapsolve.exact.choice.tree import DONE, Stack, empty_stack, search
from knapsolve.limits import clock
from knapsolve.limits.interruption import late
from knapsolve.solution import refuse, relative_gap
from knapsolve.solver import Options, Progress

LARGEST = 2**16
"""Options up to which the dual of a node is solved."""
SUM_ROUNDING = 1e-11
"""Rounding of a sum of values, relative to the sum of their absolute values."""


@dataclass
class Found:
    """What is known while the search goes on, in terms of one option a class.

    Parameters
    ----------
    limits
        The problem's capacities, shape (m,).
    bound
        Upper bound on the value of every selection.
    options, value
        Best options, one a class, shape (C,), or None, and their value.
    proved
        Whether nothing better exists.
    trace
        What happened, a line each.
    """

    limits: NDArray[np.float64]
    bound: float
    options: NDArray[np.int64] | None = None
    value: float = -np.inf
    proved: bool = False
    trace: list[str] = field(default_factory=list)

    def adopt(
        self, classes: Classes, options: NDArray[np.int64] | None, finder: str | None, said: float | None = None
    ) -> bool:
        """Keep options that are worth more than the best known, and fit.

        Parameters
        ----------
        classes
            The problem.
        options
            One a class, shape (C,), or None.
        finder
            Who says that they fit; None where nobody does.
        said
            What the finder says that they are worth, or None.

        Returns
        -------
        bool
            Whether the finder may be believed: False where it spoke of options that do not fit, or are worth less.
        """
        if options is None or options is self.options:
            return True
        residual = np.empty(len(self.limits))
        value = float(total(classes.value, classes.weight, options, self.limits, residual))
        reason = None
        if residual.min(initial=0.0) < 0.0:
            i = int(np.argmin(residual))
            reason = f"resource {i} is over its capacity by {-residual[i]}"
        elif said is not None and said - value > SUM_ROUNDING * float(np.abs(classes.value[options]).sum()):
            reason = f"it is worth {value}, not {said}"
        if reason is None and value > self.value:
            self.options, self.value = options, value
        if reason is None or finder is None:
            return True
        self.trace.append(refuse(f"choice, {finder}", reason))
        return False


def done(found: Found, step: float, margin: float, options: Options) -> bool:
    """Return whether the bound says that nothing better exists, or nothing better enough; note a proof."""
    if found.bound < found.value + step - margin:
        found.proved = True
    return found.proved or relative_gap(found.value, found.bound) <= options.gap


def report(found: Found, options: Options, started: float) -> None:
    """Tell the caller how far the search is."""
    if options.on_progress is not None and found.options is not None:
        bound = max(found.value if found.proved else found.bound, found.value)
        options.on_progress(Progress(clock.now() - started, found.value, bound))


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
    if len(core.value) > LARGEST:
        found.trace.append(f"choice: {len(core.value)} options are too many to branch on")
        return
    best = np.empty(len(core.start) - 1, np.int64)
    known, m, size = found.value - given, len(core.limits), len(core.value)
    scaled, value_scale, _ = scale(core)
    basis, stack = slack_basis(m, len(best)), empty_stack(size, m)
    nodes, chunk, steps = 0, 1, most_steps(m)
    while stack.mark[2] != DONE and len(best):
        before = clock.now()
        value, count = search(core, scaled, value_scale, basis, stack, best, known, step, margin, chunk, steps)
        nodes += count
        now = clock.now()
        # Look at the clock about every twentieth of a second.
        chunk = int(max(1, min(4 * chunk, chunk * 0.05 / max(now - before, 1e-6))))
        bound = min(open_bound(stack) + given, found.bound)
        better = value > known
        if better:
            known = value
            if not found.adopt(classes, reduced.lift(best, relaxation.key), "branch and bound", float(value) + given):
                return
        if bound < found.bound or better:
            found.bound = bound
            report(found, options, started)
        if stack.mark[2] != DONE and (relative_gap(found.value, found.bound) <= options.gap or late(deadline)):
            found.trace.append(f"choice: stopped after {nodes} nodes")
            return
    found.proved = True
    found.trace.append(f"choice: proved by {nodes} nodes over {size} options of {len(best)} classes")


def open_bound(stack: Stack) -> float:
    """Return the largest bound of what the search has not seen yet."""
    depth = int(stack.mark[0])
    pending = stack.bound[:depth][~stack.second[:depth]]
    if depth:
        # The node that the search stands in front of inherits its parent's bound.
        pending = np.append(pending, stack.bound[depth - 1])
    return float(pending.max(initial=-np.inf)) if depth else np.inf
