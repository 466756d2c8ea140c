"""What people may expect of problems and solutions in Python: compared, shown, listed, made of any whole numbers."""

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest

import knapsolve
from knapsolve import Answer, Knapsack, MissingPackageError, Options, Solution, Status, plugins, solve

MADE = {
    "plain": lambda: Knapsack([5, 4, 3], [[2, 2, 2], [1, 0, 1]], [4, 1]),
    "one value apart": lambda: Knapsack([5, 4, 2], [[2, 2, 2], [1, 0, 1]], [4, 1]),
    "floats": lambda: Knapsack([5.0, 4.0, 3.0], [[2, 2, 2], [1, 0, 1]], [4, 1]),
    "float capacities": lambda: Knapsack([5, 4, 3], [[2, 2, 2], [1, 0, 1]], [4.0, 1.0]),
    "types": lambda: Knapsack.from_types([5, 4, 3], np.array([0, 1, 0], np.int8), [[2, 2], [1, 0]], [4, 1]),
    "choices": lambda: Knapsack([5, 4, 3], [[2, 2, 2], [1, 0, 1]], [4, 1], choices=[0, 0, -1]),
    "exactly one": lambda: Knapsack([5, 4, 3], [[2, 2, 2], [1, 0, 1]], [4, 1], choices=[0, 0, -1], exactly_one=True),
    "requires": lambda: Knapsack([5, 4, 3], [[2, 2, 2], [1, 0, 1]], [4, 1], requires=[[0, 1]]),
    "forced in": lambda: Knapsack([5, 4, 3], [[2, 2, 2], [1, 0, 1]], [4, 1], fixed_in=[1]),
    "forced out": lambda: Knapsack([5, 4, 3], [[2, 2, 2], [1, 0, 1]], [4, 1], fixed_out=[1]),
    "no items": lambda: Knapsack([], [[], []], [4, 1]),
}


def solution(**changed) -> Solution:
    known = Solution(
        selected=np.array([True, False, True]),
        value=8,
        bound=9,
        status=Status.FEASIBLE,
        usage=np.array([4, 2]),
        slack=np.array([0, 1]),
        prices=np.array([1.5, np.nan]),
        solver="core",
        seconds=0.25,
        trace=("core: stopped",),
    )
    return replace(known, **changed)


@pytest.mark.parametrize("one", MADE)
def test_problems_are_equal_where_all_that_they_hold_is(one: str) -> None:
    assert MADE[one]() == MADE[one]()
    assert hash(MADE[one]()) == hash(MADE[one]())
    assert [other for other in MADE if MADE[other]() == MADE[one]()] == [one]
    assert MADE[one]() != "a problem"


def test_what_equals_has_one_hash_however_it_is_stored() -> None:
    wide, narrow = (Knapsack.from_types([1.0], np.zeros(1, kind), [[1]], 1) for kind in (np.int64, np.uint8))
    assert (wide, hash(wide)) == (narrow, hash(narrow))
    signed, unsigned = Knapsack([-0.0], [1.0], 1), Knapsack([0.0], [1.0], 1)
    assert (signed, hash(signed)) == (unsigned, hash(unsigned))
    assert len({make() for make in MADE.values()} | {make() for make in MADE.values()}) == len(MADE)


