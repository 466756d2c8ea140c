"""CONTRIBUTING shows the house as it stands: every folder by name, every file at a root, and where to look for what."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOUSES = ("knapprune", "solvers/knapsolve", "bench")


def tree(house: str) -> tuple[set[str], dict[str, str]]:
    """Read the files at a house's root, and what is said of each folder in it, by path."""
    block = re.search(rf"^{re.escape(house)}/ +(.*)\n((?: +\S.*\n)+)", TEXT, re.MULTILINE)
    assert block is not None, f"no tree of {house}/"
    purposes, path = {}, list[str]()
    for line in block[2].splitlines():
        indent, name, purpose = re.fullmatch(r"( +)(\w+)/ +(.*)", line).groups()
        path = [*path[: len(indent) // 2 - 1], name]
        purposes["/".join(path)] = purpose
    return set(block[1].split()), purposes


@pytest.mark.parametrize("house", HOUSES)
def test_every_folder_is_named_and_no_other(house: str) -> None:
    folders = {str(path.parent.relative_to(ROOT / house)) for path in (ROOT / house).rglob("*.py")} - {"."}
    purposes = tree(house)[1]
    assert set(purposes) == folders
    assert all(purposes.values())


@pytest.mark.parametrize(
    ("house", "files", "folders"), [("knapprune", 8, 11), ("solvers/knapsolve", 7, 11), ("bench", 2, 3)]
)
def test_nothing_else_stands_at_a_root(house: str, files: int, folders: int) -> None:
    standing = {path.stem for path in (ROOT / house).glob("*.py")}
    assert standing == tree(house)[0]
    assert len(standing) <= files
    assert len([name for name in tree(house)[1] if "/" not in name]) <= folders
    beside = {path.name for path in (ROOT / house).iterdir() if path.is_file() and path.suffix != ".py"}
    assert beside <= {"py.typed"}


def test_what_is_looked_for_is_where_it_is_said_to_be() -> None:
    places = re.findall(r"^\| .+ \| `(\S+\.py)` \|$", TEXT, re.MULTILINE)
    assert len(places) == 20
    assert [place for place in places if not (ROOT / place).is_file()] == []


@pytest.mark.parametrize("guide", sorted((ROOT / "docs" / "guides").glob("*.md")), ids=lambda path: path.stem)
def test_the_files_that_a_guide_names_are_there(guide: Path) -> None:
    named = re.findall(r"`((?:knapprune|solvers|bench|tests)/[\w/.]+)`", guide.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
