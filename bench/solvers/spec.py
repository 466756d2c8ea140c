"""What is measured: one problem, and the group of problems that goes into one page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from bench.solvers.generators import files, generate
from knapsolve import Knapsack

SEVERITIES = ("smoke", "standard", "full")


@dataclass(frozen=True)
class Spec:
    """One problem.

    Parameters
    ----------
    family
        A key of `bench.solvers.generators.FAMILIES`.
    n, m
        Number of items and of resources; 0 where a file says so itself.
    seed
        Seed of the generator.
    severity
        The mildest level that includes it.
    peers
        Whether other people's solvers run on it unless they are asked for by name; yardsticks always do.
    options
        Further arguments of the family, as pairs.
    """

    family: str
    n: int = 0
    m: int = 1
    seed: int = 0
    severity: str = "standard"
    peers: bool = True
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """What rows call it."""
        options = dict(self.options)
        if self.family == "file":
            return f"{options['path']}:{options['index']}"
        extras = "".join(f"-{key}{value}" for key, value in self.options)
        return f"{self.family}-n{self.n}-m{self.m}-seed{self.seed}{extras}"

    @property
    def set(self) -> str:
        """Heading under which tables and plots gather it: its family and options, or the folder of its file."""
        if self.family == "file":
            folder, _, file = str(dict(self.options)["path"]).partition("/")
            return file.removesuffix(".txt") if folder == "orlib" else folder
        return ", ".join([self.family, *(f"{key} {value}" for key, value in self.options)])

    def problem(self, n: int | None = None) -> Knapsack:
        """Return the problem, or one of its family with another number of items."""
        size = self.n if n is None or self.family == "file" else min(n, self.n)
        return generate(self.family, size, self.m, self.seed, **dict(self.options))

    def best_known(self) -> float | None:
        """Return the best value in the literature, where there is one."""
        options = dict(self.options)
        return files.best_known(options["path"], options["index"]) if self.family == "file" else None


class Measure(Protocol):
    """What makes a row."""

    def __call__(self, spec: Spec, solver: str, *, repeat: int, limit: float) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Group:
    """Specs that go into one page.

    Parameters
    ----------
    title, text
        Heading and first paragraph of the page.
    specs
        What is measured.
    solvers
        Who takes part unless the command line says otherwise; names that are not registered or installed are passed
        over.
    champion
        The solver of ours that the page compares with the best peer.
    limit
        Seconds that a run may take unless the command line says otherwise.
    measure
        Makes the row of a contestant on a problem, or None where that one cannot take it;
        `bench.solvers.runner.measure` if None is given.
    """

    title: str
    text: str
    specs: tuple[Spec, ...]
    solvers: tuple[str, ...]
    champion: str = "auto"
    limit: float = 10.0
    measure: Measure | None = None
