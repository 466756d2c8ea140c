"""The registry: what is measured, in named groups."""

from __future__ import annotations

from bench.solvers import start
from bench.solvers.generators import files, pisinger
from bench.solvers.spec import Group, Spec

YARDSTICKS = ("numpy-argpartition", "numpy-sort")
MILP = ("mathopt-highs", "mathopt-scip", "ortools-cpsat")


def _few_types() -> tuple[Spec, ...]:
    sizes = {10**4: "smoke", 10**5: "smoke", 10**6: "standard", 10**7: "standard"}
    specs = [Spec("pruning", n, 2, severity=severity) for n, severity in sizes.items()]
    specs += [Spec("pruning-dense", n, 2, severity=severity, peers=False) for n, severity in sizes.items()]
    specs += [Spec("pruning-many-types", n, 4, severity=sizes[n], peers=False) for n in (10**4, 10**5, 10**6)]
    for family in ("equal-values", "integer-values", "quantised-values", "non-binding", "zero-capacity"):
        specs += [Spec(f"pruning-{family}", n, 2, severity=sizes[n], peers=False) for n in (10**5, 10**7)]
    return tuple(specs)


def _one_dimension() -> tuple[Spec, ...]:
    sizes = {10**2: "standard", 10**3: "standard", 10**4: "smoke", 10**5: "standard", 10**6: "full"}
    return tuple(
        Spec(f"pisinger-{family}", n, severity=severity)
        for family in pisinger.FAMILIES
        for n, severity in sizes.items()
    )


def _several_dimensions() -> tuple[Spec, ...]:
    sizes = ((100, 5, "smoke"), (250, 10, "standard"), (500, 30, "full"))
    made = [
        Spec("chu-beasley", n, m, severity=severity, options=(("tightness", tightness),))
        for n, m, severity in sizes
        for tightness in (0.25, 0.5, 0.75)
    ]
    return (*made, *_orlib(), *_files(sac94="smoke", gk="full"))


def _orlib() -> list[Spec]:
    """Return mknap1 and the Chu-Beasley files: problems 0, 10 and 20 are standard.

    All of 5 x 100, 10 x 250 and 30 x 500 are full. Of the two larger sets peers take every fifth: they use up their
    time on each.
    """
    if files.folder() is None:
        return []
    specs = [_file("orlib/mknap1.txt", index, "smoke") for index in range(7)]
    for number in (1, 2, 4, 5, 7, 9):
        for index in range(0, 30, 1 if number in (1, 5, 9) else 10):
            severity = "full" if index % 10 else "standard"
            specs.append(_file(f"orlib/mknapcb{number}.txt", index, severity, peers=number == 1 or index % 5 == 0))
    return specs


def _choice() -> tuple[Spec, ...]:
    sizes = ((10**3, "smoke"), (10**5, "standard"), (10**6, "standard"))
    own = [
        Spec(f"choice-{kind}", n, m, severity=severity)
        for kind in ("uncorrelated", "correlated")
        for m in (1, 2)
        for n, severity in sizes
    ]
    shared_sizes = ((5 * 10**3, "smoke"), (5 * 10**5, "standard"), (5 * 10**6, "full"))
    khan = _files(mmkp="standard")
    return (*own, *khan, *(Spec("choice-few-option-types", n, 2, severity=severity) for n, severity in shared_sizes))


def _requires() -> tuple[Spec, ...]:
    sizes = {10**3: "smoke", 10**4: "standard", 10**5: "full"}
    return tuple(
        Spec(f"requires-{family}", n, m, severity=severity)
        for family in ("pit", "graph", "tree")
        for m in (1, 2)
        for n, severity in sizes.items()
    )


def _files(**severities: str) -> tuple[Spec, ...]:
    return tuple(_file(path, 0, severity) for name, severity in severities.items() for path in files.paths(name))


