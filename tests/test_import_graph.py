"""The files of each package import one another in one direction: whatever a file names, no way leads back to it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"knapprune": ROOT, "knapsolve": ROOT / "solvers", "bench": ROOT}


def modules(base: Path, package: str) -> dict[str, Path]:
    """Return the files of a package by the names that they are imported by."""
    found = {}
    for path in sorted((base / package).rglob("*.py")):
        parts = path.relative_to(base).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(source: str, known: set[str]) -> Iterator[str]:
    """Find the modules that a source imports anywhere in it: in functions, and for type checking only, too.

    What runs besides, the ``__init__`` of each package on the way, is not counted.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import, expected the whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            while name and name not in known:  # a class or function: the module that has it
                name = name.rpartition(".")[0]
            if name:
                yield name


def graph(sources: dict[str, str]) -> networkx.DiGraph:
    """Return an edge from each module to each that it imports."""
    found = networkx.DiGraph()
    found.add_nodes_from(sources)
    for module, source in sources.items():
        found.add_edges_from((module, name) for name in imported(source, set(sources)) if name != module)
    return found


def circles(found: networkx.DiGraph) -> list[list[str]]:
    """Return the modules from which a way leads back to them, those of one knot together."""
    return [sorted(knot) for knot in networkx.strongly_connected_components(found) if len(knot) > 1]


@pytest.fixture(scope="module")
def checkout() -> networkx.DiGraph:
    """The import graph of all three packages."""
    files = {name: path for package, base in PACKAGES.items() for name, path in modules(base, package).items()}
    return graph({name: path.read_text(encoding="utf-8") for name, path in files.items()})


def test_no_way_of_imports_leads_back(checkout: networkx.DiGraph) -> None:
    assert len(checkout) > 300, "the files were not found"
    assert circles(checkout) == []


def test_the_engine_names_no_other_package_and_the_benchmarks_are_named_by_none(checkout: networkx.DiGraph) -> None:
    between = {(one.partition(".")[0], other.partition(".")[0]) for one, other in checkout.edges}
    assert {pair for pair in between if pair[0] != pair[1]} == {
        ("bench", "knapprune"),
        ("bench", "knapsolve"),
        ("knapprune", "knapsolve"),
    }


@pytest.mark.parametrize(("package", "most"), [("knapprune", 8), ("knapsolve", 9), ("bench", 4)])
def test_the_rooms_stand_on_few_levels_and_none_imports_one_above_it(
    checkout: networkx.DiGraph, package: str, most: int
) -> None:
    def room(name: str) -> str:
        return ".".join(name.split(".")[:2])

    between = networkx.DiGraph(
        (room(one), room(other))
        for one, other in checkout.edges
        if one.startswith(package) and other.startswith(package) and room(one) != room(other)
    )
    assert circles(between) == []
    assert networkx.dag_longest_path_length(between) + 1 <= most


@pytest.mark.parametrize(
    "back",
    [
        "from a import name",
        "import a.name",
        "def late():\n    from a import name",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import name",
    ],
)
def test_a_circle_is_found_wherever_the_import_stands(back: str) -> None:
    way = {"a": "from b.c import d", "b": "", "b.c": "from e import f"}
    assert circles(graph({**way, "e": back})) == [["a", "b.c", "e"]]
    assert circles(graph({**way, "e": "import os"})) == []