@pytest.mark.parametrize(
    "changed",
    [
        {"selected": np.array([True, True, False])},
        {"value": 7},
        {"bound": 10},
        {"status": Status.OPTIMAL},
        {"usage": np.array([4, 1])},
        {"slack": np.array([0, 2])},
        {"prices": None},
        {"solver": "greedy"},
        {"tolerance": 1e-9},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_solutions_are_equal_where_all_is_but_how_they_were_found(changed) -> None:
    assert solution() == solution(seconds=9.0, trace=())
    assert hash(solution()) == hash(solution(seconds=9.0, trace=()))
    assert solution() != solution(**changed)
    assert solution() != 8


def test_the_same_problem_has_the_same_solution() -> None:
    assert len({solve(MADE["plain"](), "branch-and-bound") for _ in range(2)}) == 1


def large() -> Solution:
    n, m = 900, 40
    many = {"selected": np.ones(n, np.bool_), "usage": np.arange(m), "slack": np.arange(m), "prices": np.ones(m)}
    return solution(**many, trace=tuple(map(str, range(1000, 1025))))


@pytest.mark.parametrize(
    "thing",
    [
        large(),
        Knapsack(np.ones(900), np.ones((40, 900)), np.ones(40), choices=np.zeros(900, np.int64)),
        Answer(np.ones(900, np.bool_), 9, prices=np.ones(900), trace=("a line",) * 900),
        Options(start=np.ones(900, np.bool_)),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_is_shown_is_a_line_however_large_the_problem(thing) -> None:
    assert "\n" not in repr(thing)
    assert len(repr(thing)) < 300
    assert "900" in repr(thing)


def test_a_small_solution_shows_its_numbers() -> None:
    shown = "Solution[FEASIBLE](selected=2 of 3, value=8, bound=9, gap=0.1111111111111111, usage=[4, 2], slack=[0, 1], "
    assert repr(solution(prices=None)) == f"{shown}solver='core', seconds=0.25)"


class Cells(HTMLParser):
    """Texts of a page's cells; a tag that the table does not have is a hole in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_notebook_shows_a_table_and_no_code_of_strangers() -> None:
    page = Cells(solution(solver="<script>alert(1)</script>", trace=('<img src="x">',))._repr_html_())
    assert page.tags == {"table", "caption", "tbody", "tr", "th", "td"}
    assert {"FEASIBLE", "2 of 3 items", "4 used, 0 left", "<script>alert(1)</script>", '<img src="x">'} <= set(
        page.texts
    )


def test_a_table_names_ten_resources_and_ten_lines_and_counts_the_others() -> None:
    texts = Cells(large()._repr_html_()).texts
    assert "resource 9" in texts
    assert "resource 10" not in texts
    assert "and 30 more resources" in texts
    assert "1009" in texts
    assert "1010" not in texts
    assert "and 15 more lines" in texts


@pytest.mark.needs("pandas")
def test_a_frame_has_a_row_an_item_and_of_the_problem_what_each_is_worth_and_weighs() -> None:
    problem = MADE["plain"]()
    found = solve(problem, "branch-and-bound")
    frame = found.to_frame(problem)
    assert list(frame.columns) == ["value", "weight_0", "weight_1", "selected"]
    assert frame["value"][frame["selected"]].sum() == found.value == 9
    assert found.to_frame()["selected"].tolist() == found.selected.tolist()
    with pytest.raises(ValueError, match="problem must have the 3 items that were solved; got 0"):
        found.to_frame(MADE["no items"]())


def test_without_pandas_a_frame_is_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "find_spec", lambda name: None)
    with pytest.raises(
        MissingPackageError, match=r"^Solution.to_frame needs pandas, .* not installed: pip install pandas$"
    ):
        solution().to_frame()


def test_the_package_offers_what_is_public_and_nothing_else() -> None:
    offered = subprocess.run(
        [sys.executable, "-c", "import knapsolve; print(*dir(knapsolve))"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"solve", "read", "Knapsack", "Solution", "Status", "FormatError", "PluginWarning"} <= set(offered)
    assert [name for name in offered if name.startswith("_")] == ["__version__"]
    assert all(getattr(knapsolve, name) is not None for name in offered)


WHOLE = [5, np.int8(4), Decimal("3.0"), Fraction(4, 2), 1.0, 2**61, True]


def test_whole_numbers_of_any_type_are_taken_exactly() -> None:
    given = np.array(WHOLE, dtype=object)
    problem = Knapsack(
        given, np.ones(7, dtype=object), np.array([3], dtype=object), fixed_in=np.array([0], dtype=object)
    )
    assert problem.integer_values
    assert problem.integer_weights
    assert problem.values.tolist() == [5, 4, 3, 2, 1, 2**61, 1]
    typed = Knapsack.from_types(given, np.array([0] * 7, dtype=object), np.array([[1]], dtype=object), 3)
    assert typed.item_type.tolist() == [0] * 7


@pytest.mark.parametrize(
    ("argument", "entry", "error", "message"),
    [
        ("values", Decimal("0.5"), TypeError, r"values must hold whole numbers .*; got Decimal\('0.5'\) at index 1"),
        ("values", Decimal("NaN"), TypeError, r"got Decimal\('NaN'\) at index 1"),
        ("values", Decimal("Infinity"), TypeError, r"got Decimal\('Infinity'\) at index 1"),
        ("values", Fraction(1, 3), TypeError, r"got Fraction\(1, 3\) at index 1"),
        ("values", 0.1, TypeError, r"got 0.1 at index 1: pass an array of numbers for any others"),
        ("values", float("nan"), TypeError, r"got nan at index 1"),
        ("values", None, TypeError, r"got None at index 1"),
        ("values", "3", TypeError, r"got '3' at index 1"),
        ("values", 1 + 0j, TypeError, r"got \(1\+0j\) at index 1"),
        ("values", 2**63, ValueError, r"values must fit 64-bit integers; got 9223372036854775808"),
        ("values", 1e300, ValueError, r"values must fit 64-bit integers; got 1000000"),
        ("weights", None, TypeError, r"weights must hold whole numbers .*; got None at index 1"),
        ("weights", -1, ValueError, r"weights must not be below 0; got -1 at index 1"),
        ("choices", None, TypeError, r"choices must hold whole numbers .*; got None at index 1"),
        ("fixed_in", "1", TypeError, r"fixed_in must hold whole numbers .*; got '1' at index 1"),
        ("fixed_out", 7, ValueError, r"fixed_out must be item indices in 0..1; got 7"),
        ("requires", [[0, 0.5]], TypeError, r"requires must hold whole numbers .*; got 0.5 at index \(0, 1\)"),
    ],
)
def test_an_object_that_is_no_whole_number_is_refused_by_name_and_place(argument, entry, error, message) -> None:
    held = np.array(entry if argument == "requires" else [1, entry], dtype=object)
    with pytest.raises(error, match=message):
        Knapsack(**({"values": [1, 2], "weights": [1, 2], "capacities": 3} | {argument: held}))