def _stops() -> tuple[Spec, ...]:
    """Return hard problems of every kind: published files where they are, and made ones."""
    made = (
        Spec("chu-beasley", 500, 30, severity="smoke", options=(("tightness", 0.25),)),
        Spec("chu-beasley", 500, 30, options=(("tightness", 0.5),)),
        Spec("pisinger-circle", 10**4, options=(("coefficients", 10**9),)),
        Spec("choice-correlated", 1000, 10),
        Spec("choice-correlated", 10**4, 10),
    )
    if files.folder() is None:
        return made
    orlib = [_file(f"orlib/mknapcb{number}.txt", index, "standard") for number in (5, 7, 9) for index in (0, 15, 29)]
    return (*made, *orlib, *_files(gk="standard", mmkp="standard"), *_files(jooken="full"))


def _start() -> tuple[Spec, ...]:
    return (
        Spec("start-import", severity="smoke"),
        *(Spec(f"start-{cache}", 10**5, m, severity="smoke") for cache in ("warm", "cold") for m in (1, 2)),
    )


def _file(path: str, index: int, severity: str, *, peers: bool = True) -> Spec:
    return Spec("file", m=0, severity=severity, peers=peers, options=(("path", path), ("index", index)))


def groups() -> dict[str, Group]:
    """Return the groups by name. Files take part where ``KNAPPRUNE_DATA`` names their folder."""
    return {
        "few-types": Group(
            "Few types: pruning-shaped problems",
            "Values are uniform on (0, 1) unless the family says otherwise. Items fall into the six types (4,1) (1,0) "
            "(9,2) (2,1) (0,1) (16,4), or into 60 random ones on four resources; each capacity is half of the sum of "
            "weights. `numpy-argpartition` merely parts the values at their median and `numpy-sort` sorts them: "
            "neither solves anything.",
            _few_types(),
            ("few-types", "auto", *YARDSTICKS, "ortools-knapsack", *MILP, "hls4ml-knapsack"),
            champion="few-types",
        ),
        "one-dimension": Group(
            "One dimension: Pisinger's families",
            "Coefficients up to 1000, capacity half of the sum of weights. `mknapsack` runs on NumPy 1, which its "
            "wheels need.",
            _one_dimension(),
            ("auto", *YARDSTICKS, "ortools-knapsack", "mknapsack"),
        ),
        "several-dimensions": Group(
            "Several dimensions: Chu-Beasley",
            "Problems of Chu and Beasley's generator, and the published files of OR-Library, SAC-94, Glover and "
            "Kochenberger.",
            _several_dimensions(),
            ("auto", *MILP),
            limit=30.0,
        ),
        "choice": Group(
            "Multiple choice",
            "Classes of ten options of their own, exactly one to be chosen; and classes that share the costs of five "
            "options, at most one to be chosen. Khan's published problems have several resources.",
            _choice(),
            ("auto", *YARDSTICKS, *MILP),
        ),
        "requires": Group(
            "Requirements: pits, graphs and trees",
            "Items that need other items: blocks of an open pit, each under the nine above it; random graphs; random "
            "trees.",
            _requires(),
            ("auto", "closure", "highs", "scip", "cpsat"),
            champion="closure",
        ),
        "files": Group(
            "Published instances",
            "Knapsacks of Pisinger and of Jooken, one resource each.",
            _files(knapPI="smoke", jooken="standard"),
            ("auto", "ortools-knapsack", "mknapsack", "mathopt-scip", "ortools-cpsat"),
        ),
        "start": Group(
            "Starting: imports, the first solve, and compiling",
            "Each row is a fresh Python process. *start-import*: importing NumPy, Numba after NumPy, a first trivial "
            "Numba kernel from its cache after that, and knapsolve after NumPy. *start-warm*: the first solve of 10^5 "
            "items after `import numba`, all kernels in Numba's cache, on one resource with weights in 1..1000 and on "
            "two with six types. *start-cold*: the same with an empty cache; it compiles what it needs.",
            _start(),
            start.CONTESTANTS,
            measure=start.measure,
        ),
        "stops": Group(
            "Stopped after two seconds",
            "Hard problems with a limit of two seconds: what is returned, how late, and how good it is.",
            _stops(),
            ("auto",),
            limit=2.0,
        ),
    }
