"""Improving the incumbent: beams and large neighbourhoods by turns, on a core that shrinks as it improves."""

from __future__ import annotations

from collections.abc import Callable

from numpy.random import Generator

from knapsolve.heuristics.beam import Beam
from knapsolve.heuristics.neighbourhood import Neighbourhoods
from knapsolve.relaxation.fixing import Relaxed, core_of, undecided
from knapsolve.relaxation.hyperplane import open_hyperplanes
from knapsolve.relaxation.incumbent import Incumbent

BEAMS = 0.05
"""Pivots of the beams for each of the neighbourhoods, per resource: some tens of items hold less the more bind."""
SHRUNK = 0.8
"""Share of the core's items below which it is formed anew."""


class Improvement:
    """Rounds of local search; `open` tells whether any cardinality may still hold something better.

    Parameters
    ----------
    relaxed
        The problem with its dual.
    incumbent
        The selection to improve.
    random
        Source of every random decision.
    out_of_time
        Whether to stop.
    """

    def __init__(
        self, relaxed: Relaxed, incumbent: Incumbent, random: Generator, out_of_time: Callable[[], bool]
    ) -> None:
        self.relaxed, self.incumbent, self.random, self.out_of_time = relaxed, incumbent, random, out_of_time
        self.beams = self.rounds = self.stale = self.pivots = 0
        self._form()

    def _form(self) -> None:
        """Form the core and its hyperplanes at the present cutoff."""
        core = core_of(self.relaxed, self.incumbent.cutoff)
        planes = open_hyperplanes(self.relaxed, core, self.incumbent.cutoff - core.base, self.out_of_time) or []
        self.core, self.planes = core, planes
        arguments = self.relaxed, core, planes, self.incumbent, self.random, self.out_of_time
        self.beam = Beam(*arguments)
        self.neighbourhoods = Neighbourhoods(*arguments)

    @property
    def open(self) -> bool:
        """Whether any cardinality's bound is above the cutoff."""
        return any(plane.root_bound + self.core.base > self.incumbent.cutoff for plane in self.planes)

    def round(self) -> None:
        """Run one beam, or a round of neighbourhoods where these have not had their share of the pivots."""
        before = self.incumbent.value
        spent = self.beam.pivots + self.neighbourhoods.pivots
        if self.beam.pivots > BEAMS * self.core.columns.shape[1] * self.neighbourhoods.pivots and self.beams > 1:
            self.neighbourhoods.round()
        else:
            # Every other beam keeps a share of the items as the incumbent has them.
            self.beam.run(anchored=self.beams % 2 == 1)
            self.beams += 1
        self.rounds += 1
        self.pivots += self.beam.pivots + self.neighbourhoods.pivots - spent
        self.stale = 0 if self.incumbent.value > before else self.stale + 1
        if undecided(self.relaxed, self.incumbent.cutoff).sum() < SHRUNK * len(self.core.items):
            self._form()
